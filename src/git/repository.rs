//! Where a repository is, and what can be known of it.

use std::io;
use std::path::{Path, PathBuf};

/// The root of the working tree that a file or folder is in, without asking Git.
#[must_use]
pub(crate) fn root(path: &Path) -> Option<PathBuf> {
    let root = path.ancestors().find(|folder| folder.join(".git").exists());
    root.map(Path::to_owned)
}

/// The state of a repository.
pub(crate) struct Checkout {
    /// The commit that is checked out.
    pub head: String,
    /// The clone ends at some commit, which then seems to have added all files.
    pub is_shallow: bool,
}

impl Checkout {
    /// `None` if there is no commit, or if Git refuses to read it. Fails if `git` cannot be started.
    pub(crate) async fn of(root: &Path) -> io::Result<Option<Self>> {
        let mut command = super::command(root);
        command.args(["rev-parse", "--is-shallow-repository", "HEAD^{commit}"]);
        let output = super::output(command).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer = text.lines().next().zip(text.lines().nth(1));
        Ok(answer
            .filter(|_| output.status.success())
            .map(|(is_shallow, head)| Self {
                head: head.to_owned(),
                is_shallow: is_shallow == "true",
            }))
    }
}

/// Whether the repository is told to ignore this file. Fails if `git` cannot be started.
pub(crate) async fn is_ignored(root: &Path, path: &str) -> io::Result<bool> {
    let mut command = super::command(root);
    command.args(["check-ignore", "--quiet", "--", path]);
    // This command takes no literal ones.
    command.env("GIT_LITERAL_PATHSPECS", "0");
    Ok(super::output(command).await?.status.success())
}
