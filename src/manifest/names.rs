//! Checks names, label keys and values, annotation keys and `ConfigMap` keys as the API server does.
//!
//! Source: apimachinery `pkg/api/validate/content` and `pkg/api/validation/name.go`. The rules are those of the newest
//! server: a name that only older servers refuse is accepted here.

use crate::schema::Kind;

/// The limits for a label, a subdomain, and all annotations together, in bytes.
const LABEL: usize = 63;
const SUBDOMAIN: usize = 253;
pub(super) const ANNOTATIONS: usize = 256 * 1024;
/// The limit for all values of a `ConfigMap` together, in bytes.
pub(super) const CONFIG_MAP: usize = 1024 * 1024;

/// Checks the name of an object of this kind.
pub(super) fn check_name(kind: Kind, name: &str) -> Result<(), String> {
    match kind {
        Kind::Namespace | Kind::Service => check_label(name),
        Kind::ConfigMap | Kind::Deployment => check_subdomain(name),
    }
}

/// Checks a DNS label: lower-case letters, digits and `-`.
pub(super) fn check_label(name: &str) -> Result<(), String> {
    if name.len() > LABEL {
        return Err(format!("expected a name of at most {LABEL} characters"));
    }
    if is_label(name) {
        Ok(())
    } else {
        Err("expected a name of lower-case letters, digits and `-`".to_owned())
    }
}

/// Checks DNS labels joined by dots.
fn check_subdomain(name: &str) -> Result<(), String> {
    if name.len() > SUBDOMAIN {
        return Err(format!("expected a name of at most {SUBDOMAIN} characters"));
    }
    if is_subdomain(name) {
        Ok(())
    } else {
        Err("expected a name of lower-case letters, digits, `-` and `.`".to_owned())
    }
}

/// Checks the key of a label: a name, optionally after a domain and `/`.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|p| p.len() > SUBDOMAIN || !is_subdomain(p)) {
        return Err(
            "bad key: expected a domain of lower-case letters, digits, `-` and `.` before `/`"
                .to_owned(),
        );
    }
    if name.len() > LABEL {
        return Err(format!(
            "bad key: expected a name of at most {LABEL} characters"
        ));
    }
    if name.is_empty() || !is_word(name) {
        return Err("bad key: expected a name of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit".to_owned());
    }
    Ok(())
}

/// Checks the key of an annotation: as for a label, but the domain may have upper-case letters.
pub(super) fn check_annotation_key(key: &str) -> Result<(), String> {
    check_key(&key.to_lowercase())
}

/// Checks the value of a label.
pub(super) fn check_label_value(value: &str) -> Result<(), String> {
    if value.len() > LABEL {
        return Err(format!("expected a value of at most {LABEL} characters"));
    }
    if value.is_empty() || is_word(value) {
        return Ok(());
    }
    Err("expected a value of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit".to_owned())
}

/// Checks a key of a `ConfigMap`'s data.
pub(super) fn check_data_key(key: &str) -> Result<(), String> {
    if key.len() > SUBDOMAIN {
        return Err(format!("bad key: expected at most {SUBDOMAIN} characters"));
    }
    if key.is_empty()
        || !key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    {
        return Err("bad key: expected letters, digits, `-`, `_` and `.`".to_owned());
    }
    if key == "." || key.starts_with("..") {
        return Err("bad key: it must not be `.` or begin with `..`".to_owned());
    }
    Ok(())
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
