//! The Git commit that the manifests come from.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::git;

/// The revision where there is neither a commit nor a label.
const UNKNOWN: &str = "unknown";

/// The commit of these files and folders, followed by `-dirty` if manifests among them differ from it; outside a
/// repository the label, or `unknown`. Several commits are joined by `+`. The second value is a warning if Git refuses
/// to read the repository.
#[must_use]
pub(crate) fn of(inputs: &[PathBuf], label: Option<&str>) -> (String, Option<String>) {
    let unknown = label.unwrap_or(UNKNOWN);
    let (mut commits, mut warning) = (Vec::new(), None);
    for input in inputs.iter().filter(|input| input.as_os_str() != "-") {
        let commit = match status(input) {
            WorkTree::Commit(commit) => commit,
            WorkTree::None => unknown.to_owned(),
            WorkTree::Refused(reason) => {
                warning = Some(reason);
                unknown.to_owned()
            }
        };
        if !commits.contains(&commit) {
            commits.push(commit);
        }
    }
    if commits.is_empty() {
        commits.push(unknown.to_owned());
    }
    (commits.join("+"), warning)
}

/// The root of the repository that these files and folders are in, if they are in one.
#[must_use]
pub(crate) fn root(inputs: &[PathBuf]) -> Option<PathBuf> {
    let real = inputs.iter().find_map(|input| input.canonicalize().ok())?;
    let root = real.ancestors().find(|folder| folder.join(".git").exists());
    root.map(Path::to_owned)
}

enum WorkTree {
    Commit(String),
    /// No repository, no commit, or no Git.
    None,
    /// The warning, if Git refuses to read the repository.
    Refused(String),
}

fn status(input: &Path) -> WorkTree {
    let Ok(real) = input.canonicalize() else {
        return WorkTree::None;
    };
    let (folder, name) = if real.is_dir() {
        (real.as_path(), OsStr::new("."))
    } else {
        (
            real.parent().unwrap_or(&real),
            real.file_name().unwrap_or(OsStr::new(".")),
        )
    };
    match ask(folder, name) {
        Ok(output) if output.status.success() => read_status(&output.stdout),
        Ok(output) => read_refusal(folder, &String::from_utf8_lossy(&output.stderr)),
        Err(_) => WorkTree::None,
    }
}

/// One call returns both the commit and the differences from it.
fn ask(folder: &Path, name: &OsStr) -> std::io::Result<Output> {
    git::command(folder)
        .args([
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--",
        ])
        .arg(name)
        .output()
}

fn read_status(output: &[u8]) -> WorkTree {
    let text = String::from_utf8_lossy(output);
    let mut commit = None;
    let mut dirty = "";
    for entry in text.split('\0') {
        if let Some(oid) = entry.strip_prefix("# branch.oid ") {
            commit = Some(oid.to_owned()).filter(|oid| oid != "(initial)");
        } else if is_manifest(entry) {
            dirty = "-dirty";
        }
    }
    commit.map_or(WorkTree::None, |commit| WorkTree::Commit(commit + dirty))
}

/// Whether an entry of `git status`, which ends with a path, is about a manifest.
fn is_manifest(entry: &str) -> bool {
    !entry.starts_with('#')
        && [".yaml", ".yml", ".json"]
            .iter()
            .any(|end| entry.ends_with(end))
}

fn read_refusal(folder: &Path, message: &str) -> WorkTree {
    if !message.contains("dubious ownership") {
        return WorkTree::None;
    }
    let folder = folder.display();
    WorkTree::Refused(format!(
        "no revision: Git refuses {folder}, which belongs to another user; `git config --global --add safe.directory {folder}` allows it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_commit() {
        for (output, expected) in [
            ("# branch.oid abc\0# branch.head main\0", Some("abc")),
            ("# branch.oid abc\0? notes.txt\0", Some("abc")),
            ("# branch.oid abc\0? new.yaml\0", Some("abc-dirty")),
            (
                "# branch.oid abc\x001 .M N... 100644 100644 100644 1 2 a b.yml\0",
                Some("abc-dirty"),
            ),
            ("# branch.oid (initial)\0? new.yaml\0", None),
        ] {
            let commit = match read_status(output.as_bytes()) {
                WorkTree::Commit(commit) => Some(commit),
                _ => None,
            };
            assert_eq!(commit.as_deref(), expected, "{output:?}");
        }
    }

    #[test]
    fn outside_of_a_repository() {
        for path in ["/", "-"] {
            let inputs = [PathBuf::from(path)];
            assert_eq!(of(&inputs, None), ("unknown".to_owned(), None));
            assert_eq!(of(&inputs, Some("v1")), ("v1".to_owned(), None));
        }
    }
}
