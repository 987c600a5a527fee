//! The search for the version of a manifest that a live object's drifted fields agree with.
//!
//! The differ decides whether a version agrees: it compares that version with the live object, and a field agrees if
//! there is no finding about it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Histories, History, HistoryVerdict};
use crate::blame::differences;
use crate::diff::{Desired, Edit, Finding, PointerToken, declared_at, lacks_item};
use crate::git::Commit;
use crate::managed_fields::ManagedFields;
use crate::manifest::{Declaration, Resource};
use crate::path::{Path, Pattern, RESOURCE, is_within};
use crate::schema::{Kind, Server};
use crate::yaml::Node;

/// A live object as text, which takes less memory than its values. It is kept only while its history is searched.
#[derive(Debug)]
pub(crate) struct KeptObject {
    /// The object as JSON.
    pub object: String,
    /// The JSON text of its `metadata.managedFields` where that is not in it.
    pub managed_fields: Option<String>,
}

/// The search for one resource, which takes each version of its manifest, newest first.
pub(crate) struct VersionSearch<'a> {
    subject: Desired<'a>,
    server: Server,
    /// `None` for a missing resource.
    live: Option<&'a KeptObject>,
    open: Vec<OpenField<'a>>,
    found: Histories,
    /// The commit of the version before, which is newer.
    newer: Option<Arc<Commit>>,
    /// How many versions were compared.
    searched: usize,
    /// Whether a version declared the resource.
    is_declared: bool,
    /// Whether the version of the last commit could not be read.
    is_head_unknown: bool,
    /// The number of fields whose history can no longer be determined.
    unknown: usize,
}

/// A field whose version has not been found yet.
struct OpenField<'a> {
    path: String,
    /// `None` for the resource as a whole.
    finding: Option<&'a Finding>,
    /// The latest time at which the live value can have been written, if known.
    written: Option<Timestamp>,
    /// Whether all versions so far could be compared.
    is_certain: bool,
}

/// The result of a search.
pub(crate) struct SearchOutcome {
    /// The histories, by path.
    pub found: Histories,
    /// The number of fields whose history is uncertain.
    pub unknown: usize,
}

impl<'a> VersionSearch<'a> {
    /// For the differences of a live object. `subject` is what is declared now.
    pub(crate) fn of_fields(
        subject: Desired<'a>,
        server: Server,
        live: &'a KeptObject,
        findings: &'a [Finding],
    ) -> Self {
        let text = live.managed_fields.as_deref();
        let latest = text.and_then(|text| latest(&ManagedFields::read(text)));
        // An object that is being deleted has one finding, which is about no version.
        let fields = findings.iter().filter(|f| f.path != Path::resource());
        let open = fields.map(|finding| OpenField {
            path: finding.path.to_string(),
            finding: Some(finding),
            written: written(finding, latest),
            is_certain: true,
        });
        Self {
            open: open.collect(),
            live: Some(live),
            ..Self::of_missing(subject, server)
        }
    }

    /// For a resource that is not live.
    pub(crate) fn of_missing(subject: Desired<'a>, server: Server) -> Self {
        Self {
            subject,
            server,
            live: None,
            open: vec![OpenField {
                path: RESOURCE.to_owned(),
                finding: None,
                written: None,
                is_certain: true,
            }],
            found: Histories::new(),
            newer: None,
            searched: 0,
            is_declared: false,
            is_head_unknown: false,
            unknown: 0,
        }
    }

    /// Whether the search is to continue.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The commit of the last version that could be compared.
    pub(crate) fn newer(&self) -> Option<&Arc<Commit>> {
        self.newer.as_ref()
    }

    /// Compares the next older version. `commit` is `None` for the time before the file existed.
    pub(crate) fn compare_version(
        &mut self,
        commit: Option<&Arc<Commit>>,
        version: Declaration<'_>,
    ) {
        let agrees: Vec<bool> = match version {
            Declaration::Unreadable => return self.cannot_read(),
            Declaration::Absent => self.open.iter().map(|f| f.finding.is_none()).collect(),
            Declaration::Resource(resource) => {
                self.is_declared = true;
                self.compare(resource)
            }
        };
        self.searched += usize::from(commit.is_some());
        let mut agrees = agrees.into_iter();
        let (open, newer) = (std::mem::take(&mut self.open), self.newer.take());
        for field in open {
            if !agrees.next().unwrap_or_default() {
                self.open.push(field);
            } else if newer.is_none() && self.is_head_unknown {
                self.unknown += 1;
            } else {
                let history = History::of(commit, newer.as_ref(), field.written, self.searched);
                self.found.insert(field.path, history);
            }
        }
        self.newer = commit.cloned().or(newer);
    }

    /// Skips a version that cannot be compared. After that, it is uncertain that a value is in no version.
    pub(crate) fn cannot_read(&mut self) {
        self.is_head_unknown |= self.newer.is_none();
        for field in &mut self.open {
            field.is_certain = false;
        }
    }

    /// There are no more versions. `is_complete` says that all of them have been seen that were to be; `is_cut`, that
    /// there are more.
    pub(crate) fn end(mut self, is_complete: bool, is_cut: bool) -> SearchOutcome {
        for field in self.open {
            if !(is_complete && field.is_certain && self.is_declared) {
                self.unknown += 1;
                continue;
            }
            let history = History {
                verdict: HistoryVerdict::NotFound,
                commit: None,
                next: None,
                searched: self.searched,
                is_cut,
            };
            self.found.insert(field.path, history);
        }
        SearchOutcome {
            found: self.found,
            unknown: self.unknown,
        }
    }

