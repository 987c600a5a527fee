//! How the two values of a field read beside each other: in a line each, or as the lines that differ.

use std::io::{self, Write};

use serde_json::Value;

use super::lines::{LineDiff, LineList, size, write_alone};
use super::style::{TextRole, TextStyle};
use crate::report::difference::pair;
use crate::report::value::{inline, quoted};

/// Lists and maps that take no more room than this are shown in one line.
const MOST_INLINE: usize = 60;
/// What stands before a value.
const INDENTATION: usize = "      desired : ".len();

/// What a field should be, and what it is. `label` is `live`, or `was` where it is no longer.
pub(super) fn write(
    desired: Option<&Value>,
    live: Option<&Value>,
    label: &str,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    match (desired, live) {
        (Some(desired), Some(live)) => both(desired, live, label, style, out),
        (Some(desired), None) => {
            alone(desired, "desired", TextRole::Desired, style, out)?;
            write_line(label, &absent(TextRole::Live, style), style, out)
        }
        (None, live) => {
            write_line("desired", &absent(TextRole::Desired, style), style, out)?;
            match live {
                Some(live) => alone(live, label, TextRole::Live, style, out),
                None => write_line(label, &absent(TextRole::Live, style), style, out),
            }
        }
    }
}

/// One line below a field.
pub(super) fn write_line(
    label: &str,
    text: &str,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let label = style.paint(TextRole::Aside, format_args!("{label:<7} :"));
    writeln!(out, "      {label} {text}")
}

fn absent(role: TextRole, style: TextStyle) -> String {
    style.paint(role, "<absent>")
}

fn both(
    desired: &Value,
    live: &Value,
    label: &str,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    if let Some([desired_ends, live_ends]) = line_ends(desired, live) {
        write_line("desired", &desired_ends, style, out)?;
        return write_line(label, &live_ends, style, out);
    }
    let room = style.room(INDENTATION);
    if let (Some(one), Some(other)) = (one_line(desired), one_line(live)) {
        let texts = pair(&one, &other);
        let parts = [&other, &one].map(|text| parts(text));
        let [shown_live, shown_desired] = &texts;
        let is_seen = shown_live.is_seen_in(room) && shown_desired.is_seen_in(room);
        if is_seen || parts.iter().any(|parts| parts.lines.len() < 4) {
            let [desired_text, live_text] = texts;
            let desired_text = quoted(desired_text, desired, live, room);
            write_line(
                "desired",
                &style.paint(TextRole::Desired, desired_text),
                style,
                out,
            )?;
            let live_text = quoted(live_text, live, desired, room);
            return write_line(label, &style.paint(TextRole::Live, live_text), style, out);
        }
        let [live, desired] = parts;
        return write_diff(&LineDiff::new(live, desired), label, style, out);
    }
    let (mut live, mut desired) = (lines(live), lines(desired));
    mark_line_ends(&mut live, &mut desired);
    write_diff(&LineDiff::new(live.lines, desired.lines), label, style, out)
}

fn write_diff(
    diff: &LineDiff,
    label: &str,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    write_line("desired", &diff.desired_size(), style, out)?;
    write_line(label, &diff.live_size(), style, out)?;
    diff.write(style, out)
}

/// A value without another side.
fn alone(
    value: &Value,
    label: &str,
    role: TextRole,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(text) = one_line(value) else {
        let lines = lines(value).lines;
        write_line(label, &size(&lines), style, out)?;
        return write_alone(&lines, role, style, out);
    };
    let [shown, _] = pair(&text, &text);
    let text = quoted(shown, value, &Value::Null, style.room(INDENTATION));
    write_line(label, &style.paint(role, text), style, out)
}

/// A value as it reads in one line, if it does.
fn one_line(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let is_one = !text.trim_end_matches('\n').contains('\n');
            is_one.then(|| text.clone())
        }
        Value::Array(_) | Value::Object(_) => {
            let text = inline(value);
            (text.chars().count() <= MOST_INLINE).then_some(text)
        }
        scalar => Some(scalar.to_string()),
    }
}

/// Where two texts differ in nothing but the ends of their lines: which each has.
fn line_ends(desired: &Value, live: &Value) -> Option<[String; 2]> {
    let (desired, live) = (desired.as_str()?, live.as_str()?);
    let is_same =
        desired.contains('\n') && desired.replace("\r\n", "\n") == live.replace("\r\n", "\n");
    is_same.then(|| {
        [desired, live].map(|text| {
            let (all, windows) = (text.matches('\n').count(), text.matches("\r\n").count());
            let ends = match windows {
                0 => "all end in LF".to_owned(),
                _ if windows == all => "all end in CRLF".to_owned(),
                _ => format!("{windows} end in CRLF, {} in LF", all - windows),
            };
            format!("{} lines, {ends}", text.lines().count())
        })
    })
}

/// A long line in its parts.
fn parts(text: &str) -> LineList {
    let parts = text.split_inclusive([',', ';', '&', ' ', '{', '}']);
    LineList {
        unit: "parts",
        lines: parts.map(str::to_owned).collect(),
    }
}

