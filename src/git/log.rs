//! The commits that changed certain files, newest first.

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::Commit;
use super::changes::{ChangedFile, RawChange};
use super::running::{Running, write};

/// Marks the beginning of a commit in the output; no line of raw changes begins with it.
const COMMIT: u8 = 1;

/// The log of some files along the first parents.
pub(crate) struct Log {
    running: Running,
    /// The fields of the next commit's first line, which has already been read.
    next: Option<Vec<u8>>,
}

/// A commit and its changes to the files, compared with its first parent.
#[derive(Debug)]
pub(crate) struct LoggedCommit {
    /// The commit.
    pub commit: Arc<Commit>,
    /// The changes.
    pub changes: Vec<ChangedFile>,
}

impl Log {
    /// The log from a commit on, of these paths from the root, and possibly of others. Fails if `git` cannot be
    /// started.
    pub(crate) async fn open<'p>(
        root: &Path,
        from: &str,
        paths: impl Iterator<Item = &'p str>,
    ) -> io::Result<Self> {
        let mut command = super::command(root);
        command
            .args(["log", "--stdin", "--first-parent", "-m", "--raw", "-z"])
            .args([
                "--no-renames",
                "--no-abbrev",
                "--no-ext-diff",
                "--no-textconv",
            ])
            .args([
                "--no-show-signature",
                "--no-notes",
                "--no-color",
                "--encoding=UTF-8",
            ])
            .arg("--format=%x01%H%x00%P%x00%ct%x00%an%x00%s");
        let (running, mut stdin) = Running::start(command)?;
        let mut asked = format!("{from}\n--\n");
        for path in narrowed(paths.collect()) {
            asked.push_str(path);
            asked.push('\n');
        }
        // Where it has ended already, `ended_well` says so.
        let _ = write(&mut stdin, asked.as_bytes()).await;
        Ok(Self {
            running,
            next: None,
        })
    }

    /// The next older commit. `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<LoggedCommit> {
        let id = match self.next.take() {
            Some(id) => id,
            None => self.running.until(0).await?,
        };
        let mut text = async || {
            let text = self.running.until(0).await?;
            Some(String::from_utf8_lossy(&text).into_owned())
        };
        let (parents, time, author, subject) =
            (text().await?, text().await?, text().await?, text().await?);
        let commit = Commit {
            id: String::from_utf8_lossy(id.strip_prefix(&[COMMIT])?).into_owned(),
            parent: parents
                .split(' ')
                .next()
                .map(str::to_owned)
                .filter(|id| !id.is_empty()),
            time: Timestamp::from_second(time.parse().ok()?).ok()?,
            author,
            subject,
        };
        let mut changes = Vec::new();
        while let Some(head) = self.running.until(0).await {
            if head.starts_with(&[COMMIT]) {
                self.next = Some(head);
                break;
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let Some(raw) = RawChange::parse(&head) else {
                continue;
            };
            let path = self.running.until(0).await?;
            changes.push(raw.of(&path));
        }
        Some(LoggedCommit {
            commit: Arc::new(commit),
            changes,
        })
    }

    /// Whether it has ended because there are no more commits.
    pub(crate) async fn ended_well(self) -> bool {
        self.running.ended_well().await
    }
}

/// Git compares each path with each entry of each tree. With more paths than this, a log of their common folder is
/// faster.
const MOST_PATHS: usize = 10;

/// The paths, or the folder that contains all of them; empty if that is the root.
fn narrowed(paths: Vec<&str>) -> Vec<&str> {
    if paths.len() <= MOST_PATHS {
        return paths;
    }
    let folder = |path: &'_ str| path.rfind('/').map_or(0, |end| end);
    let mut common = &paths[0][..folder(paths[0])];
    for path in &paths {
        while !path
            .strip_prefix(common)
            .is_some_and(|rest| rest.starts_with('/'))
        {
            if common.is_empty() {
                return Vec::new();
            }
            common = &common[..folder(common)];
        }
    }
    vec![common]
}

#[cfg(test)]
mod tests {
    use super::narrowed;

    #[test]
    fn many_paths_are_asked_for_by_their_folder() {
        let paths = |folder: &str, other: &'static str| {
            let mut paths: Vec<String> = (0..20).map(|n| format!("{folder}{n}.yaml")).collect();
            paths.push(other.to_owned());
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            narrowed(paths).join(" ")
        };
        assert_eq!(paths("a/b/", "a/b/c/x.yaml"), "a/b");
        assert_eq!(paths("a/b/", "a/bc/x.yaml"), "a");
        assert_eq!(paths("a/b/", "x.yaml"), "");
        assert_eq!(paths("", "a/x.yaml"), "");
        assert_eq!(narrowed(vec!["a/b", "c"]), ["a/b", "c"]);
    }
}
