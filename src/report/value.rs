//! Shows a value on one line.

use std::fmt::Write;

use serde_json::Value;

use super::difference::{ShownText, is_unprintable, pair};
use crate::path::RESOURCE;

/// How many columns of a value are shown in a line with others.
const MOST_SHOWN: usize = 120;

/// How much is shown of the value of a field in a line with others. What is said of a resource as a whole is no value,
/// and is never cut.
pub(super) fn room(path: &str) -> usize {
    if path == RESOURCE {
        usize::MAX
    } else {
        MOST_SHOWN
    }
}

/// A value on one line, cut around the first difference to the value of the other side.
pub(super) fn one_line(value: Option<&Value>, other: Option<&Value>, room: usize) -> String {
    let Some(value) = value else {
        return "<absent>".to_owned();
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => inline(value),
    };
    let [shown, _] = pair(&text(value), &text(other.unwrap_or(value)));
    quoted(shown, value, other.unwrap_or(&Value::Null), room)
}

/// A list or map on one line, as JSON with blanks.
pub(super) fn inline(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", joined(items.iter().map(inline).collect())),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), inline(value))
            };
            format!("{{{}}}", joined(map.iter().map(entry).collect()))
        }
        scalar => scalar.to_string(),
    }
}

/// Adds quotes if the text would be misread without them: if it is empty, has blanks around it or escapes in it, or
/// looks like a value of another type.
pub(super) fn quoted(mut shown: ShownText, value: &Value, other: &Value, room: usize) -> String {
    let Value::String(text) = value else {
        return shown.cut(room, "");
    };
    let reads_otherwise =
        || serde_json::from_str::<Value>(text).is_ok_and(|value| !value.is_string());
    let is_misread = text.is_empty()
        || text.trim() != text
        || text == "<absent>"
        || shown.has_escapes()
        || !other.is_string() && reads_otherwise();
    if is_misread {
        shown.escape_quotes();
        shown.cut(room, "\"")
    } else {
        shown.cut(room, "")
    }
}

/// Escapes control characters, those that change the direction of text, and the bracket of `##[`, which GitHub Actions
/// would take for a command anywhere in a line of a log.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped.replace("##[", "##\\u005b")
}
