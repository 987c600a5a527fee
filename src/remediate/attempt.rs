//! The dealings of a repair with the server: read, compare, plan, write, and again when others came between.

use std::time::Duration;

use serde_json::Value;

use super::notes::{Notes, is_same};
use super::refusal;
use super::{Done, Extent, Job, Outcome, body, created};
use crate::cluster::{Cluster, Error, Live};
use crate::diff::{Class, Finding, Origin, differences};

/// How often a repair begins anew when others write the same object meanwhile.
const TRIES: u32 = 5;
/// How many writes one repair makes at most, to find out which fields of many the server refuses.
const MOST_WRITES: u32 = 32;

/// One repair.
pub(super) struct Repair<'r> {
    cluster: &'r Cluster,
    job: &'r Job<'r>,
    /// The object that was first seen.
    uid: Option<String>,
    notes: Notes,
    /// While it is looked for what the server refuses: only these are written.
    focus: Option<Vec<Finding>>,
    /// A write was sent and no answer came: what has gone since is perhaps our doing.
    is_unsure: bool,
    /// The object was missing, and a creation was sent of which no answer came.
    is_perhaps_created: bool,
    /// How many writes got no answer.
    silences: u32,
    /// How many writes were sent.
    sent: u32,
    /// How many of them the server took.
    writes: u32,
    is_cut_off: bool,
}

/// How it goes on after a step.
enum Next {
    /// It is over.
    Over(Done),
    /// Somebody else wrote the object: begin anew.
    Raced,
    /// There is more to do, or the rest without what was refused.
    More,
}

impl<'r> Repair<'r> {
    pub(super) fn new(cluster: &'r Cluster, job: &'r Job<'r>) -> Self {
        Self {
            cluster,
            job,
            uid: None,
            notes: Notes::default(),
            focus: None,
            is_unsure: false,
            is_perhaps_created: false,
            silences: 0,
            sent: 0,
            writes: 0,
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
        let live = match self.cluster.get(self.job.id).await {
            Ok(live) => live.value,
            Err(Error::NotFound(_)) if self.uid.is_none() => return self.create().await,
            Err(Error::NotFound(_)) => return Next::Over(self.fail("it was deleted meanwhile")),
            Err(error) => return Next::Over(self.broken(&error)),
        };
        if let Some(reason) = self.forbids_writing(&live) {
            return Next::Over(self.fail(reason));
        }
        let findings = self.compare(&live);
        let open = self.open(&findings, &live);
        if open.is_empty() {
            return self.finish();
        }
        let written = self.in_focus(open);
        if !(self.job.is_current)() {
            return Next::Over(self.fail(OUTDATED));
        }
        if self.sent == MOST_WRITES {
            return Next::Over(self.fail(&format!(
                "the server refused more than could be told apart with {MOST_WRITES} writes"
            )));
        }
        self.sent += 1;
        match self
            .cluster
            .replace(self.job.id, &body(&live, &written))
            .await
        {
            Ok(answer) => self.after_write(&written, &answer),
            Err(error) => self.after_error(error, written),
        }
    }

    /// Ends the repair with a failure. A part of it may have been done.
    fn fail(&self, reason: &str) -> Done {
        Done::Failed(if self.notes.has_repairs() {
            self.notes.failed(reason)
        } else {
            reason.to_owned()
        })
    }

    fn broken(&mut self, error: &Error) -> Done {
        self.is_cut_off = error.is_about_connection();
        self.fail(&error.to_string())
    }

    /// What differs, with what the server is able to store by its version.
    fn compare(&self, live: &Value) -> Vec<Finding> {
        let mut differences = differences(&self.job.subject, live);
        differences.settle_gates(self.job.minor);
        differences.findings
    }

    /// Why this object is not to be written at all.
    fn forbids_writing(&mut self, live: &Value) -> Option<&'static str> {
        let uid = live
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if live.pointer("/metadata/deletionTimestamp").is_some() {
            return Some("it is being deleted");
        }
        let first = self.uid.get_or_insert_with(|| uid.to_owned());
        (first != uid).then_some("it was deleted and created anew meanwhile")
    }

    /// What is left to be put right and may be possible. Everything found is taken down.
    fn open(&mut self, findings: &[Finding], live: &Value) -> Vec<Finding> {
        if std::mem::take(&mut self.is_unsure) {
            self.notes.assume_written();
        }
        self.notes.note(findings);
        let wanted = findings.iter().filter(|finding| self.is_wanted(finding));
        let planned = body(live, wanted);
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
        let is_extra = finding.class == Class::Extra || finding.origin == Origin::Default;
        !is_extra || self.job.extent == Extent::Extras && finding.kept.is_none()
    }

