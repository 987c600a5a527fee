//! Resolves scalars to values: YAML 1.1 as Go's yaml.v2 reads it, after the conversion to JSON and back.

use std::borrow::Cow;
use std::fmt;

use super::excerpt;
use super::timestamp::is_timestamp;

/// The tag of a value, as far as it affects how the value is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tag {
    None,
    /// `!`: always a string.
    NonSpecific,
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// Any other tag: a scalar is always a string.
    Other,
}

impl Tag {
    pub(super) fn from_name(name: &str) -> Self {
        match name.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Self::Str,
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("null") => Self::Null,
            Some("timestamp") => Self::Timestamp,
            Some("binary") => Self::Binary,
            Some("merge") => Self::Merge,
            _ if name == "!" => Self::NonSpecific,
            _ => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Str => "a string",
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Null => "null",
            Self::Timestamp => "a timestamp",
            _ => "another type",
        }
    }
}

/// The value of a scalar. For a string, it is the text of the scalar.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum ScalarValue {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str,
}

/// Resolves an unquoted scalar without a tag.
#[inline]
pub(super) fn plain(text: &str) -> ScalarValue {
    let Some(&first) = text.as_bytes().first() else {
        return ScalarValue::Null;
    };
    match first {
        b'0'..=b'9' | b'+' | b'-' => signed_special(text).unwrap_or_else(|| number(text)),
        b'.' => dotted(text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        _ => ScalarValue::Str,
    }
}

fn word(text: &str) -> ScalarValue {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            ScalarValue::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            ScalarValue::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => ScalarValue::Null,
        _ => ScalarValue::Str,
    }
}

fn signed_special(text: &str) -> Option<ScalarValue> {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => Some(ScalarValue::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => Some(ScalarValue::Float(f64::NEG_INFINITY)),
        _ => None,
    }
}

/// Resolves a scalar that begins with a dot: a float in Go's syntax, which allows `_` between digits.
fn dotted(text: &str) -> ScalarValue {
    match text {
        ".nan" | ".NaN" | ".NAN" => return ScalarValue::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" => return ScalarValue::Float(f64::INFINITY),
        _ => {}
    }
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        let digit = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_digit() || *c == b'_');
        bytes[at - 1].is_ascii_digit() && digit(bytes.get(at + 1))
    };
    for (at, &c) in bytes.iter().enumerate() {
        if c == b'_' && !between_digits(at) {
            return ScalarValue::Str;
        }
    }
    float(&without_underscores(text)).map_or(ScalarValue::Str, ScalarValue::Float)
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Resolves a scalar that begins with a digit or a sign.
pub(super) fn number(text: &str) -> ScalarValue {
    // Most strings that begin with a digit are dates, addresses, versions or hashes.
    if text.len() > 1
        && !text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.' | b'_'))
    {
        return ScalarValue::Str;
    }
    let text = without_underscores(text);
    if let Some(value) = integer(&text) {
        return value;
    }
    if let Some(value) = float(&text) {
        return ScalarValue::Float(value);
    }
    // Go's yaml.v2 accepts a sign after `0b`.
    let binary = text
        .strip_prefix("0b")
        .and_then(|digits| i64::from_str_radix(digits, 2).ok());
    binary.map_or(ScalarValue::Str, ScalarValue::Int)
}

/// An integer with Go's prefixes: `0x`, `0o`, `0b`, and a bare `0` for octal.
fn integer(text: &str) -> Option<ScalarValue> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let bytes = digits.as_bytes();
    let (digits, radix) = match bytes {
        [b'0', b'b' | b'B', _, ..] => (&digits[2..], 2),
        [b'0', b'o' | b'O', _, ..] => (&digits[2..], 8),
        [b'0', b'x' | b'X', _, ..] => (&digits[2..], 16),
        [b'0'] => return Some(ScalarValue::Int(0)),
        [b'0', ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    let magnitude = unsigned(digits, radix)?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(ScalarValue::Int);
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(ScalarValue::Int(value)),
        // Above the signed range, Go parses the digits again as an unsigned integer.
        Err(_) if !text.starts_with('+') => Some(ScalarValue::Uint(magnitude)),
        Err(_) => None,
    }
}

fn unsigned(digits: &str, radix: u32) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|c| char::from(c).is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Parses a decimal float; `None` if it is too large.
fn float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digits_from = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut at = digits_from(sign);
    let whole = at - sign;
    if bytes.get(at) == Some(&b'.') {
        let end = digits_from(at + 1);
        if whole == 0 && end == at + 1 {
            return None;
        }
        at = end;
    } else if whole == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let end = digits_from(at);
        if end == at {
            return None;
        }
        at = end;
    }
    if at != bytes.len() {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A scalar that does not fit its tag.
#[derive(Debug)]
pub(super) struct TagMismatch<'t> {
    tag: Tag,
    text: &'t str,
}

