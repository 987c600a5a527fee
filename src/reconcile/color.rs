//! Whether to use colours, and the width of the output.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};

use terminal_size::{Width, terminal_size_of};

use crate::report::text::TextStyle;

/// The choice of `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal that supports them, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether to write to a stream in colours.
    #[must_use]
    pub fn is_on(self, is_terminal: bool) -> bool {
        self.is_on_in(is_terminal, |name| env::var_os(name))
    }

    /// The same in the given environment. `NO_COLOR` counts if it is not empty, `CLICOLOR_FORCE` also if it is not `0`;
    /// see <https://no-color.org> and <https://bixense.com/clicolors>.
    fn is_on_in(self, is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if is_set("NO_COLOR") => false,
            Self::Auto if is_set("CLICOLOR_FORCE") => {
                variable("CLICOLOR_FORCE").is_some_and(|value| value != "0")
                    || (is_terminal && !is_dumb(variable("TERM")))
            }
            Self::Auto => is_terminal && !is_dumb(variable("TERM")),
        }
    }
}

/// The style of text reports on standard output. `COLUMNS` overrides the terminal's width, as for git.
#[must_use]
pub fn style_of_stdout(color: ColorChoice, is_whole: bool) -> TextStyle {
    let set = env::var("COLUMNS").ok();
    let set = set.and_then(|columns| columns.parse().ok());
    let width = set.or_else(|| terminal_size_of(io::stdout()).map(|(Width(columns), _)| columns));
    TextStyle {
        width: width.filter(|columns| *columns > 0).map(usize::from),
        has_colours: color.is_on(io::stdout().is_terminal()),
        is_whole,
    }
}

/// Whether a terminal of this type supports neither colours nor cursor movements.
fn is_dumb(term: Option<OsString>) -> bool {
    term.is_some_and(|term| term == "dumb")
}

/// Whether standard error is a terminal that can rewrite its current line.
pub(super) fn can_rewrite_lines() -> bool {
    !is_dumb(env::var_os("TERM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_wins_over_the_environment_and_that_over_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, is_terminal, environment, expected) in [
            (Auto, true, "", true),
            (Auto, false, "", false),
            (Auto, true, "NO_COLOR=1", false),
            (Auto, true, "NO_COLOR=", true),
            (Auto, true, "TERM=dumb", false),
            (Auto, true, "TERM=xterm", true),
            (Auto, false, "CLICOLOR_FORCE=1", true),
            (Auto, false, "CLICOLOR_FORCE=1 NO_COLOR=1", false),
            (Auto, false, "CLICOLOR_FORCE=0", false),
            (Auto, true, "CLICOLOR_FORCE=0", true),
            (Always, false, "NO_COLOR=1 TERM=dumb", true),
            (Never, true, "CLICOLOR_FORCE=1", false),
        ] {
            let variable = |name: &str| {
                let mut set = environment
                    .split(' ')
                    .filter_map(|pair| pair.split_once('='));
                set.find(|(known, _)| *known == name)
                    .map(|(_, value)| value.into())
            };
            assert_eq!(
                choice.is_on_in(is_terminal, variable),
                expected,
                "{choice:?} {is_terminal} {environment}"
            );
        }
    }
}
