//! What a commit changed, in Git's raw format.

use std::io;
use std::path::Path;

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedFile {
    /// Its path from the root, after the change.
    pub path: String,
    /// The path before, if it was renamed.
    pub renamed_from: Option<String>,
    /// The name of its content before; `None` if it was added.
    pub before: Option<String>,
    /// The name of its content after; `None` if it was deleted.
    pub after: Option<String>,
}

impl ChangedFile {
    /// Where it was before.
    #[must_use]
    pub(crate) fn path_before(&self) -> &str {
        self.renamed_from.as_deref().unwrap_or(&self.path)
    }
}

/// The line before the path: `:100644 100644 OLD NEW M`.
pub(super) struct RawChange {
    before: Option<String>,
    after: Option<String>,
    is_renamed: bool,
}

impl RawChange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\n').strip_prefix(':')?;
        let mut words = text.split(' ').skip(2);
        let (before, after, status) = (words.next()?, words.next()?, words.next()?);
        let object = |id: &str| Some(id.to_owned()).filter(|id| id.bytes().any(|b| b != b'0'));
        Some(Self {
            before: object(before),
            after: object(after),
            is_renamed: status.starts_with('R'),
        })
    }

    pub(super) fn of(self, path: &[u8]) -> ChangedFile {
        ChangedFile {
            path: String::from_utf8_lossy(path).into_owned(),
            renamed_from: None,
            before: self.before,
            after: self.after,
        }
    }
}

/// All changes of a commit, compared with its first parent; without a commit, those of the working tree. Fails if `git`
/// cannot be started.
pub(crate) async fn changes(
    root: &Path,
    commit: Option<(&str, &str)>,
) -> io::Result<Vec<ChangedFile>> {
    let mut command = super::command(root);
    match commit {
        Some((parent, commit)) => command.args(["diff-tree", "-r", "-M", parent, commit]),
        None => command.args(["diff-index", "-M", "HEAD"]),
    };
    command.args([
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-ext-diff",
        "--no-textconv",
    ]);
    let output = super::output(command).await?;
    Ok(parse(&output.stdout))
}

fn parse(output: &[u8]) -> Vec<ChangedFile> {
    let mut words = output.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    while let Some(head) = words.next() {
        let Some(raw) = RawChange::parse(&String::from_utf8_lossy(head)) else {
            continue;
        };
        let is_renamed = raw.is_renamed;
        let mut change = raw.of(words.next().unwrap_or_default());
        if is_renamed && let Some(path) = words.next() {
            let path = String::from_utf8_lossy(path).into_owned();
            change.renamed_from = Some(std::mem::replace(&mut change.path, path));
        }
        changes.push(change);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_changes() {
        let (old, new, none) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let output = format!(
            ":100644 100644 {old} {new} M\0a b\n.yaml\0:100644 100644 {old} {new} R090\0old\0new\0:000000 100644 {none} {new} A\0added\0\n:100644 000000 {old} {none} D\0gone\0"
        );
        let found = parse(output.as_bytes());
        let found: Vec<(&str, &str, bool, bool)> = found
            .iter()
            .map(|change| {
                let (path, before) = (change.path.as_str(), change.path_before());
                (
                    path,
                    before,
                    change.before.is_some(),
                    change.after.is_some(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("a b\n.yaml", "a b\n.yaml", true, true),
                ("new", "old", true, true),
                ("added", "added", false, true),
                ("gone", "gone", true, false),
            ]
        );
    }
}
