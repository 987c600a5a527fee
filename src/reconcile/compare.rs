//! The first half of a cycle: compares each resource with its live object.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::progress::Progress;
use super::state::{Cycle, DriftedObject, LoopState, STOPPED};
use super::{LiveSource, describe};
use crate::blame::differences;
use crate::cluster::{Arrival, Cluster, Error, Fetched, Live};
use crate::diff::{Differences, Finding, Unstored};
use crate::managed_fields::{self, ManagerPattern};
use crate::manifest::{IgnoreRule, Resource};
use crate::path::Pattern;
use crate::report;
use crate::schema::{ResourceId, RuleId, Server};
use crate::unmanaged::UndeclaredObject;
use crate::yaml::NodeId;

/// The result of comparing one resource.
pub(super) enum Comparison {
    Unknown,
    InSync,
    Missing,
    Drifted(Box<Differences>),
    /// The baseline has all of its drift.
    Known,
}
/// The rules of the run that have matched nothing yet.
pub(super) struct Unmatched<'c> {
    pub(super) rules: Vec<&'c IgnoreRule>,
    managers: Vec<&'c ManagerPattern>,
}

impl Unmatched<'_> {
    fn look_for_managers(&mut self, live: Option<&Value>, managed_fields: Option<&str>) {
        if self.managers.is_empty() {
            return;
        }
        let within = live.and_then(managed_fields::within);
        if let Some(text) = managed_fields.map(Cow::from).or(within) {
            self.managers.retain(|pattern| !pattern.finds(&text));
        }
    }

    fn warn(&self, state: &mut LoopState) {
        for rule in &self.rules {
            state.warn_of(rule.unused());
        }
        for pattern in &self.managers {
            let text = pattern.text();
            state.warn_of(format!(
                "--ignore-managers: `{text}` matches no owner in any resource"
            ));
        }
    }
}

/// The resources whose live objects have not arrived yet.
struct Waiting<'r> {
    index: HashMap<&'r ResourceId, usize>,
    left: BTreeSet<usize>,
}

impl<'r> Waiting<'r> {
    fn new(ids: impl Iterator<Item = &'r ResourceId>) -> Self {
        let index: HashMap<&ResourceId, usize> = ids.enumerate().map(|(at, id)| (id, at)).collect();
        let left = index.values().copied().collect();
        Self { index, left }
    }

    /// Removes a resource and returns its index; `None` if it was not waited for.
    fn take(&mut self, id: &ResourceId) -> Option<usize> {
        let at = *self.index.get(id)?;
        self.left.remove(&at);
        Some(at)
    }
}

impl<'c> Cycle<'c> {
    /// Compares each resource.
    pub(super) async fn compare(&mut self) -> Vec<Comparison> {
        let mut found: Vec<Comparison> =
            self.resources.iter().map(|_| Comparison::Unknown).collect();
        let is_used = |rule: &&IgnoreRule| self.left_out.iter().any(|id| rule.leaves_out(id));
        let rules = self.options.ignore.iter();
        let mut unmatched = Unmatched {
            rules: rules.filter(|rule| !is_used(rule)).collect(),
            managers: self.options.ignore_managers.iter().collect(),
        };
        match self.source {
            LiveSource::Snapshot(snapshot) => {
                for (index, resource) in self.resources.iter().enumerate() {
                    match snapshot.find(&resource.id) {
                        Ok(live) => {
                            found[index] = self.judge(resource, live, None, &mut unmatched).await;
                        }
                        Err(reason) => {
                            let error = describe::error(resource, reason.to_string());
                            self.report.errors.push(error);
                        }
                    }
                }
                self.search_snapshot(snapshot, &mut unmatched);
            }
            LiveSource::Cluster { cluster, .. } => {
                self.fetch(cluster, &mut found, &mut unmatched).await;
            }
        }
        // A rule for resources outside the scope of the run is not a mistake.
        let has_searched = !self.resources.is_empty() || self.search.has_searched();
        if self.options.only.is_everything() && has_searched {
            unmatched.warn(self.state);
        }
        self.end_search();
        self.set_known_aside(&mut found);
        found
    }

