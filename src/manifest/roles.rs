//! What the kustomizations of a run say of a file: that it is one of their resources, that it is no resource, or nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kustomize::{NAMES, NamedFiles};

/// What a file is to the kustomizations.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A resource that kustomize may change, with the reason not to write it.
    Resource(Arc<str>),
    /// A patch, a generator's file or the like, with the reason not to write it.
    Other(Arc<str>),
    Unnamed,
}

/// What all kustomizations of a run name. All paths are real ones.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// The files and folders that are resources, and who names them.
    resources: HashMap<PathBuf, Vec<Naming>>,
    /// The files and folders that are no resources, each with the reason not to write them.
    others: HashMap<PathBuf, Arc<str>>,
}

/// That a kustomization names something as its resource.
#[derive(Debug)]
struct Naming {
    /// The kustomization's folder.
    folder: PathBuf,
    /// Why what it names must not be written.
    reason: Arc<str>,
}

impl Roles {
    /// Takes note of the kustomization in a folder. The reason is why what it names must not be written.
    pub fn add(&mut self, folder: &Path, named: NamedFiles, reason: &Arc<str>) {
        // A folder around it holds its resources too.
        let others = named.others.into_iter();
        for path in others.filter(|path| !folder.starts_with(path)) {
            self.others.insert(path, reason.clone());
        }
        // A folder with a kustomization of its own says itself what its resources are.
        let is_kustomized = |path: &PathBuf| NAMES.iter().any(|name| path.join(name).is_file());
        let resources = named.resources.into_iter();
        for path in resources.filter(|path| !is_kustomized(path)) {
            self.resources.entry(path).or_default().push(Naming {
                folder: folder.to_owned(),
                reason: reason.clone(),
            });
        }
    }

    /// What a file is.
    pub fn of(&self, file: &Path) -> Role {
        if self.resources.is_empty() && self.others.is_empty() {
            return Role::Unnamed;
        }
        let other = file
            .ancestors()
            .find(|path| self.others.contains_key(*path));
        // The resources of a component are there only where something includes it. So in such a folder only what is
        // named from outside counts.
        let counts =
            |naming: &&Naming| !other.is_some_and(|other| naming.folder.starts_with(other));
        let around = file.ancestors().filter_map(|path| self.resources.get(path));
        match (around.flatten().find(counts), other) {
            (Some(naming), _) => Role::Resource(naming.reason.clone()),
            (None, Some(other)) => Role::Other(self.others[other].clone()),
            (None, None) => Role::Unnamed,
        }
    }
}
