//! Bytes of plans, tasks and values, for other processes and for files of the user.
//!
//! Answers: how words and containers of words become bytes ([`Wire`], [`Encoder`], [`Decoder`]), how large memory and host
//! objects travel beside the bytes rather than in them ([`Parts`]), how something shared is written once, and how bytes of
//! something else are told apart (magic, version). Does not cover transport or pickling (`py::wire`).
//!
//! A type says how it is written in one place, next to the type's module: `plain` and `words` here, `op::wire`, `chunk::wire`,
//! `kernels::agg::wire`, `io::*::wire`, `expr::wire`, `task::wire`. What only upper layers know how to make
//! ([`Decoder::extension`]) is handed down with the decoder.
//!
//! Invariants: what is read has the content hash of what was written; numbers read are checked before memory is asked for;
//! wrong bytes give [`Kind::Value`], never a panic.

mod array;
mod plain;
mod words;

use std::any::{Any, TypeId};
use std::sync::Arc;

use arrow::buffer::Buffer;
use hashbrown::HashMap;

use crate::error::{Error, Kind, Result};
use crate::host::HostRef;
use crate::token::Token;

/// The version of all forms: it changes when anything is written in another way.
pub const VERSION: u16 = 3;

/// What the bytes are of: eight letters at the start.
pub type Magic = [u8; 8];

/// A host object beside the bytes.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The object.
    pub value: HostRef,
    /// It is code of the user: the host writes it by value where a reference to a module wouldn't do.
    pub code: bool,
}

/// Something in wire form.
#[derive(Debug, Default)]
pub struct Parts {
    /// The bytes proper; they refer to what follows by position.
    pub head: Vec<u8>,
    /// Large memory, not copied.
    pub buffers: Vec<Buffer>,
    /// Objects that the host serialises.
    pub objects: Vec<Beside>,
}

/// Things with a wire form.
pub trait Wire: Sized {
    /// Writes it.
    ///
    /// # Errors
    /// When it holds something that can't leave the process.
    fn encode(&self, out: &mut Encoder) -> Result<()>;

    /// Reads it.
    ///
    /// # Errors
    /// [`Kind::Value`] when the bytes hold something else.
    fn decode(from: &mut Decoder) -> Result<Self>;
}

/// Writes.
pub struct Encoder {
    parts: Parts,
    /// Number of each shared thing, by its address. What is shared outlives the encoder's work, so no address comes twice.
    shared: HashMap<usize, u64>,
}

impl Encoder {
    /// Begins something of this kind.
    #[must_use]
    pub fn new(magic: Magic) -> Self {
        let mut parts = Parts::default();
        parts.head.extend_from_slice(&magic);
        parts.head.extend_from_slice(&VERSION.to_le_bytes());
        Self {
            parts,
            shared: HashMap::new(),
        }
    }

    /// What was written, with a hash of it at the end.
    #[must_use]
    pub fn finish(mut self) -> Parts {
        let hash = hash(&self.parts.head);
        self.parts.head.extend_from_slice(&hash);
        self.parts
    }

    /// Writes a number of one byte, such as a variant's.
    pub fn tag(&mut self, tag: u8) {
        self.parts.head.push(tag);
    }

    /// Writes a number; small ones take one byte.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.parts.head.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.parts.head.push(number as u8);
    }

    /// Writes bytes with their length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Writes bytes whose number is known.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.parts.head.extend_from_slice(bytes);
    }

    /// Writes something that has a wire form.
    ///
    /// # Errors
    /// As its [`Wire::encode`].
    pub fn put<T: Wire>(&mut self, item: &T) -> Result<()> {
        item.encode(self)
    }

    /// Writes several things.
    ///
    /// # Errors
    /// As their [`Wire::encode`].
    pub fn list<T: Wire>(&mut self, items: &[T]) -> Result<()> {
        self.number(items.len() as u64);
        items.iter().try_for_each(|item| item.encode(self))
    }

    /// Puts memory beside the bytes.
    pub fn buffer(&mut self, buffer: &Buffer) {
        self.parts.buffers.push(buffer.clone());
    }

    /// Puts a host object beside the bytes. A content hash that is known travels along.
    pub fn object(&mut self, value: &HostRef, code: bool) {
        let known = value.known_token();
        self.tag(u8::from(known.is_some()));
        if let Some(token) = known {
            self.raw(&token.0);
        }
        self.parts.objects.push(Beside {
            value: value.clone(),
            code,
        });
    }

    /// Writes something shared: by `write` the first time, later as a reference to that.
    ///
    /// # Errors
    /// As `write`.
    pub fn share<T: ?Sized>(
        &mut self,
        item: &Arc<T>,
        write: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let address = Arc::as_ptr(item).cast::<u8>() as usize;
        if let Some(number) = self.shared.get(&address).copied() {
            self.number(number + 1);
            return Ok(());
        }
        self.shared.insert(address, self.shared.len() as u64);
        self.number(0);
        write(self)
    }
}

/// Reads.
pub struct Decoder {
    parts: Parts,
    at: usize,
    /// The next one beside the bytes: both kinds are read in the order in which they were written.
    next_buffer: usize,
    next_object: usize,
    shared: Vec<Option<Box<dyn Any>>>,
    extensions: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    depth: usize,
}

/// Bytes of the hash at the end. It tells damage apart before anything is read, as does no reader of Arrow's types.
const HASH: usize = 8;

fn hash(bytes: &[u8]) -> [u8; HASH] {
    let mut short = [0; HASH];
    short.copy_from_slice(&blake3::hash(bytes).as_bytes()[..HASH]);
    short
}