    async fn fetch(
        &mut self,
        cluster: &Cluster,
        found: &mut [Comparison],
        unmatched: &mut Unmatched<'c>,
    ) {
        let resources = self.resources;
        let ids: Vec<ResourceId> = resources
            .iter()
            .map(|resource| resource.id.clone())
            .collect();
        let mut fetching = cluster.fetch(&ids, self.search.places());
        let mut fetched = Progress::new(resources.iter().map(|resource| resource.id.kind));
        let mut waiting = Waiting::new(resources.iter().map(|resource| &resource.id));
        let mut unreachable: Option<(Error, usize)> = None;
        loop {
            let batch = tokio::select! {
                batch = fetching.next() => batch,
                () = fetched.tick() => {
                    fetched.show();
                    continue;
                }
                () = self.stop.asked() => break,
            };
            let Some(batch) = batch else {
                break;
            };
            for arrival in batch {
                let Fetched { id, result } = match arrival {
                    Arrival::Requested(fetched) => fetched,
                    Arrival::Unrequested(id, live) => {
                        let managed = live.managed_fields();
                        self.handle_unrequested(
                            &UndeclaredObject::new(&id, &live.value, managed),
                            unmatched,
                        );
                        continue;
                    }
                    Arrival::Listed(kind, namespace, result) => {
                        self.listed(kind, namespace, &result);
                        if let Err(error) = result
                            && error.is_about_connection()
                        {
                            unreachable.get_or_insert((error, 0));
                        }
                        continue;
                    }
                };
                let Some(at) = waiting.take(&id) else {
                    continue;
                };
                fetched.count(id.kind);
                let resource = &resources[at];
                match result {
                    Ok(live) => {
                        let managed = live.as_ref().and_then(Live::managed_fields);
                        let live = live.as_ref().map(|live| &live.value);
                        found[at] = self.judge(resource, live, managed, unmatched).await;
                    }
                    Err(error) if error.is_about_connection() => {
                        unreachable.get_or_insert((error, 0)).1 += 1;
                    }
                    Err(error) => {
                        if matches!(error, Error::Forbidden { .. }) {
                            self.state.inform(
                                "`gitops-drift rbac` prints the rights that these manifests need"
                                    .to_owned(),
                            );
                        }
                        let error = describe::error(resource, error.to_string());
                        self.report.errors.push(error);
                    }
                }
            }
        }
        drop(fetched);
        self.not_listed();
        self.not_fetched(unreachable, waiting);
    }

    /// Reports the resources for which the cluster sent no result.
    fn not_fetched(&mut self, unreachable: Option<(Error, usize)>, waiting: Waiting<'_>) {
        let cause = unreachable.as_ref().map(|(error, _)| error.to_string());
        self.state.unreachable = cause;
        if let Some((error, count)) = unreachable {
            self.report.errors.push(report::ErrorEntry {
                resource: None,
                source: None,
                message: match count {
                    0 => error.to_string(),
                    count => format!("{error}; {count} resource(s) not compared"),
                },
            });
        }
        for at in waiting.left {
            let error = describe::error(&self.resources[at], STOPPED.to_owned());
            self.report.errors.push(error);
        }
    }

