//! How a text report is drawn: its width, its colours, and whether long values are cut.

use std::fmt::{Display, Write as _};

use unicode_width::UnicodeWidthStr as _;

/// How much of a value is shown in one line where the width is not known.
const ROOM: usize = 120;
/// The least that is shown of a value, however narrow the terminal.
const LEAST_ROOM: usize = 24;

/// What stands in parentheses and is shorter is not broken.
const SHORT_ASIDE: usize = 20;

/// How a text report is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextStyle {
    /// The columns of the terminal, where it goes to one.
    pub width: Option<usize>,
    /// With colours. Words carry the meaning without them.
    pub has_colours: bool,
    /// Long values are not cut.
    pub is_whole: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy)]
pub(super) enum TextRole {
    /// What is or was live, and something that went wrong.
    Live,
    /// What is desired, and something that was put right.
    Desired,
    /// Something to look at.
    Notice,
    /// The head of a block.
    Head,
    /// What helps to read, such as labels.
    Aside,
}

impl TextStyle {
    /// How many characters of a line are left behind this many.
    pub(super) fn room(self, indentation: usize) -> usize {
        match self.width {
            _ if self.is_whole => usize::MAX,
            Some(width) => width.saturating_sub(indentation).max(LEAST_ROOM),
            None => ROOM,
        }
    }

    /// The text broken at blanks where the width is known: `before` columns are taken in the first line, and the others
    /// begin behind as many. A word is never broken, since paths and places are copied from here.
    pub(super) fn wrap(self, before: usize, text: &str) -> String {
        let Some(width) = self.width else {
            return text.to_owned();
        };
        let (mut wrapped, mut column) = (String::new(), before);
        for (at, word) in words(text).enumerate() {
            let size = word.width();
            if at > 0 && column + 1 + size > width {
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

/// The words of a text. What stands in parentheses is one where it is short, such as `(3 days ago)`.
fn words(mut text: &str) -> impl Iterator<Item = &str> {
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let closed = text.starts_with('(').then(|| text.find(')')).flatten();
        let start = closed.filter(|end| *end < SHORT_ASIDE).unwrap_or(0);
        let end = text[start..].find(' ').map(|at| start + at);
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
