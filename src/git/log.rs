//! The commits that changed certain files, newest first.

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::Commit;
use super::changes::{ChangedFile, RawChange};
use super::running::Running;

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
    pub(crate) fn open<'p>(
        root: &Path,
        from: &str,
        paths: impl Iterator<Item = &'p str>,
    ) -> io::Result<Self> {
        let mut listing = super::command(root);
        listing.args(["rev-list", "--first-parent", from, "--"]);
        let mut comparing = super::command(root);
        comparing
            .args(["diff-tree", "--stdin", "--root", "-r", "--raw", "-z"])
            .args([
                "--diff-merges=first-parent",
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
            .args(["--format=%x01%H%x00%P%x00%ct%x00%an%x00%s", "--"])
            .args(narrowed(paths.collect()));
        Ok(Self {
            running: Running::piped(listing, comparing)?,
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

/// Git compares each path with each entry of each tree, so that more paths than this cost more than reading what else
/// changed beside them.
const MOST_PATHS: usize = 3;

/// The paths; if they are many, their folders; if those are many too, the folder that contains all of them. Empty if
/// one of those is the root.
fn narrowed(paths: Vec<&str>) -> Vec<&str> {
    if paths.len() <= MOST_PATHS {
        return paths;
    }
    let mut folders: Vec<&str> = paths.iter().map(|path| folder(path)).collect();
    folders.sort_unstable();
    folders.dedup();
    if folders.len() > MOST_PATHS {
        folders = vec![common(&paths)];
    }
    if folders.contains(&"") {
        folders.clear();
    }
    folders
}

/// The folder of a path; empty for the root.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folder that contains all of these paths.
fn common<'p>(paths: &[&'p str]) -> &'p str {
    let mut common = folder(paths[0]);
    let contains = |folder: &str, path: &str| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    while !common.is_empty() && !paths.iter().all(|path| contains(common, path)) {
        common = folder(common);
    }
    common
}

#[cfg(test)]
mod tests {
    use super::narrowed;

    #[test]
    fn many_paths_are_asked_for_by_their_folders() {
        let many = |folders: &[&str]| {
            let paths = (0..20).map(|n| format!("{}{n}.yaml", folders[n % folders.len()]));
            let paths: Vec<String> = paths.collect();
            narrowed(paths.iter().map(String::as_str).collect()).join(" ")
        };
        assert_eq!(many(&["a/b/"]), "a/b");
        assert_eq!(many(&["a/b/", "a/bc/"]), "a/b a/bc");
        assert_eq!(many(&["a/b/", "a/bc/", "a/d/e/", "a/d/f/"]), "a");
        assert_eq!(many(&["a/b/", "b/c/", "c/", "d/"]), "");
        assert_eq!(many(&["a/b/", ""]), "");
        assert_eq!(narrowed(vec!["a/b", "c"]), ["a/b", "c"]);
    }
}
