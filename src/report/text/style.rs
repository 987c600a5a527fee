//! The style of a text report: its width, its colours, and whether long values are cut.

use std::fmt::{Display, Write as _};

use unicode_width::UnicodeWidthStr as _;

/// The most characters of a value in one line if the width is unknown.
const ROOM: usize = 120;
/// The least characters of a value in one line, even on a narrow terminal.
const LEAST_ROOM: usize = 24;

/// Shorter text in parentheses is not broken.
const SHORT_ASIDE: usize = 20;

/// The style of a text report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextStyle {
    /// The width of the terminal, if the report goes to one.
    pub width: Option<usize>,
    /// Whether to use colours. The report has the same meaning without them.
    pub has_colours: bool,
    /// Whether long values are shown whole.
    pub is_whole: bool,
}

/// The role of a piece of text, which determines its colour.
#[derive(Clone, Copy)]
pub(super) enum TextRole {
    /// Live values and errors.
    Live,
    /// Desired values and repairs.
    Desired,
    /// Something that needs attention.
    Notice,
    /// The head of a block.
    Head,
    /// Labels and other aids.
    Aside,
}

impl TextStyle {
    /// The number of characters left in a line after this indentation.
    pub(super) fn room(self, indentation: usize) -> usize {
        match self.width {
            _ if self.is_whole => usize::MAX,
            Some(width) => width.saturating_sub(indentation).max(LEAST_ROOM),
            None => ROOM,
        }
    }

    /// The text broken at blanks where the width is known: `before` columns are taken in the first line, and the others
    /// begin behind as many. A word is never broken, since paths and places are copied from here. No line begins with
    /// `::`, by which GitHub Actions would take it for a command.
    pub(super) fn wrap(self, before: usize, text: &str) -> String {
        let Some(width) = self.width else {
            return text.to_owned();
        };
        let (mut wrapped, mut column) = (String::new(), before);
        for (at, word) in words(text).enumerate() {
            let size = word.width();
            if at > 0 && column + 1 + size > width && !word.starts_with("::") {
                let _ = write!(wrapped, "\n{:before$}", "");
                column = before;
            } else if at > 0 {
                wrapped.push(' ');
                column += 1;
            }
            wrapped.push_str(word);
            column += size;
        }
        wrapped
    }

    /// The text in the colour of its role.
    pub(super) fn paint(self, role: TextRole, text: impl Display) -> String {
        if !self.has_colours {
            return text.to_string();
        }
        let code = match role {
            TextRole::Live => "31",
            TextRole::Desired => "32",
            TextRole::Notice => "33",
            TextRole::Head => "1",
            TextRole::Aside => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The words of a text. Short text in parentheses counts as one word, such as `(3 days ago)`.
fn words(mut text: &str) -> impl Iterator<Item = &str> {
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let closed = text.starts_with('(').then(|| text.find(')')).flatten();
        let start = closed.filter(|end| *end < SHORT_ASIDE).unwrap_or(0);
        let mut end = text[start..].find(' ').map(|at| start + at);
        // The namespace belongs to the name before it.
        if let Some(at) = end
            && text[at..].starts_with(" (ns: ")
            && let Some(closed) = text[at..].find(')')
        {
            end = text[at + closed..]
                .find(' ')
                .map(|behind| at + closed + behind);
        }
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        is_over = end.is_none();
        text = rest.strip_prefix(' ').unwrap_or(rest);
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks_only() {
        let style = TextStyle {
            width: Some(12),
            ..TextStyle::default()
        };
        for (text, expected) in [
            ("one two three", "one two\n    three"),
            ("a-word-without-blanks b", "a-word-without-blanks\n    b"),
            ("日本語 日本", "日本語\n    日本"),
            ("short", "short"),
            ("a, b/c (ns: d), e", "a,\n    b/c (ns: d),\n    e"),
            (
                "at noon (3 days ago), x",
                "at noon\n    (3 days ago),\n    x",
            ),
        ] {
            assert_eq!(style.wrap(4, text), expected);
        }
        assert_eq!(
            TextStyle::default().wrap(4, "one two three"),
            "one two three"
        );
    }
}
