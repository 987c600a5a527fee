//! Repairs: one object is read again, compared, planned, written, and the answer compared.
//!
//! The plan is pure; what is here is its dealings with a server whose objects change meanwhile.

mod plan;

use std::time::Duration;

use serde_json::Value;

pub use self::plan::{body, created};
use crate::cluster::{Cause, Cluster, Error, Live};
use crate::diff::{Class, Differences, Finding, Origin, Subject, Token, differences};
use crate::schema::ResourceId;

/// How often a repair begins anew when others write the same object meanwhile.
const TRIES: u32 = 5;

/// How far repairs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is declared.
    Declared,
    /// Also what is live and declared nowhere.
    Extras,
}

/// What became of a repair.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub done: Done,
    /// The differences that the repair began with.
    pub findings: Vec<Finding>,
}

/// What a repair did.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// The drift had gone by itself.
    Nothing,
    /// The answer has no drift left.
    Repaired {
        /// Values are left that nothing declares.
        extras_left: bool,
    },
    /// There were only values that nothing declares, which are kept.
    ExtrasKept,
    /// The object was missing and is there now.
    Created,
    /// The drift is still there, or part of it, for this reason.
    Failed(String),
}

/// Repairs one object, or creates it.
pub async fn repair(
    cluster: &Cluster,
    id: &ResourceId,
    subject: &Subject<'_>,
    extent: Extent,
) -> Outcome {
    let mut repair = Repair {
        cluster,
        id,
        subject,
        extent,
        uid: None,
        refused: Vec::new(),
    };
    let mut findings = Vec::new();
    for attempt in 0..TRIES {
        tokio::time::sleep(pause(attempt)).await;
        match repair.attempt(&mut findings).await {
            Ok(done) => return Outcome { done, findings },
            Err(Again::Raced) => {}
            Err(Again::Refused) => {}
        }
    }
    let done = Done::Failed(format!(
        "others kept changing the object while it was being repaired; gave up after {TRIES} tries"
    ));
    Outcome { done, findings }
}

/// Before the first try none, then longer each time.
fn pause(attempt: u32) -> Duration {
    Duration::from_millis(if attempt == 0 { 0 } else { 50 << (2 * attempt) })
}

/// Why to begin anew.
enum Again {
    /// Somebody else wrote the object.
    Raced,
    /// The server refused fields that are left out from now on.
    Refused,
}

struct Repair<'r, 's> {
    cluster: &'r Cluster,
    id: &'r ResourceId,
    subject: &'r Subject<'s>,
    extent: Extent,
    /// The object that was first seen.
    uid: Option<String>,
    /// What the server refused, and why.
    refused: Vec<(Vec<Token>, String)>,
}

impl Repair<'_, '_> {
    async fn attempt(&mut self, findings: &mut Vec<Finding>) -> Result<Done, Again> {
        let live = match self.cluster.get(self.id).await {
            Ok(live) => live.value,
            Err(Error::NotFound(_)) if self.uid.is_none() => return self.create().await,
            Err(Error::NotFound(_)) => {
                return Ok(Done::Failed("it was deleted meanwhile".to_owned()));
            }
            Err(error) => return Ok(Done::Failed(error.to_string())),
        };
        if let Some(reason) = self.forbids_writing(&live) {
            return Ok(Done::Failed(reason));
        }
        *findings = self.compare(&live).findings;
        let (wanted, kept): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().partition(|f| self.is_wanted(f));
        if wanted.is_empty() {
            return Ok(if kept.is_empty() {
                Done::Nothing
            } else {
                Done::ExtrasKept
            });
        }
        let (left_out, written): (Vec<&Finding>, Vec<&Finding>) = wanted
            .iter()
            .partition(|finding| self.refusal(finding, &live).is_some());
        let reasons: Vec<String> = left_out
            .iter()
            .filter_map(|f| self.refusal(f, &live))
            .collect();
        if written.is_empty() {
            return Ok(failed(&reasons, 0, wanted.len()));
        }
        let answer = match self
            .cluster
            .replace(self.id, &body(&live, written.iter().copied()))
            .await
        {
            Ok(answer) => answer,
            Err(error) => return self.after_error(error, &written),
        };
        Ok(self.judge(&answer, &reasons, wanted.len(), written.len()))
    }

    fn compare(&self, live: &Value) -> Differences {
        differences(self.subject, live)
    }

