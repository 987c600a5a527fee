//! Repairs: one object is read again, compared, planned, written, and the answer compared.
//!
//! What is pure here: the plan (`plan`), what is known of refusals (`refusal`), and the book that is kept of each
//! difference (`notes`). `attempt` deals with a server whose objects change meanwhile.

mod attempt;
mod notes;
mod plan;
mod refusal;
#[cfg(test)]
mod tests;

pub(crate) use self::plan::{body, created};
use crate::cluster::Cluster;
use crate::diff::{Desired, Finding};
use crate::schema::{ResourceId, Server};

/// How far repairs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is declared.
    Declared,
    /// Also what is live and declared nowhere.
    Extras,
}

/// One object to be repaired.
pub(crate) struct Job<'a> {
    /// Which one.
    pub id: &'a ResourceId,
    /// What is declared of it.
    pub subject: Desired<'a>,
    /// How far to go.
    pub extent: Extent,
    /// The server's version, as far as it is known.
    pub server: Server,
    /// Whether the manifest still says what is about to be written. It is asked before each write, since repairing
    /// many objects takes a while, and the manifest may say `alert` by now.
    pub is_current: &'a (dyn Fn() -> bool + Sync),
}

/// What became of a repair.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was done.
    pub done: RepairResult,
    /// The differences that were found, by path, and what became of each.
    pub fields: Vec<(Finding, Option<FieldOutcome>)>,
    /// Every other request would fail like the one that ended this repair.
    pub is_cut_off: bool,
}

/// What a repair did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RepairResult {
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

/// What became of one difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldOutcome {
    /// The value was set.
    Set,
    /// The item, or the object, was put where it was missing.
    Created,
    /// The value was taken out.
    Removed,
    /// Declared nowhere, and kept.
    Kept,
    /// The server does not let it be changed.
    Refused,
    /// It was written, and the server or a webhook changed it back.
    ChangedBack,
}

impl FieldOutcome {
    /// Whether the difference is gone.
    #[must_use]
    pub(crate) fn is_repaired(self) -> bool {
        matches!(self, Self::Set | Self::Created | Self::Removed)
    }

    /// Its name in reports.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Created => "created",
            Self::Removed => "removed",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::ChangedBack => "changed-back",
        }
    }
}

/// Repairs one object, or creates it.
pub(crate) async fn repair(cluster: &Cluster, job: &Job<'_>) -> Outcome {
    attempt::Repair::new(cluster, job).run().await
}
