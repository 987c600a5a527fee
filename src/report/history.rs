//! Describes in words what Git's history says about a live value.

use std::collections::BTreeMap;

use super::FieldEntry;
use crate::git::Commit;
use crate::history::{History, HistoryVerdict};
use crate::path::RESOURCE;

/// The most commits named for one cause.
const MOST_COMMITS: usize = 3;
/// The most characters of a subject that are shown.
const MOST_OF_SUBJECT: usize = 72;

/// Why a live value differs from the manifest, according to Git's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DriftCause {
    NotCommitted,
    NotDeployed,
    SetBack,
    /// The writer of the value is unknown.
    NotDeployedOrSetBack,
    /// A missing resource.
    NotDeployedOrDeleted,
    /// A missing resource that all versions declare.
    Deleted,
    ChangedInCluster,
}

impl DriftCause {
    fn of(field: &FieldEntry, history: &History) -> Self {
        let is_resource = field.path == RESOURCE;
        let is_written = field.last_writer.as_ref().is_some_and(|w| w.time.is_some());
        match history.verdict {
            HistoryVerdict::Uncommitted => Self::NotCommitted,
            HistoryVerdict::NotDeployed => Self::NotDeployed,
            HistoryVerdict::SetBack if is_resource => Self::NotDeployedOrDeleted,
            HistoryVerdict::SetBack if is_written => Self::SetBack,
            HistoryVerdict::SetBack => Self::NotDeployedOrSetBack,
            HistoryVerdict::NotFound if is_resource => Self::Deleted,
            HistoryVerdict::NotFound => Self::ChangedInCluster,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NotCommitted => "not committed",
            Self::NotDeployed => "not deployed yet",
            Self::SetBack => "set back or deployed from an older commit",
            Self::NotDeployedOrSetBack => "not deployed yet or set back",
            Self::NotDeployedOrDeleted => "not deployed yet or deleted",
            Self::Deleted => "deleted or never deployed",
            Self::ChangedInCluster => "changed in the cluster",
        }
    }
}

/// `live as of 8c2b1f0; last written before 9f31c2a (2026-11-20, Ana, "Bump nginx"): not deployed yet`.
pub(super) fn sentence(field: &FieldEntry) -> Option<String> {
    let history = field.history.as_ref()?;
    let live = match &history.commit {
        Some(commit) => format!("live as of {}", commit.short()),
        None => "live as before".to_owned(),
    };
    let next = history.next.as_deref().map(described).unwrap_or_default();
    Some(match DriftCause::of(field, history) {
        DriftCause::NotCommitted if field.path == RESOURCE => "not committed yet".to_owned(),
        DriftCause::NotCommitted => format!("{live}; the manifest's change is not committed"),
        DriftCause::NotDeployed => format!("{live}; last written before {next}: not deployed yet"),
        DriftCause::SetBack => {
            format!("{live}, but written after {next}: set back, or deployed from an older commit")
        }
        DriftCause::NotDeployedOrSetBack => {
            format!("{live}, before {next}: not deployed yet, or set back")
        }
        DriftCause::NotDeployedOrDeleted => {
            format!("added by {next}: not deployed yet, or deleted")
        }
        DriftCause::Deleted => match versions(history) {
            (1, which) => {
                format!("declared in this file's {which} commit: deleted, or never deployed")
            }
            (count, which) => format!(
                "declared in each of this file's {which}{count} commits: deleted, or never deployed"
            ),
        },
        DriftCause::ChangedInCluster => match versions(history) {
            (1, which) => format!(
                "not in this file's {which} commit: changed in the cluster, or by another branch"
            ),
            (count, which) => format!(
                "in none of this file's {which}{count} commits: changed in the cluster, or by another branch"
            ),
        },
    })
}

/// The number of versions searched, and a word for which ones.
fn versions(history: &History) -> (usize, &'static str) {
    let which = match (history.searched, history.is_cut) {
        (1, true) => "last",
        (1, false) => "only",
        (_, true) => "last ",
        (_, false) => "",
    };
    (history.searched, which)
}

/// `9f31c2a (2026-11-20, Ana, "Bump nginx")`.
fn described(commit: &Commit) -> String {
    let (id, day) = (commit.short(), commit.time.strftime("%Y-%m-%d"));
    let mut subject: String = commit.subject.chars().take(MOST_OF_SUBJECT).collect();
    if subject.len() < commit.subject.len() {
        subject.push('…');
    }
    format!("{id} ({day}, {}, \"{subject}\")", commit.author)
}

/// The cause in a few words, and the commit that is not live: `not deployed yet: 9f31c2a`.
pub(super) fn note(field: &FieldEntry) -> Option<String> {
    let history = field.history.as_ref()?;
    let cause = DriftCause::of(field, history).name();
    Some(match &history.next {
        Some(next) => format!("{cause}: {}", next.short()),
        None => cause.to_owned(),
    })
}

/// The number of differences for each cause: `3 not deployed yet (9f31c2a), 2 changed in the cluster`. `None` if no
/// cause is known.
pub(super) fn causes<'f>(fields: impl Iterator<Item = &'f FieldEntry>) -> Option<String> {
    let mut causes: BTreeMap<DriftCause, CauseCount<'f>> = BTreeMap::new();
    for field in fields {
        if let Some(history) = &field.history {
            let cause = causes.entry(DriftCause::of(field, history)).or_default();
            cause.count += 1;
            cause.add(history.next.as_deref());
        }
    }
    let named = causes.iter().map(|(cause, counted)| {
        let commits = counted.commits();
        format!("{} {}{commits}", counted.count, cause.name())
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// The differences of one cause.
#[derive(Default)]
struct CauseCount<'f> {
    count: usize,
    /// The commits that are not live, in the order of their first differences.
    commits: Vec<&'f str>,
}

impl<'f> CauseCount<'f> {
    fn add(&mut self, commit: Option<&'f Commit>) {
        if let Some(commit) = commit.map(Commit::short)
            && !self.commits.contains(&commit)
        {
            self.commits.push(commit);
        }
    }

    /// ` (9f31c2a, 8c2b1f0)`.
    fn commits(&self) -> String {
        let mut named: Vec<&str> = self.commits.iter().take(MOST_COMMITS).copied().collect();
        let more = format!("{} more", self.commits.len() - named.len());
        if named.is_empty() {
            return String::new();
        }
        if self.commits.len() > named.len() {
            named.push(&more);
        }
        format!(" ({})", named.join(", "))
    }
}
