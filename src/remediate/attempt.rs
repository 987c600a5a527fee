//! The dealings of a repair with the server: read, compare, plan, write, and again when others came between.

use std::time::Duration;

use serde_json::Value;

use super::notes::RepairLog;
use super::refusal;
use super::{Extent, Job, Outcome, RepairResult, body, created};
use crate::blame::differences;
use crate::cluster::{Cluster, Error, Live};
use crate::diff::Finding;

/// How often a repair starts over when others write the same object meanwhile.
const TRIES: u32 = 5;
/// How many writes without an answer one repair makes: the write may be what breaks the connection.
const MOST_UNANSWERED: u32 = 2;

/// One repair.
pub(super) struct Repair<'r> {
    cluster: &'r Cluster,
    job: &'r Job<'r>,
    /// The object that was first seen.
    uid: Option<String>,
    notes: RepairLog,
    /// The error of a write that may have happened, until the object has been read again.
    unanswered: Option<Error>,
    /// How many writes got no answer.
    unanswered_count: u32,
    /// The object was missing, and a creation was sent that got no answer.
    is_perhaps_created: bool,
    is_cut_off: bool,
}

/// How it goes on after a step.
enum Next {
    /// It is over.
    Over(RepairResult),
    /// Somebody else may have written the object: start over.
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
            notes: RepairLog::default(),
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
            fields: self.notes.into_fields(),
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

    /// Ends the repair with a failure. A part of it may have been done.
    fn fail(&self, reason: &str) -> RepairResult {
        RepairResult::Failed(if self.notes.has_repairs() {
            self.notes.failed(reason)
        } else {
            reason.to_owned()
        })
    }

    fn broken(&mut self, error: &Error) -> RepairResult {
        self.is_cut_off = error.is_about_connection();
        self.fail(&error.to_string())
    }

    /// Ends the repair because the object cannot be read, perhaps after a write that got no answer.
    fn unreadable(&mut self, unanswered: Option<&Error>, error: &Error) -> RepairResult {
        self.is_cut_off = error.is_about_connection();
        self.fail(&match unanswered {
            Some(unanswered) => format!("{unanswered}; reading it again failed: {error}"),
            None => error.to_string(),
        })
    }

    /// Why nothing more is written, now that the object has been read and its drift is still there.
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

    /// What differs.
    fn compare(&self, live: &Live) -> Vec<Finding> {
        differences(&self.job.subject, &live.value, live.managed_fields()).findings
    }

    /// Why this object is not to be written at all.
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

    /// What is left to be put right and may be possible. Everything found is taken down. `is_perhaps_written` says
    /// that the last write got no answer, so that what is gone now is its doing.
    fn open(
        &mut self,
        findings: &[Finding],
        live: &Value,
        is_perhaps_written: bool,
    ) -> Vec<Finding> {
        if is_perhaps_written {
            self.notes.assume_written();
        }
        self.notes.note(findings);
        let wanted = findings.iter().filter(|finding| self.is_wanted(finding));
        let planned = body(live, wanted, &self.job.subject);
        let mut open = Vec::new();
        for finding in findings {
            if !self.is_wanted(finding) {
                self.notes.keep(finding);
            } else if let Some(reason) = refusal::known(finding, &self.job.subject, live, &planned)
            {
                self.notes.refuse(finding, reason);
            } else if !self.notes.is_given_up(finding) {
                open.push(finding.clone());
            }
        }
        open
    }

    /// Whether this difference is to be put right.
    fn is_wanted(&self, finding: &Finding) -> bool {
        !finding.is_extra() || self.job.extent == Extent::Extras && finding.kept.is_none()
    }

    /// What the repair came to, when nothing is left to be tried.
    fn verdict(&self) -> RepairResult {
        match self.notes.verdict() {
            RepairResult::Nothing if self.is_perhaps_created => RepairResult::Created,
            done => done,
        }
    }

    /// Compares what the server made of the write.
    fn after_write(&mut self, written: &[Finding], answer: &Live) -> RepairResult {
        let mut left = self.compare(answer);
        self.notes.went_along(&left);
        left.retain(|finding| self.is_wanted(finding));
        self.notes.written(written, &left);
        self.not_stored(&left);
        self.verdict()
    }

    /// What an answer still differs in.
    fn left(&self, answer: &Live) -> Vec<Finding> {
        let mut left = self.compare(answer);
        left.retain(|finding| self.is_wanted(finding));
        left
    }

    /// Takes down of what is left which feature gate it needs: the server may have it off.
    fn not_stored(&mut self, left: &[Finding]) {
        let unstored = self.job.subject.unstored(self.job.server.without_gates());
        for finding in left {
            let declared = finding.declared.and_then(|id| unstored.reason(id));
            if let Some((_, reason)) = declared {
                self.notes.refuse(finding, reason);
            }
        }
    }

    /// What to do about a write that failed.
    fn after_error(&mut self, error: Error, written: &[Finding]) -> Next {
        match error {
            Error::Conflict(_) => Next::Raced,
            error @ Error::OutcomeUnknown { .. } => self.after_silence(error),
            Error::Invalid { message, causes } => {
                let Some(immutable) = refusal::immutable(&causes, written) else {
                    return Next::Over(self.fail(&message));
                };
                for (finding, reason) in immutable {
                    self.notes.refuse(finding, reason);
                }
                Next::More
            }
            error => Next::Over(self.broken(&error)),
        }
    }

    /// After a write without an answer the object is read again.
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
        self.notes.written(&[], &left);
        RepairResult::Failed(format!(
            "created, but the server or a webhook did not keep {}",
            back.join(", ")
        ))
    }
}

/// Why a manifest that has changed since it was read is not acted upon.
const OUTDATED: &str =
    "its manifest has changed since this cycle began; the next cycle goes by the new one";

/// Before the first try none, then longer each time that others came between.
fn pause(races: u32) -> Duration {
    match races {
        0 => Duration::ZERO,
        _ => Duration::from_millis(50 * 3_u64.pow(races)),
    }
}
