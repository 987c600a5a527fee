//! Writes values as text: YAML in the style of the file, or JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::yaml::{self, Style};

/// The style of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// What ends a line.
    pub(super) newline: &'static str,
    /// The indentation of a map below its key.
    pub(super) step: usize,
    /// The indentation of a list's dashes below its key.
    pub(super) dash_step: usize,
    /// The blanks between a dash and its item.
    pub(super) dash_gap: usize,
    /// It is JSON.
    pub(super) is_json: bool,
}

/// Where a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarPlace {
    /// Below a key or a dash in this column.
    Block(usize),
    /// In braces or brackets.
    Flow,
}

impl Manner {
    /// A scalar, or an empty collection, that takes the place of one of this style.
    pub(super) fn scalar(&self, value: &Value, old: Style, around: ScalarPlace) -> String {
        match value {
            Value::String(text) if self.is_json => in_double_quotes(text),
            Value::String(text) => self.text(text, old, around),
            Value::Array(_) | Value::Object(_) => self.flow(value),
            _ => value.to_string(),
        }
    }

    fn text(&self, text: &str, old: Style, around: ScalarPlace) -> String {
        match (old, around) {
            (Style::SingleQuoted, _) if fits_single_quotes(text) => return in_single_quotes(text),
            (Style::DoubleQuoted, _) | (Style::SingleQuoted, ScalarPlace::Flow) => {
                return in_double_quotes(text);
            }
            (_, ScalarPlace::Block(column)) if text.contains('\n') => {
                if let Some(literal) = self.literal(text, column, column + self.step) {
                    return literal;
                }
            }
            _ => {}
        }
        if is_plain_text(text, around) {
            return text.to_owned();
        }
        if fits_single_quotes(text) && text.contains(['"', '\\']) && !text.contains('\'') {
            return in_single_quotes(text);
        }
        in_double_quotes(text)
    }

    /// A text behind `|`, below a key or dash in the column `around`, with its lines in the column `column`. `None` where
    /// it is not allowed there.
    pub(super) fn literal(&self, text: &str, around: usize, column: usize) -> Option<String> {
        let is_allowed = |c: char| c == '\n' || c == '\t' || !is_special(c);
        let body = text.trim_end_matches('\n');
        if body.is_empty() || !text.chars().all(is_allowed) {
            return None;
        }
        let begins_blank = text.starts_with([' ', '\t', '\n']);
        let indicator = match column.checked_sub(around) {
            Some(indentation @ 1..=9) if begins_blank => indentation.to_string(),
            _ if begins_blank => return None,
            _ => String::new(),
        };
        let trailing = text.len() - body.len();
        let chomp = match trailing {
            0 => "-",
            1 => "",
            _ => "+",
        };
        let mut literal = format!("|{indicator}{chomp}");
        for line in body.split('\n') {
            literal.push_str(self.newline);
            if !line.is_empty() {
                let _ = write!(literal, "{:column$}{line}", "");
            }
        }
        // Further line breaks are empty lines; the last one is that of the line itself.
        for _ in 1..trailing {
            literal.push_str(self.newline);
        }
        Some(literal)
    }

    /// A key.
    pub(super) fn key(&self, key: &str, around: ScalarPlace) -> String {
        if self.is_json || !is_plain_key(key, around) {
            in_double_quotes(key)
        } else {
            key.to_owned()
        }
    }

    /// An entry of a block map whose keys are in this column. The first line is not indented and the last not ended.
    pub(super) fn entry(&self, key: &str, value: &Value, column: usize) -> String {
        let key = self.key(key, ScalarPlace::Block(column));
        format!("{key}:{}", self.behind_key(value, column))
    }

    /// The text after the `:` of a key in this column.
    pub(super) fn behind_key(&self, value: &Value, column: usize) -> String {
        match value {
            Value::Object(map) if !map.is_empty() => {
                let column = column + self.step;
                self.on_own_lines(&self.map(map, column), column)
            }
            Value::Array(items) if !items.is_empty() => {
                let column = column + self.dash_step;
                self.on_own_lines(&self.list(items, column), column)
            }
            _ => format!(
                " {}",
                self.scalar(value, Style::Plain, ScalarPlace::Block(column))
            ),
        }
    }

