//! The second half of a cycle: repairs resources, and reports the outcome of each.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use tokio::time::Instant;

use super::compare::Comparison;
use super::pacing::{Advice, Drifted};
use super::state::{Cycle, STOPPED};
use super::{LiveSource, Mode, Output, describe};
use crate::cluster::Cluster;
use crate::diff::Finding;
use crate::history::Histories;
use crate::manifest::{Policy, Resource};
use crate::remediate::{self, Extent, FieldOutcome, Job, Outcome, RepairResult};
use crate::report::{self, Action, FieldEntry, Format, Reason};
use crate::schema::ResourceId;

/// The action, its reason and the fields of one resource's entry in the report.
type Settled = (Action, Option<String>, Vec<FieldEntry>);

impl<'c> Cycle<'c> {
    /// Repairs the resources that need it, and fills the report.
    pub(super) async fn settle(
        &mut self,
        found: Vec<Comparison>,
        mut histories: HashMap<ResourceId, Histories>,
    ) {
        let now = Instant::now();
        self.state.pacing.forget(now);
        let mut drifted: Vec<(usize, Comparison)> = Vec::new();
        for (at, found) in found.into_iter().enumerate() {
            match found {
                Comparison::Unknown | Comparison::Known => {}
                Comparison::InSync => {
                    self.count_in_sync(at);
                    let id = &self.resources[at].id;
                    if self.state.drifted.remove(id) {
                        self.report.back_in_sync.push(id.clone());
                    }
                    self.state.pacing.in_sync(id, now);
                }
                Comparison::Missing | Comparison::Drifted(_) => drifted.push((at, found)),
            }
        }
        // Dependencies come first.
        drifted.sort_by_key(|(at, _)| {
            let id = &self.resources[*at].id;
            (id.kind.repair_rank(), id)
        });
        for (at, found) in drifted {
            let resource = &self.resources[at];
            let findings = match found {
                Comparison::Drifted(differences) => Some(differences.findings),
                _ => None,
            };
            if let Some((action, reason, mut fields)) = self.settle_one(resource, findings).await {
                let mut histories = histories.remove(&resource.id).unwrap_or_default();
                for field in &mut fields {
                    field.history = histories.remove(&field.path);
                }
                if action.leaves_drift() {
                    self.state.drifted.insert(resource.id.clone());
                } else {
                    self.state.drifted.remove(&resource.id);
                }
                self.report.resources.push(report::ResourceEntry {
                    id: resource.id.clone(),
                    action,
                    reason,
                    source: describe::source(resource, resource.node()),
                    fields,
                });
            } else {
                self.count_in_sync(at);
            }
        }
        self.report.resources.sort_by(|a, b| a.id.cmp(&b.id));
    }

    fn count_in_sync(&mut self, at: usize) {
        self.report.in_sync += 1;
        let is_listed = |output: &Output| output.format == Format::Junit;
        if self.options.outputs.iter().any(is_listed) {
            self.report.in_sync_ids.push(self.resources[at].id.clone());
        }
    }

    /// Repairs one resource if needed, and returns its entry in the report; `None` if its drift has disappeared. A
    /// resource without findings is missing.
    async fn settle_one(
        &mut self,
        resource: &'c Resource,
        findings: Option<Vec<Finding>>,
    ) -> Option<Settled> {
        let fields = match &findings {
            Some(findings) => fields(resource, findings.iter().map(|finding| (finding, None))),
            None => vec![describe::missing(resource)],
        };
        let extent = match self.before_repair(resource, findings.as_deref()) {
            Ok(extent) => extent,
            Err((action, reason)) => return Some((action, reason, fields)),
        };
        let LiveSource::Cluster { cluster, .. } = self.source else {
            return Some((Action::Detected(Reason::DryRun), None, fields));
        };
        let cluster = cluster.clone();
        let drift = drift(findings.as_deref());
        let declared = fingerprint(resource);
        let pacing = &mut self.state.pacing;
        match pacing.advise(&resource.id, declared, &drift, Instant::now()) {
            Advice::Repair => {}
            Advice::Wait(reason) => return Some((Action::Paused, Some(reason), fields)),
            Advice::Fight(paths) => {
                let findings = findings.unwrap_or_default();
                let reason = name_other_writers(&findings, &paths);
                let fought = drift
                    .into_iter()
                    .filter(|field| paths.contains(&field.path));
                let (now, clock) = (Instant::now(), Timestamp::now());
                let pacing = &mut self.state.pacing;
                let reason = pacing.give_up(&resource.id, fought.collect(), &reason, now, clock);
                return Some((Action::Paused, Some(reason), fields));
            }
        }
        self.repair(&cluster, resource, extent, fields, drift).await
    }

