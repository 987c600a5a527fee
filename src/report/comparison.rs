//! Shows the two values of a field: on one line each, or as a line diff.

use std::fmt;

use serde_json::Value;

use super::diff_lines::{DiffLine, LineDiff, LineList, alone, size};
use super::difference::{ShownText, pair};
use super::value::{inline, quoted};

/// The longest list or map that is shown on one line.
const MOST_INLINE: usize = 60;

/// The two values of a field.
pub(super) struct ValuePair {
    /// What should be live.
    pub(super) desired: ShownSide,
    /// What is.
    pub(super) live: ShownSide,
    /// The lines that differ, where a line for each is not enough.
    pub(super) lines: Vec<DiffLine>,
}

/// One value in one line.
pub(super) enum ShownSide {
    /// The value itself, as far as there is room for it.
    Value(String),
    /// How long it is; the lines that differ are told beside it.
    Size(String),
}

impl ShownSide {
    #[cfg(test)]
    fn text(&self) -> &str {
        let (Self::Value(text) | Self::Size(text)) = self;
        text
    }

    /// Says more of it.
    fn add(&mut self, more: &str) {
        let (Self::Value(text) | Self::Size(text)) = self;
        text.push_str(", ");
        text.push_str(more);
    }

    fn absent() -> Self {
        Self::Value("<absent>".to_owned())
    }
}

impl ValuePair {
    /// Of two values, each in this many columns.
    pub(super) fn of(
        desired: Option<&Value>,
        live: Option<&Value>,
        room: usize,
        is_whole: bool,
    ) -> Self {
        match (desired, live) {
            (Some(desired), Some(live)) => Self::of_both(desired, live, room, is_whole),
            (Some(desired), None) => {
                let (desired, lines) = of_one(desired, DiffLine::Desired, room, is_whole);
                let live = ShownSide::absent();
                Self {
                    desired,
                    live,
                    lines,
                }
            }
            (None, Some(live)) => {
                let (live, lines) = of_one(live, DiffLine::Live, room, is_whole);
                let desired = ShownSide::absent();
                Self {
                    desired,
                    live,
                    lines,
                }
            }
            (None, None) => Self::in_a_line(ShownSide::absent(), ShownSide::absent()),
        }
    }

    fn in_a_line(desired: ShownSide, live: ShownSide) -> Self {
        let lines = Vec::new();
        Self {
            desired,
            live,
            lines,
        }
    }

    fn of_both(desired: &Value, live: &Value, room: usize, is_whole: bool) -> Self {
        if let Some(ends) = line_ends(desired, live) {
            let [desired, live] = ends.map(ShownSide::Size);
            return Self::in_a_line(desired, live);
        }
        if let (Some(one), Some(other)) = (one_line(desired), one_line(live)) {
            let texts = pair(&one, &other);
            let parts = [&other, &one].map(|text| parts(text));
            let is_seen = texts.iter().all(|text| text.is_seen_in(room));
            if is_seen || parts.iter().any(|parts| parts.lines.len() < 4) {
                let [one, other] = texts;
                return Self::in_a_line(
                    ShownSide::Value(quoted(one, desired, live, room)),
                    ShownSide::Value(quoted(other, live, desired, room)),
                );
            }
            let [live, desired] = parts;
            return Self::of_lines(&LineDiff::new(live, desired), is_whole);
        }
        let ends = other_line_ends(desired, live);
        let (mut live, mut desired) = (lines(live), lines(desired));
        if ends.is_some() {
            live.lines.drop_carriage_returns();
            desired.lines.drop_carriage_returns();
        }
        mark_line_ends(&mut live, &mut desired);
        let mut compared = Self::of_lines(&LineDiff::new(live.lines, desired.lines), is_whole);
        if let Some([desired, live]) = ends {
            compared.desired.add(&desired);
            compared.live.add(&live);
        }
        compared
    }

    fn of_lines(diff: &LineDiff, is_whole: bool) -> Self {
        Self {
            desired: ShownSide::Size(diff.desired_size()),
            live: ShownSide::Size(diff.live_size()),
            lines: diff.shown(is_whole),
        }
    }
}

/// A value without another side, and its lines where it has several.
fn of_one(
    value: &Value,
    line: fn(ShownText) -> DiffLine,
    room: usize,
    is_whole: bool,
) -> (ShownSide, Vec<DiffLine>) {
    let Some(text) = one_line(value) else {
        let lines = lines(value).lines;
        return (ShownSide::Size(size(&lines)), alone(&lines, line, is_whole));
    };
    let [shown, _] = pair(&text, &text);
    let text = quoted(shown, value, &Value::Null, room);
    (ShownSide::Value(text), Vec::new())
}

/// A value on one line, if it fits.
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

/// The line endings of two texts that differ in nothing else.
fn line_ends(desired: &Value, live: &Value) -> Option<[String; 2]> {
    let (desired, live) = (desired.as_str()?, live.as_str()?);
    let is_same =
        desired.contains('\n') && desired.replace("\r\n", "\n") == live.replace("\r\n", "\n");
    is_same.then(|| {
        [desired, live].map(|text| {
            let ends = LineEnds::of(text);
            format!("{} lines, {ends}", text.lines().count())
        })
    })
}

/// Where all lines of one text end in CRLF, and all of the other in LF: which each has.
fn other_line_ends(desired: &Value, live: &Value) -> Option<[String; 2]> {
    let ends = [
        LineEnds::of(desired.as_str()?),
        LineEnds::of(live.as_str()?),
    ];
    let are_pure = ends.iter().all(|ends| ends.crlf == 0 || ends.lf == 0);
    let differ = ends.iter().any(|ends| ends.crlf > 0) && ends.iter().any(|ends| ends.lf > 0);
    (are_pure && differ).then(|| ends.map(|ends| ends.to_string()))
}

/// How the lines of a text end.
struct LineEnds {
    crlf: usize,
    lf: usize,
}

impl LineEnds {
    fn of(text: &str) -> Self {
        let crlf = text.matches("\r\n").count();
        let lf = text.matches('\n').count() - crlf;
        Self { crlf, lf }
    }
}

impl fmt::Display for LineEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.crlf, self.lf) {
            (0, _) => f.write_str("all end in LF"),
            (_, 0) => f.write_str("all end in CRLF"),
            (crlf, lf) => write!(f, "{crlf} end in CRLF, {lf} in LF"),
        }
    }
}

/// Splits a long line into parts.
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

/// If only one of two texts ends with a line break, marks the other one.
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
        let compared = ValuePair::of(Some(desired), Some(live), 64, false);
        let sides = [("desired", &compared.desired), ("live   ", &compared.live)];
        let sides = sides.map(|(label, side)| format!("{label} : {}", side.text()));
        let lines = compared.lines.iter().map(|line| line.text(70));
        let lines = lines.map(|line| line.trim_start().to_owned());
        sides.into_iter().chain(lines).collect()
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
        // What else differs is not lost among them.
        assert_eq!(
            shown(&json!("a\nb\n"), &json!("a\r\nc\r\n")),
            [
                "desired : 2 lines, all end in LF",
                "live    : 2 lines, differs in 1 place, all end in CRLF",
                "a",
                "- c",
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
