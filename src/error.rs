//! Errors by kind, with context that grows on the way up.
//!
//! Answers: what went wrong (`Kind`, one per Python exception class), where (notes: key, partition, file), and whose
//! exception it was (`Kind::Host` carries the user's own object untouched). Does not cover: making Python exceptions of
//! them (`py::error`).

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result of everything in the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is; each maps to one Python exception class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bad value: `ValueError`.
    Value,
    /// A bad type or an operation a dtype doesn't have: `TypeError`.
    Type,
    /// A missing label: `KeyError`.
    Key,
    /// A position out of bounds: `IndexError`.
    Index,
    /// An integer that doesn't fit: `OverflowError`.
    Overflow,
    /// A file that can't be cut into records: pandas' `ParserError`, a kind of `ValueError`.
    Parse,
    /// A file without a single column: pandas' `EmptyDataError`, a kind of `ValueError`.
    Empty,
    /// Bytes that aren't UTF-8: `UnicodeDecodeError`, a kind of `ValueError`.
    Decode,
    /// Something that dusk refuses to do, as Dask refuses it: `NotImplementedError`.
    NotImplemented,
    /// Right in pandas, but no native kernel does it: the caller takes the pandas path. Never reaches a user.
    NotNative,
    /// A task that doesn't fit the budget: `MemoryError`.
    Memory,
    /// A file that can't be read or written: `OSError` with its path.
    Os,
    /// The run was cancelled: `KeyboardInterrupt` when Ctrl-C did it.
    Cancelled,
    /// A source found that its column types were decided too narrowly and has widened them: plan anew and run again.
    Retyped,
    /// A broken invariant or a panic inside the engine: `RuntimeError`.
    Internal,
    /// The user's own exception.
    Host,
}

/// An exception object of the host language, carried through the engine untouched.
pub type HostException = Arc<dyn Any + Send + Sync>;

/// A failure: kind, message, and notes added on the way up.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    path: Option<PathBuf>,
    errno: Option<i32>,
    notes: Vec<String>,
    host: Option<HostException>,
    undecodable: Option<Vec<u8>>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            path: None,
            errno: None,
            notes: Vec::new(),
            host: None,
            undecodable: None,
        }))
    }

    /// Bytes that aren't UTF-8, and where they were found.
    pub fn undecodable(bytes: Vec<u8>, place: impl Into<String>) -> Self {
        let mut error = Self::new(Kind::Decode, place);
        error.0.undecodable = Some(bytes);
        error
    }

    /// The user's own exception; `message` is its text for logs.
    pub fn host(exception: HostException, message: impl Into<String>) -> Self {
        let mut error = Self::new(Kind::Host, message);
        error.0.host = Some(exception);
        error
    }

    /// A failed system call on `path`.
    pub fn os(path: impl AsRef<Path>, source: &std::io::Error) -> Self {
        let mut error = Self::new(Kind::Os, source.to_string());
        error.0.path = Some(path.as_ref().to_path_buf());
        error.0.errno = source.raw_os_error();
        error
    }

    /// The same error about a file, with the system's number.
    #[must_use]
    pub fn with_path(mut self, path: Option<PathBuf>, errno: Option<i32>) -> Self {
        self.0.path = path;
        self.0.errno = errno;
        self
    }

    /// Adds a line of context. The message and a user's exception stay as they are.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The message without the notes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The file that a system call failed on.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The system's error number.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }

    /// The bytes that aren't UTF-8, when `kind` is [`Kind::Decode`].
    #[must_use]
    pub fn undecoded(&self) -> Option<&[u8]> {
        self.0.undecodable.as_deref()
    }

    /// The lines of context, innermost first.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The user's exception, when `kind` is [`Kind::Host`].
    #[must_use]
    pub fn host_exception(&self) -> Option<&HostException> {
        self.0.host.as_ref()
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => { impl Error { $(
        $(#[$doc])* pub fn $name(message: impl Into<String>) -> Self { Self::new(Kind::$kind, message) }
    )* } };
}
constructors! {
    /// A [`Kind::Value`] error.
    value => Value,
    /// A [`Kind::Type`] error.
    type_ => Type,
    /// A [`Kind::Key`] error.
    key => Key,
    /// A [`Kind::Index`] error.
    index => Index,
    /// A [`Kind::Overflow`] error.
    overflow => Overflow,
    /// A [`Kind::Parse`] error.
    parse => Parse,
    /// A [`Kind::Empty`] error.
    empty => Empty,
    /// A [`Kind::NotImplemented`] error.
    not_implemented => NotImplemented,
    /// A [`Kind::NotNative`] refusal.
    not_native => NotNative,
    /// A [`Kind::Memory`] error.
    memory => Memory,
    /// A [`Kind::Internal`] error.
    internal => Internal,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(path) = &self.0.path {
            write!(f, ": {}", path.display())?;
        }
        for note in &self.0.notes {
            write!(f, "\n  {note}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<arrow::error::ArrowError> for Error {
    fn from(source: arrow::error::ArrowError) -> Self {
        use arrow::error::ArrowError as A;
        let kind = match source {
            A::ArithmeticOverflow(_) => Kind::Overflow,
            A::MemoryError(_) => Kind::Memory,
            A::IoError(..) => Kind::Os,
            A::CastError(_) | A::ParseError(_) | A::CsvError(_) | A::DivideByZero => Kind::Value,
            _ => Kind::Internal,
        };
        Self::new(kind, source.to_string())
    }
}

/// Adds context to the error of a result.
pub trait Context<T> {
    /// Adds the line that `note` makes, called on failure only.
    ///
    /// # Errors
    /// The error of `self`, with the note.
    fn context(self, note: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, note: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| error.into().note(note()))
    }
}
