//! The book that a repair keeps: each difference that it met, what became of it and why.

use std::collections::{HashMap, HashSet};

use super::{FieldOutcome, RepairResult};
use crate::diff::{Class, Edit, Finding};
use crate::path::Path;

/// All that was met, by path.
#[derive(Default)]
pub(super) struct RepairLog {
    list: Vec<LogEntry>,
    /// The position of each difference in the list: an object can have as many differences as its lists have items.
    positions: HashMap<DifferenceKey, usize>,
}

/// What tells one difference of an object from another. Values and positions may be others after a second comparison.
type DifferenceKey = (Class, Path);

fn key(finding: &Finding) -> DifferenceKey {
    (finding.class, finding.path.clone())
}

/// One difference.
struct LogEntry {
    finding: Finding,
    fate: Option<FieldOutcome>,
    /// Why it is not repaired.
    reason: Option<String>,
}

impl RepairLog {
    /// Takes down what a comparison before a write found. What was found earlier, has gone since and was not our doing
    /// is forgotten: the report shows what the write began with.
    pub(super) fn note(&mut self, findings: &[Finding]) {
        let found: HashSet<DifferenceKey> = findings.iter().map(key).collect();
        self.list
            .retain(|note| note.fate.is_some() || found.contains(&key(&note.finding)));
        let kept = self.list.iter().enumerate();
        self.positions = kept.map(|(at, note)| (key(&note.finding), at)).collect();
        for finding in findings {
            match self.find(finding) {
                Some(note) if note.fate.is_some_and(FieldOutcome::is_repaired) => {
                    *note = LogEntry::of(finding);
                }
                Some(note) => note.finding = finding.clone(),
                None => self.push(LogEntry::of(finding)),
            }
        }
    }

    fn push(&mut self, entry: LogEntry) {
        self.positions.insert(key(&entry.finding), self.list.len());
        self.list.push(entry);
    }

    fn find(&mut self, finding: &Finding) -> Option<&mut LogEntry> {
        let at = *self.positions.get(&key(finding))?;
        Some(&mut self.list[at])
    }

    /// Whether it was tried, or known to be of no use.
    pub(super) fn is_given_up(&self, finding: &Finding) -> bool {
        let at = self.positions.get(&key(finding));
        at.and_then(|at| self.list[*at].fate)
            .is_some_and(|fate| !fate.is_repaired())
    }

    /// A difference that is left alone.
    pub(super) fn keep(&mut self, finding: &Finding) {
        if let Some(note) = self.find(finding) {
            note.fate = Some(FieldOutcome::Kept);
        }
    }

    /// A difference that the server does not let be repaired.
    pub(super) fn refuse(&mut self, finding: &Finding, reason: String) {
        if let Some(note) = self.find(finding) {
            (note.fate, note.reason) = (Some(FieldOutcome::Refused), Some(reason));
        }
    }

    /// These were written, and this is what the answer still differs in.
    pub(super) fn written(&mut self, written: &[Finding], left: &[Finding]) {
        let back: HashSet<DifferenceKey> = left.iter().map(key).collect();
        for finding in written {
            let is_back = back.contains(&key(finding));
            if let Some(note) = self.find(finding) {
                note.fate = Some(if is_back {
                    FieldOutcome::ChangedBack
                } else {
                    fate(&finding.edit)
                });
            }
        }
        // What a webhook did to other fields on the occasion.
        for finding in left {
            if self.find(finding).is_none() {
                let fate = Some(FieldOutcome::ChangedBack);
                self.push(LogEntry {
                    fate,
                    ..LogEntry::of(finding)
                });
            }
        }
    }

    /// What was to be kept and is not in the answer any more: it went with what was repaired, as a load balancer's source
    /// ranges go with its type.
    pub(super) fn went_along(&mut self, left: &[Finding]) {
        let left: HashSet<DifferenceKey> = left.iter().map(key).collect();
        for note in &mut self.list {
            let is_left = left.contains(&key(&note.finding));
            if note.fate == Some(FieldOutcome::Kept) && !is_left {
                note.fate = Some(fate(&note.finding.edit));
            }
        }
    }

    /// What was put back by nobody knows whom: by a write of ours of which no answer came.
    pub(super) fn assume_written(&mut self) {
        for note in self.list.iter_mut().filter(|note| note.fate.is_none()) {
            note.fate = Some(fate(&note.finding.edit));
        }
    }

