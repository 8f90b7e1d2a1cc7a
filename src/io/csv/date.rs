//! Dates in ISO form, to microseconds since the epoch.
//!
//! pandas guesses one format from the first value of a column and holds every value to it. The forms here are those whose
//! reading leaves no doubt; a value in any other form makes the column pandas' business.

use std::fmt;

/// How a column's dates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DateForm {
    /// What stands between date and time; `None` when there is no time.
    separator: Option<u8>,
    clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    None,
    Minutes,
    Seconds,
    Fraction,
}

impl fmt::Display for DateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("%Y-%m-%d")?;
        if let Some(separator) = self.separator {
            write!(f, "{}", char::from(separator))?;
        }
        f.write_str(match self.clock {
            Clock::None => "",
            Clock::Minutes => "%H:%M",
            Clock::Seconds => "%H:%M:%S",
            Clock::Fraction => "%H:%M:%S.%f",
        })
    }
}

impl DateForm {
    /// The form of a value, if it is one of those read natively.
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        let separator = match word.get(10) {
            None => None,
            Some(separator @ (b' ' | b'T')) => Some(*separator),
            Some(_) => return None,
        };
        let clock = match word.len() {
            10 => Clock::None,
            16 => Clock::Minutes,
            19 => Clock::Seconds,
            21..=26 => Clock::Fraction,
            _ => return None,
        };
        let form = Self { separator, clock };
        form.read(word).map(|_| form)
    }

    /// A date in this form.
    pub(super) fn example(self) -> String {
        let mut text = "2000-01-01".to_string();
        text.extend(self.separator.map(char::from));
        text.push_str(match self.clock {
            Clock::None => "",
            Clock::Minutes => "00:00",
            Clock::Seconds => "00:00:00",
            Clock::Fraction => "00:00:00.0",
        });
        text
    }

    /// Microseconds since the epoch of a value in this form.
    pub(super) fn read(self, word: &[u8]) -> Option<i64> {
        let fits = match self.clock {
            Clock::None => word.len() == 10,
            Clock::Minutes => word.len() == 16,
            Clock::Seconds => word.len() == 19,
            Clock::Fraction => (21..=26).contains(&word.len()),
        };
        if !fits || word[4] != b'-' || word[7] != b'-' || word.get(10).copied() != self.separator {
            return None;
        }
        let number = |range: std::ops::Range<usize>| {
            word[range].iter().try_fold(0u32, |value, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| value * 10 + u32::from(digit - b'0'))
            })
        };
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let date = chrono::NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?;
        let mut micros = 0;
        if self.clock != Clock::None {
            let (hour, minute) = (number(11..13)?, number(14..16)?);
            if word[13] != b':' || hour > 23 || minute > 59 {
                return None;
            }
            micros = (i64::from(hour) * 60 + i64::from(minute)) * 60_000_000;
        }
        if matches!(self.clock, Clock::Seconds | Clock::Fraction) {
            let second = number(17..19)?;
            if word[16] != b':' || second > 59 {
                return None;
            }
            micros += i64::from(second) * 1_000_000;
        }
        if self.clock == Clock::Fraction {
            if word[19] != b'.' {
                return None;
            }
            let digits = word.len() - 20;
            micros += i64::from(number(20..word.len())? * 10u32.pow(6 - digits as u32));
        }
        Some(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() * 1_000_000 + micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_dates() {
        for (word, micros) in [
            ("1970-01-02", 86_400_000_000),
            ("1969-12-31 23:59", -60_000_000),
            ("1970-01-01T00:00:01", 1_000_000),
            ("1970-01-01 00:00:00.5", 500_000),
            ("1970-01-01 00:00:00.000007", 7),
            ("0001-01-01", -62_135_596_800_000_000),
            ("9999-12-31 23:59:59", 253_402_300_799_000_000),
            ("2020-02-29", 1_582_934_400_000_000),
        ] {
            let form = DateForm::of(word.as_bytes()).unwrap();
            assert_eq!(form.read(word.as_bytes()), Some(micros), "{word}");
        }
        for word in [
            "",
            "2020-1-02",
            "2020-13-01",
            "2021-02-29",
            "2020-01-02 24:00:00",
            "2020-01-02 03:04:60",
            "2020/01/02",
            "2020-01-02 03:04:05.1234567",
            "2020-01-02 03:04:05Z",
            " 2020-01-02",
            "2020-01-02x03:04",
            "20200102",
            "2020-01-02 03-04",
        ] {
            assert_eq!(DateForm::of(word.as_bytes()), None, "{word}");
        }
        let day = DateForm::of(b"2020-01-02").unwrap();
        assert_eq!(day.read(b"2020-01-02 00:00"), None);
    }
}
