//! The desired side: finds files, reads their documents, and checks the resources and their policies.
//!
//! [`Loader::load`] reads all manifests again each time and reports everything: what can be compared, and what
//! cannot and why. Nothing is skipped silently, and an invalid document does not affect the others.
//!
//! It knows nothing about the cluster. The rules are those of kubectl and of the API server's decoder; each check names its
//! source.

mod annotations;
mod check;
mod documents;
mod file;
mod headers;
mod identity;
mod ignore;
mod kinds;
mod kustomize;
mod load;
mod names;
mod notices;
mod problem;
pub(crate) mod revision;
mod roles;
mod scalars;
mod selector;
mod sops;
mod sources;
mod suggest;
mod trail;
mod unknown;
mod version;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::path::Pattern;
use crate::schema::{Kind, ResourceId};
use crate::yaml::{Node, NodeId};

use file::File;
pub(crate) use ignore::IgnoreRule;
pub(crate) use load::Loader;
pub(crate) use names::NameError;
pub(crate) use problem::{Location, ObjectReference, Problem};
pub(crate) use selector::{Selection, Selector};
pub(crate) use sources::is_manifest;
pub(crate) use version::{Declaration, FileVersion};

/// The prefix of the annotations that control this program.
pub(crate) const PREFIX: &str = "drift.gitops.io/";

/// Checks the name of a namespace.
pub(crate) fn check_namespace(name: &str) -> Result<(), NameError> {
    names::check_label(name)
}

/// Where manifests come from.
#[derive(Clone, Debug)]
pub struct ManifestOptions {
    /// Files and folders; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// Globs of paths to skip: a name matches at any depth, a path is relative to the given folder.
    pub exclude: Vec<String>,
    /// The namespace of manifests that name none.
    pub namespace: String,
    /// Also find out what files declare that are passed over or cannot be used: [`Manifests::declared`].
    pub with_declared: bool,
}

/// The content of all manifests at one moment, in the order of the given paths, of the files below each path, and of
/// the documents.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    /// The resources that can be compared.
    pub resources: Vec<Arc<Resource>>,
    /// The resources with the `skip` annotation, and hooks.
    pub skipped: Vec<Skipped>,
    /// The number of objects of namespaced kinds that name no namespace.
    pub without_namespace: usize,
    /// The number of objects of each kind that is not compared, such as `apps/v1 StatefulSet`.
    pub other_kinds: BTreeMap<String, usize>,
    /// The number of documents that are not Kubernetes objects.
    pub not_objects: usize,
    /// The errors: what could not be read or checked.
    pub problems: Vec<Problem>,
    /// The warnings about what was read.
    pub warnings: Vec<Problem>,
    /// Notices about Helm charts and kustomizations.
    pub notices: Vec<String>,
    /// One line for each folder that a notice does not name.
    pub details: Vec<String>,
    /// The number of files that are not resources according to the kustomizations.
    pub no_resources: usize,
    /// The number of files that were read.
    pub files: usize,
    /// The resources that `--only` or a rule leaves out.
    pub left_out: Vec<ResourceId>,
    /// All objects that the files declare in whatever way, where the options ask for them: skipped, erroneous and left
    /// out ones, and those in files that are passed over.
    pub declared: HashSet<ResourceId>,
    /// The namespaces in which the files that are not passed over declare any of these, with the first file of each.
    pub namespaces: BTreeMap<String, Arc<str>>,
}

