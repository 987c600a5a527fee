//! The desired side: sources -> documents -> checked resources with policy.
//!
//! [`Loader::load_and_tell`] reads all manifests anew and says everything at once: what can be compared, and what cannot and
//! why. Nothing is passed over silently, and one bad document costs only itself.

mod annotations;
mod check;
mod documents;
mod file;
mod identity;
mod ignore;
mod kinds;
mod kustomize;
mod load;
mod names;
mod notices;
mod problem;
pub mod revision;
mod roles;
mod scalars;
mod scan;
mod selector;
mod sops;
mod sources;
mod suggest;
mod trail;
mod unknown;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::path::Pattern;
use crate::schema::ResourceId;
use crate::yaml::{Node, NodeId};

use file::File;
pub use ignore::IgnoreRule;
pub use load::Loader;
pub use problem::{Location, ObjectReference, Problem};
pub use selector::Selection;

/// The beginning of the annotations that instruct this program.
pub const PREFIX: &str = "drift.gitops.io/";

/// Checks the name of a namespace. Fails with a text that says what is wrong with it.
pub fn check_namespace(name: &str) -> Result<(), String> {
    names::check_label(name)
}

/// Where manifests come from.
#[derive(Clone, Debug)]
pub struct ManifestOptions {
    /// Files and folders; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// Globs of paths below a folder to pass over: a name alone wherever it is, a path from that folder on.
    pub exclude: Vec<String>,
    /// For manifests that name no namespace.
    pub namespace: String,
}

/// All that the manifests say at one moment. Everything is in the order of the paths given, of the files below each,
/// and of the documents.
#[derive(Debug, Default)]
pub struct Manifests {
    /// What can be compared.
    pub resources: Vec<Arc<Resource>>,
    /// What is passed over because its annotation says so.
    pub skipped: Vec<Skipped>,
    /// How many objects name no namespace, though their kind has one.
    pub without_namespace: usize,
    /// How many objects there are of kinds that are not compared, by `apps/v1 StatefulSet`.
    pub other_kinds: BTreeMap<String, usize>,
    /// How many documents are no Kubernetes objects.
    pub not_objects: usize,
    /// What could not be read or checked.
    pub problems: Vec<Problem>,
    /// What is doubtful and was read all the same.
    pub warnings: Vec<Problem>,
    /// What an operator may want to know of folders.
    pub notices: Vec<String>,
    /// The folders that a notice only counts, a line for each.
    pub details: Vec<String>,
    /// How many files are no resources, as the kustomizations say.
    pub no_resources: usize,
    /// How many files were read.
    pub files: usize,
    /// What was left out because the run is not about it.
    pub left_out: Vec<ResourceId>,
}

impl Manifests {
    /// Leaves out what a run is not about: resources that are not selected, and those that a rule leaves out as a whole.
    /// Gives the selectors that name nothing, as they were written.
    pub fn select(&mut self, only: &Selection, rules: &[IgnoreRule]) -> Vec<String> {
        let leaves_out = |id: &ResourceId| rules.iter().any(|rule| rule.leaves_out(id));
        let is_wanted = |id: &ResourceId| only.includes(id) && !leaves_out(id);
        let wants = |subject: &ObjectReference| subject.id().is_none_or(|id| is_wanted(&id));
        let skipped = self.skipped.iter().filter_map(|s| s.resource.id());
        let wrong = self
            .problems
            .iter()
            .filter_map(|p| p.resource.as_ref()?.id());
        let others: Vec<ResourceId> = skipped.chain(wrong).collect();
        let all = self.resources.iter().map(|r| &r.id).chain(&others);
        let unused = only.unused(all).map(|selector| selector.text().to_owned());
        let unused = unused.collect();
        let compared = self.resources.extract_if(.., |r| !is_wanted(&r.id));
        self.left_out
            .extend(compared.map(|resource| resource.id.clone()));
        let skipped = self.skipped.extract_if(.., |s| !wants(&s.resource));
        self.left_out
            .extend(skipped.filter_map(|s| s.resource.id()));
        for problems in [&mut self.problems, &mut self.warnings] {
            problems.retain(|problem| problem.resource.as_ref().is_none_or(wants));
        }
        unused
    }

    /// Why there is nothing to compare; `None` where something is, or where all that there is shall be skipped.
    #[must_use]
    pub fn nothing_to_compare(&self) -> Option<String> {
        let all_skipped = !self.skipped.is_empty() && self.problems.is_empty();
        if !self.resources.is_empty() || all_skipped {
            return None;
        }
        if self.files == 0 {
            let found = "no manifest was found";
            return Some(match self.no_resources {
                0 => found.to_owned(),
                count => format!(
                    "{found}, only {count} file(s) that a kustomization names and that are no resources"
                ),
            });
        }
        if !self.left_out.is_empty() {
            return Some(format!(
                "--only or --ignore-fields leave out all {} resource(s)",
                self.left_out.len()
            ));
        }
        let others = self.other_kinds.values().sum();
        let found = [
            ("errors", self.problems.len()),
            ("skipped resources", self.skipped.len()),
            ("objects of other kinds", others),
            ("documents that are no Kubernetes objects", self.not_objects),
        ];
        let found = found.iter().filter(|(_, count)| *count > 0);
        let found: Vec<String> = found
            .map(|(what, count)| format!("{what}: {count}"))
            .collect();
        let found = if found.is_empty() {
            "nothing at all".to_owned()
        } else {
            found.join(", ")
        };
        Some(format!(
            "no Deployment, Service, ConfigMap or Namespace to compare; read {} file(s) with {found}",
            self.files
        ))
    }
}

/// A resource as a manifest declares it.
#[derive(Debug)]
pub struct Resource {
    /// Which object it is about.
    pub id: ResourceId,
    /// What may be done about its drift.
    pub policy: Policy,
    /// What is left out of the comparison.
    pub ignore: Vec<Pattern>,
    /// What cannot be compared, because a variable in the manifest was not substituted.
    pub incomparable: Vec<Pattern>,
    /// Fields that the tables do not know. They are errors, unless the server turns out to be newer than the tables.
    pub unknown_fields: Vec<Problem>,
    /// Why it must not be written, if so. Unknown fields are a reason of their own.
    pub unwritable: Option<String>,
    file: Arc<File>,
    node: NodeId,
    pointer: String,
}

impl Resource {
    /// The object.
    #[must_use]
    pub fn node(&self) -> Node<'_> {
        self.file.tree.node(self.node)
    }

    /// Where the object begins.
    #[must_use]
    pub fn place(&self) -> Location {
        self.place_of(self.node())
    }

    /// A value of this object, found again by its id.
    #[must_use]
    pub fn resolve(&self, id: NodeId) -> Node<'_> {
        self.file.tree.node(id)
    }

    /// Where a value of this object stands.
    #[must_use]
    pub fn place_of(&self, node: Node<'_>) -> Location {
        self.file.place(node.position())
    }

    /// Whether its file still is as it was read. What came by standard input is.
    #[must_use]
    pub fn is_as_read(&self) -> bool {
        self.file.content.is_unchanged()
    }

    /// Where it is in its document, as a JSON pointer: empty, or `/items/3` in a list.
    #[must_use]
    pub fn document_pointer(&self) -> &str {
        &self.pointer
    }
}

/// What may be done about the drift of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It is repaired, if this run repairs at all.
    #[default]
    Auto,
    /// It is reported only.
    Alert,
}

/// A resource that is passed over because its annotation says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which one.
    pub resource: ObjectReference,
    /// Where it is declared.
    pub place: Location,
}

#[cfg(test)]
mod tests;
