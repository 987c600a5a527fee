//! Warnings and hints about the namespaces of manifests.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compare::Comparison;
use super::state::{Cycle, LoopState};
use super::{LiveSource, RunOptions};
use crate::cluster::{Cluster, Error};
use crate::manifest::{Manifests, Resource};
use crate::schema::{Kind, ResourceId};

/// Warns of a `--namespace` that no manifest uses, and of one that differs from the context's namespace.
pub(super) fn warn_of_options(
    state: &mut LoopState,
    options: &RunOptions,
    manifests: &Manifests,
    of_context: Option<&str>,
) {
    /// The default of the option.
    const DEFAULT: &str = "default";
    let given = &options.manifests.namespace;
    let count = manifests.without_namespace;
    if count == 0 && given != DEFAULT && !manifests.resources.is_empty() {
        state.warn_of(format!(
            "--namespace {given}: no manifest used it, since each of them names its namespace"
        ));
    }
    if let (Some(of_context), 1..) = (of_context.filter(|name| name != given), count) {
        state.warn_of(format!(
            "{count} manifest(s) name no namespace and are looked for in `{given}`, but the context's own namespace is `{of_context}`; see --namespace"
        ));
    }
}

/// The resources of a namespace that are compared.
#[derive(Default)]
struct NamespaceResources {
    count: usize,
    is_all_missing: bool,
    /// Whether one of them names no namespace.
    is_by_option: bool,
}

impl NamespaceResources {
    /// What to say when all of them are missing. `has_others`: more is declared in the namespace and may be there, so
    /// that nothing speaks against a namespace that exists. `side` is what has the live objects.
    fn hint(&self, namespace: &str, exists: bool, has_others: bool, side: &str) -> Option<String> {
        let what = match self.count {
            1 => format!("the only resource compared in namespace `{namespace}` is missing"),
            count => {
                format!("all {count} resources compared in namespace `{namespace}` are missing")
            }
        };
        match (exists, self.is_by_option) {
            (false, true) => Some(format!(
                "{what}: the namespace does not exist; is --namespace right?"
            )),
            (false, false) => Some(format!("{what}: the namespace does not exist")),
            (true, _) if has_others => None,
            (true, true) => Some(format!("{what}; is --namespace right?")),
            (true, false) => Some(format!("{what}; is this the right {side}?")),
        }
    }
}

impl Cycle<'_> {
    /// Gives a hint about each namespace whose resources are all missing.
    pub(super) async fn hint_at_namespaces(&mut self, found: &[Comparison]) {
        for (namespace, compared) in by_namespace(self.resources, found) {
            if !compared.is_all_missing {
                self.state.known_namespaces.remove(namespace);
                continue;
            }
            let id = ResourceId {
                kind: Kind::Namespace,
                namespace: String::new(),
                name: namespace.to_owned(),
            };
            let mut declared = self.resources.iter().zip(found);
            let declared = declared.find(|(resource, _)| resource.id == id);
            let known = self.state.known_namespaces.get(namespace).copied();
            let exists = match (declared, self.source, known) {
                // A snapshot is compared only with resources of namespaces that it has.
                (Some((_, Comparison::InSync | Comparison::Drifted(_))), ..)
                | (None, LiveSource::Snapshot(_), _) => Some(true),
                // The namespace is created with them, or the report says why not.
                (Some(_), ..) => continue,
                (None, LiveSource::Cluster { .. }, Some(exists)) => Some(exists),
                (None, LiveSource::Cluster { cluster, .. }, None) => {
                    self.stop.unless_asked(exists(cluster, &id)).await
                }
            };
            let Some(exists) = exists else {
                return;
            };
            let known = &mut self.state.known_namespaces;
            known.insert(namespace.to_owned(), exists);
            let mut left_out = self.left_out.iter();
            let side = match self.source {
                LiveSource::Cluster { .. } => "cluster",
                LiveSource::Snapshot(_) => "snapshot",
            };
            let has_others = left_out.any(|id| id.namespace == namespace);
            if let Some(hint) = compared.hint(namespace, exists, has_others, side) {
                self.state.warn_of(hint);
            }
        }
    }
}

/// Whether an object exists; if that is unknown, it is assumed to.
async fn exists(cluster: &Cluster, id: &ResourceId) -> bool {
    !matches!(cluster.get(id).await, Err(Error::NotFound(_)))
}

fn by_namespace<'r>(
    resources: &'r [Arc<Resource>],
    found: &[Comparison],
) -> BTreeMap<&'r str, NamespaceResources> {
    let mut namespaces: BTreeMap<&str, NamespaceResources> = BTreeMap::new();
    for (resource, found) in resources.iter().zip(found) {
        if !resource.id.kind.is_namespaced() {
            continue;
        }
        let entry = namespaces.entry(&resource.id.namespace);
        let compared = entry.or_insert(NamespaceResources {
            is_all_missing: true,
            ..NamespaceResources::default()
        });
        compared.count += 1;
        compared.is_all_missing &= matches!(found, Comparison::Missing);
        compared.is_by_option |= leaves_namespace_open(resource);
    }
    namespaces
}

fn leaves_namespace_open(resource: &Resource) -> bool {
    let metadata = resource.node().get("metadata");
    let namespace = metadata.and_then(|metadata| metadata.get("namespace"));
    namespace.is_none_or(|namespace| namespace.as_str().is_none_or(str::is_empty))
}