impl Manifests {
    /// Leaves out resources that are not selected, and those that a rule ignores as a whole. Returns the selectors that
    /// match nothing.
    pub(crate) fn select<'o>(
        &mut self,
        only: &'o Selection,
        rules: &[IgnoreRule],
    ) -> Vec<&'o Selector> {
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
        let unused = only.unused(all).collect();
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

    /// The kinds and namespaces in which a selection may find objects that nobody declares.
    #[must_use]
    pub(crate) fn places_of_undeclared(&self, only: &Selection) -> Vec<(Kind, String)> {
        let namespaces = self.namespaces.keys();
        let places = namespaces.flat_map(|namespace| {
            let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_namespaced());
            kinds.map(move |kind| (kind, namespace.clone()))
        });
        places
            .filter(|(kind, namespace)| only.reaches(*kind, namespace))
            .collect()
    }

    /// Why there is nothing to compare; `None` if there is something, or if all resources are skipped.
    #[must_use]
    pub(crate) fn nothing_to_compare(&self) -> Option<String> {
        let all_skipped = !self.skipped.is_empty() && self.problems.is_empty();
        if !self.resources.is_empty() || all_skipped {
            return None;
        }
        if self.files == 0 {
            let found = "no manifest was found";
            return Some(match self.no_resources {
                0 => found.to_owned(),
                count => format!(
                    "{found}, only {count} file(s) that a kustomization names and that are not resources"
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
            (
                "documents that are not Kubernetes objects",
                self.not_objects,
            ),
        ];
        let found = found.iter().filter(|(_, count)| *count > 0);
        let found: Vec<String> = found
            .map(|(what, count)| format!("{what}: {count}"))
            .collect();
        let found = if found.is_empty() {
            "no documents".to_owned()
        } else {
            found.join(", ")
        };
        Some(format!(
            "no {} to compare; read {} file(s) with {found}",
            Kind::names("or"),
            self.files
        ))
    }
}

/// A resource as a manifest declares it.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The identity of the object.
    pub id: ResourceId,
    /// Whether its drift may be repaired.
    pub policy: Policy,
    /// The fields that are ignored.
    pub ignore: Vec<Pattern>,
    /// The fields that cannot be compared, because a variable in the manifest was not substituted.
    pub incomparable: Vec<Pattern>,
    /// Fields that are unknown in the tables. They are errors, unless the server is newer than the tables.
    pub unknown_fields: Vec<Problem>,
    /// Why it must not be written, if so. Unknown fields are a separate reason.
    pub unwritable: Option<String>,
    file: Arc<File>,
    node: NodeId,
    pointer: String,
}

impl Resource {
    /// The object.
    #[must_use]
    pub(crate) fn node(&self) -> Node<'_> {
        self.file.tree.node(self.node)
    }

    /// The position where the object begins.
    #[must_use]
    pub(crate) fn place(&self) -> Location {
        self.place_of(self.node())
    }

    /// The value of this object with this id.
    #[must_use]
    pub(crate) fn resolve(&self, id: NodeId) -> Node<'_> {
        self.file.tree.node(id)
    }

    /// The place of a value of this object.
    #[must_use]
    pub(crate) fn place_of(&self, node: Node<'_>) -> Location {
        self.file.place(node.position())
    }

    /// Whether its file is unchanged since it was read; always true for standard input.
    #[must_use]
    pub(crate) fn is_as_read(&self) -> bool {
        self.file.content.is_unchanged()
    }

    /// The path of its file; `None` for standard input.
    #[must_use]
    pub(crate) fn path(&self) -> Option<&std::path::Path> {
        self.file.content.path.as_deref()
    }

    /// Why its whole file must not be written, if so: a tool makes something else of it.
    #[must_use]
    pub(crate) fn file_is_unwritable(&self) -> Option<&str> {
        self.file.unwritable.as_deref()
    }

    /// Reads its file as it would be with another text.
    #[must_use]
    pub(crate) fn reread(&self, text: &str) -> Reread {
        let checked = self.file.reread(text);
        let unknown = checked.resources.iter().map(|r| r.unknown_fields.len());
        let problems = unknown.sum::<usize>() + checked.errors.len() + checked.warnings.len();
        Reread {
            problems,
            resources: checked.resources,
        }
    }

    /// The JSON pointer to it in its document: empty, or `/items/3` in a list.
    #[must_use]
    pub(crate) fn document_pointer(&self) -> &str {
        &self.pointer
    }
}

/// What a file with another text declares.
#[derive(Debug)]
pub(crate) struct Reread {
    /// The resources that can be compared.
    pub resources: Vec<Arc<Resource>>,
    /// The number of errors and warnings.
    pub problems: usize,
}

/// Whether the drift of a resource may be repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Drift is repaired with `--remediate`.
    #[default]
    Auto,
    /// Drift is only reported.
    Alert,
}

/// A resource that is skipped because of an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// The identity of the resource.
    pub resource: ObjectReference,
    /// Where it is declared.
    pub place: Location,
}

#[cfg(test)]
mod tests;
