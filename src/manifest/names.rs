//! Checks names, label keys and values, annotation keys and `ConfigMap` keys as the API server does.
//!
//! Source: apimachinery `pkg/api/validate/content` and `pkg/api/validation/name.go`. The rules are those of the newest
//! server: a name that only older servers refuse is accepted here.

use std::fmt;

use crate::schema::Kind;

/// The limits for a label, a subdomain, and all annotations together, in bytes.
const LABEL: usize = 63;
const SUBDOMAIN: usize = 253;
pub(super) const ANNOTATIONS: usize = 256 * 1024;
/// The limit for all values of a `ConfigMap` together, in bytes.
pub(super) const CONFIG_MAP: usize = 1024 * 1024;

/// Why the server would refuse a name, a key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    /// The name is longer than this.
    TooLong(usize),
    NoLabel,
    NoSubdomain,
    /// The domain of a key is not one.
    KeyDomain,
    /// The name of a key is longer than this.
    KeyTooLong(usize),
    Key,
    /// The value of a label is longer than this.
    ValueTooLong(usize),
    Value,
    /// A key of a `ConfigMap` is longer than this.
    DataKeyTooLong(usize),
    DataKey,
    DataKeyDots,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(most) => write!(f, "expected a name of at most {most} characters"),
            Self::NoLabel => f.write_str("expected a name of lower-case letters, digits and `-`"),
            Self::NoSubdomain => {
                f.write_str("expected a name of lower-case letters, digits, `-` and `.`")
            }
            Self::KeyDomain => f.write_str(
                "bad key: expected a domain of lower-case letters, digits, `-` and `.` before `/`",
            ),
            Self::KeyTooLong(most) => {
                write!(f, "bad key: expected a name of at most {most} characters")
            }
            Self::Key => write!(f, "bad key: expected a name {WORD}"),
            Self::ValueTooLong(most) => write!(f, "expected a value of at most {most} characters"),
            Self::Value => write!(f, "expected a value {WORD}"),
            Self::DataKeyTooLong(most) => write!(f, "bad key: expected at most {most} characters"),
            Self::DataKey => f.write_str("bad key: expected letters, digits, `-`, `_` and `.`"),
            Self::DataKeyDots => f.write_str("bad key: it must not be `.` or begin with `..`"),
        }
    }
}

impl std::error::Error for NameError {}

/// What a key's name and a label's value consist of, in messages.
const WORD: &str =
    "of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit";

/// Checks the name of an object of this kind.
pub(super) fn check_name(kind: Kind, name: &str) -> Result<(), NameError> {
    match kind {
        Kind::Namespace | Kind::Service => check_label(name),
        Kind::ConfigMap | Kind::Deployment => check_subdomain(name),
    }
}

/// Checks a DNS label: lower-case letters, digits and `-`.
pub(super) fn check_label(name: &str) -> Result<(), NameError> {
    if name.len() > LABEL {
        Err(NameError::TooLong(LABEL))
    } else if is_label(name) {
        Ok(())
    } else {
        Err(NameError::NoLabel)
    }
}

/// Checks DNS labels joined by dots.
fn check_subdomain(name: &str) -> Result<(), NameError> {
    if name.len() > SUBDOMAIN {
        Err(NameError::TooLong(SUBDOMAIN))
    } else if is_subdomain(name) {
        Ok(())
    } else {
        Err(NameError::NoSubdomain)
    }
}

/// Checks the key of a label: a name, optionally after a domain and `/`.
pub(super) fn check_key(key: &str) -> Result<(), NameError> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|p| p.len() > SUBDOMAIN || !is_subdomain(p)) {
        Err(NameError::KeyDomain)
    } else if name.len() > LABEL {
        Err(NameError::KeyTooLong(LABEL))
    } else if is_word(name) {
        Ok(())
    } else {
        Err(NameError::Key)
    }
}

/// Checks the key of an annotation: as for a label, but the domain may have upper-case letters.
pub(super) fn check_annotation_key(key: &str) -> Result<(), NameError> {
    check_key(&key.to_lowercase())
}

/// Checks the value of a label.
pub(super) fn check_label_value(value: &str) -> Result<(), NameError> {
    if value.len() > LABEL {
        Err(NameError::ValueTooLong(LABEL))
    } else if value.is_empty() || is_word(value) {
        Ok(())
    } else {
        Err(NameError::Value)
    }
}

/// Checks a key of a `ConfigMap`'s data.
pub(super) fn check_data_key(key: &str) -> Result<(), NameError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if key.len() > SUBDOMAIN {
        Err(NameError::DataKeyTooLong(SUBDOMAIN))
    } else if key.is_empty() || !key.bytes().all(allowed) {
        Err(NameError::DataKey)
    } else if key == "." || key.starts_with("..") {
        Err(NameError::DataKeyDots)
    } else {
        Ok(())
    }
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    has_ends(text, inner) && text.bytes().all(|b| inner(b) || b == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric();
    has_ends(text, inner)
        && text
            .bytes()
            .all(|b| inner(b) || matches!(b, b'-' | b'_' | b'.'))
}

fn has_ends(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if allowed(*first) && allowed(*last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_the_server_does() {
        let long = "a".repeat(64);
        for (kind, name, good) in [
            (Kind::Deployment, "web", true),
            (Kind::Deployment, "web.a-1", true),
            (Kind::Deployment, &long, true),
            (Kind::Deployment, "web.", false),
            (Kind::Deployment, "a..b", false),
            (Kind::Deployment, "Web", false),
            (Kind::Deployment, "a_b", false),
            (Kind::Deployment, "", false),
            (Kind::Deployment, &"a".repeat(254), false),
            (Kind::Service, "1web", true),
            (Kind::Service, "web.a", false),
            (Kind::Service, &long, false),
            (Kind::Namespace, "x-1", true),
            (Kind::Namespace, "x-", false),
            (Kind::Namespace, "x.y", false),
        ] {
            assert_eq!(check_name(kind, name).is_ok(), good, "{kind} {name}");
        }
    }

    #[test]
    fn keys_and_values_are_checked_as_the_server_does() {
        for (key, good) in [
            ("app", true),
            ("app.kubernetes.io/Name_1", true),
            ("A", true),
            ("a/b/c", false),
            ("-a", false),
            ("A.b/C", false),
            ("a.b/", false),
            ("/a", false),
            ("a..b/c", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(check_key(key).is_ok(), good, "{key}");
        }
        assert!(check_annotation_key("UP.per/Key").is_ok());
        for (value, good) in [
            ("", true),
            ("A_b.c-1", true),
            ("-", false),
            ("x y", false),
            (&"a".repeat(64), false),
        ] {
            assert_eq!(check_label_value(value).is_ok(), good, "{value}");
        }
        for (key, good) in [
            ("a.b", true),
            (".a", true),
            ("-", true),
            ("..a", false),
            (".", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(check_data_key(key).is_ok(), good, "{key}");
        }
    }
}