    /// Which of the open fields agree with a version.
    fn compare(&mut self, version: &Resource) -> Vec<bool> {
        let Some(live) = self.live else {
            return vec![false; self.open.len()];
        };
        let Ok(object) = serde_json::from_str(&live.object) else {
            return vec![false; self.open.len()];
        };
        let mut subject = Desired {
            declared: version.node(),
            // A field that a version does not declare agrees only if it is absent or the server's default.
            strict: true,
            unstored: None,
            ..self.subject.clone()
        };
        let unstored = subject.unstored(self.server);
        subject.unstored = Some(&unstored);
        let found = differences(&subject, &object, live.managed_fields.as_deref());
        let compared = ComparedVersion {
            kind: self.subject.kind,
            now: self.subject.declared,
            then: version.node(),
            live: &object,
            findings: found.findings,
        };
        let mut agrees = Vec::new();
        for field in &mut self.open {
            let is_comparable = !version.incomparable.iter().any(|not| field.overlaps(not));
            field.is_certain &= is_comparable;
            let agree = |sought| compared.agrees(sought);
            agrees.push(is_comparable && field.finding.is_some_and(agree));
        }
        agrees
    }
}

impl History {
    /// Of a value that a version has. `newer` is the version after it; without one, it is the last.
    fn of(
        commit: Option<&Arc<Commit>>,
        newer: Option<&Arc<Commit>>,
        written: Option<Timestamp>,
        searched: usize,
    ) -> Self {
        let verdict = match newer {
            None => HistoryVerdict::Uncommitted,
            Some(next) if written.is_some_and(|time| time < next.time) => {
                HistoryVerdict::NotDeployed
            }
            Some(_) => HistoryVerdict::SetBack,
        };
        Self {
            verdict,
            commit: commit.cloned(),
            next: newer.cloned(),
            searched,
            is_cut: false,
        }
    }
}

impl OpenField<'_> {
    /// Whether a path is at the field, above or below it.
    fn overlaps(&self, path: &Pattern) -> bool {
        is_within(&self.path, path.text()) || is_within(path.text(), &self.path)
    }
}

/// A version of the manifest that the live object has been compared with.
struct ComparedVersion<'v> {
    kind: Kind,
    /// What is declared today.
    now: Node<'v>,
    /// What that version declares.
    then: Node<'v>,
    live: &'v Value,
    /// How the live object differs from it.
    findings: Vec<Finding>,
}

impl ComparedVersion<'_> {
    /// Whether a place that differs from what is declared today is as this version declares it.
    fn agrees(&self, sought: &Finding) -> bool {
        let mut about = self.findings.iter().filter(|found| is_about(found, sought));
        match (about.next(), &sought.edit) {
            // An item that this version has under another key is not found at its path either.
            (None, Edit::Insert { rank, .. }) => {
                let versions = [self.now, self.then];
                lacks_item(self.kind, versions, self.live, &sought.at, *rank)
            }
            // Items that this version does not have are in no order of its own.
            (None, Edit::Permute(items)) => items.iter().all(|index| {
                let item = PointerToken::Index(*index);
                self.declares(&[&sought.at[..], &[item]].concat())
            }),
            (None, _) => true,
            // Where the version declares the field, what is live inside beside that matters as little as it does today.
            (Some(first), _) => {
                let is_beside = |found: &Finding| found.is_extra() && is_inside(found, sought);
                is_beside(first) && about.all(is_beside) && self.declares(&sought.at)
            }
        }
    }

    fn declares(&self, place: &[PointerToken]) -> bool {
        declared_at(self.kind, self.then, self.live, place).is_some()
    }
}

/// Whether a finding of an older version is about the place of a difference of today: at it, above or below. Items of
/// lists may have other names in that version, so the place in the live object counts as well as the path.
fn is_about(found: &Finding, sought: &Finding) -> bool {
    match (order(sought), order(found)) {
        // The order of a list and what its items contain are independent of each other.
        (true, false) => sought.path.is_within(&found.path),
        (false, true) => found.path.is_within(&sought.path),
        _ => {
            let by_path = found.path.is_within(&sought.path) || sought.path.is_within(&found.path);
            by_path || is_at(found, sought)
        }
    }
}

/// Whether both are at one place of the live object, or one is around the other. A missing item has no place, but the list
/// that it is missing in does.
fn is_at(found: &Finding, sought: &Finding) -> bool {
    let is_around = |around: &Finding, other: &Finding| {
        !is_missing_item(around) && other.at.starts_with(&around.at)
    };
    is_around(found, sought) || is_around(sought, found)
}

/// Whether a finding is at a place inside of that of another.
fn is_inside(found: &Finding, other: &Finding) -> bool {
    !is_missing_item(other) && found.at.len() > other.at.len() && found.at.starts_with(&other.at)
}

fn is_missing_item(finding: &Finding) -> bool {
    matches!(finding.edit, Edit::Insert { .. })
}

/// Whether a finding is about the order of a list.
fn order(finding: &Finding) -> bool {
    matches!(finding.edit, Edit::Permute(_))
}

/// The time before which a live value was written. What nobody owns, such as an absent field, was written no later than
/// anything else in the object: whoever deploys a change leaves a time.
fn written(finding: &Finding, latest: Option<Timestamp>) -> Option<Timestamp> {
    match finding.writers.first() {
        Some(writer) => writer.time.as_ref()?.parse().ok(),
        None => latest,
    }
}

/// When any client last wrote anything but the status, if that is known for all writers.
fn latest(managed: &ManagedFields) -> Option<Timestamp> {
    let entries = managed.entries();
    let entries = entries.filter(|entry| entry.subresource != "status");
    let times: Option<Vec<Timestamp>> = entries.map(|entry| entry.time?.parse().ok()).collect();
    times?.into_iter().max()
}
