//! Where a file's bytes come from: a local path, or anything else that gives ranges of bytes; and their decompression.
//!
//! A [`ByteSource`] is listed once, with size and a fingerprint, and opened by each stream that reads it. Compressed
//! files are read from front to back only.

use std::fmt::Debug;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::token::{Token, Tokenizer};
use crate::wire::Encoder;

/// A file of any kind.
pub trait ByteSource: Debug + Send + Sync {
    /// Its path or URL, for messages.
    fn name(&self) -> &str;

    /// Its bytes when it was listed.
    fn size(&self) -> u64;

    /// What tells this content from another under the same name.
    fn fingerprint(&self) -> Token;

    /// Opens it.
    ///
    /// # Errors
    /// When it can't be opened.
    fn open(&self) -> Result<Arc<dyn ReadAt>>;

    /// Writes it for another process; see `wire`.
    ///
    /// # Errors
    /// When it can't leave the process.
    fn encode(&self, out: &mut Encoder) -> Result<()>;
}

/// An open file.
pub trait ReadAt: Send + Sync {
    /// Fills `into` from `offset` on as far as it can in one go; 0 at the end of the file only.
    ///
    /// # Errors
    /// When the bytes can't be read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize>;
}

/// A file on a local disk.
#[derive(Clone, Debug)]
pub struct LocalFile {
    path: PathBuf,
    name: String,
    size: u64,
    modified: u128,
}

impl LocalFile {
    /// Looks the file up.
    ///
    /// # Errors
    /// [`Kind::Os`] when it isn't there.
    pub fn new(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let metadata = std::fs::metadata(path).map_err(|source| Error::os(path, &source))?;
        if metadata.is_dir() {
            return Err(Error::os(path, &std::io::Error::from_raw_os_error(libc::EISDIR)));
        }
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |time| time.as_nanos());
        Ok(Self::listed(path.to_path_buf(), metadata.len(), modified))
    }

    /// The file as it was listed elsewhere.
    pub(super) fn listed(path: PathBuf, size: u64, modified: u128) -> Self {
        Self {
            name: path.to_string_lossy().into_owned(),
            path,
            size,
            modified,
        }
    }

    /// Path, size and time of change.
    pub(super) fn facts(&self) -> (&Path, u64, u128) {
        (&self.path, self.size, self.modified)
    }
}

impl ByteSource for LocalFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn fingerprint(&self) -> Token {
        let mut t = Tokenizer::new();
        t.text(&self.name)
            .number(self.size)
            .bytes(&self.modified.to_le_bytes());
        t.finish()
    }

    fn open(&self) -> Result<Arc<dyn ReadAt>> {
        let file = File::open(&self.path).map_err(|source| Error::os(&self.path, &source))?;
        Ok(Arc::new(OpenFile {
            file,
            path: self.path.clone(),
        }))
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.to_wire(out)
    }
}

struct OpenFile {
    file: File,
    path: PathBuf,
}

impl ReadAt for OpenFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        loop {
            match std::os::unix::fs::FileExt::read_at(&self.file, into, offset) {
                Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
                other => return other.map_err(|source| Error::os(&self.path, &source)),
            }
        }
    }
}

/// How a file is compressed, once that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// gzip, also of several members.
    Gzip,
    /// bzip2, also of several streams.
    Bz2,
    /// xz, also of several streams.
    Xz,
    /// Zstandard, also of several frames.
    Zstd,
}

/// A file read from front to back.
pub(super) struct Sequential(Inner);

enum Inner {
    Plain(Cursor),
    Decoded {
        decoder: Box<dyn Read + Send>,
        name: String,
    },
}

impl Sequential {
    /// The file's bytes from `offset` on.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub(super) fn plain(source: &dyn ByteSource, offset: u64) -> Result<Self> {
        Ok(Self(Inner::Plain(Cursor::new(source, offset)?)))
    }

    /// The file's decompressed bytes.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub(super) fn decoded(source: &dyn ByteSource, codec: Codec) -> Result<Self> {
        let cursor = Cursor::new(source, 0)?;
        let name = cursor.name.clone();
        let bytes = std::io::BufReader::with_capacity(128 << 10, cursor);
        let decoder: Box<dyn Read + Send> = match codec {
            Codec::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
            Codec::Bz2 => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
            Codec::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(bytes)),
            Codec::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(bytes)
                    .map_err(|source| decode_error(&name, &source))?,
            ),
        };
        Ok(Self(Inner::Decoded { decoder, name }))
    }

    /// Fills `into` as far as possible in one go; 0 at the end only.
    ///
    /// # Errors
    /// When the bytes can't be read or decompressed.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        match &mut self.0 {
            Inner::Plain(cursor) => cursor.fill(into),
            Inner::Decoded { decoder, name } => loop {
                match decoder.read(into) {
                    Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
                    other => return other.map_err(|source| decode_error(name, &source)),
                }
            },
        }
    }
}

fn decode_error(name: &str, source: &std::io::Error) -> Error {
    match source.get_ref().and_then(|inner| inner.downcast_ref::<Carried>()) {
        Some(Carried(error)) => error.clone(),
        None => Error::new(Kind::Os, format!("{name} can't be decompressed: {source}")),
    }
}

struct Cursor {
    file: Arc<dyn ReadAt>,
    name: String,
    at: u64,
    size: u64,
}

impl Cursor {
    fn new(source: &dyn ByteSource, offset: u64) -> Result<Self> {
        Ok(Self {
            file: source.open()?,
            name: source.name().to_string(),
            at: offset,
            size: source.size(),
        })
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<usize> {
        // Bytes written since the file was listed belong to no partition.
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let want = left.min(into.len());
        if want == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(self.at, &mut into[..want])?;
        if read == 0 {
            return Err(Error::new(
                Kind::Os,
                format!("{} has become shorter than it was when it was listed", self.name),
            ));
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// One of our errors on its way through a decoder.
#[derive(Debug)]
struct Carried(Error);

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Carried {}

impl Read for Cursor {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.fill(into)
            .map_err(|error| std::io::Error::other(Carried(error)))
    }
}
