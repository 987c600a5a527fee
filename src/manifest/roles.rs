//! The role of a file in the kustomizations of a run: a resource, another file, or none.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kustomize::{NAMES, NamedFiles};

/// The role of a file in the kustomizations.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A resource that kustomize may change, with the reason not to write it.
    Resource(Arc<str>),
    /// A patch, a generator's file or another file that is not a resource, with the reason not to write it.
    Other(Arc<str>),
    Unnamed,
}

/// The files and folders that all kustomizations of a run name. All paths are real paths.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// The files and folders that are resources, and the kustomizations that name them.
    resources: HashMap<PathBuf, Vec<Naming>>,
    /// The files and folders that are not resources, each with the reason not to write them.
    others: HashMap<PathBuf, Arc<str>>,
}

/// A kustomization that names a resource.
#[derive(Debug)]
struct Naming {
    /// The kustomization's folder.
    folder: PathBuf,
    /// Why its resources must not be written.
    reason: Arc<str>,
}

impl Roles {
    /// Adds the kustomization of a folder. `reason` says why its resources must not be written.
    pub(super) fn add(&mut self, folder: &Path, named: NamedFiles, reason: &Arc<str>) {
        // A parent folder contains its resources too.
        let others = named.others.into_iter();
        for path in others.filter(|path| !folder.starts_with(path)) {
            self.others.insert(path, reason.clone());
        }
        // A folder with its own kustomization names its resources itself.
        let is_kustomized = |path: &PathBuf| NAMES.iter().any(|name| path.join(name).is_file());
        let resources = named.resources.into_iter();
        for path in resources.filter(|path| !is_kustomized(path)) {
            self.resources.entry(path).or_default().push(Naming {
                folder: folder.to_owned(),
                reason: reason.clone(),
            });
        }
    }

    /// The role of a file.
    pub(super) fn of(&self, file: &Path) -> Role {
        if self.resources.is_empty() && self.others.is_empty() {
            return Role::Unnamed;
        }
        let other = file
            .ancestors()
            .find(|path| self.others.contains_key(*path));
        // The resources of a component exist only where a kustomization includes it. So in such a folder only files that
        // are named from outside count.
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