    /// The part that is to be tried now.
    fn in_focus(&mut self, open: Vec<Finding>) -> Vec<Finding> {
        let Some(focus) = &self.focus else {
            return open;
        };
        let (inside, outside): (Vec<Finding>, Vec<Finding>) = open
            .into_iter()
            .partition(|finding| focus.iter().any(|other| is_same(other, finding)));
        if inside.is_empty() {
            self.focus = None;
            return outside;
        }
        inside
    }

    /// Nothing is left that has not been tried.
    fn finish(&mut self) -> Next {
        if self.notes.acquit(self.writes) {
            return Next::More;
        }
        Next::Over(match self.notes.verdict() {
            Done::Nothing if self.is_perhaps_created => Done::Created,
            done => done,
        })
    }

    /// Compares what the server made of the write.
    fn after_write(&mut self, written: &[Finding], answer: &Live) -> Next {
        self.writes += 1;
        let mut left = self.left(&answer.value);
        let is_partial = self.focus.take().is_some();
        if is_partial {
            // The others have not been written yet.
            left.retain(|finding| written.iter().any(|other| is_same(other, finding)));
        }
        self.notes.written(written, &left);
        self.not_stored(&answer.value);
        if is_partial {
            Next::More
        } else {
            self.finish()
        }
    }

    /// What an answer still differs in.
    fn left(&self, answer: &Value) -> Vec<Finding> {
        let mut left = self.compare(answer);
        left.retain(|finding| self.is_wanted(finding));
        left
    }

    /// Takes down what the server should be able to store and yet did not.
    fn not_stored(&mut self, answer: &Value) {
        for (gate, finding) in differences(&self.job.subject, answer).not_stored {
            let reason = format!(
                "not stored by this server: it needs the feature gate {}",
                gate.gate
            );
            self.notes.refuse(&finding, reason);
        }
    }

    /// What to do about a write that failed.
    fn after_error(&mut self, error: Error, written: Vec<Finding>) -> Next {
        match error {
            Error::Conflict(_) => Next::Raced,
            Error::OutcomeUnknown { .. } => {
                self.is_unsure = true;
                self.after_silence(&error)
            }
            Error::Invalid { message, causes } => {
                let named = refusal::named(&causes, &written);
                if !named.is_empty() && named.len() < written.len() {
                    for (finding, reason) in named {
                        self.notes.suspect(finding, reason, self.writes);
                    }
                } else if let [only] = &written[..] {
                    let reason = named.into_iter().next().map(|(_, reason)| reason);
                    let reason = reason.unwrap_or_else(|| refusal::told(&message));
                    self.notes.suspect(only, reason, self.writes);
                    self.focus = None;
                } else {
                    // It is not clear which: half of them by themselves, and so on.
                    let half = written.len() / 2;
                    self.focus = Some(written.into_iter().take(half).collect());
                }
                Next::More
            }
            error => Next::Over(self.broken(&error)),
        }
    }

    /// A write that got no answer is made again, if it turns out not to have happened, but only once: it may be what
    /// breaks the connection.
    fn after_silence(&mut self, error: &Error) -> Next {
        self.silences += 1;
        if self.silences > 1 {
            Next::Over(self.broken(error))
        } else {
            Next::Raced
        }
    }

    async fn create(&mut self) -> Next {
        if !(self.job.is_current)() {
            return Next::Over(self.fail(OUTDATED));
        }
        let body = created(self.job.id, &self.job.subject);
        match self.cluster.create(self.job.id, &body).await {
            Ok(answer) => Next::Over(self.after_creation(&answer)),
            Err(Error::AlreadyExists(_)) => Next::Raced,
            Err(error @ Error::OutcomeUnknown { .. }) => {
                self.is_perhaps_created = true;
                self.after_silence(&error)
            }
            Err(error) => Next::Over(self.broken(&error)),
        }
    }

    fn after_creation(&mut self, answer: &Live) -> Done {
        let left = self.left(&answer.value);
        if left.is_empty() {
            return Done::Created;
        }
        let back: Vec<String> = left
            .iter()
            .map(|finding| finding.path.to_string())
            .collect();
        self.notes.written(&[], &left);
        Done::Failed(format!(
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