    /// What the whole repair came to.
    pub(super) fn verdict(&self) -> RepairResult {
        let count = |is: fn(FieldOutcome) -> bool| self.fates().filter(|fate| is(*fate)).count();
        let (repaired, kept) = (
            count(FieldOutcome::is_repaired),
            count(|fate| fate == FieldOutcome::Kept),
        );
        let wanted = self.list.len() - kept;
        match (wanted, kept) {
            (0, 0) => RepairResult::Nothing,
            (0, _) => RepairResult::ExtrasKept,
            _ if repaired == wanted => RepairResult::Repaired {
                extras_left: kept > 0,
            },
            _ => RepairResult::Failed(self.failed(&self.reasons())),
        }
    }

    /// `N of M fields repaired` and why not all.
    pub(super) fn failed(&self, reason: &str) -> String {
        let repaired = self.fates().filter(|fate| fate.is_repaired()).count();
        let kept = self
            .fates()
            .filter(|fate| *fate == FieldOutcome::Kept)
            .count();
        let wanted = self.list.len() - kept;
        format!("{repaired} of {wanted} fields repaired; {reason}")
    }

    /// Whether something was repaired.
    pub(super) fn has_repairs(&self) -> bool {
        self.fates().any(FieldOutcome::is_repaired)
    }

    fn fates(&self) -> impl Iterator<Item = FieldOutcome> {
        self.list.iter().filter_map(|note| note.fate)
    }

    fn reasons(&self) -> String {
        let refused = self.list.iter().filter_map(|note| {
            let reason = note.reason.as_ref()?;
            Some(format!("{}: {reason}", note.finding.path))
        });
        let mut reasons: Vec<String> = refused.collect();
        let back: Vec<String> = self
            .list
            .iter()
            .filter(|note| note.fate == Some(FieldOutcome::ChangedBack))
            .map(|note| note.finding.path.to_string())
            .collect();
        if !back.is_empty() {
            reasons.push(format!(
                "the server or a webhook did not keep {}",
                back.join(", ")
            ));
        }
        reasons.join("; ")
    }

    /// The differences, by path, and what became of each.
    pub(super) fn into_fields(mut self) -> Vec<(Finding, Option<FieldOutcome>)> {
        self.list
            .sort_by_cached_key(|note| note.finding.path.to_string());
        self.list
            .into_iter()
            .map(|note| (note.finding, note.fate))
            .collect()
    }
}

impl LogEntry {
    fn of(finding: &Finding) -> Self {
        Self {
            finding: finding.clone(),
            fate: None,
            reason: None,
        }
    }
}

fn fate(edit: &Edit) -> FieldOutcome {
    match edit {
        Edit::Set(_) | Edit::Permute(_) | Edit::Nothing => FieldOutcome::Set,
        Edit::Insert { .. } => FieldOutcome::Created,
        Edit::Remove => FieldOutcome::Removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remediate::refusal::tests::finding;

    #[test]
    fn each_difference_has_its_fate() {
        let findings = [finding("a"), finding("b"), finding("c")];
        let mut notes = RepairLog::default();
        notes.note(&findings);
        notes.keep(&findings[0]);
        notes.written(&findings[1..], &[]);
        assert_eq!(
            notes.verdict(),
            RepairResult::Repaired { extras_left: true }
        );
        notes.refuse(&findings[1], "it is immutable".to_owned());
        assert_eq!(
            notes.verdict(),
            RepairResult::Failed("1 of 2 fields repaired; b: it is immutable".to_owned())
        );
    }

    #[test]
    fn what_went_by_itself_is_forgotten() {
        let mut notes = RepairLog::default();
        notes.note(&[finding("a"), finding("b")]);
        notes.note(&[finding("b")]);
        assert_eq!(notes.list.len(), 1);
        notes.note(&[]);
        assert_eq!(notes.verdict(), RepairResult::Nothing);
    }

    #[test]
    fn what_the_answer_still_has_was_changed_back() {
        let mut notes = RepairLog::default();
        notes.note(&[finding("a"), finding("b")]);
        notes.written(
            &[finding("a"), finding("b")],
            &[finding("b"), finding("new")],
        );
        assert_eq!(
            notes.verdict(),
            RepairResult::Failed(
                "1 of 3 fields repaired; the server or a webhook did not keep b, new".to_owned()
            )
        );
    }
}