/// How deep things may lie inside each other: expressions are read by recursion.
const DEEPEST: usize = 100_000;

impl Decoder {
    /// Begins to read something of this kind; `what` is its name in errors.
    ///
    /// # Errors
    /// [`Kind::Value`] when it is something else, or of another version.
    pub fn new(mut parts: Parts, magic: Magic, what: &str) -> Result<Self> {
        let head = &parts.head;
        if head.len() < 10 || head[..8] != magic {
            return Err(Error::value(format!("these bytes are not {what} of dusk")));
        }
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version != VERSION {
            return Err(Error::value(format!(
                "{what} of dusk in wire format {version}, and this dusk reads format {VERSION}: both ends need the same version of \
                 dusk"
            )));
        }
        let end = head.len().saturating_sub(HASH).max(10);
        if head[end..] != hash(&head[..end]) {
            return Err(broken("some are missing or changed"));
        }
        parts.head.truncate(end);
        Ok(Self {
            parts,
            at: 10,
            next_buffer: 0,
            next_object: 0,
            shared: Vec::new(),
            extensions: HashMap::new(),
            depth: 0,
        })
    }

    /// Hands down what upper layers know how to make.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, extension: Arc<T>) -> Self {
        self.extensions.insert(TypeId::of::<T>(), extension);
        self
    }

    /// What was handed down.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it wasn't.
    pub fn extension<T: Any + Send + Sync>(&self) -> Result<Arc<T>> {
        let found = self.extensions.get(&TypeId::of::<T>()).cloned();
        found
            .and_then(|found| found.downcast().ok())
            .ok_or_else(|| Error::internal(format!("nothing here reads {}", std::any::type_name::<T>())))
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`Kind::Value`] when something is left.
    pub fn finish(self) -> Result<()> {
        let done = self.at == self.parts.head.len()
            && self.next_buffer == self.parts.buffers.len()
            && self.next_object == self.parts.objects.len();
        if done {
            Ok(())
        } else {
            Err(broken("something is left over"))
        }
    }

    /// Reads a number of one byte.
    ///
    /// # Errors
    /// [`Kind::Value`] at the end.
    pub fn tag(&mut self) -> Result<u8> {
        Ok(self.raw(1)?[0])
    }

    /// Reads a number.
    ///
    /// # Errors
    /// [`Kind::Value`] at the end, or when it is none.
    pub fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.tag()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(broken("a number has no end"))
    }

    /// Reads how many things follow, each of one byte at least.
    ///
    /// # Errors
    /// [`Kind::Value`] when so many can't follow.
    pub fn count(&mut self) -> Result<usize> {
        let count = self.number()?;
        if count > (self.parts.head.len() - self.at) as u64 {
            return Err(broken("a length goes beyond the end"));
        }
        Ok(count as usize)
    }

    /// Reads bytes with their length.
    ///
    /// # Errors
    /// [`Kind::Value`] at the end.
    pub fn bytes(&mut self) -> Result<&[u8]> {
        let count = self.count()?;
        self.raw(count)
    }

    /// Reads that many bytes.
    ///
    /// # Errors
    /// [`Kind::Value`] at the end.
    pub fn raw(&mut self, count: usize) -> Result<&[u8]> {
        let bytes = self.parts.head.get(self.at..self.at.saturating_add(count));
        let bytes = bytes.ok_or_else(|| broken("they end too early"))?;
        self.at += count;
        Ok(bytes)
    }

    /// Reads something that has a wire form.
    ///
    /// # Errors
    /// As its [`Wire::decode`].
    pub fn take<T: Wire>(&mut self) -> Result<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(broken("things lie too deep inside each other"));
        }
        let item = T::decode(self);
        self.depth -= 1;
        item
    }

    /// Reads several things.
    ///
    /// # Errors
    /// As their [`Wire::decode`].
    pub fn list<T: Wire>(&mut self) -> Result<Vec<T>> {
        (0..self.count()?).map(|_| self.take()).collect()
    }

    /// The next memory beside the bytes.
    ///
    /// # Errors
    /// [`Kind::Value`] when there is none.
    pub fn buffer(&mut self) -> Result<Buffer> {
        let buffer = self.parts.buffers.get(self.next_buffer).cloned();
        self.next_buffer += 1;
        buffer.ok_or_else(|| broken("a buffer is missing"))
    }

    /// The next host object beside the bytes.
    ///
    /// # Errors
    /// [`Kind::Value`] when there is none.
    pub fn object(&mut self) -> Result<HostRef> {
        let known = match self.tag()? {
            0 => None,
            _ => Some(self.take::<Token>()?),
        };
        let object = self.parts.objects.get(self.next_object);
        self.next_object += 1;
        let object = object.ok_or_else(|| broken("an object is missing"))?;
        Ok(match known {
            Some(token) => object.value.with_token(token),
            None => object.value.clone(),
        })
    }

    /// Reads something shared: by `read` the first time.
    ///
    /// # Errors
    /// As `read`.
    pub fn share<T: Clone + 'static>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self.number()? {
            0 => {
                let number = self.shared.len();
                self.shared.push(None);
                let item = read(self)?;
                self.shared[number] = Some(Box::new(item.clone()));
                Ok(item)
            }
            number => {
                let known = self.shared.get(number as usize - 1).and_then(Option::as_ref);
                let known = known.and_then(|known| known.downcast_ref::<T>()).cloned();
                known.ok_or_else(|| broken("a reference leads nowhere"))
            }
        }
    }
}

/// The error for bytes that aren't what they claim to be.
#[must_use]
pub fn broken(what: &str) -> Error {
    Error::new(Kind::Value, format!("these bytes of dusk are damaged: {what}"))
}
