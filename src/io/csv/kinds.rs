//! Column types: what each accepts, and which type pandas would infer for a whole column.
//!
//! pandas tries `int64` (then `uint64`), `float64`, `bool` and text over all values of a column. [`Seen`] gathers what
//! that decision needs from any part of a column; parts are merged in order, so that blocks can be looked at in parallel.
//! Invariant: a kind decided from values accepts exactly columns for which pandas would decide the same, so a value that
//! a kind doesn't accept is the only reason to decide anew.

use super::date::DateForm;
use super::number::{Int, float, int, is_space, trim};
use super::text::{Bools, Missing};
use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};

/// The type of a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing but missing values so far: `float64`.
    Empty,
    /// `int64`.
    Int,
    /// Integers and missing values: `float64`.
    IntMissing,
    /// `uint64`.
    UInt,
    /// `float64`.
    Float,
    /// `bool`.
    Bool,
    /// `str`.
    Text,
    /// `str` in which the words for missing values are text: so pandas leaves integers beyond `int64` that don't fit
    /// `uint64` either, because some are negative or missing.
    RawText,
    /// `datetime64[us]`, all values in one form.
    Date(DateForm),
    /// The user's dtype; never changes.
    Given(Dtype),
}

impl Kind {
    /// The pandas dtype.
    pub(super) fn dtype(&self) -> Dtype {
        match self {
            Self::Empty | Self::IntMissing | Self::Float => Dtype::Numpy(NumpyType::Float64),
            Self::Int => Dtype::Numpy(NumpyType::Int64),
            Self::UInt => Dtype::Numpy(NumpyType::UInt64),
            Self::Bool => Dtype::Numpy(NumpyType::Bool),
            Self::Text | Self::RawText => Dtype::Str,
            Self::Date(_) => Dtype::Numpy(NumpyType::Datetime(TimeUnit::Us)),
            Self::Given(dtype) => dtype.clone(),
        }
    }

    /// What the kind is called in messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Empty => "missing values only".to_string(),
            Self::IntMissing => "integers and missing values (float64)".to_string(),
            Self::Date(form) => format!("dates of the form {form}"),
            _ => self.dtype().name(),
        }
    }

    /// Refuses dtypes that have no native reader.
    pub(super) fn given(dtype: &Dtype) -> Result<Self> {
        let native = match dtype {
            Dtype::Numpy(kind) | Dtype::Nullable(kind) => kind.is_numeric(),
            Dtype::Str | Dtype::String { .. } => true,
            _ => false,
        };
        if native {
            Ok(Self::Given(dtype.clone()))
        } else {
            Err(Error::not_native(format!(
                "no native CSV reader for dtype {}",
                dtype.name()
            )))
        }
    }
}

/// What decides about the type of a column's automatic kinds.
#[derive(Debug)]
pub(super) struct Words<'a> {
    /// Words for missing values; `None` when there are none (`na_filter=False`).
    pub missing: Option<&'a Missing>,
    /// Words for true and false.
    pub bools: &'a Bools,
    /// The decimal mark.
    pub decimal: u8,
}

impl Words<'_> {
    /// Whether the word means missing.
    #[inline(always)]
    pub(super) fn is_missing(&self, word: &[u8]) -> bool {
        self.missing.is_some_and(|missing| missing.contains(word))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    NotInt,
    /// No integer, but it begins with a minus.
    Minus,
    /// No integer, but it begins with a minus, after an integer beyond `int64`.
    MinusAfterBig,
    Huge,
}

/// What the values of a part of a column have shown.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Seen {
    values: u64,
    missing: bool,
    not_float: bool,
    not_bool: bool,
    big: bool,
    negative: bool,
    /// Integers written in a way that pandas' `uint64` parser may see otherwise.
    padded: bool,
    first: Option<First>,
    not_int: bool,
}

impl Seen {
    /// Looks at one word, unquoted.
    pub(super) fn add(&mut self, word: &[u8], words: &Words<'_>) {
        if words.is_missing(word) {
            self.missing = true;
            return;
        }
        self.values += 1;
        match int(word) {
            Int::Fits(value) => {
                self.negative |= value < 0;
                let spaced = word.first().is_some_and(|byte| is_space(*byte))
                    || word.last().is_some_and(|byte| is_space(*byte));
                self.padded |= spaced || (value == 0 && word.contains(&b'-'));
                self.not_bool = self.not_bool || words.bools.read(word).is_none();
            }
            Int::Big(_) => {
                self.big = true;
                self.padded |= word.iter().any(|byte| is_space(*byte));
                self.not_bool = true;
            }
            Int::Huge => {
                self.first.get_or_insert(First::Huge);
                self.not_bool = true;
            }
            Int::Not => {
                let minus = trim(word).first() == Some(&b'-');
                let event = match (minus, self.big) {
                    (true, true) => First::MinusAfterBig,
                    (true, false) => First::Minus,
                    (false, _) => First::NotInt,
                };
                self.first.get_or_insert(event);
                self.not_int = true;
                self.not_float = self.not_float || float(word, words.decimal).is_none();
                self.not_bool = self.not_bool || words.bools.read(word).is_none();
            }
        }
    }

