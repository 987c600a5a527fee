//! The state of a loop, which lasts across cycles, and that of the current cycle.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::JoinHandle;

use super::pacing::Pacing;
use super::search::UnmanagedSearch;
use super::signals::StopSignal;
use super::{LiveSource, RunOptions, describe, health};
use crate::cluster::Version;
use crate::diff::{Desired, Unstored};
use crate::git::Repositories;
use crate::history::KeptObject;
use crate::manifest::{IgnoreRule, Loader, Manifests, Resource, revision};
use crate::path::Pattern;
use crate::report::{self, FieldEntry, Report, SuppressedEntry, SuppressedField};
use crate::schema::{ResourceId, RuleId, Server, types};

/// The most different warnings in one run, and in one report.
const MOST_WARNINGS: usize = 1000;

/// The state that lasts across cycles.
pub(super) struct LoopState {
    /// `None` only while it is loading.
    loader: Option<Loader>,
    /// The version of the server, once it is known.
    server_version: Option<Version>,
    /// Whether the server was asked for its version in this cycle.
    is_version_asked: bool,
    /// The messages already logged to standard error: at most [`MOST_WARNINGS`].
    warned: BTreeSet<String>,
    /// The warnings of the current cycle, each once.
    warnings: BTreeMap<String, report::ErrorEntry>,
    /// Whether the namespaces exist whose resources were all missing in the last cycle.
    pub(super) known_namespaces: BTreeMap<String, bool>,
    /// Decides which objects are repaired now and which are left alone for a while.
    pub(super) pacing: Pacing,
    /// The resources that had drifted when they were last compared, and were not repaired.
    pub(super) drifted: BTreeSet<ResourceId>,
    /// Why the last cycle could not reach the server, if it could not.
    pub(super) unreachable: Option<String>,
}

/// The inputs of a cycle, which are still being read.
pub(super) struct Inputs {
    pub(super) revision: JoinHandle<(String, Option<String>)>,
    pub(super) loading: JoinHandle<(Loader, Manifests)>,
}

impl LoopState {
    /// Fails if the options for manifests are invalid.
    pub(super) fn new(options: &RunOptions) -> anyhow::Result<Self> {
        let loader = Loader::new(options.manifests.clone()).context("--exclude")?;
        Ok(Self {
            loader: Some(loader),
            server_version: None,
            is_version_asked: false,
            warned: BTreeSet::new(),
            warnings: BTreeMap::new(),
            known_namespaces: BTreeMap::new(),
            pacing: Pacing::new(options.interval),
            drifted: BTreeSet::new(),
            unreachable: None,
        })
    }

    /// Adds a warning to this cycle's report. Logs it to standard error only once in a run, up to the limit.
    pub(super) fn warn(&mut self, warning: report::ErrorEntry) {
        let line = warning.line();
        if self.warned.len() < MOST_WARNINGS && !self.warned.contains(&line) {
            tracing::warn!("{line}");
            self.warned.insert(line.clone());
            if self.warned.len() == MOST_WARNINGS {
                tracing::warn!(
                    "{MOST_WARNINGS} warnings in this run; further warnings are not logged"
                );
            }
        }
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.insert(line, warning);
        }
    }

    /// Adds a warning without a resource or place.
    pub(super) fn warn_of(&mut self, message: String) {
        self.warn(report::ErrorEntry {
            resource: None,
            source: None,
            message,
        });
    }

    /// Logs a message to standard error, once in a run.
    pub(super) fn inform(&mut self, message: String) {
        if self.warned.len() < MOST_WARNINGS && !self.warned.contains(&message) {
            tracing::info!("{message}");
            self.warned.insert(message);
        }
    }

    /// The warnings since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<report::ErrorEntry> {
        std::mem::take(&mut self.warnings).into_values().collect()
    }

    /// Updates the health file, if there is one.
    pub(super) fn touch(&mut self, health_file: Option<&Path>) {
        if let Some(path) = health_file
            && let Err(error) = health::touch(path)
        {
            self.warn_of(format!("--health-file {}: {error}", path.display()));
        }
    }

    /// Begins to read the inputs of the next cycle.
    pub(super) fn begin(&mut self, options: &RunOptions) -> Inputs {
        self.is_version_asked = false;
        let inputs = options.manifests.inputs.clone();
        let label = options.revision_label.clone();
        let revision = tokio::task::spawn_blocking(move || revision::of(&inputs, label.as_deref()));
        let mut loader = self.loader.take().expect("no other cycle runs");
        let loading = tokio::task::spawn_blocking(move || {
            let manifests = loader.load();
            (loader, manifests)
        });
        Inputs { revision, loading }
    }

    pub(super) async fn load(&mut self, loading: JoinHandle<(Loader, Manifests)>) -> Manifests {
        let (loader, manifests) = loading.await.expect("loading does not panic");
        self.loader = Some(loader);
        manifests
    }

    /// Whether the server is newer than the tables.
    pub(super) async fn is_newer(&mut self, source: &LiveSource) -> bool {
        let version = self.version(source).await;
        version.is_some_and(|version| version > (1, *types::versions().end()))
    }

    /// What the server stores, according to its version. An unknown version is treated as the nearest known one.
    pub(super) async fn server(&mut self, source: &LiveSource) -> Server {
        let Some(version) = self.version(source).await else {
            return Server::unknown();
        };
        let known = types::versions();
        let (oldest, newest) = (*known.start(), *known.end());
        let nearest = nearest(version);
        if let (Some(server), true) = (&self.server_version, nearest != version) {
            let message = format!(
                "the server is {server}, but this program knows Kubernetes 1.{oldest} to 1.{newest}: comparing as with 1.{}",
                nearest.1
            );
            self.warn_of(message);
        }
        Server::of(nearest.1)
    }

    /// The server's version. It is requested at most once in a run, or once in each cycle while requests fail.
    async fn version(&mut self, source: &LiveSource) -> Option<(u32, u32)> {
        if let (None, false, LiveSource::Cluster { cluster, .. }) =
            (&self.server_version, self.is_version_asked, source)
        {
            self.is_version_asked = true;
            self.server_version = cluster.version().await.ok();
        }
        let version = self.server_version.as_ref();
        version.map(|version| (version.major, version.minor))
    }
}

