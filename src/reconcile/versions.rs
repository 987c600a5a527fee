//! Reads the versions of manifests from Git, newest first, and passes them to the searches.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use crate::git::{self, Blobs, ChangedFile, Checkout, Commit, Log};
use crate::history::VersionSearch;
use crate::manifest::{Declaration, FileVersion, is_manifest};
use crate::schema::ResourceId;

/// The most other files of a commit to search for a resource that its own file did not declare before.
const MOST_OTHERS: usize = 1000;

/// The search for one resource, and its state.
pub(super) struct RunningSearch<'a> {
    pub(super) id: &'a ResourceId,
    pub(super) search: VersionSearch<'a>,
    pub(super) end: SearchEnd,
    /// The number of commits that have been searched.
    commits: usize,
    /// Whether the last version that was read declares the resource.
    is_declared: bool,
}

/// Why a search has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchEnd {
    /// It has not ended.
    Open,
    /// Git has no version of the file.
    NotInGit,
    /// Git refuses to read the repository, or fails to.
    Unreadable,
    /// The clone does not go back far enough.
    Shallow,
    /// There are no more versions.
    First,
    /// The limit on commits was reached.
    Limit,
}

/// The indices of searches, by the path of their file from the root of the repository.
pub(super) type SearchesOfFiles = BTreeMap<String, Vec<usize>>;

impl<'a> RunningSearch<'a> {
    pub(super) fn new(id: &'a ResourceId, search: VersionSearch<'a>) -> Self {
        Self {
            id,
            search,
            end: SearchEnd::Open,
            commits: 0,
            is_declared: false,
        }
    }

    fn compare_version(&mut self, commit: &Arc<Commit>, version: Declaration<'_>) {
        self.search.compare_version(Some(commit), version);
        self.commits += 1;
        self.is_declared = matches!(version, Declaration::Resource(_));
    }
}

/// Passes the versions of these files to their searches. `namespace` is for manifests that name none, and `limit` is
/// the most commits to search for each file. Fails if `git` cannot be started.
pub(super) async fn read_versions(
    repositories: &BTreeMap<PathBuf, SearchesOfFiles>,
    namespace: &str,
    limit: usize,
    searches: &mut [RunningSearch<'_>],
) -> io::Result<()> {
    for (root, files) in repositories {
        let checkout = Checkout::of(root).await?;
        let (is_shallow, head) = match checkout.map(|it| (it.is_shallow, it.head)) {
            Some((is_shallow, Some(head))) => (is_shallow, head),
            other => {
                let is_refused = other.is_none();
                for index in files.values().flatten() {
                    searches[*index].end = if is_refused {
                        SearchEnd::Unreadable
                    } else {
                        SearchEnd::NotInGit
                    };
                }
                continue;
            }
        };
        let mut reader = VersionReader {
            root,
            head: head.clone(),
            is_shallow,
            namespace,
            limit,
            blobs: Blobs::open(root)?,
            onward: BTreeMap::from([(head, files.clone())]),
            others: None,
        };
        while let Some((from, files)) = reader.onward.pop_first() {
            reader.walk(&from, files, searches).await?;
        }
    }
    Ok(())
}

/// The next changes of these files, so many or a few more; none at the end.
async fn next_changes(
    log: &mut Log,
    files: &SearchesOfFiles,
    count: usize,
) -> Vec<(Arc<Commit>, ChangedFile)> {
    let mut changes = Vec::new();
    while changes.len() < count
        && let Some(entry) = log.next().await
    {
        for change in entry.changes {
            if files.contains_key(&change.path) {
                changes.push((entry.commit.clone(), change));
            }
        }
    }
    changes
}

/// Reads the versions of files in one repository.
struct VersionReader<'r> {
    root: &'r Path,
    /// The commit that is checked out.
    head: String,
    is_shallow: bool,
    namespace: &'r str,
    limit: usize,
    blobs: Blobs,
    /// The files to search next, by the commit to begin with.
    onward: BTreeMap<String, SearchesOfFiles>,
    /// The changes of the commit that was searched last.
    others: Option<ChangesOfCommit>,
}

/// The changes of one commit.
struct ChangesOfCommit {
    /// Its id; empty for uncommitted changes.
    commit: String,
    changes: Arc<[ChangedFile]>,
}

