//! Which commit's value is live: searches the versions of a manifest for the one that a drifted field agrees with.
//!
//! The versions come from outside, newest first; this module reads neither files nor Git.
//!
//! What the verdicts mean is in DESIGN, *Which commit is live*.

mod search;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use self::search::{KeptObject, VersionSearch};
use crate::git::Commit;

/// The histories of a resource's differences, by path.
pub(crate) type Histories = HashMap<String, History>;

/// What Git's history says about a live value that differs from the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    /// How the live value relates to the commits.
    pub verdict: HistoryVerdict,
    /// The newest commit whose version of the manifest agrees with the live value. `None` where there is none, or where
    /// a missing resource had no manifest before `next`.
    pub commit: Option<Arc<Commit>>,
    /// The commit after it, which changed what is declared.
    pub next: Option<Arc<Commit>>,
    /// The number of versions that were compared, including the agreeing one.
    pub searched: usize,
    /// Whether there are older commits that were not searched.
    pub is_cut: bool,
}

/// How a live value relates to the commits of its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HistoryVerdict {
    /// It is as in `HEAD`: the change of the manifest is not committed.
    Uncommitted,
    /// It was last written before `next` was committed.
    NotDeployed,
    /// It was written after `next` was committed, or at an unknown time.
    SetBack,
    /// No searched version has it.
    NotFound,
}

impl HistoryVerdict {
    /// Its name in reports.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uncommitted => "uncommitted",
            Self::NotDeployed => "not-deployed",
            Self::SetBack => "set-back",
            Self::NotFound => "not-found",
        }
    }

    /// Whether the live value is one that Git has, so that a patch of the manifest would undo a change.
    #[must_use]
    pub(crate) fn is_of_git(self) -> bool {
        self != Self::NotFound
    }
}
