//! The meaning of one typed value, regardless of its spelling: `0.5` and `500m` are the same quantity, and two base64
//! texts of the same bytes are equal.
//!
//! It looks at one value, never at its neighbours. The rules are those of Go's and apimachinery's decoders (`Quantity`,
//! `Time`, base64).

use serde_json::Value;

use crate::schema::{Scalar, quantity::Amount};
use crate::yaml::{self, Node, decode_base64};

/// A scalar value, from either side of the comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plain<'a> {
    /// Absent, `null`, a list or a map.
    Nothing,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(&'a str),
}

impl<'a> From<Node<'a>> for Plain<'a> {
    fn from(node: Node<'a>) -> Self {
        match node.value() {
            yaml::Value::Null | yaml::Value::List | yaml::Value::Map => Self::Nothing,
            yaml::Value::Bool(truth) => Self::Bool(truth),
            yaml::Value::Int(number) => Self::Int(number),
            #[allow(
                clippy::cast_precision_loss,
                reason = "no field can hold such a number; the API server refuses it"
            )]
            yaml::Value::Uint(number) => Self::Float(number as f64),
            yaml::Value::Float(number) => Self::Float(number),
            yaml::Value::String(text) => Self::Text(text),
        }
    }
}

impl<'a> From<&'a Value> for Plain<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => number.as_i64().map_or_else(
                || number.as_f64().map_or(Self::Nothing, Self::Float),
                Self::Int,
            ),
            Value::String(text) => Self::Text(text),
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Nothing,
        }
    }
}

impl Plain<'_> {
    /// Whether this is the zero value of its Go type, which is the same as absence unless the field is a pointer.
    #[must_use]
    pub(crate) fn is_zero(self, ty: Scalar) -> bool {
        match self {
            Self::Nothing | Self::Bool(false) | Self::Int(0) | Self::Text("") => true,
            _ if ty == Scalar::Quantity => {
                amount(self, false).is_some_and(|amount| amount.is_zero())
            }
            _ => false,
        }
    }
}

/// Whether two values of this type mean the same. With `milli`, quantities are first rounded up to thousandths, as the
/// API server does for some fields.
#[must_use]
pub(crate) fn same(ty: Scalar, milli: bool, a: Plain<'_>, b: Plain<'_>) -> bool {
    if is_identical(a, b) {
        return true;
    }
    match ty {
        Scalar::Quantity => {
            matches!((amount(a, milli), amount(b, milli)), (Some(a), Some(b)) if a == b)
        }
        Scalar::Time | Scalar::MicroTime => {
            matches!((instant(ty, a), instant(ty, b)), (Some(a), Some(b)) if a == b)
        }
        Scalar::Bytes => matches!((bytes(a), bytes(b)), (Some(a), Some(b)) if a == b),
        Scalar::String | Scalar::Bool | Scalar::Int32 | Scalar::Int64 | Scalar::IntOrString => {
            false
        }
    }
}

/// Compares values of the same variant. Reading has already turned numbers such as `3.0` into integers.
#[allow(
    clippy::float_cmp,
    reason = "both were parsed from text and no arithmetic was done"
)]
fn is_identical(a: Plain<'_>, b: Plain<'_>) -> bool {
    match (a, b) {
        (Plain::Nothing, Plain::Nothing) => true,
        (Plain::Bool(a), Plain::Bool(b)) => a == b,
        (Plain::Int(a), Plain::Int(b)) => a == b,
        (Plain::Float(a), Plain::Float(b)) => a == b,
        (Plain::Text(a), Plain::Text(b)) => a == b,
        _ => false,
    }
}

fn amount(value: Plain<'_>, milli: bool) -> Option<Amount> {
    let amount = match value {
        Plain::Text(text) => Amount::parse(text.trim())?,
        Plain::Int(number) => Amount::parse(&number.to_string())?,
        // The number as JSON writes it, which is what the API server receives.
        Plain::Float(number) => Amount::parse(&Value::from(number).to_string())?,
        Plain::Nothing | Plain::Bool(_) => return None,
    };
    Some(if milli {
        amount.round_up_milli()
    } else {
        amount
    })
}

/// Microseconds since 1970; a `Time` is truncated to seconds.
fn instant(ty: Scalar, value: Plain<'_>) -> Option<i64> {
    let Plain::Text(text) = value else {
        return None;
    };
    let micros = text.parse::<jiff::Timestamp>().ok()?.as_microsecond();
    Some(if ty == Scalar::Time {
        micros.div_euclid(1_000_000) * 1_000_000
    } else {
        micros
    })
}

fn bytes(value: Plain<'_>) -> Option<Vec<u8>> {
    match value {
        Plain::Text(text) => decode_base64(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Plain::{Bool, Int, Nothing, Text};

    #[test]
    fn values_are_compared_by_their_meaning() {
        for (ty, milli, a, b, alike) in [
            (Scalar::Quantity, true, Text("0.5"), Text("500m"), true),
            (Scalar::Quantity, true, Text("1Gi"), Text("1024Mi"), true),
            (Scalar::Quantity, true, Text("0.0001"), Text("1m"), true),
            (Scalar::Quantity, false, Text("0.0001"), Text("1m"), false),
            (Scalar::Quantity, true, Int(1), Text("1000m"), true),
            (
                Scalar::Quantity,
                true,
                Plain::Float(0.5),
                Text("500m"),
                true,
            ),
            (Scalar::Quantity, true, Text("1G"), Text("1Gi"), false),
            (Scalar::IntOrString, false, Text("80"), Int(80), false),
            (Scalar::IntOrString, false, Int(80), Int(80), true),
            (Scalar::String, false, Text(""), Nothing, false),
            (Scalar::Bool, false, Bool(true), Bool(true), true),
            (
                Scalar::Time,
                false,
                Text("2026-01-01T01:00:00.5+01:00"),
                Text("2026-01-01T00:00:00Z"),
                true,
            ),
            (
                Scalar::MicroTime,
                false,
                Text("2026-01-01T00:00:00.5Z"),
                Text("2026-01-01T00:00:00Z"),
                false,
            ),
            (
                Scalar::Bytes,
                false,
                Text("aGVs\nbG8="),
                Text("aGVsbG8="),
                true,
            ),
            (
                Scalar::Bytes,
                false,
                Text("aGVsbG9="),
                Text("aGVsbG8="),
                true,
            ),
            (
                Scalar::Bytes,
                false,
                Text("aGVsbG7="),
                Text("aGVsbG8="),
                false,
            ),
            (
                Scalar::Bytes,
                false,
                Text("aGVsbG"),
                Text("aGVsbG8="),
                false,
            ),
        ] {
            assert_eq!(same(ty, milli, a, b), alike, "{a:?} {b:?}");
        }
    }
}
