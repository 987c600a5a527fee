//! The log of a repair: each difference that it found, the outcome, and the reason.

use std::collections::{HashMap, HashSet};

use super::{FieldOutcome, RepairResult};
use crate::diff::{Class, Edit, Finding};
use crate::path::Path;

/// All differences that were found, by path.
#[derive(Default)]
pub(super) struct RepairLog {
    list: Vec<LogEntry>,
    /// The index of each difference in the list, because an object can have thousands of differences.
    positions: HashMap<DifferenceKey, usize>,
}

/// What identifies a difference within an object. Values and positions may differ in a second comparison.
type DifferenceKey = (Class, Path);

fn key(finding: &Finding) -> DifferenceKey {
    (finding.class, finding.path.clone())
}

/// One difference.
struct LogEntry {
    finding: Finding,
    outcome: Option<FieldOutcome>,
    /// Why it was not repaired.
    reason: Option<String>,
}

impl RepairLog {
    /// Records what a comparison before a write found. Forgets differences that have disappeared without our doing: the
    /// report shows the state just before the write.
    pub(super) fn record(&mut self, findings: &[Finding]) {
        let found: HashSet<DifferenceKey> = findings.iter().map(key).collect();
        self.list
            .retain(|entry| entry.outcome.is_some() || found.contains(&key(&entry.finding)));
        let kept = self.list.iter().enumerate();
        self.positions = kept.map(|(at, entry)| (key(&entry.finding), at)).collect();
        for finding in findings {
            match self.find(finding) {
                Some(entry) if entry.outcome.is_some_and(FieldOutcome::is_repaired) => {
                    *entry = LogEntry::of(finding);
                }
                Some(entry) => entry.finding = finding.clone(),
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

    /// Whether it was tried, or is known to be impossible.
    pub(super) fn is_given_up(&self, finding: &Finding) -> bool {
        let at = self.positions.get(&key(finding));
        at.and_then(|at| self.list[*at].outcome)
            .is_some_and(|outcome| !outcome.is_repaired())
    }

    /// Records a difference that is kept.
    pub(super) fn keep(&mut self, finding: &Finding) {
        if let Some(entry) = self.find(finding) {
            entry.outcome = Some(FieldOutcome::Kept);
        }
    }

    /// Records a difference that the server refuses to repair.
    pub(super) fn refuse(&mut self, finding: &Finding, reason: String) {
        if let Some(entry) = self.find(finding) {
            (entry.outcome, entry.reason) = (Some(FieldOutcome::Refused), Some(reason));
        }
    }

    /// Records the written differences, and those that are left in the response.
    pub(super) fn written(&mut self, written: &[Finding], left: &[Finding]) {
        let back: HashSet<DifferenceKey> = left.iter().map(key).collect();
        for finding in written {
            let is_back = back.contains(&key(finding));
            if let Some(entry) = self.find(finding) {
                entry.outcome = Some(if is_back {
                    FieldOutcome::ChangedBack
                } else {
                    outcome_of(&finding.edit)
                });
            }
        }
        // Changes that a webhook made to other fields of the same write.
        for finding in left {
            if self.find(finding).is_none() {
                let outcome = Some(FieldOutcome::ChangedBack);
                self.push(LogEntry {
                    outcome,
                    ..LogEntry::of(finding)
                });
            }
        }
    }

    /// Records kept values that are missing in the response: the repair removed them, as changing a Service's type
    /// removes its source ranges.
    pub(super) fn removed_along(&mut self, left: &[Finding]) {
        let left: HashSet<DifferenceKey> = left.iter().map(key).collect();
        for entry in &mut self.list {
            let is_left = left.contains(&key(&entry.finding));
            if entry.outcome == Some(FieldOutcome::Kept) && !is_left {
                entry.outcome = Some(outcome_of(&entry.finding.edit));
            }
        }
    }

    /// Records that the differences that have disappeared were repaired by our write that got no response.
    pub(super) fn assume_written(&mut self) {
        for entry in self.list.iter_mut().filter(|entry| entry.outcome.is_none()) {
            entry.outcome = Some(outcome_of(&entry.finding.edit));
        }
    }

    /// The result of the whole repair.
    pub(super) fn verdict(&self) -> RepairResult {
        let count =
            |is: fn(FieldOutcome) -> bool| self.outcomes().filter(|outcome| is(*outcome)).count();
        let (repaired, kept) = (
            count(FieldOutcome::is_repaired),
            count(|outcome| outcome == FieldOutcome::Kept),
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

    /// `N of M fields repaired`, with the reasons for the rest.
    pub(super) fn failed(&self, reason: &str) -> String {
        let repaired = self
            .outcomes()
            .filter(|outcome| outcome.is_repaired())
            .count();
        let kept = self
            .outcomes()
            .filter(|outcome| *outcome == FieldOutcome::Kept)
            .count();
        let wanted = self.list.len() - kept;
        format!("{repaired} of {wanted} fields repaired; {reason}")
    }

    /// Whether anything was repaired.
    pub(super) fn has_repairs(&self) -> bool {
        self.outcomes().any(FieldOutcome::is_repaired)
    }

    fn outcomes(&self) -> impl Iterator<Item = FieldOutcome> {
        self.list.iter().filter_map(|entry| entry.outcome)
    }

    fn reasons(&self) -> String {
        let refused = self.list.iter().filter_map(|entry| {
            let reason = entry.reason.as_ref()?;
            Some(format!("{}: {reason}", entry.finding.path))
        });
        let mut reasons: Vec<String> = refused.collect();
        let back: Vec<String> = self
            .list
            .iter()
            .filter(|entry| entry.outcome == Some(FieldOutcome::ChangedBack))
            .map(|entry| entry.finding.path.to_string())
            .collect();
        if !back.is_empty() {
            reasons.push(format!(
                "the server or a webhook did not keep {}",
                back.join(", ")
            ));
        }
        reasons.join("; ")
    }

    /// The differences, by path, with the outcome of each.
    pub(super) fn into_fields(mut self) -> Vec<(Finding, Option<FieldOutcome>)> {
        self.list
            .sort_by_cached_key(|entry| entry.finding.path.to_string());
        self.list
            .into_iter()
            .map(|entry| (entry.finding, entry.outcome))
            .collect()
    }
}

impl LogEntry {
    fn of(finding: &Finding) -> Self {
        Self {
            finding: finding.clone(),
            outcome: None,
            reason: None,
        }
    }
}

fn outcome_of(edit: &Edit) -> FieldOutcome {
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
    fn each_difference_has_its_outcome() {
        let findings = [finding("a"), finding("b"), finding("c")];
        let mut log = RepairLog::default();
        log.record(&findings);
        log.keep(&findings[0]);
        log.written(&findings[1..], &[]);
        assert_eq!(log.verdict(), RepairResult::Repaired { extras_left: true });
        log.refuse(&findings[1], "it is immutable".to_owned());
        assert_eq!(
            log.verdict(),
            RepairResult::Failed("1 of 2 fields repaired; b: it is immutable".to_owned())
        );
    }

    #[test]
    fn what_went_by_itself_is_forgotten() {
        let mut log = RepairLog::default();
        log.record(&[finding("a"), finding("b")]);
        log.record(&[finding("b")]);
        assert_eq!(log.list.len(), 1);
        log.record(&[]);
        assert_eq!(log.verdict(), RepairResult::Nothing);
    }

    #[test]
    fn what_the_answer_still_has_was_changed_back() {
        let mut log = RepairLog::default();
        log.record(&[finding("a"), finding("b")]);
        log.written(
            &[finding("a"), finding("b")],
            &[finding("b"), finding("new")],
        );
        assert_eq!(
            log.verdict(),
            RepairResult::Failed(
                "1 of 3 fields repaired; the server or a webhook did not keep b, new".to_owned()
            )
        );
    }
}
