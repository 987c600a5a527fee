//! Reports live objects that no manifest declares, in the namespaces in which the manifests declare something.

use std::collections::BTreeSet;

use super::compare::Unmatched;
use super::state::{Cycle, STOPPED};
use crate::cluster::Error;
use crate::cluster::snapshot::Snapshot;
use crate::manifest::IgnoreRule;
use crate::path::RESOURCE;
use crate::report::{self, ResourceRef};
use crate::schema::Kind;
use crate::unmanaged::UndeclaredObject;

impl Cycle<'_> {
    /// Handles an object that was not requested by name.
    pub(super) fn handle_unrequested(
        &mut self,
        object: &UndeclaredObject<'_>,
        unmatched: &mut Unmatched<'_>,
    ) {
        let id = object.id;
        if self.search.declared.contains(id) || !self.options.only.includes(id) {
            return;
        }
        self.search.unused.retain(|selector| !selector.names(id));
        let hides = |rule: &&IgnoreRule| rule.pattern().is_resource() && rule.is_for(id);
        unmatched.rules.retain(|rule| !hides(rule));
        if let Some(owner) = object.owner() {
            *self.report.owned.entry(owner).or_default() += 1;
        } else if self.options.ignore.iter().any(|rule| hides(&rule)) {
            self.report.ignored += 1;
        } else {
            self.report_unmanaged(object);
        }
    }

    fn report_unmanaged(&mut self, object: &UndeclaredObject<'_>) {
        let entry = report::UnmanagedEntry {
            id: object.id.clone(),
            created: object.created().map(str::to_owned),
            creator: object.creator(),
            managed_by: object.managed_by().map(str::to_owned),
            near: self.search.near(&object.id.namespace),
        };
        let field = entry.field();
        let baseline = self.options.baseline.as_ref();
        if baseline.is_some_and(|of| of.knows(&entry.id, RESOURCE, field.live.as_ref())) {
            self.report.known.push(report::KnownEntry {
                id: entry.id,
                source: entry.near,
                fields: vec![field],
            });
        } else {
            self.report.unmanaged.push(entry);
        }
    }

    /// Records the result of listing a place.
    pub(super) fn listed(&mut self, kind: Kind, namespace: String, result: &Result<(), Error>) {
        let Err(error) = result else {
            self.search.listed.insert((kind, namespace));
            return;
        };
        let plural = kind.plural();
        let message = match error {
            Error::Forbidden { .. } => format!(
                "--unmanaged needs the right to list {plural} in namespace \"{namespace}\": {error}"
            ),
            _ => format!("--unmanaged cannot list {plural} in namespace \"{namespace}\": {error}"),
        };
        self.search.failed.insert((kind, namespace.clone()));
        // Without a connection, one error covers all places.
        if !error.is_about_connection() {
            self.place_error(kind, namespace, message);
        }
    }

    fn place_error(&mut self, kind: Kind, namespace: String, message: String) {
        self.report.errors.push(report::ErrorEntry {
            resource: Some(ResourceRef {
                api_version: kind.api_version().to_owned(),
                kind: kind.name().to_owned(),
                namespace,
                name: String::new(),
            }),
            source: None,
            message,
        });
    }

    /// Searches a snapshot.
    pub(super) fn search_snapshot(&mut self, snapshot: &Snapshot, unmatched: &mut Unmatched<'_>) {
        let places: BTreeSet<(Kind, String)> = self.search.places.iter().cloned().collect();
        for (id, live) in snapshot.objects() {
            if places.contains(&(id.kind, id.namespace.clone())) {
                self.handle_unrequested(&UndeclaredObject::new(id, live, None), unmatched);
            }
        }
        let mut unknown: BTreeSet<Kind> = BTreeSet::new();
        for (kind, namespace) in places {
            if !snapshot.has_namespace(&namespace) {
                let message = format!(
                    "--unmanaged: not searched: the snapshot has nothing in namespace \"{namespace}\""
                );
                self.place_error(kind, namespace, message);
            } else if snapshot.has_kind(kind) {
                self.search.listed.insert((kind, namespace));
            } else {
                unknown.insert(kind);
            }
        }
        for kind in unknown {
            self.state.warn_of(format!(
                "--unmanaged: the snapshot has no {kind}, so none was looked for"
            ));
        }
    }

    /// Ends the search.
    pub(super) fn end_search(&mut self) {
        self.report.unmanaged.sort_by(|a, b| a.id.cmp(&b.id));
        for warning in self.search.take_unused() {
            self.state.warn_of(warning);
        }
    }

    /// Reports the places that a stopped run has not searched.
    pub(super) fn not_listed(&mut self) {
        let search = &self.search;
        let is_left = |place: &&(Kind, String)| {
            !search.listed.contains(*place) && !search.failed.contains(*place)
        };
        let left: Vec<_> = search.places.iter().filter(is_left).cloned().collect();
        for (kind, namespace) in left {
            self.place_error(kind, namespace, STOPPED.to_owned());
        }
    }
}
