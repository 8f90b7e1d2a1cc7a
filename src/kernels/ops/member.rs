//! Membership of numbers in a fixed set: compared value by value when it is small, hashed when it isn't.

use std::hash::{BuildHasher, Hasher};
use std::mem::MaybeUninit;

use hashbrown::HashSet;

use super::{Element, Lane, Operand, Out, Task, map1, vectorised};
use crate::dtype::TimeUnit;
use crate::op::promote::{exact_ticks, float};
use crate::scalar::{Literal, Scalar};

/// The members that a column of one lane can match, by their bits.
#[derive(Debug)]
pub struct Members {
    words: Vec<u64>,
    hashed: HashSet<u64, WordHash>,
    nan: bool,
}

/// As many members are compared one by one.
const FEW: usize = 8;

impl Members {
    fn new(mut words: Vec<u64>, nan: bool) -> Self {
        words.sort_unstable();
        words.dedup();
        let mut hashed = HashSet::with_hasher(WordHash);
        if words.len() > FEW {
            hashed.extend(words.iter().copied());
        }
        Self { words, hashed, nan }
    }

    /// The members of `values` for a column of numbers. Numbers are compared by their exact value, but a list that mixes
    /// whole numbers and floats is a list of floats, as in NumPy.
    #[must_use]
    pub fn numbers(lane: Lane, values: &[Literal]) -> Self {
        let is_number =
            |value: &Literal| matches!(value.value, Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_));
        let all_numbers = values.iter().all(is_number);
        let mixed = all_numbers
            && values.iter().any(|value| matches!(value.value, Scalar::Float(_)))
            && values.iter().any(|value| matches!(value.value, Scalar::Int(_)));
        let mut nan = false;
        let mut words = Vec::new();
        for value in values.iter().filter(|value| is_number(value)) {
            let value = if mixed {
                Scalar::Float(float(&value.value).unwrap_or(f64::NAN))
            } else {
                value.value.clone()
            };
            if matches!(value, Scalar::Float(value) if value.is_nan()) {
                nan = true;
            } else if let Some(word) = exact_word(lane, &value) {
                words.push(word);
            }
        }
        Self::new(words, nan && lane.is_float())
    }

    /// The members for a column of ticks.
    #[must_use]
    pub fn ticks(unit: TimeUnit, values: &[Literal]) -> Self {
        let ticks = values.iter().filter_map(|value| match value.value {
            Scalar::Timestamp {
                value, unit: from, ..
            }
            | Scalar::Timedelta { value, unit: from } => exact_ticks(value, from, unit),
            _ => None,
        });
        Self::new(ticks.map(i64::cast_unsigned).collect(), false)
    }

    /// The members for codes.
    #[must_use]
    pub fn codes(codes: impl Iterator<Item = i32>) -> Self {
        Self::new(codes.map(Element::to_word).collect(), false)
    }
}

/// The bits of `value` in `lane`, when the lane has exactly that value.
fn exact_word(lane: Lane, value: &Scalar) -> Option<u64> {
    use crate::op::promote::whole;
    let whole = whole(value);
    macro_rules! integer {
        ($t:ident) => {
            $t::try_from(whole?).ok()?.to_word()
        };
    }
    Some(match lane {
        Lane::Bool => match whole? {
            value @ (0 | 1) => value as u64,
            _ => return None,
        },
        Lane::I8 => integer!(i8),
        Lane::I16 => integer!(i16),
        Lane::I32 => integer!(i32),
        Lane::I64 => integer!(i64),
        Lane::U8 => integer!(u8),
        Lane::U16 => integer!(u16),
        Lane::U32 => integer!(u32),
        Lane::U64 => integer!(u64),
        Lane::F32 | Lane::F64 => {
            let wide = float(value)?;
            if let Scalar::Int(exact) = value
                && (wide.abs() >= 1e38 || wide as i128 != *exact)
            {
                return None;
            }
            // One zero for both.
            let wide = wide + 0.0;
            if lane == Lane::F64 {
                wide.to_word()
            } else if f64::from(wide as f32) == wide {
                (wide as f32).to_word()
            } else {
                return None;
            }
        }
    })
}

