//! The differences between two texts of several lines, two lists or two maps, line by line: `-` live and `+` desired.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::difference::{ShownText, pair};

/// The number of unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// The most lines of one value that are shown.
const MOST_LINES: usize = 200;
/// The most lines that are shown of a value that only one side has.
const MOST_ALONE: usize = 20;
/// With more lines between the first and the last change, finding the smallest diff takes too long.
const MOST_COMPARED: usize = 10_000;

/// A line of what differs.
pub(super) enum DiffLine {
    /// It is on both sides.
    Context(ShownText),
    /// It is on the live side only.
    Live(ShownText),
    /// It is on the desired side only.
    Desired(ShownText),
    /// It says what is left out here.
    Note(String),
}

impl DiffLine {
    /// The line behind its sign, cut to this many columns.
    pub(super) fn text(&self, room: usize) -> String {
        let (sign, shown) = match self {
            Self::Note(note) => return note.clone(),
            Self::Context(shown) => (' ', shown),
            Self::Live(shown) => ('-', shown),
            Self::Desired(shown) => ('+', shown),
        };
        let shown = shown.cut(room.saturating_sub(2), "");
        // GitHub Actions would take such a line of a log for a command.
        let shown = match shown.trim_start().strip_prefix("::") {
            Some(rest) if sign == ' ' => format!("\\u003a:{rest}"),
            _ => shown,
        };
        format!("{sign} {shown}").trim_end().to_owned()
    }
}

/// A value split into lines.
pub(super) struct LineList {
    /// What its lines are: `lines`, `items` or `parts`.
    pub(super) unit: &'static str,
    pub(super) lines: Vec<String>,
}

impl LineList {
    /// Takes away what is left of CRLF at the ends of the lines.
    pub(super) fn drop_carriage_returns(&mut self) {
        for line in &mut self.lines {
            let end = line.trim_end_matches('\r').len();
            line.truncate(end);
        }
    }
}

/// The differences between two values, line by line.
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

    /// The number of lines on the desired side.
    pub(super) fn desired_size(&self) -> String {
        size(&self.desired)
    }

    /// The number of lines on the live side, and the number of places where they differ.
    pub(super) fn live_size(&self) -> String {
        let places = self.ops.iter().filter(|op| !is_equal(op)).count();
        let places = match places {
            1 => "1 place".to_owned(),
            places => format!("{places} places"),
        };
        format!("{}, differs in {places}", size(&self.live))
    }

    /// The lines that differ, with some around them; all lines of a value that is shown whole.
    pub(super) fn shown(&self, is_whole: bool) -> Vec<DiffLine> {
        let mut pen = Pen::new(MOST_LINES, is_whole);
        for (at, op) in self.ops.iter().enumerate() {
            let old = &self.live.lines[op.old_range()];
            let new = &self.desired.lines[op.new_range()];
            if is_equal(op) {
                let is_first = at == 0;
                let is_last = at + 1 == self.ops.len();
                pen.unchanged(old, is_first, is_last, self.live.unit);
            } else {
                pen.changed(old, new);
            }
        }
        pen.end(self.live.unit)
    }
}

/// The lines of a value that has no other side.
pub(super) fn alone(
    lines: &LineList,
    line: fn(ShownText) -> DiffLine,
    is_whole: bool,
) -> Vec<DiffLine> {
    let mut pen = Pen::new(MOST_ALONE, is_whole);
    for text in &lines.lines {
        let [shown, _] = pair(text, text);
        pen.add(line(shown));
    }
    pen.end(lines.unit)
}

/// The number of lines.
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

struct Pen {
    lines: Vec<DiffLine>,
    is_whole: bool,
    /// The number of lines that may still be written.
    left: usize,
    left_out: usize,
}

impl Pen {
    fn new(most: usize, is_whole: bool) -> Self {
        Self {
            lines: Vec::new(),
            is_whole,
            left: if is_whole { usize::MAX } else { most },
            left_out: 0,
        }
    }

    fn unchanged(&mut self, lines: &[String], is_first: bool, is_last: bool, unit: &str) {
        let head = if is_first { 0 } else { CONTEXT };
        let tail = if is_last { 0 } else { CONTEXT };
        let hidden = lines.len().saturating_sub(head + tail);
        // A single line takes no more room than the note that replaces it.
        if hidden <= 1 || self.is_whole {
            return lines.iter().for_each(|line| self.context(line));
        }
        for line in &lines[..head] {
            self.context(line);
        }
        let note = format!("[{hidden} {unit} unchanged]");
        self.lines.push(DiffLine::Note(note));
        for line in &lines[lines.len() - tail..] {
            self.context(line);
        }
    }

    fn context(&mut self, line: &str) {
        let [shown, _] = pair(line, line);
        self.add(DiffLine::Context(shown));
    }

    /// Writes changed lines: the live ones, then the desired ones, with each pair shown to reveal its difference.
    fn changed(&mut self, old: &[String], new: &[String]) {
        let beside = |line: &String, other: Option<&String>| {
            let [mut shown, _] = pair(line, other.unwrap_or(line));
            shown.reveal_blanks_at_the_end();
            shown
        };
        for (at, line) in old.iter().enumerate() {
            self.add(DiffLine::Live(beside(line, new.get(at))));
        }
        for (at, line) in new.iter().enumerate() {
            self.add(DiffLine::Desired(beside(line, old.get(at))));
        }
    }

    fn add(&mut self, line: DiffLine) {
        if self.left == 0 {
            self.left_out += 1;
        } else {
            self.left -= 1;
            self.lines.push(line);
        }
    }

    fn end(mut self, unit: &str) -> Vec<DiffLine> {
        if self.left_out > 0 {
            let note = format!("[{} more {unit}; see --no-truncate]", self.left_out);
            self.lines.push(DiffLine::Note(note));
        }
        self.lines
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
        let diff = LineDiff::new(lines(live), lines(desired));
        let shown = diff.shown(false);
        shown.iter().map(|line| line.text(80)).collect()
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
