//! The differences between two texts of several lines, two lists or two maps, line by line: `-` live and `+` desired.

use std::io::{self, Write};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::style::{TextRole, TextStyle};
use crate::report::difference::{ShownText, pair};

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 3;
/// How many lines of one value are shown.
const MOST_LINES: usize = 200;
/// How many lines are shown of a value without another side.
const MOST_ALONE: usize = 20;
/// With more lines than these between the first and the last change it takes too long to look for the fewest changes.
const MOST_COMPARED: usize = 10_000;

const INDENTATION: &str = "        ";

/// A value in lines.
pub(super) struct LineList {
    /// What its lines are: `lines`, `items` or `parts`.
    pub(super) unit: &'static str,
    pub(super) lines: Vec<String>,
}

/// The differences between two values in lines.
pub(super) struct LineDiff {
    live: LineList,
    desired: LineList,
    ops: Vec<DiffOp>,
}

impl LineDiff {
    pub(super) fn new(live: LineList, desired: LineList) -> Self {
        let ops = compared(&live.lines, &desired.lines);
        Self { live, desired, ops }
    }

    /// How many lines the desired side has.
    pub(super) fn desired_size(&self) -> String {
        size(&self.desired)
    }

    /// How many lines the live side has, and in how many places they differ.
    pub(super) fn live_size(&self) -> String {
        let places = self.ops.iter().filter(|op| !is_equal(op)).count();
        let places = match places {
            1 => "1 place".to_owned(),
            places => format!("{places} places"),
        };
        format!("{}, differs in {places}", size(&self.live))
    }

    pub(super) fn write(&self, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
        let mut pen = Pen {
            style,
            left: if style.is_whole {
                usize::MAX
            } else {
                MOST_LINES
            },
            left_out: 0,
            out,
        };
        for (at, op) in self.ops.iter().enumerate() {
            let old = &self.live.lines[op.old_range()];
            let new = &self.desired.lines[op.new_range()];
            if is_equal(op) {
                let is_first = at == 0;
                let is_last = at + 1 == self.ops.len();
                pen.unchanged(old, is_first, is_last, self.live.unit)?;
            } else {
                pen.changed(old, new)?;
            }
        }
        pen.end(self.live.unit)
    }
}

/// Writes all lines of a value that has no other side.
pub(super) fn write_alone(
    lines: &LineList,
    role: TextRole,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut pen = Pen {
        style,
        left: if style.is_whole {
            usize::MAX
        } else {
            MOST_ALONE
        },
        left_out: 0,
        out,
    };
    for line in &lines.lines {
        let [shown, _] = pair(line, line);
        pen.line(role, &shown)?;
    }
    pen.end(lines.unit)
}

/// How many lines there are.
pub(super) fn size(lines: &LineList) -> String {
    match lines.lines.len() {
        1 => format!("1 {}", lines.unit.trim_end_matches('s')),
        count => format!("{count} {}", lines.unit),
    }
}

fn is_equal(op: &DiffOp) -> bool {
    matches!(op, DiffOp::Equal { .. })
}

fn compared(live: &[String], desired: &[String]) -> Vec<DiffOp> {
    let before = live.iter().zip(desired).take_while(|(a, b)| a == b).count();
    let (old, new) = (&live[before..], &desired[before..]);
    let behind = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    if old.len() + new.len() - 2 * behind <= MOST_COMPARED {
        return capture_diff_slices(Algorithm::Myers, live, desired);
    }
    let equal = |old_index, new_index, len| DiffOp::Equal {
        old_index,
        new_index,
        len,
    };
    let replaced = DiffOp::Replace {
        old_index: before,
        old_len: old.len() - behind,
        new_index: before,
        new_len: new.len() - behind,
    };
    let ops = [
        equal(0, 0, before),
        replaced,
        equal(live.len() - behind, desired.len() - behind, behind),
    ];
    let is_something = |op: &DiffOp| !op.old_range().is_empty() || !op.new_range().is_empty();
    ops.into_iter().filter(is_something).collect()
}

struct Pen<'o, W> {
    style: TextStyle,
    /// How many lines may still be written.
    left: usize,
    left_out: usize,
    out: &'o mut W,
}

