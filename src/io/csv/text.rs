//! Fields as text: unquoting, and the words that stand for missing values and bools.

use hashbrown::HashSet;

use super::index::Marks;
use super::number::{Int, float, int};

/// What a field holds once its quotes are gone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unquoted<'a> {
    /// A stretch of the buffer, from this position.
    Slice(usize, &'a [u8]),
    /// It had doubled or stray quotes: the content is in the scratch buffer.
    Changed,
}

/// Takes the quotes off the field at `start..end`.
#[inline]
pub(super) fn unquote<'a>(
    data: &'a [u8],
    start: usize,
    end: usize,
    marks: Marks,
    scratch: &mut Vec<u8>,
) -> Unquoted<'a> {
    let field = &data[start..end];
    let Some(quote) = marks.quote else {
        return Unquoted::Slice(start, field);
    };
    match field {
        [first, inner @ .., last] if *first == quote => {
            if *last == quote && memchr::memchr(quote, inner).is_none() {
                Unquoted::Slice(start + 1, inner)
            } else {
                unescape(field, quote, marks.doubled, scratch);
                Unquoted::Changed
            }
        }
        _ => Unquoted::Slice(start, field),
    }
}

/// The content of a field that starts with a quote, by the parser's rules: after the closing quote all is literal.
#[cold]
fn unescape(field: &[u8], quote: u8, doubled: bool, out: &mut Vec<u8>) {
    out.clear();
    let mut rest = &field[1..];
    while let Some(at) = memchr::memchr(quote, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if doubled && rest.first() == Some(&quote) {
            out.push(quote);
            rest = &rest[1..];
        } else {
            break;
        }
    }
    out.extend_from_slice(rest);
}

/// The content of a field on its own, for headers and messages.
pub(super) fn content(field: &[u8], marks: Marks) -> Vec<u8> {
    let mut scratch = Vec::new();
    match unquote(field, 0, field.len(), marks, &mut scratch) {
        Unquoted::Slice(_, slice) => slice.to_vec(),
        Unquoted::Changed => scratch,
    }
}

/// pandas' words for missing values.
pub(super) const DEFAULT_MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The words that stand for a missing value in a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing {
    /// Words of up to 7 bytes, packed with their length; almost all are.
    short: Vec<u64>,
    long: HashSet<Vec<u8>>,
    /// Which first bytes any word has (the empty word is `empty`).
    first: Vec<bool>,
    longest: usize,
    empty: bool,
    /// Some word is a number, so that numbers must be looked up before they are read.
    pub numeric: bool,
    /// The words' values, which mean missing in float columns however they are written.
    pub floats: Vec<f64>,
}

fn pack(word: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..word.len()].copy_from_slice(word);
    bytes[7] = word.len() as u8;
    u64::from_le_bytes(bytes)
}

impl Missing {
    /// A set of `words`; `decimal` tells which of them are numbers.
    pub(super) fn new<'a>(words: impl IntoIterator<Item = &'a str>, decimal: u8) -> Self {
        let mut set = Self {
            first: vec![false; 256],
            ..Self::default()
        };
        for word in words {
            let bytes = word.as_bytes();
            set.longest = set.longest.max(bytes.len());
            let value = float(bytes, b'.');
            // Zero, infinity and friends are compared as floats as well; NaN never equals anything.
            set.floats.extend(value);
            set.numeric |= value.is_some() || float(bytes, decimal).is_some() || int(bytes) != Int::Not;
            match bytes.first() {
                None => set.empty = true,
                Some(first) => set.first[usize::from(*first)] = true,
            }
            if bytes.len() < 8 {
                set.short.push(pack(bytes));
            } else {
                set.long.insert(bytes.to_vec());
            }
        }
        set.short.sort_unstable();
        set.short.dedup();
        set
    }

    /// Whether `word` means missing.
    #[inline(always)]
    pub(super) fn contains(&self, word: &[u8]) -> bool {
        match word.first() {
            None => self.empty,
            Some(first) => word.len() <= self.longest && self.first[usize::from(*first)] && self.lookup(word),
        }
    }

    #[inline(never)]
    fn lookup(&self, word: &[u8]) -> bool {
        if word.len() < 8 {
            self.short.binary_search(&pack(word)).is_ok()
        } else {
            self.long.contains(word)
        }
    }

    /// Whether the float means missing.
    pub(super) fn contains_float(&self, value: f64) -> bool {
        self.floats.contains(&value)
    }
}

/// The words for true and false.
#[derive(Clone, Debug)]
pub(super) struct Bools {
    yes: Vec<Vec<u8>>,
    no: Vec<Vec<u8>>,
}

impl Bools {
    /// pandas' own words and the user's.
    pub(super) fn new(yes: &[String], no: &[String]) -> Self {
        let with = |own: [&str; 3], more: &[String]| {
            let own = own.iter().map(|word| word.as_bytes().to_vec());
            own.chain(more.iter().map(|word| word.as_bytes().to_vec()))
                .collect()
        };
        Self {
            yes: with(["True", "TRUE", "true"], yes),
            no: with(["False", "FALSE", "false"], no),
        }
    }

    /// Reads a word. A word in both lists is true, as in pandas.
    #[inline]
    pub(super) fn read(&self, word: &[u8]) -> Option<bool> {
        if self.yes.iter().any(|yes| yes == word) {
            Some(true)
        } else if self.no.iter().any(|no| no == word) {
            Some(false)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks {
        separator: b',',
        quote: Some(b'"'),
        doubled: true,
    };

    #[test]
    fn quotes_come_off_as_the_parser_does_it() {
        for (field, expected) in [
            ("x", "x"),
            ("\"x\"", "x"),
            ("\"\"", ""),
            ("\"x\"\"y\"", "x\"y"),
            ("\"x\"y", "xy"),
            ("\"x\"y\"z\"", "xy\"z\""),
            ("\"x\"y\"", "xy\""),
            ("x\"y\"", "x\"y\""),
            ("\"\"\"\"", "\""),
            ("\"x,\ny\"", "x,\ny"),
        ] {
            assert_eq!(content(field.as_bytes(), MARKS), expected.as_bytes(), "{field}");
        }
        let plain = Marks {
            doubled: false,
            ..MARKS
        };
        assert_eq!(content(b"\"x\"\"y\"", plain), b"x\"y\"");
    }

    #[test]
    fn missing_words() {
        let set = Missing::new(DEFAULT_MISSING, b'.');
        for word in DEFAULT_MISSING {
            assert!(set.contains(word.as_bytes()), "{word:?}");
        }
        for word in [
            "NAN", "Nan", " ", "NaN ", "none", "nul", "#N/A N/B", "news", "NULLS",
        ] {
            assert!(!set.contains(word.as_bytes()), "{word:?}");
        }
        assert!(!set.numeric);
        let set = Missing::new(["99", "99.0"], b'.');
        assert!(set.numeric && set.contains_float(99.0) && set.contains(b"99") && !set.contains(b""));
    }
}
