//! The location and state of repositories.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The root of the working tree that a file or folder is in, without asking Git.
fn root(path: &Path) -> Option<PathBuf> {
    let root = path.ancestors().find(|folder| folder.join(".git").exists());
    root.map(Path::to_owned)
}

/// Finds the repositories of files. Each folder is examined once.
#[derive(Debug, Default)]
pub(crate) struct Repositories {
    /// By their names as they are given, which are looked up faster than paths.
    folders: HashMap<OsString, Option<FolderInRepository>>,
}

#[derive(Clone, Debug)]
struct FolderInRepository {
    root: PathBuf,
    /// Its path from the root; empty for the root itself.
    path: PathBuf,
}

impl Repositories {
    /// Whether a file can be in a repository: its folder is, or it is a link.
    pub(crate) fn may_have(&mut self, file: &Path) -> bool {
        let folder = file.parent();
        folder.is_some_and(|folder| self.folder(folder).is_some()) || file.is_symlink()
    }

    /// The root of the repository that a file is in, and the file's path from there, with `/`.
    pub(crate) fn place(&mut self, file: &Path) -> Option<(PathBuf, String)> {
        // A link is in the repository of what it points to.
        let real = if file.is_symlink() {
            Cow::Owned(file.canonicalize().ok()?)
        } else {
            Cow::Borrowed(file)
        };
        let name = real.file_name()?;
        let folder = self.folder(real.parent()?)?;
        let path = folder.path.join(name);
        let names: Option<Vec<&str>> = path.iter().map(|name| name.to_str()).collect();
        Some((folder.root.clone(), names?.join("/")))
    }

    fn folder(&mut self, folder: &Path) -> Option<&FolderInRepository> {
        if !self.folders.contains_key(folder.as_os_str()) {
            let found = FolderInRepository::of(folder);
            self.folders.insert(folder.into(), found);
        }
        self.folders.get(folder.as_os_str())?.as_ref()
    }
}

impl FolderInRepository {
    fn of(folder: &Path) -> Option<Self> {
        let here = Path::new(".");
        let folder = if folder.as_os_str().is_empty() {
            here
        } else {
            folder
        };
        let real = folder.canonicalize().ok()?;
        let root = root(&real)?;
        let path = real.strip_prefix(&root).ok()?.to_owned();
        Some(Self { root, path })
    }
}

/// The state of a repository.
pub(crate) struct Checkout {
    /// The commit that is checked out. `None` if there is no commit yet.
    pub head: Option<String>,
    /// Whether the clone is shallow, so that its oldest commit seems to have added all files.
    pub is_shallow: bool,
}

impl Checkout {
    /// `None` if Git refuses to read the repository, as one that belongs to another user. Fails if `git` cannot be
    /// started.
    pub(crate) async fn of(root: &Path) -> io::Result<Option<Self>> {
        let mut command = super::command(root);
        command.args(["rev-parse", "--is-shallow-repository", "HEAD^{commit}"]);
        let output = super::output(command).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut answers = text.lines();
        Ok(answers.next().map(|is_shallow| Self {
            head: answers
                .next()
                .filter(|_| output.status.success())
                .map(str::to_owned),
            is_shallow: is_shallow == "true",
        }))
    }
}

/// Whether the repository ignores this file. Fails if `git` cannot be started.
pub(crate) async fn is_ignored(root: &Path, path: &str) -> io::Result<bool> {
    let mut command = super::command(root);
    command.args(["check-ignore", "--quiet", "--", path]);
    // This command takes no literal ones.
    command.env("GIT_LITERAL_PATHSPECS", "0");
    Ok(super::output(command).await?.status.success())
}