    /// The extent of the repair, or the entry in the report if there is no repair.
    fn before_repair(
        &mut self,
        resource: &Resource,
        findings: Option<&[Finding]>,
    ) -> Result<Extent, (Action, Option<String>)> {
        let reported = |why| {
            if findings.is_none() {
                Action::WouldCreate(why)
            } else {
                Action::Detected(why)
            }
        };
        let extent = match self.options.mode {
            Mode::DryRun => return Err((reported(Reason::DryRun), None)),
            Mode::Alert => return Err((reported(Reason::Alert), None)),
            Mode::Remediate(extent) => extent,
        };
        if resource.policy == Policy::Alert {
            return Err((reported(Reason::Blocked), None));
        }
        if let Some(reason) = self.unwritable(resource) {
            return Err((Action::Failed, Some(reason)));
        }
        let only_extras = findings.is_some_and(|findings| findings.iter().all(Finding::is_extra));
        if only_extras && extent == Extent::Declared {
            self.state.pacing.in_sync(&resource.id, Instant::now());
            return Err((Action::Detected(Reason::ExtrasKept), None));
        }
        if self.stop.is_asked() {
            return Err(self.not_reached(resource, STOPPED));
        }
        if self.state.unreachable.is_some() {
            return Err(self.not_reached(resource, UNREACHABLE));
        }
        Ok(extent)
    }

    fn not_reached(&mut self, resource: &Resource, why: &str) -> (Action, Option<String>) {
        let error = describe::error(resource, why.to_owned());
        self.report.errors.push(error);
        (Action::Failed, Some(why.to_owned()))
    }

    async fn repair(
        &mut self,
        cluster: &Cluster,
        resource: &'c Resource,
        extent: Extent,
        before: Vec<FieldEntry>,
        drift: Vec<Drifted>,
    ) -> Option<Settled> {
        let server = self.state.server(self.source).await;
        let unstored = self.subject(resource, None).unstored(server);
        let known = self.known_paths(&resource.id, &before);
        let mut subject = self.subject(resource, Some(&unstored));
        subject.ignore.extend(&known);
        let job = Job {
            id: &resource.id,
            subject,
            extent,
            server,
            is_current: &|| resource.is_as_read(),
        };
        let outcome = remediate::repair(cluster, &job).await;
        if outcome.is_cut_off {
            let cause = "the server stopped responding during a repair";
            self.state.unreachable = Some(cause.to_owned());
        }
        self.note(resource, &outcome, drift);
        let mut fields = if outcome.fields.is_empty() {
            before
        } else {
            let found = outcome.fields.iter();
            fields(
                resource,
                found.map(|(finding, outcome)| (finding, *outcome)),
            )
        };
        match outcome.done {
            RepairResult::Nothing => None,
            RepairResult::Repaired { extras_left: false } => {
                Some((Action::Remediated, None, fields))
            }
            RepairResult::Repaired { extras_left: true } => {
                Some((Action::RemediatedExtrasKept, None, fields))
            }
            RepairResult::ExtrasKept => Some((Action::Detected(Reason::ExtrasKept), None, fields)),
            RepairResult::Created => {
                for field in &mut fields {
                    field.outcome = Some(FieldOutcome::Created.name());
                }
                Some((Action::Created, None, fields))
            }
            RepairResult::Failed(reason) => Some((Action::Failed, Some(reason), fields)),
        }
    }

