//! Content hashes: equal content, equal token. Names, common subexpressions and caching all rest on them.

use std::fmt;

/// 128 bits of a BLAKE3 hash over a node's content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub [u8; 16]);

impl Token {
    /// The token as 32 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
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
