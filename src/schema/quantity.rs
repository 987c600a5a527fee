//! Quantities such as `500m`, `1.5Gi` or `1e3`: their amounts, compared by value.
//!
//! The grammar and the rounding are those of apimachinery's `resource.ParseQuantity`, oddities included: what the
//! server takes must have an amount here.

/// An exact amount: decimal digits and a power of ten. Equal amounts are equal however they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: Vec<u8>,
    /// The power of ten that the digits, read as a whole number, are multiplied with.
    exponent: i64,
}

/// What a suffix multiplies with.
enum Factor {
    Ten(i32),
    /// So many times 1024.
    Binary(u32),
}

/// The power of ten below which nothing is kept.
const NANO: i64 = -9;
const MILLI: i64 = -3;

impl Amount {
    /// Reads a quantity; `None` if it is none. What is finer than nano is rounded away from zero, and a binary
    /// quantity ends at 2^63-1, as on the server.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
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
    pub fn round_up_milli(&self) -> Self {
        self.clone().round_up(MILLI)
    }

    /// Whether it is nothing at all.
    #[must_use]
    pub fn is_zero(&self) -> bool {
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
        // The last digit is never zero: something is always cut off.
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

/// Multiplies a whole number of decimal digits.
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
