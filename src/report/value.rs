//! How a value reads in the text report.

use std::fmt::Write;

use serde_json::Value;

/// How many characters of a long text are shown.
const LONGEST: usize = 120;

/// A value in one line, or several below it.
pub(super) enum Shown {
    /// In one line.
    Line(String),
    /// As YAML.
    Block(String),
}

/// How a value reads beside the one of the other side.
pub(super) fn show(value: Option<&Value>, other: Option<&Value>) -> Shown {
    match value {
        None => Shown::Line("<absent>".to_owned()),
        Some(Value::String(text)) => Shown::Line(string(text, other)),
        Some(value @ Value::Array(items)) if items.is_empty() => Shown::Line(value.to_string()),
        Some(value @ Value::Object(map)) if map.is_empty() => Shown::Line(value.to_string()),
        Some(value @ (Value::Array(_) | Value::Object(_))) => Shown::Block(yaml(value)),
        Some(scalar) => Shown::Line(scalar.to_string()),
    }
}

fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value)
        .map_or_else(|_| value.to_string(), |text| escape_lines(text.trim_end()))
}

/// Quoted where it would be misread: empty, like another type beside the other side, or with characters that do not
/// show.
fn string(text: &str, other: Option<&Value>) -> String {
    let beside_another_type = other.is_some_and(|value| !value.is_string());
    let reads_otherwise = serde_json::from_str::<Value>(text).is_ok_and(|value| !value.is_string());
    let is_hidden =
        text.is_empty() || text.trim() != text || text.contains(is_invisible) || text == "<absent>";
    let shown = shorten(text);
    if is_hidden || beside_another_type && reads_otherwise {
        quoted(&shown)
    } else {
        shown
    }
}

fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(LONGEST - 20).collect();
    format!("{beginning}… ({count} characters)")
}

fn quoted(text: &str) -> String {
    escape(&Value::from(text).to_string())
}

/// Control characters, and those that change the direction of what follows, as escapes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(value: &Value, other: &Value) -> String {
        match show(Some(value), Some(other)) {
            Shown::Line(line) | Shown::Block(line) => line,
        }
    }

    #[test]
    fn strings_are_quoted_only_where_they_could_be_misread() {
        for (value, other, expected) in [
            (json!("80"), json!(80), "\"80\""),
            (json!(80), json!("80"), "80"),
            (json!("80"), json!("81"), "80"),
            (json!("http"), json!(80), "http"),
            (json!("true"), json!(true), "\"true\""),
            (json!(""), json!("x"), "\"\""),
            (json!(" x"), json!("x"), "\" x\""),
            (json!("a\nb"), json!("x"), "\"a\\nb\""),
            (json!("a\u{1b}[31m"), json!("x"), "\"a\\u001b[31m\""),
            (json!("a\u{202e}b"), json!("x"), "\"a\\u202eb\""),
            (json!("<absent>"), json!("x"), "\"<absent>\""),
            (json!([]), json!(["a"]), "[]"),
            (json!(["a"]), json!([]), "- a"),
            (json!({"a": {"b": 1}}), json!(1), "a:\n  b: 1"),
        ] {
            assert_eq!(line(&value, &other), expected);
        }
    }
}