    /// Compares one resource with its live object.
    async fn judge(
        &mut self,
        resource: &'c Resource,
        live: Option<&Value>,
        managed_fields: Option<&str>,
        unmatched: &mut Unmatched<'c>,
    ) -> Comparison {
        self.look_for_patterns(resource, live, unmatched);
        unmatched.look_for_managers(live, managed_fields);
        let Some(live) = live else {
            let is_ignored = {
                let mut patterns = resource.ignore.iter().chain(self.patterns_for(resource));
                patterns.any(Pattern::is_resource)
            };
            if is_ignored {
                self.report.ignored += 1;
                let ignored = describe::missing(resource);
                self.suppress(resource, [(ignored, RuleId::IGNORED)]);
                return Comparison::InSync;
            }
            let unstored = self.unstored(resource).await;
            let nodes: Vec<NodeId> = unstored.places().collect();
            self.not_stored(resource, &unstored, &nodes);
            return Comparison::Missing;
        };
        let mut found = differences(&self.subject(resource, None), live, managed_fields);
        let mut server = None;
        if found.findings.iter().any(Unstored::can_explain) {
            let unstored = self.unstored(resource).await;
            if !unstored.is_empty() {
                server = Some(self.state.server(self.source).await);
                let subject = self.subject(resource, Some(&unstored));
                found = differences(&subject, live, managed_fields);
                self.not_stored(resource, &unstored, &found.not_stored);
            }
        }
        self.report.ignored += found.ignored;
        let suppressed = std::mem::take(&mut found.suppressed).into_iter();
        let field = |finding: &Finding| describe::field(resource, finding, None);
        self.suppress(
            resource,
            suppressed.map(|(finding, rule)| (field(&finding), rule)),
        );
        if let Some(path) = &found.unreadable_record {
            let message = format!(
                "{path}: expected the JSON object that `kubectl apply` records, found other text: what has left the \
                 manifest is unknown; `kubectl apply set-last-applied` replaces it"
            );
            self.report.errors.push(describe::error(resource, message));
        }
        for path in &found.unknown_live {
            self.state.warn_of(format!(
                "{} has the field {}, which this version does not know and does not compare",
                resource.id.kind,
                path.of_any_item()
            ));
        }
        if found.findings.is_empty() {
            return Comparison::InSync;
        }
        if self.options.makes_patch() {
            self.drifted_objects.push(DriftedObject {
                resource,
                live: live.clone(),
                managed_fields: managed_fields.map(str::to_owned),
                server,
            });
        }
        self.keep(resource, live, managed_fields);
        Comparison::Drifted(Box::new(found))
    }

    /// Warns of patterns in a resource's annotation that match nothing in it, and notes which of the run's patterns
    /// match.
    fn look_for_patterns(
        &mut self,
        resource: &Resource,
        live: Option<&Value>,
        unmatched: &mut Unmatched<'_>,
    ) {
        if resource.ignore.is_empty() && unmatched.rules.is_empty() {
            return;
        }
        let declared = resource.node().to_json();
        let finds = |pattern: &Pattern| {
            pattern.is_resource()
                || pattern.finds(&declared)
                || live.is_some_and(|live| pattern.finds(live))
        };
        for pattern in resource.ignore.iter().filter(|pattern| !finds(pattern)) {
            let text = pattern.text();
            let message = format!("ignore-fields: `{text}` matches nothing in it");
            self.state.warn(describe::error(resource, message));
        }
        unmatched
            .rules
            .retain(|rule| !(rule.is_for(&resource.id) && finds(rule.pattern())));
    }

    /// The declared values that the server does not store. Called only if these can explain a difference, since it asks
    /// the server for its version.
    async fn unstored(&mut self, resource: &Resource) -> Unstored {
        let asking = self.state.server(self.source);
        let server = self.stop.unless_asked(asking).await;
        let server = server.unwrap_or_else(Server::unknown);
        self.subject(resource, None).unstored(server)
    }

    /// Reports declared values that the server does not store, each at its own line.
    fn not_stored(&mut self, resource: &Resource, unstored: &Unstored, nodes: &[NodeId]) {
        let nodes: BTreeSet<NodeId> = nodes.iter().copied().collect();
        for node in nodes {
            if let Some((path, reason)) = unstored.reason(node) {
                let message = format!("{path}: {reason}");
                let error = describe::error_at(resource, resource.resolve(node), message);
                self.report.errors.push(error);
            }
        }
    }
}