struct ValueLines {
    lines: LineList,
    ends_with_a_line_end: bool,
}

fn lines(value: &Value) -> ValueLines {
    let (unit, lines) = match value {
        Value::String(text) => ("lines", text_lines(text)),
        Value::Array(items) if !items.iter().any(|item| item.is_array() || item.is_object()) => {
            ("items", items.iter().map(item).collect())
        }
        value => {
            let yaml = serde_yaml::to_string(value).unwrap_or_else(|_| value.to_string());
            ("lines", text_lines(&yaml))
        }
    };
    ValueLines {
        lines: LineList { unit, lines },
        ends_with_a_line_end: value.as_str().is_none_or(|text| text.ends_with('\n')),
    }
}

fn text_lines(text: &str) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(str::to_owned).collect()
}

fn item(item: &Value) -> String {
    match item {
        Value::String(text) => {
            let is_plain = !text.is_empty()
                && text.trim() == text
                && !text.contains(char::is_control)
                && serde_json::from_str::<Value>(text).is_err();
            if is_plain {
                text.clone()
            } else {
                item.to_string()
            }
        }
        other => other.to_string(),
    }
}

/// Where only one of two texts ends with the end of a line, the other says so.
fn mark_line_ends(live: &mut ValueLines, desired: &mut ValueLines) {
    if live.ends_with_a_line_end == desired.ends_with_a_line_end {
        return;
    }
    for side in [live, desired] {
        if !side.ends_with_a_line_end
            && let Some(last) = side.lines.lines.last_mut()
        {
            last.push_str(" (no line end)");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(desired: &Value, live: &Value) -> Vec<String> {
        let mut out = Vec::new();
        let style = TextStyle {
            width: Some(80),
            ..TextStyle::default()
        };
        write(Some(desired), Some(live), "live", style, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        text.lines()
            .map(|line| line.trim_start().to_owned())
            .collect()
    }

    #[test]
    fn strings_are_quoted_only_where_they_could_be_misread() {
        for (desired, live, expected) in [
            (json!("80"), json!(80), ["\"80\"", "80"]),
            (json!("80"), json!("81"), ["80", "81"]),
            (json!("http"), json!(80), ["http", "80"]),
            (json!("true"), json!(true), ["\"true\"", "true"]),
            (json!(""), json!("x"), ["\"\"", "x"]),
            (json!(" x"), json!("x"), ["\" x\"", "x"]),
            (json!("a\n"), json!("a"), ["\"a\\n\"", "a"]),
            (json!("a\"\u{1b}"), json!("a"), ["\"a\\\"\\u001b\"", "a"]),
            (json!("<absent>"), json!("x"), ["\"<absent>\"", "x"]),
            (json!([]), json!(["a"]), ["[]", "[\"a\"]"]),
            (
                json!({"a": {"b": 1}}),
                json!(1),
                ["{\"a\": {\"b\": 1}}", "1"],
            ),
        ] {
            let [one, other] = expected;
            assert_eq!(
                shown(&desired, &live),
                [format!("desired : {one}"), format!("live    : {other}")]
            );
        }
    }

    #[test]
    fn texts_that_differ_in_their_line_ends_say_so() {
        let text = "a\nb\nc\n";
        assert_eq!(
            shown(&json!(text), &json!(text.replace('\n', "\r\n"))),
            [
                "desired : 3 lines, all end in LF",
                "live    : 3 lines, all end in CRLF"
            ]
        );
        assert_eq!(
            shown(&json!("a\nb\n"), &json!("a\nb")),
            [
                "desired : 2 lines",
                "live    : 2 lines, differs in 1 place",
                "a",
                "- b (no line end)",
                "+ b"
            ]
        );
    }

    #[test]
    fn one_changed_item_of_many_is_shown_among_its_neighbours() {
        let items: Vec<String> = (0..40).map(|n| format!("--option-{n}=value")).collect();
        let mut live = items.clone();
        "--option-20=other".clone_into(&mut live[20]);
        assert_eq!(
            shown(&json!(items), &json!(live)),
            [
                "desired : 40 items",
                "live    : 40 items, differs in 1 place",
                "[17 items unchanged]",
                "--option-17=value",
                "--option-18=value",
                "--option-19=value",
                "- --option-20=other",
                "+ --option-20=value",
                "--option-21=value",
                "--option-22=value",
                "--option-23=value",
                "[16 items unchanged]",
            ]
        );
    }

    #[test]
    fn a_long_line_with_differences_far_apart_is_shown_in_parts() {
        let fields: Vec<String> = (0..200).map(|n| format!("\"key{n}\":{n}")).collect();
        let text = format!("{{{}}}", fields.join(","));
        let live = text.replace(":5,", ":500,").replace(":150,", ":15,");
        let shown = shown(&json!(text), &json!(live));
        assert_eq!(shown[1], "live    : 201 parts, differs in 2 places");
        for line in [
            "- \"key5\":500,",
            "+ \"key5\":5,",
            "- \"key150\":15,",
            "+ \"key150\":150,",
        ] {
            assert!(
                shown.iter().any(|other| other == line),
                "{line} in {shown:#?}"
            );
        }
    }
}