    /// Why this object is not to be written at all.
    fn forbids_writing(&mut self, live: &Value) -> Option<String> {
        let uid = live
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if live.pointer("/metadata/deletionTimestamp").is_some() {
            return Some("it is being deleted".to_owned());
        }
        let first = self.uid.get_or_insert_with(|| uid.to_owned());
        (first != uid).then(|| "it was deleted and created anew meanwhile".to_owned())
    }

    /// Whether this difference is to be put right.
    fn is_wanted(&self, finding: &Finding) -> bool {
        let is_extra = finding.class == Class::Extra || finding.origin == Origin::Default;
        !is_extra || self.extent == Extent::Extras && finding.kept.is_none()
    }

    /// Why the server does not let this difference be put right, if that is known.
    fn refusal(&self, finding: &Finding, live: &Value) -> Option<String> {
        let known = finding
            .immutable
            .filter(|row| (row.when)(live))
            .map(|row| row.advice);
        let told = || {
            self.refused
                .iter()
                .find(|(at, _)| *at == finding.at)
                .map(|(_, reason)| reason.as_str())
        };
        known
            .or_else(told)
            .map(|reason| format!("{}: {reason}", finding.path))
    }

    /// What to do about a write that failed.
    fn after_error(&mut self, error: Error, written: &[&Finding]) -> Result<Done, Again> {
        match error {
            Error::Conflict(_) | Error::OutcomeUnknown { .. } => Err(Again::Raced),
            Error::Invalid { message, causes } => {
                let refused = refused_fields(&causes, written);
                if refused.is_empty() || refused.len() == written.len() {
                    return Ok(Done::Failed(message));
                }
                self.refused.extend(refused);
                Err(Again::Refused)
            }
            error => Ok(Done::Failed(error.to_string())),
        }
    }

    /// Compares what the server made of the write.
    fn judge(&self, answer: &Live, left_out: &[String], wanted: usize, written: usize) -> Done {
        let left = self.compare(&answer.value).findings;
        let (drift, extras): (Vec<&Finding>, Vec<&Finding>) =
            left.iter().partition(|f| self.is_wanted(f));
        if drift.is_empty() {
            return Done::Repaired {
                extras_left: !extras.is_empty(),
            };
        }
        let mut reasons = left_out.to_vec();
        let back: Vec<String> = drift
            .iter()
            .filter(|f| self.refusal(f, &answer.value).is_none())
            .map(|f| f.path.to_string())
            .collect();
        if !back.is_empty() {
            reasons.push(format!(
                "the server or a webhook did not keep {}",
                back.join(", ")
            ));
        }
        failed(&reasons, written.saturating_sub(back.len()), wanted)
    }

    async fn create(&self) -> Result<Done, Again> {
        match self
            .cluster
            .create(self.id, &created(self.id, self.subject))
            .await
        {
            Ok(answer) => {
                let left = self.compare(&answer.value).findings;
                let back: Vec<String> = left
                    .iter()
                    .filter(|f| self.is_wanted(f))
                    .map(|f| f.path.to_string())
                    .collect();
                Ok(if back.is_empty() {
                    Done::Created
                } else {
                    Done::Failed(format!(
                        "created, but the server or a webhook did not keep {}",
                        back.join(", ")
                    ))
                })
            }
            Err(Error::AlreadyExists(_) | Error::OutcomeUnknown { .. }) => Err(Again::Raced),
            Err(error) => Ok(Done::Failed(error.to_string())),
        }
    }
}

fn failed(reasons: &[String], repaired: usize, of: usize) -> Done {
    Done::Failed(format!(
        "{repaired} of {of} fields repaired; {}",
        reasons.join("; ")
    ))
}

/// The written differences that the server's answer names.
fn refused_fields(causes: &[Cause], written: &[&Finding]) -> Vec<(Vec<Token>, String)> {
    written
        .iter()
        .filter_map(|finding| {
            let at = api_path(&finding.at);
            let is_about = |cause: &&Cause| {
                let (a, b) = (cause.field.as_str(), at.as_str());
                let (long, short) = if a.len() > b.len() { (a, b) } else { (b, a) };
                !a.is_empty()
                    && long
                        .strip_prefix(short)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let cause = causes.iter().find(is_about)?;
            Some((finding.at.clone(), cause.message.clone()))
        })
        .collect()
}

/// A place as the server's messages write it: `spec.ports[0].port`; a map's key in brackets.
fn api_path(at: &[Token]) -> String {
    let mut path = String::new();
    for token in at {
        match token {
            Token::Key(key) if path.is_empty() => path.push_str(key),
            Token::Key(key) => path.extend([".", key]),
            Token::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}
