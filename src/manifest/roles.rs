//! What the kustomizations of a run say of a file: that it is one of their resources, that it is no resource, or nothing.

use std::collections::{HashMap, HashSet};
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
    kustomizations: Vec<Kustomization>,
    /// The files and folders that are no resources, each with the reason not to write them.
    others: HashMap<PathBuf, Arc<str>>,
}

#[derive(Debug)]
struct Kustomization {
    folder: PathBuf,
    resources: HashSet<PathBuf>,
    reason: Arc<str>,
}

impl Roles {
    /// Takes note of the kustomization in a folder. The reason is why what it names must not be written.
    pub fn add(&mut self, folder: &Path, named: NamedFiles, reason: Arc<str>) {
        // A folder around it holds its resources too.
        let others = named.others.into_iter();
        for path in others.filter(|path| !folder.starts_with(path)) {
            self.others.insert(path, reason.clone());
        }
        // A folder with a kustomization of its own says itself what its resources are.
        let is_kustomized = |path: &PathBuf| NAMES.iter().any(|name| path.join(name).is_file());
        let resources = named.resources.into_iter();
        self.kustomizations.push(Kustomization {
            folder: folder.to_owned(),
            resources: resources.filter(|path| !is_kustomized(path)).collect(),
            reason,
        });
    }

    /// What a file is.
    pub fn of(&self, file: &Path) -> Role {
        if self.kustomizations.is_empty() {
            return Role::Unnamed;
        }
        let other = file
            .ancestors()
            .find(|path| self.others.contains_key(*path));
        let names = |kustomization: &&Kustomization| kustomization.names(file, other);
        match (self.kustomizations.iter().find(names), other) {
            (Some(kustomization), _) => Role::Resource(kustomization.reason.clone()),
            (None, Some(other)) => Role::Other(self.others[other].clone()),
            (None, None) => Role::Unnamed,
        }
    }
}

impl Kustomization {
    /// Whether it names a file, or a folder around it, as a resource. In a component that only counts for what lies
    /// outside: its own resources are there only where something includes it.
    fn names(&self, file: &Path, other: Option<&Path>) -> bool {
        let is_in_other = other.is_some_and(|other| self.folder.starts_with(other));
        let mut around = file.ancestors();
        !is_in_other && around.any(|path| self.resources.contains(path))
    }
}
