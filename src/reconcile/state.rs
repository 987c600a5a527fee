//! What cycles work with: what one leaves for the next, and what the current one has at hand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::pacing::Pacing;
use super::search::UnmanagedSearch;
use super::signals::StopSignal;
use super::{LiveSource, RunOptions, describe, health};
use crate::cluster::Version;
use crate::diff::{Desired, Unstored};
use crate::history::KeptObject;
use crate::manifest::{IgnoreRule, Loader, Manifests, Resource, revision};
use crate::path::Pattern;
use crate::report::{self, FieldEntry, Report, SuppressedEntry, SuppressedField};
use crate::schema::{ResourceId, RuleId, Server, types};

/// How many different warnings one run prints, and one report has.
const MOST_WARNINGS: usize = 1000;

/// What one cycle leaves for the next.
pub(super) struct LoopState {
    /// `None` only while it is at work.
    loader: Option<Loader>,
    /// The version of the server, once it has answered.
    server_version: Option<Version>,
    /// The server was asked for its version in this cycle.
    is_version_asked: bool,
    /// What was said on standard error already: at most [`MOST_WARNINGS`].
    warned: BTreeSet<String>,
    /// The warnings of the current cycle, each once.
    warnings: BTreeMap<String, report::ErrorEntry>,
    /// Whether the namespaces exist of which all resources were missing in the last cycle.
    pub(super) known_namespaces: BTreeMap<String, bool>,
    /// Which objects are repaired now and which are left alone for a while.
    pub(super) pacing: Pacing,
    /// What had drifted when it was compared last, and was not repaired.
    pub(super) drifted: BTreeSet<ResourceId>,
    /// Why the last cycle could not reach the server, if it could not.
    pub(super) unreachable: Option<String>,
}

/// What a cycle works with, while it is being read.
pub(super) struct Inputs {
    pub(super) revision: JoinHandle<(String, Option<String>)>,
    /// The objects that the manifests seem to be about, where reading them takes a while.
    pub(super) likely: oneshot::Receiver<Vec<ResourceId>>,
    pub(super) loading: JoinHandle<(Loader, Manifests)>,
}

impl LoopState {
    /// Fails when the options for manifests are wrong.
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

    /// Warns of something in this cycle's report; on standard error only once about the same, and not without end.
    pub(super) fn warn(&mut self, warning: report::ErrorEntry) {
        let line = warning.line();
        if self.warned.len() < MOST_WARNINGS && !self.warned.contains(&line) {
            tracing::warn!("{line}");
            self.warned.insert(line.clone());
            if self.warned.len() == MOST_WARNINGS {
                tracing::warn!(
                    "this was warning {MOST_WARNINGS} of this run; there will be no more"
                );
            }
        }
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.insert(line, warning);
        }
    }

    /// Warns of something that concerns no resource or place in particular.
    pub(super) fn warn_of(&mut self, message: String) {
        self.warn(report::ErrorEntry {
            resource: None,
            source: None,
            message,
        });
    }

    /// Says something on standard error, once in a run.
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

    /// Tells whoever watches the file that the loop is alive.
    pub(super) fn touch(&mut self, health_file: Option<&Path>) {
        if let Some(path) = health_file
            && let Err(error) = health::touch(path)
        {
            self.warn_of(format!("--health-file {}: {error}", path.display()));
        }
    }

    /// Begins to read what the next cycle works with.
    pub(super) fn begin(&mut self, options: &RunOptions) -> Inputs {
        self.is_version_asked = false;
        let inputs = options.manifests.inputs.clone();
        let label = options.revision_label.clone();
        let revision = tokio::task::spawn_blocking(move || revision::of(&inputs, label.as_deref()));
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

    /// The server as far as its version says what it stores. One that the tables do not know is taken for the nearest.
    pub(super) async fn server(&mut self, source: &LiveSource) -> Server {
        let Some(version) = self.version(source).await else {
            return Server::unknown();
        };
        let known = types::versions();
        let (oldest, newest) = (*known.start(), *known.end());
        let nearest = nearest(version);
        if let (Some(server), true) = (&self.server_version, nearest != version) {
            let message = format!(
                "the server is {server}, and this program knows Kubernetes 1.{oldest} to 1.{newest}: it compares as with 1.{}",
                nearest.1
            );
            self.warn_of(message);
        }
        Server::of(nearest.1)
    }

    /// The server's version. It is asked for at most once in a run, or, where it does not answer, once in a cycle.
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

/// The version that the tables know, or the nearest to it.
fn nearest(version: (u32, u32)) -> (u32, u32) {
    let known = types::versions();
    version.clamp((1, *known.start()), (1, *known.end()))
}

/// What a run that is asked to stop leaves undone.
pub(super) const STOPPED: &str = "not reached: the run was stopped by a signal";
/// What the current cycle has at hand.
pub(super) struct Cycle<'c> {
    pub(super) state: &'c mut LoopState,
    pub(super) options: &'c RunOptions,
    pub(super) source: &'c LiveSource,
    pub(super) stop: &'c StopSignal,
    pub(super) resources: &'c [Arc<Resource>],
    pub(super) search: UnmanagedSearch<'c>,
    /// What the run is not about.
    pub(super) left_out: &'c [ResourceId],
    /// The server is newer than the tables.
    pub(super) newer: bool,
    /// The live objects that have drifted, where their history is looked for.
    pub(super) kept: HashMap<&'c ResourceId, KeptObject>,
    pub(super) report: Report,
    /// What is live of the drifted resources, where a patch is to be made of it.
    pub(super) drifted_objects: Vec<DriftedObject<'c>>,
}

/// The live object of a drifted resource, and what its comparison needs besides.
pub(super) struct DriftedObject<'c> {
    pub(super) resource: &'c Resource,
    pub(super) live: serde_json::Value,
    pub(super) managed_fields: Option<String>,
    /// The server, where it does not store all that is declared.
    pub(super) server: Option<Server>,
}

impl<'c> Cycle<'c> {
    /// The paths that the run's rules leave out for this resource.
    pub(super) fn patterns_for(&self, resource: &Resource) -> impl Iterator<Item = &'c Pattern> {
        self.options.patterns_for(resource)
    }

    /// Notes what differs of a resource and is no drift, where the report lists that.
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

    /// What a manifest declares of a resource, and how it is to be compared.
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
