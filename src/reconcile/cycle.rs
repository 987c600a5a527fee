//! One cycle: load, fetch, compare, repair, report.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::describe;
use super::pacing::Pacing;
use super::progress::Progress;
use super::signals::Stop;
use super::{Options, Source};
use crate::cluster::{Cluster, Error, Fetched, Fetching};
use crate::diff::{Differences, Finding, Subject, differences};
use crate::manifest::{Loader, Manifests, Resource, revision};
use crate::report::{self, Report};
use crate::schema::rules::Gate;
use crate::schema::{Kind, ResourceId, types};

/// What one cycle leaves for the next.
pub(super) struct State {
    /// `None` only while it is at work.
    loader: Option<Loader>,
    /// The version of the server, once it was asked.
    pub(super) server_version: Option<(u32, u32)>,
    /// What was warned about already.
    warned: BTreeSet<String>,
    /// Which objects are repaired now and which are left alone for a while.
    pub(super) pacing: Pacing,
    /// The last cycle could not reach the server.
    pub(super) is_unreachable: bool,
}

/// What a cycle works with, while it is being read.
pub(super) struct Inputs {
    revision: JoinHandle<(String, Option<String>)>,
    /// The objects that the manifests seem to be about, where reading them takes a while.
    likely: oneshot::Receiver<Vec<ResourceId>>,
    loading: JoinHandle<(Loader, Manifests)>,
}

impl State {
    /// Fails when the options for manifests or ignored fields are wrong.
    pub(super) fn new(options: &Options) -> Result<Self, String> {
        let loader = Loader::new(options.manifests.clone())?;
        for pattern in &options.ignore {
            crate::manifest::check_pattern(&Kind::ALL, pattern)
                .map_err(|cause| format!("--ignore-fields: {cause}"))?;
        }
        Ok(Self {
            loader: Some(loader),
            server_version: None,
            warned: BTreeSet::new(),
            pacing: Pacing::new(options.interval),
            is_unreachable: false,
        })
    }

    /// Warns, but only once about the same.
    fn warn_once(&mut self, message: String) {
        if !self.warned.contains(&message) {
            tracing::warn!("{message}");
            self.warned.insert(message);
        }
    }

    /// Begins to read what the next cycle works with.
    pub(super) fn begin(&mut self, options: &Options) -> Inputs {
        let inputs = options.manifests.inputs.clone();
        let revision = tokio::task::spawn_blocking(move || revision::of(&inputs));
        let mut loader = self.loader.take().expect("no other cycle runs");
        let (tell, likely) = oneshot::channel();
        let loading = tokio::task::spawn_blocking(move || {
            // Nobody waits for it where there is no cluster.
            let manifests = loader.load_and_tell(|likely| drop(tell.send(likely)));
            (loader, manifests)
        });
        Inputs {
            revision,
            likely,
            loading,
        }
    }

    async fn load(&mut self, loading: JoinHandle<(Loader, Manifests)>) -> Manifests {
        let (loader, manifests) = loading.await.expect("loading does not panic");
        self.loader = Some(loader);
        manifests
    }

    /// Whether the server is newer than the tables. It is asked at most once in a run.
    async fn is_newer(&mut self, source: &Source) -> bool {
        self.version(source)
            .await
            .is_some_and(|version| version > types::version())
    }

    async fn version(&mut self, source: &Source) -> Option<(u32, u32)> {
        if let (None, Source::Cluster { cluster, .. }) = (self.server_version, source) {
            self.server_version = cluster
                .version()
                .await
                .ok()
                .as_deref()
                .and_then(parse_version);
        }
        self.server_version
    }
}

/// `v1.37.2` as `(1, 37)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What is known of one resource.
pub(super) enum Standing {
    Unknown,
    InSync,
    Missing,
    Drifted(Differences),
}

/// Runs one cycle. It does not fail: what went wrong stands in the report.
pub(super) async fn run(
    state: &mut State,
    inputs: Inputs,
    options: &Options,
    source: &Source,
    stop: &Stop,
) -> Report {
    // Fetching begins with what seems to be wanted. What that comes to stands in the manifests alone.
    let early = match (source, inputs.likely.await) {
        (Source::Cluster { cluster, .. }, Ok(likely)) => Some(Early {
            fetching: cluster.fetch(&likely),
            ids: likely.into_iter().collect(),
        }),
        _ => None,
    };
    let manifests = state.load(inputs.loading).await;
    let newer = manifests
        .resources
        .iter()
        .any(|r| !r.unknown_fields.is_empty())
        && state.is_newer(source).await;
    let mut report = opening(&manifests, newer);
    for notice in manifests
        .notices
        .iter()
        .cloned()
        .chain(manifests.warnings.iter().map(ToString::to_string))
    {
        state.warn_once(notice);
    }
    if let Source::Cluster {
        named, namespace, ..
    } = source
    {
        report.cluster = Some(named.clone());
        warn_of_namespace(state, options, &manifests, namespace.as_deref());
    }
    let mut cycle = Cycle {
        state,
        options,
        source,
        stop,
        resources: &manifests.resources,
        newer,
        report,
    };
    let found = cycle.compare(early).await;
    cycle.settle(found).await;
    let Cycle {
        mut report, state, ..
    } = cycle;
    if let Ok((commit, warning)) = inputs.revision.await {
        report.revision = report::Revision { full: commit };
        if let Some(warning) = warning {
            state.warn_once(warning);
        }
    }
    say_why_nothing(&manifests, &mut report);
    report.errors.sort_by_cached_key(report::text::error_line);
    report.time = describe::now();
    report
}