impl<W: Write> Pen<'_, W> {
    fn unchanged(
        &mut self,
        lines: &[String],
        is_first: bool,
        is_last: bool,
        unit: &str,
    ) -> io::Result<()> {
        let head = if is_first { 0 } else { CONTEXT };
        let tail = if is_last { 0 } else { CONTEXT };
        let hidden = lines.len().saturating_sub(head + tail);
        // One line takes no more room than to say that it is left out.
        if hidden <= 1 || self.style.is_whole {
            return lines.iter().try_for_each(|line| self.context(line));
        }
        lines[..head]
            .iter()
            .try_for_each(|line| self.context(line))?;
        let note = format!("[{hidden} {unit} unchanged]");
        writeln!(
            self.out,
            "{INDENTATION}{}",
            self.style.paint(TextRole::Aside, note)
        )?;
        lines[lines.len() - tail..]
            .iter()
            .try_for_each(|line| self.context(line))
    }

    fn context(&mut self, line: &str) -> io::Result<()> {
        let [shown, _] = pair(line, line);
        self.one_line(' ', None, &shown)
    }

    /// What has changed: first the live lines, then the desired ones, each beside its like.
    fn changed(&mut self, old: &[String], new: &[String]) -> io::Result<()> {
        let beside = |line: &String, other: Option<&String>| {
            let [mut shown, _] = pair(line, other.unwrap_or(line));
            shown.reveal_blanks_at_the_end();
            shown
        };
        for (at, line) in old.iter().enumerate() {
            self.line(TextRole::Live, &beside(line, new.get(at)))?;
        }
        for (at, line) in new.iter().enumerate() {
            self.line(TextRole::Desired, &beside(line, old.get(at)))?;
        }
        Ok(())
    }

    fn line(&mut self, role: TextRole, shown: &ShownText) -> io::Result<()> {
        let sign = if matches!(role, TextRole::Live) {
            '-'
        } else {
            '+'
        };
        self.one_line(sign, Some(role), shown)
    }

    fn one_line(
        &mut self,
        sign: char,
        role: Option<TextRole>,
        shown: &ShownText,
    ) -> io::Result<()> {
        if self.left == 0 {
            self.left_out += 1;
            return Ok(());
        }
        self.left -= 1;
        let text = shown.cut(self.style.room(INDENTATION.len() + 2), "");
        let text = format!("{sign} {text}");
        let text = text.trim_end();
        match role {
            Some(role) => writeln!(self.out, "{INDENTATION}{}", self.style.paint(role, text)),
            None => writeln!(self.out, "{INDENTATION}{text}"),
        }
    }

    fn end(&mut self, unit: &str) -> io::Result<()> {
        if self.left_out == 0 {
            return Ok(());
        }
        let note = format!("[{} more {unit}; see --no-truncate]", self.left_out);
        writeln!(
            self.out,
            "{INDENTATION}{}",
            self.style.paint(TextRole::Aside, note)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[&str]) -> LineList {
        LineList {
            unit: "lines",
            lines: text.iter().map(ToString::to_string).collect(),
        }
    }

    fn written(live: &[&str], desired: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        let diff = LineDiff::new(lines(live), lines(desired));
        diff.write(TextStyle::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines()
            .map(|line| line[INDENTATION.len()..].to_owned())
            .collect()
    }

    #[test]
    fn unchanged_lines_are_left_out_but_for_three_around_each_change() {
        let numbers: Vec<String> = (0..30).map(|n| n.to_string()).collect();
        let live: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let mut desired = live.clone();
        desired[10] = "x";
        desired.remove(25);
        assert_eq!(
            written(&live, &desired),
            [
                "[7 lines unchanged]",
                "  7",
                "  8",
                "  9",
                "- 10",
                "+ x",
                "  11",
                "  12",
                "  13",
                "[8 lines unchanged]",
                "  22",
                "  23",
                "  24",
                "- 25",
                "  26",
                "  27",
                "  28",
                "  29",
            ]
        );
        let diff = LineDiff::new(lines(&live), lines(&desired));
        assert_eq!(diff.live_size(), "30 lines, differs in 2 places");
        assert_eq!(diff.desired_size(), "29 lines");
    }

    #[test]
    fn what_differs_in_a_line_is_visible() {
        assert_eq!(written(&["a", "b "], &["a", "b"]), ["  a", "- b·", "+ b"]);
        assert_eq!(written(&["a\u{a0}b"], &["a b"]), ["- a\\u00a0b", "+ a b"]);
    }

    #[test]
    fn values_without_a_common_line_are_replaced_as_a_whole_however_long() {
        let (a, b) = (vec!["a"; 30_000], vec!["b"; 30_000]);
        let diff = LineDiff::new(lines(&a), lines(&b));
        assert_eq!(diff.live_size(), "30000 lines, differs in 1 place");
        let shown = written(&a, &b);
        assert_eq!(shown.len(), MOST_LINES + 1);
        assert_eq!(shown[MOST_LINES], "[59800 more lines; see --no-truncate]");
    }
}
