//! Quantities such as `500m`, `1.5Gi` or `1e3`, compared by value.
//!
//! The grammar and the rounding are those of apimachinery's `resource.ParseQuantity`, oddities included: everything
//! that the server accepts must parse here.

/// An exact amount: decimal digits and a power of ten. Equal amounts are equal regardless of their spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Amount {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: Vec<u8>,
    /// The power of ten by which the digits, as an integer, are multiplied.
    exponent: i64,
}

/// The factor that a suffix means.
enum Factor {
    Ten(i32),
    /// This power of 1024.
    Binary(u32),
}

/// The smallest power of ten that is kept.
const NANO: i64 = -9;
const MILLI: i64 = -3;

impl Amount {
    /// Parses a quantity; `None` if it is invalid. Digits below nano are rounded away from zero, and a binary quantity
    /// is limited to 2^63-1, as on the server.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, rest) = take_digits(rest);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => take_digits(rest),
            None => ("", rest),
        };
        let factor = factor(suffix)?;
        let mut digits: Vec<u8> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|b| b - b'0')
            .collect();
        let places = i64::try_from(fraction.len()).ok()?;
        Some(match factor {
            Factor::Ten(exponent) => {
                Self::new(negative, digits, i64::from(exponent) - places).round_up(NANO)
            }
            Factor::Binary(times) => {
                (0..times).for_each(|_| multiply(&mut digits, 1024));
                let amount = Self::new(false, digits, -places)
                    .round_up(NANO)
                    .min(Self::largest_binary());
                Self {
                    negative: negative && !amount.digits.is_empty(),
                    ..amount
                }
            }
        })
    }

    /// Rounded away from zero to whole thousandths, as the server does with a container's resources.
    #[must_use]
    pub(crate) fn round_up_milli(&self) -> Self {
        self.clone().round_up(MILLI)
    }

    /// Whether it is zero.
    #[must_use]
    pub(crate) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn new(negative: bool, mut digits: Vec<u8>, mut exponent: i64) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|d| **d == 0).count();
        digits.drain(..zeros);
        if digits.is_empty() {
            return Self {
                negative: false,
                digits,
                exponent: 0,
            };
        }
        Self {
            negative,
            digits,
            exponent,
        }
    }

    fn largest_binary() -> Self {
        Self::new(
            false,
            i64::MAX.to_string().bytes().map(|b| b - b'0').collect(),
            0,
        )
    }

    /// Rounds away from zero to a multiple of a power of ten.
    fn round_up(self, to: i64) -> Self {
        let Some(finer) = usize::try_from(to.saturating_sub(self.exponent))
            .ok()
            .filter(|n| *n > 0)
        else {
            return self;
        };
        if self.is_zero() {
            return self;
        }
        // The last digit is never zero, so rounding is never exact here.
        let mut digits = self.digits;
        digits.truncate(digits.len().saturating_sub(finer));
        add_one(&mut digits);
        Self::new(self.negative, digits, to)
    }

    /// The smaller of two amounts that are not negative.
    fn min(self, other: Self) -> Self {
        if self.size() <= other.size() {
            self
        } else {
            other
        }
    }

    /// Orders amounts that are not negative: by the place of the first digit, then by the digits.
    fn size(&self) -> (i64, &[u8]) {
        let length = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        if self.is_zero() {
            (i64::MIN, &[])
        } else {
            (self.exponent.saturating_add(length), &self.digits)
        }
    }
}

fn take_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

fn factor(suffix: &str) -> Option<Factor> {
    Some(match suffix {
        "n" => Factor::Ten(-9),
        "u" => Factor::Ten(-6),
        "m" => Factor::Ten(-3),
        "" => Factor::Ten(0),
        "k" => Factor::Ten(3),
        "M" => Factor::Ten(6),
        "G" => Factor::Ten(9),
        "T" => Factor::Ten(12),
        "P" => Factor::Ten(15),
        "E" => Factor::Ten(18),
        "Ki" => Factor::Binary(1),
        "Mi" => Factor::Binary(2),
        "Gi" => Factor::Binary(3),
        "Ti" => Factor::Binary(4),
        "Pi" => Factor::Binary(5),
        "Ei" => Factor::Binary(6),
        // A larger exponent is cut to 32 bits, as in Go.
        _ => Factor::Ten(suffix.strip_prefix(['e', 'E'])?.parse::<i64>().ok()? as i32),
    })
}

/// Multiplies an integer given as decimal digits.
fn multiply(digits: &mut Vec<u8>, by: u32) {
    let mut carry = 0;
    for digit in digits.iter_mut().rev() {
        let product = u32::from(*digit) * by + carry;
        *digit = (product % 10) as u8;
        carry = product / 10;
    }
    while carry > 0 {
        digits.insert(0, (carry % 10) as u8);
        carry /= 10;
    }
}