/// The nearest version that the tables know.
fn nearest(version: (u32, u32)) -> (u32, u32) {
    let known = types::versions();
    version.clamp((1, *known.start()), (1, *known.end()))
}

/// The reason for resources that a stopped run did not reach.
pub(super) const STOPPED: &str = "not reached: the run was stopped by a signal";
/// The state of the current cycle.
pub(super) struct Cycle<'c> {
    pub(super) state: &'c mut LoopState,
    pub(super) options: &'c RunOptions,
    pub(super) source: &'c LiveSource,
    pub(super) stop: &'c StopSignal,
    pub(super) resources: &'c [Arc<Resource>],
    pub(super) search: UnmanagedSearch<'c>,
    /// The resources out of scope.
    pub(super) left_out: &'c [ResourceId],
    /// Whether the server is newer than the tables.
    pub(super) newer: bool,
    /// The repositories that the manifests of drifted resources are in.
    pub(super) repositories: Repositories,
    /// The drifted live objects, if their history is to be searched.
    pub(super) kept: HashMap<&'c ResourceId, KeptObject>,
    pub(super) report: Report,
    /// The drifted live objects, if a patch is to be made.
    pub(super) drifted_objects: Vec<DriftedObject<'c>>,
}

/// The live object of a drifted resource, with what else a comparison needs.
pub(super) struct DriftedObject<'c> {
    pub(super) resource: &'c Resource,
    pub(super) live: serde_json::Value,
    pub(super) managed_fields: Option<String>,
    /// The server, if it does not store everything that is declared.
    pub(super) server: Option<Server>,
}

impl<'c> Cycle<'c> {
    /// The paths that the run's rules leave out for this resource.
    pub(super) fn patterns_for(&self, resource: &Resource) -> impl Iterator<Item = &'c Pattern> {
        self.options.patterns_for(resource)
    }

    /// Adds the differences of a resource that are not drift, if the report lists them.
    pub(super) fn suppress(
        &mut self,
        resource: &Resource,
        fields: impl IntoIterator<Item = (FieldEntry, RuleId)>,
    ) {
        let Some(suppressed) = &mut self.report.suppressed else {
            return;
        };
        let fields = fields.into_iter().map(|(field, rule)| SuppressedField {
            field,
            rule: rule.to_string(),
            reason: rule.reason(),
        });
        let mut fields = fields.peekable();
        if fields.peek().is_some() {
            let entry = suppressed.entry(resource.id.clone());
            let entry = entry.or_insert_with(|| SuppressedEntry {
                source: describe::source(resource, resource.node()),
                fields: Vec::new(),
            });
            entry.fields.extend(fields);
        }
    }

    pub(super) fn subject<'r>(
        &self,
        resource: &'r Resource,
        unstored: Option<&'r Unstored>,
    ) -> Desired<'r>
    where
        'c: 'r,
    {
        self.options.subject(resource, unstored)
    }
}

impl RunOptions {
    /// The paths that the run's rules leave out for this resource.
    fn patterns_for(&self, resource: &Resource) -> impl Iterator<Item = &Pattern> {
        let id = resource.id.clone();
        let rules = self.ignore.iter().filter(move |rule| rule.is_for(&id));
        rules.map(IgnoreRule::pattern)
    }

    /// What a manifest declares of a resource, and how to compare it.
    pub(super) fn subject<'r>(
        &'r self,
        resource: &'r Resource,
        unstored: Option<&'r Unstored>,
    ) -> Desired<'r> {
        Desired {
            kind: resource.id.kind,
            declared: resource.node(),
            ignore: resource
                .ignore
                .iter()
                .chain(&resource.incomparable)
                .chain(self.patterns_for(resource))
                .collect(),
            ignore_managers: &self.ignore_managers,
            strict: self.strict,
            unstored,
            lists_suppressed: self.show_suppressed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_server_that_the_tables_do_not_know_is_compared_by_the_nearest() {
        for (version, expected) in [
            ((1, 33), (1, 33)),
            ((1, 37), (1, 37)),
            ((1, 32), (1, 33)),
            ((0, 9), (1, 33)),
            ((1, 38), (1, 37)),
            ((2, 0), (1, 37)),
        ] {
            assert_eq!(nearest(version), expected);
        }
    }
}
