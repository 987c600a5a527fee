//! Carries out one repair on the server: read, compare, plan, write, and start over after a conflict with another
//! writer.

use std::time::Duration;

use serde_json::Value;

use super::log::RepairLog;
use super::refusal;
use super::{Extent, Job, Outcome, RepairResult, body, created};
use crate::blame::differences;
use crate::cluster::{Cluster, Error, Live};
use crate::diff::Finding;

/// How often a repair starts over when others write the same object at the same time.
const TRIES: u32 = 5;
/// The most writes without a response in one repair: the write itself may be what breaks the connection.
const MOST_UNANSWERED: u32 = 2;

/// One repair.
pub(super) struct Repair<'r> {
    cluster: &'r Cluster,
    job: &'r Job<'r>,
    /// The `uid` of the object that was read first.
    uid: Option<String>,
    log: RepairLog,
    /// The error of a write that may have been applied, until the object has been read again.
    unanswered: Option<Error>,
    /// The number of writes without a response.
    unanswered_count: u32,
    /// Whether the object was missing and a request to create it got no response.
    is_perhaps_created: bool,
    is_cut_off: bool,
}

/// What follows a step.
enum Next {
    /// The repair is finished.
    Over(RepairResult),
    /// Another client may have written the object: start over.
    Raced,
    /// The server refuses some fields: write the rest.
    More,
}

impl<'r> Repair<'r> {
    pub(super) fn new(cluster: &'r Cluster, job: &'r Job<'r>) -> Self {
        Self {
            cluster,
            job,
            uid: None,
            log: RepairLog::default(),
            unanswered: None,
            unanswered_count: 0,
            is_perhaps_created: false,
            is_cut_off: false,
        }
    }

    pub(super) async fn run(mut self) -> Outcome {
        let mut races = 0;
        let done = loop {
            match self.step().await {
                Next::Over(done) => break done,
                Next::More => races = 0,
                Next::Raced => races += 1,
            }
            if races == TRIES {
                break self.fail(&format!(
                    "others kept changing the object while it was being repaired; gave up after {TRIES} tries"
                ));
            }
            tokio::time::sleep(pause(races)).await;
        };
        Outcome {
            done,
            fields: self.log.into_fields(),
            is_cut_off: self.is_cut_off,
        }
    }

    async fn step(&mut self) -> Next {
        let unanswered = self.unanswered.take();
        let live = match self.cluster.get(self.job.id).await {
            Ok(live) => live,
            Err(Error::NotFound(_)) if self.uid.is_none() => return self.create(unanswered).await,
            Err(Error::NotFound(_)) => return Next::Over(self.fail("it was deleted meanwhile")),
            Err(error) => return Next::Over(self.unreadable(unanswered.as_ref(), &error)),
        };
        if let Some(reason) = self.forbids_writing(&live.value) {
            return Next::Over(self.fail(reason));
        }
        let findings = self.compare(&live);
        let open = self.open(&findings, &live.value, unanswered.is_some());
        if open.is_empty() {
            return Next::Over(self.verdict());
        }
        if let Some(reason) = self.forbids_another_try(unanswered) {
            return Next::Over(self.fail(&reason));
        }
        match self
            .cluster
            .replace(self.job.id, &body(&live.value, &open, &self.job.subject))
            .await
        {
            Ok(answer) => Next::Over(self.after_write(&open, &answer)),
            Err(error) => self.after_error(error, &open),
        }
    }

    /// Ends the repair with a failure. Some fields may have been repaired.
    fn fail(&self, reason: &str) -> RepairResult {
        RepairResult::Failed(if self.log.has_repairs() {
            self.log.failed(reason)
        } else {
            reason.to_owned()
        })
    }

    fn broken(&mut self, error: &Error) -> RepairResult {
        self.is_cut_off = error.is_about_connection();
        self.fail(&error.to_string())
    }

    /// Ends the repair because the object cannot be read, possibly after a write without a response.
    fn unreadable(&mut self, unanswered: Option<&Error>, error: &Error) -> RepairResult {
        self.is_cut_off = error.is_about_connection();
        self.fail(&match unanswered {
            Some(unanswered) => format!("{unanswered}; reading it again failed: {error}"),
            None => error.to_string(),
        })
    }

    /// Why the repair does not write again although the object still has drift.
    fn forbids_another_try(&self, unanswered: Option<Error>) -> Option<String> {
        match unanswered {
            Some(Error::OutcomeUnknown { what, cause })
                if self.unanswered_count >= MOST_UNANSWERED =>
            {
                Some(format!("{what}: {cause}; read again, it was not written"))
            }
            _ => (!(self.job.is_current)()).then(|| OUTDATED.to_owned()),
        }
    }

    /// The differences between the manifest and this object.
    fn compare(&self, live: &Live) -> Vec<Finding> {
        differences(&self.job.subject, &live.value, live.managed_fields()).findings
    }