/// Whether each value is a member.
pub fn member<T: Element + std::ops::Add<Output = T>>(
    members: &Members,
    a: Operand<'_, T>,
    out: Out<'_, u8>,
) {
    let (nan, zero) = (members.nan, T::default());
    // NaN is the one value that isn't itself.
    #[allow(clippy::eq_op)]
    if members.words.len() > FEW {
        let hashed = &members.hashed;
        map1(a, out, |a| {
            u8::from(hashed.contains(&(a + zero).to_word()) || (nan && a != a))
        });
    } else {
        let few: Vec<T> = members.words.iter().map(|word| T::from_word(*word)).collect();
        match a {
            Operand::Rows(rows) => vectorised(Few {
                few: &few,
                nan,
                rows,
                out,
            }),
            Operand::One(one) => out.fill(MaybeUninit::new(u8::from(
                few.contains(&one) || (nan && one != one),
            ))),
        }
    }
}

/// Compares with one member after another, each over all rows.
struct Few<'a, T> {
    few: &'a [T],
    nan: bool,
    rows: &'a [T],
    out: Out<'a, u8>,
}

impl<T: Element> Task for Few<'_, T> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn run(self) {
        const BLOCK: usize = 64;
        for (rows, out) in self.rows.chunks(BLOCK).zip(self.out.chunks_mut(BLOCK)) {
            let mut found = [0u8; BLOCK];
            for one in self.few {
                for (found, row) in found.iter_mut().zip(rows) {
                    *found |= u8::from(row == one);
                }
            }
            if self.nan {
                for (found, row) in found.iter_mut().zip(rows) {
                    *found |= u8::from(row != row);
                }
            }
            for (slot, found) in out.iter_mut().zip(found) {
                slot.write(found);
            }
        }
    }
}

/// Hashes one word by a folded multiplication.
#[derive(Clone, Copy, Debug, Default)]
struct WordHash;

impl BuildHasher for WordHash {
    type Hasher = WordHasher;
    fn build_hasher(&self) -> WordHasher {
        WordHasher(0)
    }
}

struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(word ^ self.0 ^ 0x9e37_79b9_7f4a_7c15) * 0xd1b5_4a32_d192_ed03;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use super::*;

    fn check<T: Element + std::ops::Add<Output = T>>(
        lane: Lane,
        column: &[T],
        values: &[Scalar],
    ) -> Vec<bool> {
        let literals: Vec<_> = values.iter().cloned().map(Literal::weak).collect();
        let members = Members::numbers(lane, &literals);
        let mut out = vec![MaybeUninit::new(9u8); column.len()];
        member(&members, Operand::Rows(column), &mut out);
        // SAFETY: `member` wrote every element.
        out.iter()
            .map(|value| unsafe { value.assume_init() } == 1)
            .collect()
    }

    #[test]
    fn exact_values_as_pandas_compares_them() {
        use Scalar as S;
        let big = 1i64 << 53;
        // pandas: Series([2**53+1]).isin([float(2**53)]), .isin([2**53+1, 0.5]) on 2**53, and so on.
        assert_eq!(check(Lane::I64, &[big + 1], &[S::Float(big as f64)]), [false]);
        assert_eq!(
            check(Lane::I64, &[big], &[S::Int(i128::from(big) + 1), S::Float(0.5)]),
            [true]
        );
        assert_eq!(
            check(Lane::F64, &[big as f64], &[S::Int(i128::from(big) + 1)]),
            [false]
        );
        assert_eq!(check(Lane::U64, &[u64::MAX], &[S::Int(-1)]), [false]);
        assert_eq!(check(Lane::F32, &[0.1f32], &[S::Float(0.1)]), [false]);
        assert_eq!(
            check(
                Lane::F64,
                &[0.0, f64::NAN, 1.0],
                &[S::Float(-0.0), S::Float(f64::NAN)]
            ),
            [true, true, false]
        );
        assert_eq!(
            check(Lane::I8, &[-1i8, 1], &[S::Int(255), S::Str("1".into())]),
            [false, false]
        );
        assert_eq!(check(Lane::Bool, &[1u8, 0], &[S::Float(1.0)]), [true, false]);
        let many: Vec<_> = (0..100).map(|i| S::Int(i * 2)).collect();
        assert_eq!(
            check(Lane::I64, &[0, 1, 198, 200], &many),
            [true, false, true, false]
        );
        let many: Vec<_> = (0..100)
            .map(|i| S::Float(f64::from(i) / 2.0))
            .chain([S::Float(f64::NAN)])
            .collect();
        assert_eq!(
            check(Lane::F64, &[-0.0, 0.25, 49.5, f64::NAN], &many),
            [true, false, true, true]
        );
    }
}
