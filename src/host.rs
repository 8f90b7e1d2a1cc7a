//! The host language's objects as the engine sees them: opaque, measured, hashed, and turned into bytes on demand.
//!
//! `py::host` implements these traits; nothing else in the engine knows that the host is Python.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::token::Token;

/// An object of the host language.
pub trait HostValue: Any + Debug + Send + Sync {
    /// Bytes of memory that it keeps alive, estimated when it was made.
    fn nbytes(&self) -> usize;

    /// Its content hash.
    fn token(&self) -> Token;

    /// Its content hash, if that is known without working it out.
    fn known_token(&self) -> Option<Token>;

    /// The same object, whose content hash is known: it was worked out where the object comes from.
    fn with_token(&self, token: Token) -> HostRef;

    /// Its serialised form.
    ///
    /// # Errors
    /// When the object can't be serialised.
    fn dump(&self) -> Result<Vec<u8>>;

    /// What makes the object anew from its bytes.
    fn loader(&self) -> Arc<dyn HostLoader>;

    /// For the layer that made it.
    fn as_any(&self) -> &dyn Any;
}

/// A shared host object.
pub type HostRef = Arc<dyn HostValue>;

/// Makes host objects from bytes.
pub trait HostLoader: Debug + Send + Sync {
    /// The object that `dump` wrote.
    ///
    /// # Errors
    /// When the bytes can't be read.
    fn load(&self, bytes: &[u8]) -> Result<HostRef>;
}