    /// Adds what the part of the column right after this one has shown.
    pub(super) fn merge(&mut self, later: &Self) {
        if self.first.is_none() {
            self.first = match later.first {
                Some(First::Minus) if self.big => Some(First::MinusAfterBig),
                other => other,
            };
        }
        self.values += later.values;
        self.missing |= later.missing;
        self.not_float |= later.not_float;
        self.not_bool |= later.not_bool;
        self.big |= later.big;
        self.negative |= later.negative;
        self.padded |= later.padded;
        self.not_int |= later.not_int;
    }

    /// Whether text was seen that no number or bool can be, so that looking further changes nothing.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.first, Some(First::NotInt | First::Minus)) && self.not_float && self.not_bool
    }

    /// The type that pandas would infer.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`] for columns of Python objects.
    pub(super) fn decide(&self) -> Result<Kind> {
        let objects = |what| {
            Err(Error::not_native(format!(
                "pandas reads {what} as Python objects"
            )))
        };
        if self.values == 0 {
            return Ok(Kind::Empty);
        }
        if self.first == Some(First::Huge) {
            return objects("integers beyond 64 bits");
        }
        if self.first == Some(First::MinusAfterBig) {
            // pandas takes the minus for that of an integer and leaves the whole column as text, missing values included.
            return objects("negative numbers after integers beyond int64");
        }
        if !self.not_int {
            return match (self.big, self.padded, self.negative || self.missing) {
                (false, _, _) if self.missing => Ok(Kind::IntMissing),
                (false, _, _) => Ok(Kind::Int),
                (true, true, _) => objects("blanks around integers beyond int64"),
                (true, false, true) => Ok(Kind::RawText),
                (true, false, false) => Ok(Kind::UInt),
            };
        }
        if !self.not_float {
            Ok(Kind::Float)
        } else if !self.not_bool {
            if self.missing {
                objects("bools beside missing values")
            } else {
                Ok(Kind::Bool)
            }
        } else {
            Ok(Kind::Text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::csv::text::DEFAULT_MISSING;

    fn decide(words: &[&str]) -> Option<Kind> {
        let missing = Missing::new(DEFAULT_MISSING, b'.');
        let bools = Bools::new(&[], &[]);
        let rules = Words {
            missing: Some(&missing),
            bools: &bools,
            decimal: b'.',
        };
        let mut whole = Seen::default();
        let mut parts = Seen::default();
        for word in words {
            whole.add(word.as_bytes(), &rules);
            let mut part = Seen::default();
            part.add(word.as_bytes(), &rules);
            parts.merge(&part);
        }
        let kind = whole.decide().ok();
        assert_eq!(kind, parts.decide().ok());
        kind
    }

    #[test]
    fn types_as_pandas_infers_them() {
        const BIG: &str = "9223372036854775808";
        const HUGE: &str = "18446744073709551616";
        for (words, kind) in [
            (&["1", "-2"][..], Some(Kind::Int)),
            (&["1", ""], Some(Kind::IntMissing)),
            (&["", "NA"], Some(Kind::Empty)),
            (&[], Some(Kind::Empty)),
            (&["1", "1.5"], Some(Kind::Float)),
            (&["nan", "1e5"], Some(Kind::Float)),
            (&["True", "false"], Some(Kind::Bool)),
            (&["True", ""], None),
            (&["True", "1"], Some(Kind::Text)),
            (&["1", "x"], Some(Kind::Text)),
            (&[BIG, "1"], Some(Kind::UInt)),
            (&[BIG, "-1"], Some(Kind::RawText)),
            (&["", BIG], Some(Kind::RawText)),
            (&[BIG, "-1", "1.5"], Some(Kind::Float)),
            (&[BIG, "x", ""], Some(Kind::Text)),
            (&[BIG, "True"], Some(Kind::Text)),
            (&[HUGE, "1"], None),
            (&["1.5", HUGE], Some(Kind::Float)),
            (&["x", HUGE], Some(Kind::Text)),
            (&[" 9223372036854775808", "1"], None),
            (&[BIG, "-1.5"], None),
            (&["1", BIG, "-x"], None),
            (&["-1.5", BIG], Some(Kind::Float)),
        ] {
            assert_eq!(decide(words), kind, "{words:?}");
        }
    }
}
