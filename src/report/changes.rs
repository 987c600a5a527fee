//! What is new in a report since an earlier one, for loops, which print only changes.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{ErrorEntry, Report, ResourceEntry, UnmanagedEntry};
use crate::schema::ResourceId;

/// The parts of a report that determine whether a later one has changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    resources: BTreeMap<ResourceId, u64>,
    unmanaged: BTreeSet<ResourceId>,
    errors: BTreeSet<String>,
    rest: u64,
}

impl Digest {
    /// The digest of a report. Times do not count.
    #[must_use]
    pub(crate) fn of(report: &Report) -> Self {
        let resources = report.resources.iter();
        let mut rest = DefaultHasher::new();
        for skipped in &report.skipped {
            (
                &skipped.resource.kind,
                &skipped.resource.namespace,
                &skipped.resource.name,
            )
                .hash(&mut rest);
        }
        (&report.other_kinds, report.left_out).hash(&mut rest);
        report
            .known
            .iter()
            .map(|known| known.fields.len())
            .sum::<usize>()
            .hash(&mut rest);
        // A report without drift changes when nothing can be compared any more.
        (report.summary().compared == 0).hash(&mut rest);
        Self {
            resources: resources
                .map(|resource| (resource.id.clone(), digest(resource)))
                .collect(),
            unmanaged: report.unmanaged.iter().map(|u| u.id.clone()).collect(),
            errors: report.errors.iter().map(ErrorEntry::line).collect(),
            rest: rest.finish(),
        }
    }
}

/// The digest of one resource: its action, the reason and its fields.
fn digest(resource: &ResourceEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (resource.action.name(), &resource.reason).hash(&mut hasher);
    for field in &resource.fields {
        (
            &field.path,
            field.class.name(),
            &field.desired,
            &field.live,
            field.outcome,
            field.history.as_ref().map(|history| history.verdict),
        )
            .hash(&mut hasher);
    }
    hasher.finish()
}

/// What is new in a report.
#[derive(Debug)]
pub(crate) struct Changes<'r> {
    /// The resources that had not drifted before, or whose drift has changed, and those that were just repaired.
    pub resources: Vec<&'r ResourceEntry>,
    /// The resources that had drifted before and no longer do.
    pub back_in_sync: &'r [ResourceId],
    /// The unmanaged objects that were not in the earlier report.
    pub unmanaged: Vec<&'r UnmanagedEntry>,
    /// The unmanaged objects that are gone, or declared now.
    pub no_longer_unmanaged: Vec<ResourceId>,
    /// What could be checked or repaired before, or failed in another way.
    pub errors: Vec<&'r ErrorEntry>,
}

impl<'r> Changes<'r> {
    /// The changes since an earlier report.
    #[must_use]
    pub(crate) fn between(earlier: &Digest, now: &Digest, report: &'r Report) -> Self {
        let resources = report.resources.iter();
        let is_new = |resource: &&ResourceEntry| {
            resource.action.is_repair()
                || earlier.resources.get(&resource.id) != now.resources.get(&resource.id)
        };
        Self {
            resources: resources.filter(is_new).collect(),
            back_in_sync: &report.back_in_sync,
            unmanaged: report
                .unmanaged
                .iter()
                .filter(|entry| !earlier.unmanaged.contains(&entry.id))
                .collect(),
            errors: report
                .errors
                .iter()
                .filter(|error| !earlier.errors.contains(&error.line()))
                .collect(),
            no_longer_unmanaged: earlier
                .unmanaged
                .difference(&now.unmanaged)
                .cloned()
                .collect(),
        }
    }
}