    /// Records the outcome of a repair for later cycles.
    fn note(&mut self, resource: &Resource, outcome: &Outcome, drift: Vec<Drifted>) {
        let is_repaired =
            |outcome: &Option<FieldOutcome>| outcome.is_some_and(FieldOutcome::is_repaired);
        let repaired = outcome
            .fields
            .iter()
            .filter(|(_, outcome)| is_repaired(outcome))
            .map(|(finding, _)| finding.path.to_string());
        let created =
            (outcome.done == RepairResult::Created).then(|| crate::path::RESOURCE.to_owned());
        let repaired = repaired.chain(created).collect();
        let left = match &outcome.fields[..] {
            // The repair ended before the comparison.
            [] => drift,
            fields => fields
                .iter()
                .filter(|(_, outcome)| !is_repaired(outcome))
                .map(|(finding, _)| drifted(finding))
                .collect(),
        };
        let (id, now) = (&resource.id, Instant::now());
        let pacing = &mut self.state.pacing;
        pacing.repaired(id, repaired, now);
        match &outcome.done {
            RepairResult::Nothing | RepairResult::ExtrasKept => pacing.in_sync(id, now),
            RepairResult::Repaired { .. } | RepairResult::Created => pacing.succeeded(id),
            // The loop as a whole waits for a server that cannot be reached.
            RepairResult::Failed(_) if outcome.is_cut_off => {}
            RepairResult::Failed(reason) => pacing.failed(id, reason, left, now, Timestamp::now()),
        }
    }

    /// Why this resource must not be written.
    fn unwritable(&self, resource: &Resource) -> Option<String> {
        let unknown = resource.unknown_fields.first().filter(|_| !self.newer);
        let unknown =
            unknown.map(|problem| format!("its manifest has an error: {}", problem.message));
        resource.unwritable.clone().or(unknown)
    }
}

/// The reason for resources that were not repaired because the server became unreachable.
const UNREACHABLE: &str = "not reached: the server could no longer be reached";

fn fields<'f>(
    resource: &Resource,
    findings: impl Iterator<Item = (&'f Finding, Option<FieldOutcome>)>,
) -> Vec<FieldEntry> {
    findings
        .map(|(finding, outcome)| describe::field(resource, finding, outcome))
        .collect()
}

/// The drift in the form that pacing takes; without findings, that of a missing resource.
fn drift(findings: Option<&[Finding]>) -> Vec<Drifted> {
    match findings {
        Some(findings) => findings.iter().map(drifted).collect(),
        None => vec![Drifted {
            path: crate::path::RESOURCE.to_owned(),
            desired: None,
        }],
    }
}

fn drifted(finding: &Finding) -> Drifted {
    Drifted {
        path: finding.path.to_string(),
        desired: finding.desired.clone(),
    }
}

/// A fingerprint of a manifest, which changes with its content.
fn fingerprint(resource: &Resource) -> u64 {
    let mut hasher = DefaultHasher::new();
    resource.node().to_json().to_string().hash(&mut hasher);
    hasher.finish()
}

/// The hint about a writer that uses the scale subresource.
const AUTOSCALER: &str =
    "probably an autoscaler: take replicas out of the manifest, or ignore spec.replicas";

/// The reason for a fight: the fields, and the other writers if they are recorded.
fn name_other_writers(findings: &[Finding], paths: &[String]) -> String {
    let of_path = |path: &String| {
        let finding = findings.iter().find(|f| f.path.to_string() == *path);
        match finding.map(|finding| finding.writers.first()) {
            Some(Some(writer)) if writer.subresource == "scale" => {
                format!("{path} by {writer}, {AUTOSCALER}")
            }
            Some(Some(writer)) => format!("{path} by {writer}"),
            Some(None) => format!("{path} by a writer that managedFields does not name"),
            None => "the resource, deleted by somebody".to_owned(),
        }
    };
    let fought: Vec<String> = paths.iter().map(of_path).collect();
    format!(
        "another writer is fighting for it: in each of three cycles after a repair this had changed again: {}",
        fought.join(", ")
    )
}