    fn on_own_lines(&self, text: &str, column: usize) -> String {
        format!("{}{:2$}{text}", self.newline, "", column)
    }

    /// An item of a block list, with a dash in this column and this many blanks behind it.
    pub(super) fn item(&self, value: &Value, column: usize, gap: usize) -> String {
        let blanks = " ".repeat(gap);
        let text = match value {
            Value::Object(map) if !map.is_empty() => self.map(map, column + 1 + gap),
            Value::Array(_) => self.flow(value),
            _ => self.scalar(value, Style::Plain, ScalarPlace::Block(column)),
        };
        format!("-{blanks}{text}")
    }

    /// The entries of a map with keys in this column.
    fn map(&self, map: &Map<String, Value>, column: usize) -> String {
        let entries = in_order(map).map(|(key, value)| self.entry(key, value, column));
        self.lines(entries, column)
    }

    fn list(&self, items: &[Value], column: usize) -> String {
        let items = items
            .iter()
            .map(|item| self.item(item, column, self.dash_gap));
        self.lines(items, column)
    }

    /// Puts parts on lines that begin in this column.
    pub(super) fn lines(&self, parts: impl Iterator<Item = String>, column: usize) -> String {
        let between = format!("{}{:2$}", self.newline, "", column);
        parts.collect::<Vec<_>>().join(&between)
    }

    /// A value in one line.
    pub(super) fn flow(&self, value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let entries = in_order(map).map(|(key, value)| self.flow_entry(key, value));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            Value::Array(items) => {
                let items = items.iter().map(|item| self.flow(item));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }
            _ => self.scalar(value, Style::Plain, ScalarPlace::Flow),
        }
    }

    /// An entry of a map in braces.
    pub(super) fn flow_entry(&self, key: &str, value: &Value) -> String {
        let key = self.key(key, ScalarPlace::Flow);
        format!("{key}: {}", self.flow(value))
    }
}

/// The entries of a map: by key, the name first.
fn in_order(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let name = map.get_key_value("name");
    let others = map.iter().filter(|(key, _)| *key != "name");
    name.into_iter().chain(others)
}

/// Whether a character can only be written as an escape.
fn is_special(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}'
        )
}

fn fits_single_quotes(text: &str) -> bool {
    !text.chars().any(is_special)
}

fn in_single_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// In double quotes, with escapes that YAML and JSON share.
fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_special(c) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text means itself without quotes, to kubectl and to any other reader of YAML.
fn is_plain_text(text: &str, around: ScalarPlace) -> bool {
    if text.chars().any(is_special) || looks_typed(text) {
        return false;
    }
    let (document, is_key) = match around {
        ScalarPlace::Block(_) => (format!("k: {text}\n"), true),
        ScalarPlace::Flow => (format!("[{text}]\n"), false),
    };
    let stream = yaml::read(document.into_bytes());
    let [document] = &stream.documents[..] else {
        return false;
    };
    let root = stream.tree.node(document.root);
    let node = if is_key {
        root.get("k")
    } else {
        root.items().next().filter(|_| root.len() == 1)
    };
    node.is_some_and(|node| node.is_plain() && node.as_str() == Some(text))
        && stream.problems.is_empty()
}

fn is_plain_key(key: &str, around: ScalarPlace) -> bool {
    !key.contains(['{', '}', '[', ']', ',', '#', ':'])
        && is_plain_text(key, around)
        && !key.starts_with(['?', '<'])
}

