//! Reads Git repositories. This is the only module that runs `git`.
//!
//! It runs nothing that a repository's configuration names: no pager, hook, filter, file system monitor, or transport
//! for objects that a partial clone lacks. It writes nothing, not even the index.
//!
//! It knows nothing about manifests. The formats are those that git-log(1), git-diff-tree(1) and git-cat-file(1) document.

mod blobs;
mod changes;
mod log;
mod repository;
mod running;

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use jiff::Timestamp;

pub(crate) use self::blobs::Blobs;
pub(crate) use self::changes::{ChangedFile, changes};
pub(crate) use self::log::Log;
pub(crate) use self::repository::{Checkout, Repositories, is_ignored};

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    /// Its full id.
    pub id: String,
    /// Its first parent.
    pub parent: Option<String>,
    /// When it was committed.
    pub time: Timestamp,
    /// Who wrote it.
    pub author: String,
    /// The first paragraph of its message, in one line.
    pub subject: String,
}

impl Commit {
    /// The abbreviated id.
    #[must_use]
    pub(crate) fn short(&self) -> &str {
        const DIGITS: usize = 7;
        self.id.get(..DIGITS).unwrap_or(&self.id)
    }
}

/// A `git` command in this folder, without a subcommand.
#[must_use]
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["--no-pager", "--no-optional-locks"])
        .args(["-c", "core.fsmonitor=false", "-c", "log.follow=false", "-C"])
        .arg(folder)
        .env("LC_ALL", "C")
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        // Missing objects are not fetched: the first variable is for Git 2.45 and later, the second for all versions.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env_remove("GIT_EXTERNAL_DIFF")
        .stdin(Stdio::null());
    command
}

/// The output of a command, which is killed if this future is dropped. Fails if it cannot be started.
async fn output(command: Command) -> io::Result<Output> {
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).output().await
}