    /// Why this object must not be written at all.
    fn forbids_writing(&mut self, live: &Value) -> Option<&'static str> {
        let uid = live
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if live.pointer("/metadata/deletionTimestamp").is_some() {
            return Some("being deleted");
        }
        let first = self.uid.get_or_insert_with(|| uid.to_owned());
        (first != uid).then_some("it was deleted and created again meanwhile")
    }

    /// The differences that are still to be repaired and may be repairable. Records everything found.
    /// `is_perhaps_written` says that the last write got no response, so that it is what repaired the differences that
    /// are gone now.
    fn open(
        &mut self,
        findings: &[Finding],
        live: &Value,
        is_perhaps_written: bool,
    ) -> Vec<Finding> {
        if is_perhaps_written {
            self.log.assume_written();
        }
        self.log.record(findings);
        let wanted = findings.iter().filter(|finding| self.is_wanted(finding));
        let planned = body(live, wanted, &self.job.subject);
        let mut open = Vec::new();
        for finding in findings {
            if !self.is_wanted(finding) {
                self.log.keep(finding);
            } else if let Some(reason) = refusal::known(finding, &self.job.subject, live, &planned)
            {
                self.log.refuse(finding, reason);
            } else if !self.log.is_given_up(finding) {
                open.push(finding.clone());
            }
        }
        open
    }

    /// Whether this difference is to be repaired.
    fn is_wanted(&self, finding: &Finding) -> bool {
        !finding.is_extra() || self.job.extent == Extent::Extras && finding.kept.is_none()
    }

    /// The result when there is nothing left to try.
    fn verdict(&self) -> RepairResult {
        match self.log.verdict() {
            RepairResult::Nothing if self.is_perhaps_created => RepairResult::Created,
            done => done,
        }
    }

    /// Compares the object that the server returned for the write.
    fn after_write(&mut self, written: &[Finding], answer: &Live) -> RepairResult {
        let mut left = self.compare(answer);
        self.log.removed_along(&left);
        left.retain(|finding| self.is_wanted(finding));
        self.log.written(written, &left);
        self.not_stored(&left);
        self.verdict()
    }

    /// The differences left in a response.
    fn left(&self, answer: &Live) -> Vec<Finding> {
        let mut left = self.compare(answer);
        left.retain(|finding| self.is_wanted(finding));
        left
    }

    /// Records which of the remaining differences need a feature gate, which the server may have off.
    fn not_stored(&mut self, left: &[Finding]) {
        let unstored = self.job.subject.unstored(self.job.server.without_gates());
        for finding in left {
            let declared = finding.declared.and_then(|id| unstored.reason(id));
            if let Some((_, reason)) = declared {
                self.log.refuse(finding, reason);
            }
        }
    }

    /// Decides what follows a failed write.
    fn after_error(&mut self, error: Error, written: &[Finding]) -> Next {
        match error {
            Error::Conflict(_) => Next::Raced,
            error @ Error::OutcomeUnknown { .. } => self.after_silence(error),
            Error::Invalid { message, causes } => {
                let Some(immutable) = refusal::immutable(&causes, written) else {
                    return Next::Over(self.fail(&message));
                };
                for (finding, reason) in immutable {
                    self.log.refuse(finding, reason);
                }
                Next::More
            }
            error => Next::Over(self.broken(&error)),
        }
    }

    /// After a write without a response, reads the object again.
    fn after_silence(&mut self, error: Error) -> Next {
        self.unanswered_count += 1;
        self.unanswered = Some(error);
        Next::Raced
    }

    async fn create(&mut self, unanswered: Option<Error>) -> Next {
        if let Some(reason) = self.forbids_another_try(unanswered) {
            return Next::Over(self.fail(&reason));
        }
        let body = created(self.job.id, &self.job.subject);
        match self.cluster.create(self.job.id, &body).await {
            Ok(answer) => Next::Over(self.after_creation(&answer)),
            Err(Error::AlreadyExists(_)) => Next::Raced,
            Err(error @ Error::OutcomeUnknown { .. }) => {
                self.is_perhaps_created = true;
                self.after_silence(error)
            }
            Err(error) => Next::Over(self.broken(&error)),
        }
    }

    fn after_creation(&mut self, answer: &Live) -> RepairResult {
        let left = self.left(answer);
        if left.is_empty() {
            return RepairResult::Created;
        }
        let back: Vec<String> = left
            .iter()
            .map(|finding| finding.path.to_string())
            .collect();
        self.log.written(&[], &left);
        RepairResult::Failed(format!(
            "created, but the server or a webhook did not keep {}",
            back.join(", ")
        ))
    }
}

/// Why a manifest that has changed since it was read is not applied.
const OUTDATED: &str =
    "its manifest has changed since this cycle began; the next cycle uses the new one";

/// The pause before a try: none before the first, then longer after each conflict.
fn pause(races: u32) -> Duration {
    match races {
        0 => Duration::ZERO,
        _ => Duration::from_millis(50 * 3_u64.pow(races)),
    }
}
