//! How a text report is drawn: its width, its colours, and whether long values are cut.

use std::fmt::Display;

/// How much of a value is shown in one line where the width is not known.
const ROOM: usize = 120;
/// The least that is shown of a value, however narrow the terminal.
const LEAST_ROOM: usize = 24;

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