/// Whether a reader of YAML 1.1 or 1.2 might take a text for another type: a boolean, null, a number, a time.
fn looks_typed(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    let words = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".nan",
    ];
    if text.is_empty() || words.contains(&word.as_str()) {
        return true;
    }
    let unsigned = word.trim_start_matches(['+', '-']);
    let parts: Vec<&str> = unsigned.split(['.', ':', '_', '-']).collect();
    let is_digits = |part: &&str| part.bytes().all(|c| c.is_ascii_digit());
    let is_number = unsigned.parse::<f64>().is_ok()
        || ["0x", "0o", "0b"].iter().any(|prefix| {
            unsigned
                .strip_prefix(prefix)
                .is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit() || c == b'_'))
        });
    // `12:30:45` counts in sixties, `1_000` is a thousand, and `2001-01-01` is a day; an address has more dots.
    let has_parts = unsigned.contains([':', '_', '-']) && parts.iter().all(is_digits);
    let is_time = unsigned.len() > 10
        && parts.len() > 3
        && parts[..2].iter().all(is_digits)
        && unsigned.as_bytes()[4] == b'-';
    is_number || has_parts || is_time
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const YAML: Manner = Manner {
        newline: "\n",
        step: 2,
        dash_step: 0,
        dash_gap: 1,
        is_json: false,
    };

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        for (text, expected) in [
            ("nginx:1.25", "nginx:1.25"),
            ("a b", "a b"),
            ("10.0.0.1", "10.0.0.1"),
            ("500m", "500m"),
            ("/etc/x", "/etc/x"),
            ("1.25-alpine", "1.25-alpine"),
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("yEs", "\"yEs\""),
            ("80", "\"80\""),
            ("0o17", "\"0o17\""),
            ("1e3", "\"1e3\""),
            ("12:30:45", "\"12:30:45\""),
            ("1_000", "\"1_000\""),
            ("2001-01-01", "\"2001-01-01\""),
            ("2001-01-01T10:00:00Z", "\"2001-01-01T10:00:00Z\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("- a", "\"- a\""),
            ("*a", "\"*a\""),
            (" a", "\" a\""),
            ("say \"x\"", "say \"x\""),
            ("\"x\"", "'\"x\"'"),
            ("a\tb\u{7}", "\"a\\tb\\u0007\""),
        ] {
            let found = YAML.scalar(&json!(text), Style::Plain, ScalarPlace::Block(0));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn the_old_style_stays_where_it_can() {
        for (old, text, around, expected) in [
            (
                Style::SingleQuoted,
                "it's",
                ScalarPlace::Block(0),
                "'it''s'",
            ),
            (Style::DoubleQuoted, "a", ScalarPlace::Flow, "\"a\""),
            (Style::SingleQuoted, "a\nb", ScalarPlace::Flow, "\"a\\nb\""),
            (Style::Plain, "a, b", ScalarPlace::Block(0), "a, b"),
            (Style::Plain, "a, b", ScalarPlace::Flow, "\"a, b\""),
            (
                Style::Plain,
                "a\nb\n",
                ScalarPlace::Block(2),
                "|\n    a\n    b",
            ),
            (
                Style::Literal,
                "a\n\nb",
                ScalarPlace::Block(0),
                "|-\n  a\n\n  b",
            ),
            (Style::Literal, " a\n", ScalarPlace::Block(0), "|2\n   a"),
            (Style::Literal, "a\n\n", ScalarPlace::Block(0), "|+\n  a\n"),
            (
                Style::Literal,
                "a\rb\n",
                ScalarPlace::Block(0),
                "\"a\\rb\\n\"",
            ),
        ] {
            assert_eq!(YAML.scalar(&json!(text), old, around), expected);
        }
    }

    #[test]
    fn collections_are_written_in_the_manner_of_the_file() {
        let value = json!({"image": "x", "name": "web", "args": ["a", "b"], "empty": {}});
        assert_eq!(
            YAML.item(&value, 2, 1),
            "- name: web\n    args:\n    - a\n    - b\n    empty: {}\n    image: x"
        );
        assert_eq!(
            YAML.flow(&value),
            "{name: web, args: [a, b], empty: {}, image: x}"
        );
        let json = Manner {
            is_json: true,
            ..YAML
        };
        assert_eq!(json.flow(&json!({"a": ["b", 1]})), "{\"a\": [\"b\", 1]}");
    }
}