/// The report as far as the manifests alone tell it.
fn opening(manifests: &Manifests, newer: bool) -> Report {
    let unknown = manifests
        .resources
        .iter()
        .flat_map(|resource| &resource.unknown_fields);
    let mut errors: Vec<report::Error> = manifests.problems.iter().map(describe::problem).collect();
    for problem in unknown {
        if newer {
            tracing::warn!("{problem}");
        } else {
            errors.push(describe::problem(problem));
        }
    }
    let skipped = manifests.skipped.iter().map(|skipped| report::Skipped {
        resource: skipped.resource.clone(),
        source: report::Source {
            file: skipped.place.file.to_string(),
            line: skipped.place.line,
            column: skipped.place.column,
            definition: None,
        },
    });
    Report {
        errors,
        skipped: skipped.collect(),
        other_kinds: manifests.other_kinds.clone(),
        ..Report::default()
    }
}

fn warn_of_namespace(
    state: &mut State,
    options: &Options,
    manifests: &Manifests,
    of_context: Option<&str>,
) {
    let ours = &options.manifests.namespace;
    let names_none = |resource: &&Arc<Resource>| {
        let metadata = resource.node().get("metadata");
        resource.id.kind.is_namespaced()
            && metadata.and_then(|node| node.get("namespace")).is_none()
    };
    let count = manifests.resources.iter().filter(names_none).count();
    if let (Some(of_context), 1..) = (of_context.filter(|name| name != ours), count) {
        state.warn_once(format!(
            "{count} manifest(s) name no namespace and are looked for in `{ours}`, but the context's own namespace is `{of_context}`; see --namespace"
        ));
    }
}

/// A run that compared nothing says why, unless an error does.
fn say_why_nothing(manifests: &Manifests, report: &mut Report) {
    let reason = manifests
        .nothing_to_compare()
        .filter(|_| report.errors.is_empty());
    report.errors.extend(reason.map(|message| report::Error {
        resource: None,
        source: None,
        message,
    }));
}

/// What was fetched before the manifests had been read.
struct Early {
    fetching: Fetching,
    ids: HashSet<ResourceId>,
}

pub(super) struct Cycle<'c> {
    pub(super) state: &'c mut State,
    pub(super) options: &'c Options,
    pub(super) source: &'c Source,
    pub(super) stop: &'c Stop,
    pub(super) resources: &'c [Arc<Resource>],
    /// The server is newer than the tables.
    pub(super) newer: bool,
    pub(super) report: Report,
}

impl<'c> Cycle<'c> {
    /// Finds out how each resource stands.
    async fn compare(&mut self, early: Option<Early>) -> Vec<Standing> {
        let mut found: Vec<Standing> = self.resources.iter().map(|_| Standing::Unknown).collect();
        let unmatched: Vec<Cell<bool>> = self
            .options
            .ignore
            .iter()
            .map(|_| Cell::new(true))
            .collect();
        match self.source {
            Source::Snapshot(snapshot) => {
                for (index, resource) in self.resources.iter().enumerate() {
                    match snapshot.find(&resource.id) {
                        Ok(live) => found[index] = self.judge(resource, live, &unmatched),
                        Err(reason) => self.report.errors.push(describe::error(resource, reason)),
                    }
                }
            }
            Source::Cluster { cluster, .. } => {
                self.fetch(cluster, early, &mut found, &unmatched).await;
            }
        }
        for (pattern, unmatched) in self.options.ignore.iter().zip(unmatched) {
            if unmatched.get() && !self.resources.is_empty() {
                self.state.warn_once(format!(
                    "--ignore-fields: `{}` matched in no resource",
                    pattern.text()
                ));
            }
        }
        self.not_stored(&mut found).await;
        found
    }