impl VersionReader<'_> {
    /// Searches the versions of some files from a commit on.
    async fn walk(
        &mut self,
        from: &str,
        mut files: SearchesOfFiles,
        searches: &mut [RunningSearch<'_>],
    ) -> io::Result<()> {
        let mut log = Log::open(self.root, from, files.keys().map(String::as_str))?;
        // No more versions are asked for ahead than have been needed, since the search may end at any of them.
        let mut ahead = 1;
        while !files.is_empty() {
            let changes = next_changes(&mut log, &files, ahead).await;
            if changes.is_empty() {
                break;
            }
            ahead = (ahead * 2).min(Blobs::MOST_AHEAD);
            for changes in changes.chunks(Blobs::MOST_AHEAD) {
                let versions = changes
                    .iter()
                    .filter_map(|(_, change)| change.after.as_deref());
                self.blobs.ask_ahead(versions).await;
                for (commit, change) in changes {
                    let Some(indices) = files.remove(&change.path) else {
                        continue;
                    };
                    let left = self.look_at(commit, change, indices, searches).await?;
                    if !left.is_empty() {
                        files.insert(change.path.clone(), left);
                    }
                }
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        if !log.ended_well().await {
            for index in files.into_values().flatten() {
                searches[index].end = SearchEnd::Unreadable;
            }
            return Ok(());
        }
        for (path, indices) in files {
            for index in indices {
                self.at_the_end(&path, index, &mut searches[index]).await?;
            }
        }
        Ok(())
    }

    /// Passes one version of a file to the searches. Returns those that continue with the same file.
    async fn look_at(
        &mut self,
        commit: &Arc<Commit>,
        change: &ChangedFile,
        indices: Vec<usize>,
        searches: &mut [RunningSearch<'_>],
    ) -> io::Result<Vec<usize>> {
        let version = match &change.after {
            Some(id) => self.read(id).await,
            None => None,
        };
        let mut left = Vec::new();
        for index in indices {
            let running = &mut searches[index];
            let declaration = match (&change.after, &version) {
                (None, _) => Declaration::Absent,
                (Some(_), None) => Declaration::Unreadable,
                (Some(_), Some(version)) => version.of(running.id),
            };
            if self
                .look(running, index, commit, change, declaration)
                .await?
            {
                left.push(index);
            }
        }
        Ok(left)
    }

    /// Passes one version to one search. Returns whether it continues with the same file.
    async fn look(
        &mut self,
        running: &mut RunningSearch<'_>,
        index: usize,
        commit: &Arc<Commit>,
        change: &ChangedFile,
        declaration: Declaration<'_>,
    ) -> io::Result<bool> {
        let is_new_here = matches!(declaration, Declaration::Absent)
            && (running.is_declared || running.commits == 0);
        if is_new_here {
            let by = running.search.newer().cloned();
            if self
                .follow(running, index, by.as_deref(), &change.path)
                .await?
            {
                return Ok(false);
            }
        }
        running.compare_version(commit, declaration);
        if running.commits == self.limit {
            running.end = SearchEnd::Limit;
            return Ok(false);
        }
        let is_first = change.before.is_none() && running.is_declared;
        if is_first && running.search.is_open() && !self.is_boundary(commit) {
            if self
                .follow(running, index, Some(commit), &change.path)
                .await?
            {
                return Ok(false);
            }
            running.search.compare_version(None, Declaration::Absent);
            running.is_declared = false;
        }
        Ok(running.search.is_open())
    }

    /// Whether the clone ends at this commit, so that it seems to have added all files.
    fn is_boundary(&self, commit: &Commit) -> bool {
        self.is_shallow && commit.parent.is_none()
    }

    /// Continues a search with the file that declared its resource before a commit moved it to this one. Without a
    /// commit, the working tree has moved it. Returns whether there is such a file.
    async fn follow(
        &mut self,
        running: &mut RunningSearch<'_>,
        index: usize,
        commit: Option<&Commit>,
        path: &str,
    ) -> io::Result<bool> {
        let from = match commit {
            None => self.head.clone(),
            Some(Commit {
                parent: Some(parent),
                ..
            }) => parent.clone(),
            Some(_) => return Ok(false),
        };
        let changes = self.changes(commit, &from).await?;
        let mut others: Vec<&ChangedFile> = changes
            .iter()
            .filter(|other| other.before.is_some() && is_manifest(Path::new(other.path_before())))
            .filter(|other| other.path_before() != path)
            .collect();
        // A file that was renamed to this one comes first.
        others.sort_by_key(|other| other.path != path);
        if others.len() > MOST_OTHERS {
            others.truncate(MOST_OTHERS);
            running.search.cannot_read();
        }
        for other in others {
            let Some(id) = &other.before else { continue };
            match self.declaration(id, running.id).await {
                Some(true) => {
                    let files = self.onward.entry(from).or_default();
                    let path = other.path_before().to_owned();
                    files.entry(path).or_default().push(index);
                    return Ok(true);
                }
                Some(false) => {}
                None => running.search.cannot_read(),
            }
        }
        Ok(false)
    }

    /// The changes of a commit, or of the working tree without one.
    async fn changes(
        &mut self,
        commit: Option<&Commit>,
        parent: &str,
    ) -> io::Result<Arc<[ChangedFile]>> {
        let name = commit.map_or("", |commit| commit.id.as_str());
        if let Some(others) = self.others.as_ref().filter(|others| others.commit == name) {
            return Ok(others.changes.clone());
        }
        let of = commit.map(|commit| (parent, commit.id.as_str()));
        let changes: Arc<[ChangedFile]> = git::changes(self.root, of).await?.into();
        self.others = Some(ChangesOfCommit {
            commit: name.to_owned(),
            changes: changes.clone(),
        });
        Ok(changes)
    }

    /// Whether this content declares the resource. `None` if it cannot be read.
    async fn declaration(&mut self, content: &str, id: &ResourceId) -> Option<bool> {
        let bytes = self.blobs.read(content).await?;
        if memmem::find(&bytes, id.name.as_bytes()).is_none() {
            return Some(false);
        }
        match FileVersion::read(bytes, self.namespace).of(id) {
            Declaration::Resource(_) => Some(true),
            Declaration::Absent => Some(false),
            Declaration::Unreadable => None,
        }
    }

    async fn read(&mut self, content: &str) -> Option<FileVersion> {
        let bytes = self.blobs.read(content).await?;
        Some(FileVersion::read(bytes, self.namespace))
    }

    /// Ends a search whose file has no older commits.
    async fn at_the_end(
        &mut self,
        path: &str,
        index: usize,
        running: &mut RunningSearch<'_>,
    ) -> io::Result<()> {
        if running.commits > 0 {
            running.end = if self.is_shallow {
                SearchEnd::Shallow
            } else {
                SearchEnd::First
            };
            return Ok(());
        }
        if self.follow(running, index, None, path).await? {
            return Ok(());
        }
        running.end = SearchEnd::NotInGit;
        if !git::is_ignored(self.root, path).await? {
            running.search.compare_version(None, Declaration::Absent);
        }
        Ok(())
    }
}