impl fmt::Display for TagMismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (required, found) = (self.tag.name(), excerpt(self.text));
        write!(
            f,
            "expected {required}, as the tag requires, found `{found}`"
        )
    }
}

impl std::error::Error for TagMismatch<'_> {}

/// Resolves a scalar with a tag. Fails where the text does not fit the tag.
pub(super) fn tagged(tag: Tag, text: &str) -> Result<ScalarValue, TagMismatch<'_>> {
    match tag {
        Tag::None => return Ok(plain(text)),
        Tag::NonSpecific | Tag::Str | Tag::Binary | Tag::Merge | Tag::Other => {
            return Ok(ScalarValue::Str);
        }
        Tag::Timestamp if is_timestamp(text) => return Ok(ScalarValue::Str),
        _ => {}
    }
    let value = plain(text);
    match (tag, value) {
        (Tag::Null, ScalarValue::Null)
        | (Tag::Bool, ScalarValue::Bool(_))
        | (Tag::Int, ScalarValue::Int(_) | ScalarValue::Uint(_))
        | (Tag::Float, ScalarValue::Float(_)) => Ok(value),
        #[expect(
            clippy::cast_precision_loss,
            reason = "the tag requires the conversion"
        )]
        (Tag::Float, ScalarValue::Int(value)) => Ok(ScalarValue::Float(value as f64)),
        _ => Err(TagMismatch { tag, text }),
    }
}

/// Converts a number to JSON and back: an integer if the text that Go's encoder writes for it is one.
pub(super) fn through_json(value: ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::Float(float) if float.fract() == 0.0 && float.abs() < 1e19 => {
            // Go writes the shortest digits that parse to the same float, then zeros. So does Rust.
            match format!("{float}").parse() {
                Ok(int) => ScalarValue::Int(int),
                Err(_) => value,
            }
        }
        _ => value,
    }
}

/// The text of a key that is not a string; `None` for null and integers above the signed range, which cannot be keys.
pub(super) fn key_text(value: ScalarValue) -> Option<Cow<'static, str>> {
    match value {
        ScalarValue::Null | ScalarValue::Uint(_) | ScalarValue::Str => None,
        ScalarValue::Bool(true) => Some("true".into()),
        ScalarValue::Bool(false) => Some("false".into()),
        ScalarValue::Int(int) => Some(int.to_string().into()),
        ScalarValue::Float(float) => Some(go_float32(float).into()),
    }
}

/// Formats a float as Go's `%g` does with 32 bits, which is how Go writes keys.
#[expect(
    clippy::cast_possible_truncation,
    reason = "Go writes keys with 32 bits"
)]
fn go_float32(value: f64) -> String {
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::ScalarValue::{Bool, Float, Int, Null, Str, Uint};
    use super::*;

    #[test]
    fn plain_scalars_mean_what_they_mean_to_go() {
        for (texts, value) in [
            ("y Y yes Yes YES true True TRUE on On ON", Bool(true)),
            ("n N no No NO false False FALSE off Off OFF", Bool(false)),
            ("~ null Null NULL", Null),
            (
                "yEs tRue nULL oN a -a 1a << = * 12:30 2001-01-01 1.2.3 1,000",
                Str,
            ),
            (
                "1234e567 0x 0xg 0b2 0o8 1e 1e+ . .e1 - + 1__a .5_ ._5 .5__5 0x1p4",
                Str,
            ),
            ("8 08 010 0o10 0x8 0b1000 +8 8.0 0_1_0 8_.0e0", Int(8)),
            ("-8 -010 -0x8 -0b1000 0b-1000", Int(-8)),
            ("9223372036854775808 0x8000000000000000", Uint(1 << 63)),
            (
                "18446744073709551616 +18446744073709551616",
                Float(18_446_744_073_709_551_616.0),
            ),
            (".5 +.5 0.5 5e-1 .5e0 5_0e-2 .5_0", Float(0.5)),
            (".inf .Inf .INF +.inf", Float(f64::INFINITY)),
        ] {
            for text in texts.split(' ') {
                assert_eq!(through_json(plain(text)), through_json(value), "{text}");
            }
        }
        assert_eq!(plain(""), Null);
    }

    #[test]
    fn keys_are_written_as_go_writes_them() {
        for (text, key) in [
            ("010", "8"),
            ("yes", "true"),
            ("1.50", "1.5"),
            ("1e5", "100000"),
            ("1e6", "1e+06"),
            ("123456789.0", "1.2345679e+08"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("-.inf", "-.inf"),
            (".nan", ".nan"),
            ("1e300", ".inf"),
        ] {
            assert_eq!(key_text(plain(text)).as_deref(), Some(key), "{text}");
        }
        assert_eq!(key_text(plain("18446744073709551615")), None);
        assert_eq!(key_text(Null), None);
    }
}