    async fn fetch(
        &mut self,
        cluster: &Cluster,
        early: Option<Early>,
        found: &mut [Standing],
        unmatched: &[Cell<bool>],
    ) {
        let resources = self.resources;
        let index: HashMap<&ResourceId, usize> = resources
            .iter()
            .enumerate()
            .map(|(at, resource)| (&resource.id, at))
            .collect();
        let is_early = |id: &ResourceId| early.as_ref().is_some_and(|early| early.ids.contains(id));
        let late: Vec<ResourceId> = resources
            .iter()
            .map(|resource| &resource.id)
            .filter(|id| !is_early(id))
            .cloned()
            .collect();
        let mut fetching = vec![cluster.fetch(&late)];
        fetching.extend(early.map(|early| early.fetching));
        let mut left: BTreeSet<usize> = (0..resources.len()).collect();
        let mut unreachable: Option<(Error, usize)> = None;
        let mut progress = Progress::new(resources.iter().map(|resource| resource.id.kind));
        while let Some(source) = fetching.last_mut() {
            let batch = tokio::select! {
                batch = source.next() => batch,
                () = progress.tick() => {
                    progress.show();
                    continue;
                }
                () = self.stop.asked() => break,
            };
            let Some(batch) = batch else {
                fetching.pop();
                continue;
            };
            for Fetched { id, result } in batch {
                let Some(&at) = index.get(&id) else { continue };
                left.remove(&at);
                progress.count(id.kind);
                let resource = &resources[at];
                match result {
                    Ok(live) => {
                        found[at] =
                            self.judge(resource, live.as_ref().map(|live| &live.value), unmatched);
                    }
                    Err(error) if error.is_about_connection() => {
                        unreachable.get_or_insert((error, 0)).1 += 1;
                    }
                    Err(error) => self
                        .report
                        .errors
                        .push(describe::error(resource, error.to_string())),
                }
            }
        }
        drop(progress);
        self.state.is_unreachable = unreachable.is_some();
        if let Some((error, count)) = unreachable {
            let message = format!("{error}; {count} resource(s) not compared");
            self.report.errors.push(report::Error {
                resource: None,
                source: None,
                message,
            });
        }
        for at in left {
            self.report
                .errors
                .push(describe::error(&self.resources[at], STOPPED.to_owned()));
        }
    }

    /// Compares one resource with its live object.
    fn judge(
        &mut self,
        resource: &'c Resource,
        live: Option<&Value>,
        unmatched: &[Cell<bool>],
    ) -> Standing {
        self.look_for_patterns(resource, live, unmatched);
        let Some(live) = live else {
            let patterns = resource.ignore.iter().chain(&self.options.ignore);
            return if patterns.clone().any(crate::path::Pattern::is_resource) {
                Standing::InSync
            } else {
                Standing::Missing
            };
        };
        let differences = differences(&self.subject(resource), live);
        for path in &differences.unknown_live {
            self.state.warn_once(format!(
                "{} has the field {path}, which this version does not know and does not compare",
                resource.id.kind
            ));
        }
        if differences.findings.is_empty() && differences.not_stored.is_empty() {
            return Standing::InSync;
        }
        Standing::Drifted(differences)
    }

    pub(super) fn subject<'r>(&self, resource: &'r Resource) -> Subject<'r>
    where
        'c: 'r,
    {
        Subject {
            kind: resource.id.kind,
            declared: resource.node(),
            ignore: resource.ignore.iter().chain(&self.options.ignore).collect(),
            strict: self.options.strict,
        }
    }

    /// Warns of a resource's patterns that name nothing in it, and notes which of the run's do.
    fn look_for_patterns(
        &mut self,
        resource: &Resource,
        live: Option<&Value>,
        unmatched: &[Cell<bool>],
    ) {
        if resource.ignore.is_empty() && unmatched.iter().all(|unmatched| !unmatched.get()) {
            return;
        }
        let declared = resource.node().to_json();
        let finds = |pattern: &crate::path::Pattern| {
            pattern.is_resource()
                || pattern.finds(&declared)
                || live.is_some_and(|live| pattern.finds(live))
        };
        for pattern in resource.ignore.iter().filter(|pattern| !finds(pattern)) {
            self.state.warn_once(format!(
                "{}: {}: ignore-fields: `{}` matches nothing in it",
                resource.place(),
                resource.id,
                pattern.text()
            ));
        }
        for (pattern, unmatched) in self.options.ignore.iter().zip(unmatched) {
            unmatched.set(unmatched.get() && !finds(pattern));
        }
    }

    /// Tells the fields that this server does not store from those that have drifted.
    async fn not_stored(&mut self, found: &mut [Standing]) {
        for (at, found) in found.iter_mut().enumerate() {
            let Standing::Drifted(differences) = found else {
                continue;
            };
            if differences.not_stored.is_empty() {
                continue;
            }
            let minor = self
                .state
                .version(self.source)
                .await
                .map_or(types::version().1, |(_, minor)| minor);
            differences.settle_gates(minor);
            for (gate, finding) in std::mem::take(&mut differences.not_stored) {
                let message = not_stored_message(gate, &finding);
                self.report
                    .errors
                    .push(describe::error(&self.resources[at], message));
            }
            if differences.findings.is_empty() {
                *found = Standing::InSync;
            }
        }
    }
}

/// What a run that is asked to stop leaves undone.
pub(super) const STOPPED: &str = "not reached: the run was stopped by a signal";

fn not_stored_message(gate: &Gate, finding: &Finding) -> String {
    format!(
        "{}: not stored by this server: it needs the feature gate {}",
        finding.path, gate.gate
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse_version("v1.37.2"), Some((1, 37)));
        assert_eq!(parse_version("v1.30.5-gke.100"), Some((1, 30)));
        assert_eq!(parse_version("nonsense"), None);
    }
}
