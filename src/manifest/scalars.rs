//! Checks whether the API server would decode a value as a given scalar type.

use std::borrow::Cow;
use std::fmt;

use crate::schema::{Scalar, quantity::Amount};
use crate::yaml::{Node, Value, decode_base64};

use super::problem::{one_line, quoted};

/// A value of another type than expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TypeMismatch {
    expected: Cow<'static, str>,
    /// A description of the value.
    found: String,
    /// What to write instead; empty where it is not known.
    hint: String,
}

impl fmt::Display for TypeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            expected,
            found,
            hint,
        } = self;
        write!(f, "expected {expected}, found {found}{hint}")
    }
}

impl std::error::Error for TypeMismatch {}

/// Checks one value.
pub(super) fn check(ty: Scalar, node: Node<'_>) -> Result<(), TypeMismatch> {
    let value = node.value();
    if value == Value::Null {
        // A null declares nothing; in a list or a map it is the type's zero value.
        return Ok(());
    }
    match ty {
        Scalar::String => match value {
            Value::String(_) => Ok(()),
            _ => Err(TypeMismatch {
                hint: quote_it(node),
                ..expected("a string", node)
            }),
        },
        Scalar::Bool => match value {
            Value::Bool(_) => Ok(()),
            _ => Err(expected("true or false", node)),
        },
        Scalar::Int32 => check_int(node, i32::MIN.into(), i32::MAX.into()),
        Scalar::Int64 => check_int(node, i64::MIN, i64::MAX),
        Scalar::IntOrString => match value {
            Value::String(_) => Ok(()),
            Value::Int(_) | Value::Uint(_) | Value::Float(_) => {
                check_int(node, i32::MIN.into(), i32::MAX.into())
            }
            _ => Err(expected("an integer or a string", node)),
        },
        Scalar::Quantity => {
            let is_quantity = match value {
                Value::String(text) => Amount::parse(text).is_some(),
                Value::Int(_) | Value::Uint(_) | Value::Float(_) => true,
                _ => false,
            };
            if is_quantity {
                Ok(())
            } else {
                Err(expected("a quantity such as 500m or 1Gi", node))
            }
        }
        Scalar::Time | Scalar::MicroTime => match value {
            Value::String(text) if is_time(text) => Ok(()),
            _ => Err(expected("a time such as 2026-01-31T12:00:00Z", node)),
        },
        Scalar::Bytes => match value {
            Value::String(text) if decode_base64(text).is_some() => Ok(()),
            _ => Err(expected("base64 with its padding", node)),
        },
    }
}

fn check_int(node: Node<'_>, least: i64, most: i64) -> Result<(), TypeMismatch> {
    let int = match node.value() {
        Value::Int(int) => Some(int),
        // JSON does not distinguish integers from floats: 3.0 is sent as 3.
        #[allow(clippy::cast_precision_loss)]
        Value::Float(float) if float.fract() == 0.0 && float.abs() < i64::MAX as f64 => {
            Some(float as i64)
        }
        Value::Uint(_) => None,
        Value::Float(float) if float.fract() == 0.0 => None,
        _ => return Err(expected("an integer", node)),
    };
    match int {
        Some(int) if (least..=most).contains(&int) => Ok(()),
        _ => Err(expected(format!("an integer from {least} to {most}"), node)),
    }
}

/// The error of a value that is not what was expected.
pub(super) fn expected(what: impl Into<Cow<'static, str>>, node: Node<'_>) -> TypeMismatch {
    TypeMismatch {
        expected: what.into(),
        found: describe(node),
        hint: String::new(),
    }
}

/// Describes a value for a message: a scalar by its source text.
fn describe(node: Node<'_>) -> String {
    match node.value() {
        Value::List => "a list".to_owned(),
        Value::Map => "a map".to_owned(),
        Value::String(text) => quoted(text),
        _ => one_line(
            node.raw()
                .filter(|raw| !raw.is_empty())
                .unwrap_or(&node.to_json().to_string()),
        ),
    }
}

/// The hint to quote a scalar that YAML does not read as a string.
fn quote_it(node: Node<'_>) -> String {
    let json = match node.value() {
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) => {
            node.to_json().to_string()
        }
        _ => return String::new(),
    };
    let raw = node.raw().unwrap_or(&json);
    if raw == json {
        format!("; write {}", quoted(raw))
    } else {
        format!(", which YAML reads as {json}; write {}", quoted(raw))
    }
}

/// Whether the text is an RFC 3339 time as Go reads it: upper-case letters only, and the hour may have one digit.
fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else {
        return false;
    };
    let zero = if time.find(':') == Some(1) { "0" } else { "" };
    date.len() == 10
        && !text.contains(['t', 'z', ' ', '['])
        && format!("{date}T{zero}{time}")
            .parse::<jiff::Timestamp>()
            .is_ok()
}
