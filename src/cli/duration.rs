//! Parses durations: `60`, `90s`, `5m`, `1h30m`.

use std::fmt;
use std::time::Duration;

/// The longest duration: a year. Sums with it stay in the range of every clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Why a text is not a usable duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DurationError {
    /// It is not a duration, or it is less than a second.
    None,
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "expected a duration of at least 1 s, such as 60 or 5m",
            Self::TooLong => "expected a duration of at most 8760h, which is a year",
        })
    }
}

impl std::error::Error for DurationError {}

/// Parses a duration. A number without a unit is in seconds.
pub(super) fn parse(text: &str) -> Result<Duration, DurationError> {
    let duration = match text.parse::<u64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => seconds(text),
    };
    match duration.map(Duration::from_secs) {
        Some(Duration::ZERO) | None => Err(DurationError::None),
        Some(duration) if duration > LONGEST => Err(DurationError::TooLong),
        Some(duration) => Ok(duration),
    }
}

/// The seconds of a sequence of numbers with units.
fn seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let factor = match behind.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return None,
        };
        if number.is_empty() {
            return None;
        }
        // What does not fit is too long in any case.
        let number = number.parse().unwrap_or(u64::MAX);
        sum = sum.saturating_add(number.saturating_mul(factor));
        rest = &behind[1..];
    }
    Some(sum).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_units_are_read() {
        for (text, seconds) in [
            ("1", 1),
            ("60", 60),
            ("90s", 90),
            ("5m", 300),
            ("1h", 3600),
            ("1h30m", 5400),
            ("8760h", 31_536_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_what_one_is() {
        for text in [
            "", "0", "0s", "-1", "1.5h", "5x", "m", "5 m", "1h30", "5min", "\u{663}s",
        ] {
            assert_eq!(parse(text), Err(DurationError::None), "{text}");
        }
        for text in [
            "18446744073709551615",
            "18446744073709551615h",
            "99999999999999999999h",
            "8760h1s",
        ] {
            assert_eq!(parse(text), Err(DurationError::TooLong), "{text}");
        }
    }
}
