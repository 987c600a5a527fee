//! Git, as far as it is read. This is the only module that runs `git`.
//!
//! Nothing that a repository's configuration names is run: no pager, no hook, no filter, no monitor of the file system, no
//! transport for objects that a partial clone lacks. Nothing is written either, not even the index.

use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the search follows")]
pub(crate) struct Commit {
    /// Its full name.
    pub(crate) id: String,
    /// Its first parent.
    pub(crate) parent: Option<String>,
    /// When it was committed.
    pub(crate) time: Timestamp,
    /// Who wrote it.
    pub(crate) author: String,
    /// The first paragraph of its message, in one line.
    pub(crate) subject: String,
}

impl Commit {
    /// The first digits of its name.
    /// The first digits of its name.
    #[must_use]
    #[allow(dead_code, reason = "the search follows")]
    pub(crate) fn short(&self) -> &str {
        const DIGITS: usize = 7;
        self.id.get(..DIGITS).unwrap_or(&self.id)
    }
}

/// Git in this folder. Its arguments are to be added.
#[must_use]
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["--no-pager", "--no-optional-locks", "--literal-pathspecs"])
        .args(["-c", "core.fsmonitor=false", "-c", "log.follow=false", "-C"])
        .arg(folder)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        // Objects that are not there are not fetched: the first is for Git 2.45 and later, the second for all.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env_remove("GIT_EXTERNAL_DIFF")
        .stdin(Stdio::null());
    command
}
