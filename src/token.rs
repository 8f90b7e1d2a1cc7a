//! Content hashes: equal content, equal token. Names, common subexpressions and caching all rest on them.

use std::fmt;
use std::sync::Arc;

/// 128 bits of a BLAKE3 hash over a node's content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub [u8; 16]);

impl Token {
    /// The token as 32 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(32);
        for byte in self.0 {
            text.push(DIGITS[usize::from(byte >> 4)].into());
            text.push(DIGITS[usize::from(byte & 15)].into());
        }
        text
    }

    /// The token that these 32 hexadecimal digits are.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16)
            .ok()
            .map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

/// A name as people see it, `sum-1234...`: what something does and the token of its content. Made text only when asked, since
/// most names are never shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    prefix: Arc<str>,
    /// Zero for a name that is all in the prefix.
    token: Token,
}

const NO_TOKEN: Token = Token([0; 16]);

impl Name {
    /// The name of this content.
    #[must_use]
    pub fn new(prefix: Arc<str>, token: Token) -> Self {
        Self { prefix, token }
    }

    /// The token in it.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self {
            prefix: text.into(),
            token: NO_TOKEN,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)?;
        if self.token == NO_TOKEN {
            return Ok(());
        }
        write!(f, "-{}", self.token.hex())
    }
}

/// Collects content; every piece is length-prefixed, so that neighbours can't run into each other.
#[derive(Default)]
pub struct Tokenizer(blake3::Hasher);

impl Tokenizer {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds raw bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    /// Adds another token.
    pub fn token(&mut self, token: Token) -> &mut Self {
        self.0.update(&token.0);
        self
    }

    /// The token of all that was added.
    #[must_use]
    pub fn finish(&self) -> Token {
        let mut token = [0; 16];
        token.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        Token(token)
    }
}

/// Things with a content hash.
pub trait Tokenize {
    /// Adds the content of `self` to `t`.
    fn tokenize(&self, t: &mut Tokenizer);

    /// The token of `self` alone.
    fn token(&self) -> Token {
        let mut t = Tokenizer::new();
        self.tokenize(&mut t);
        t.finish()
    }
}

impl Tokenize for str {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(self);
    }
}

impl<T: Tokenize> Tokenize for [T] {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.number(self.len() as u64);
        for item in self {
            item.tokenize(t);
        }
    }
}

impl<T: Tokenize> Tokenize for Option<T> {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.number(u64::from(self.is_some()));
        if let Some(item) = self {
            item.tokenize(t);
        }
    }
}