fn add_one(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap_or_else(|| panic!("{text} is a quantity"))
    }

    /// What apimachinery 1.37 makes of each text: its amount, and that rounded up to milli.
    #[test]
    fn amounts_are_those_of_the_server() {
        for (text, exact, milli) in [
            ("0.5", "0.5", "0.5"),
            ("500m", "0.5", "0.5"),
            ("+1", "1", "1"),
            ("5.", "5", "5"),
            (".5", "0.5", "0.5"),
            ("+.5", "0.5", "0.5"),
            ("00.10", "0.10", "0.10"),
            ("+", "0", "0"),
            ("-", "0", "0"),
            (".", "0", "0"),
            ("m", "0", "0"),
            ("Ki", "0", "0"),
            ("E", "0", "0"),
            ("-0", "0", "0"),
            ("0Gi", "0", "0"),
            (" 1 ", "1", "1"),
            ("1E", "1000000000000000000", "1000000000000000000"),
            ("1e3", "1000", "1000"),
            ("1E+3", "1000", "1000"),
            ("1e-3", "0.001", "0.001"),
            ("1e19", "10000000000000000000", "10000000000000000000"),
            ("1e4294967296", "1", "1"),
            ("1Gi", "1073741824", "1073741824"),
            ("1024Mi", "1073741824", "1073741824"),
            ("1.5Ki", "1536", "1536"),
            (".5Gi", "536870912", "536870912"),
            ("0.1Gi", "107374182.4", "107374182.4"),
            ("1.0001Gi", "1073849198.1824", "1073849198.183"),
            ("8Ei", "9223372036854775807", "9223372036854775807"),
            ("-9Ei", "-9223372036854775807", "-9223372036854775807"),
            (
                "7.9999999999999999999999Ei",
                "9223372036854775807",
                "9223372036854775807",
            ),
            (
                "12345678901234567890.Ki",
                "9223372036854775807",
                "9223372036854775807",
            ),
            (
                "12345678901234567890",
                "12345678901234567890",
                "12345678901234567890",
            ),
            (
                "1000000000000000000000k",
                "1000000000000000000000000",
                "1000000000000000000000000",
            ),
            (".12345678901234567890123", "0.123456790", "0.124"),
            (
                "1.23456789012345678901234567Gi",
                "1325607178.192992078",
                "1325607178.193",
            ),
            ("0.0000000000000000000001Ki", "0.000000001", "0.001"),
            ("0.1n", "0.000000001", "0.001"),
            ("-0.1n", "-0.000000001", "-0.001"),
            ("0.5m", "0.0005", "0.001"),
            ("-1.5m", "-0.0015", "-0.002"),
            ("999.9999999999m", "1", "1"),
            ("1.0000000001", "1.000000001", "1.001"),
        ] {
            assert_eq!(amount(text), amount(exact), "{text}");
            assert_eq!(amount(text).round_up_milli(), amount(milli), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_has_no_amount() {
        for text in [
            "",
            " ",
            "e",
            "1e",
            "1Ee",
            "1e+",
            "0x1",
            "1_0",
            "1 Gi",
            "1K",
            "1ki",
            "1KB",
            "1..2",
            "1.2.3",
            "1e5.5",
            "1ee5",
            "1Em5",
            "++1",
            "--1",
            "1e9223372036854775808",
            "one",
            "١",
        ] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn huge_exponents_cost_nothing() {
        assert_eq!(amount("1e-2000000000"), amount("1n"));
        assert_ne!(amount("1e2000000000"), amount("1e2000000001"));
        assert_eq!(amount("10e2000000000"), amount("1e2000000001"));
    }

    /// Thousandths of a unit, as a text: `1500` is `1.5`.
    fn thousandths(count: i128) -> String {
        format!(
            "{}{}.{:03}",
            if count < 0 { "-" } else { "" },
            count.abs() / 1000,
            count.abs() % 1000
        )
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+0-9.eEinumkKMGTP]{0,30}") {
            if let Some(amount) = Amount::parse(&text) {
                let milli = amount.round_up_milli();
                prop_assert_eq!(milli.round_up_milli(), milli);
            }
        }

        #[test]
        fn a_suffix_multiplies(count in -1_000_000_000_i64..1_000_000_000, suffix in 0_usize..11) {
            let suffixes: [(&str, i128); 11] = [
                ("m", 1), ("", 1000), ("k", 1_000_000), ("M", 10_i128.pow(9)), ("G", 10_i128.pow(12)),
                ("T", 10_i128.pow(15)), ("e3", 1_000_000), ("E-1", 100), ("Ki", 1000 << 10), ("Mi", 1000 << 20),
                ("Gi", 1000 << 30),
            ];
            let (name, factor) = suffixes[suffix];
            let plain = thousandths(i128::from(count) * factor);
            prop_assert_eq!(amount(&format!("{count}{name}")), amount(&plain));
        }

        #[test]
        fn rounding_up_is_the_next_thousandth(millionths in 0_i128..1_000_000_000_000) {
            let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
            let up = thousandths((millionths + 999) / 1000);
            prop_assert_eq!(amount(&text).round_up_milli(), amount(&up));
            prop_assert_eq!(amount(&format!("-{text}")).round_up_milli(), amount(&format!("-{up}")));
        }

        #[test]
        fn zeros_change_nothing(whole in 0_u64..1_000_000, places in 0_usize..5, before in 0_usize..30, after in 0_usize..30) {
            let text = format!("{whole}.{:05}", whole % 10_u64.pow(places as u32));
            let padded = format!("{}{text}{}", "0".repeat(before), "0".repeat(after));
            prop_assert_eq!(amount(&text), amount(&padded));
        }
    }
}
