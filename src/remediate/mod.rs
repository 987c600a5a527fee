//! Repairs: reads an object again, compares it, plans and sends the write, and compares the response.
//!
//! `plan`, `refusal` and `log` are pure: the body of the write, what the server refuses, and the log of what became
//! of each difference. `attempt` talks to the server, whose objects may change at the same time.
//!
//! Nothing is changed that was not reported. What a server refuses or changes along with a field is in `schema`'s tables;
//! the reasons for a PUT are in DESIGN, *Repairs*.

mod attempt;
mod log;
mod plan;
mod refusal;
#[cfg(test)]
mod tests;

pub(crate) use self::plan::{body, created};
use crate::cluster::Cluster;
use crate::diff::{Desired, Finding};
use crate::schema::{ResourceId, Server};

/// What repairs include.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Declared values.
    Declared,
    /// Also live values that nothing declares.
    Extras,
}

/// One object to repair.
pub(crate) struct Job<'a> {
    /// The object.
    pub id: &'a ResourceId,
    /// Its manifest, and how to compare it.
    pub subject: Desired<'a>,
    /// What the repair includes.
    pub extent: Extent,
    /// The server's version, if it is known.
    pub server: Server,
    /// Whether the manifest is unchanged. Called before each write, because repairing many objects takes a while and
    /// the manifest may say `alert` by then.
    pub is_current: &'a (dyn Fn() -> bool + Sync),
}

/// The outcome of a repair.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The result.
    pub done: RepairResult,
    /// The differences that were found, by path, with the outcome of each.
    pub fields: Vec<(Finding, Option<FieldOutcome>)>,
    /// Whether every further request would fail like the one that ended this repair.
    pub is_cut_off: bool,
}

/// The result of a repair.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RepairResult {
    /// The drift was gone before the repair.
    Nothing,
    /// The response has no drift left.
    Repaired {
        /// Whether values are left that nothing declares.
        extras_left: bool,
    },
    /// There were only undeclared values, which are kept.
    ExtrasKept,
    /// The object was missing and has been created.
    Created,
    /// All or some of the drift is left, for this reason.
    Failed(String),
}

/// The outcome of one difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldOutcome {
    /// The value was set.
    Set,
    /// The missing item or object was created.
    Created,
    /// The value was removed.
    Removed,
    /// The value is not declared, and was kept.
    Kept,
    /// The server refuses to change it.
    Refused,
    /// It was written, but the server or a webhook changed it back.
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
