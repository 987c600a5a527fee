//! Decides when a loop repairs an object and when it leaves it alone: growing pauses after failures, and no endless
//! fights with another writer. This is a state machine without a clock: callers pass the time.
//!
//! It counts only cycles in which an object was compared. A cycle that could not read the object or its manifest
//! changes nothing, because otherwise one failed read would reset the count of a fight.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::outage::clock_after;
use crate::schema::ResourceId;

/// The number of repairs in a row after which a field has drifted again in the next cycle that makes a fight.
const ROUNDS: u32 = 3;
/// How long an object is left alone after a fight.
const PAUSE_AFTER_FIGHT: Duration = Duration::from_secs(3600);
/// The longest pause after failures, unless the interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// How long the state of an object that is no longer compared is kept.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The state of the objects that have drifted.
pub(super) struct Pacing {
    interval: Duration,
    records: HashMap<ResourceId, Record>,
}

/// What pacing needs to know of a difference.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drifted {
    /// The path of the field.
    pub(super) path: String,
    /// The desired value.
    pub(super) desired: Option<Value>,
}

/// What to do about an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Repair it.
    Repair,
    /// Leave it alone, for this reason.
    Wait(String),
    /// Another writer keeps setting these fields: report it, and leave the object alone from now on.
    Fight(Vec<String>),
}

struct Record {
    /// When it was last compared.
    compared: Instant,
    /// The fingerprint of the manifest that it drifted from.
    declared: u64,
    /// What was repaired, by path.
    repaired: HashMap<String, Repaired>,
    failure: Option<FailedRepair>,
    truce: Option<Suspension>,
}

/// A field that was repaired.
struct Repaired {
    /// Whether the object has not been compared since that repair.
    is_new: bool,
    /// How many times in a row it had drifted again at the next comparison after a repair.
    rounds: u32,
}

/// A repair that failed.
struct FailedRepair {
    /// The number of failures in a row.
    count: u32,
    next: Instant,
    left: Vec<Drifted>,
    /// The reason for waiting. It names a point in time, and so stays the same from one cycle to the next.
    reason: String,
}

/// A pause of repairs after a fight.
struct Suspension {
    until: Instant,
    fields: Vec<Drifted>,
    reason: String,
}

impl Pacing {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            records: HashMap::new(),
        }
    }

    /// Forgets objects that have not been compared for a long time: most of them are no longer declared.
    pub(super) fn forget(&mut self, now: Instant) {
        self.records
            .retain(|_, record| now.saturating_duration_since(record.compared) < FORGET_AFTER);
    }

    /// An object was compared and has no drift to repair. Forgets everything except a pause after a fight.
    pub(super) fn in_sync(&mut self, id: &ResourceId, now: Instant) {
        let Some(record) = self.records.get_mut(id) else {
            return;
        };
        if record.truce.as_ref().is_some_and(|truce| now < truce.until) {
            record.compared = now;
            record.repaired.clear();
            record.failure = None;
        } else {
            self.records.remove(id);
        }
    }

    /// What to do about an object with this drift. `declared` is the fingerprint of its manifest.
    pub(super) fn advise(
        &mut self,
        id: &ResourceId,
        declared: u64,
        drift: &[Drifted],
        now: Instant,
    ) -> Advice {
        let record = self.record(id, now);
        let is_edited = std::mem::replace(&mut record.declared, declared) != declared;
        record.compared = now;
        if is_edited {
            record.failure = None;
        }
        if let Some(truce) = &record.truce {
            if truce.is_in_effect(drift, is_edited, now) {
                return Advice::Wait(truce.reason.clone());
            }
            record.end_truce(now);
        }
        let fought = record.fought(drift);
        if !fought.is_empty() {
            return Advice::Fight(fought);
        }
        match &record.failure {
            Some(failure) if now < failure.next && failure.has_all(drift) => {
                Advice::Wait(failure.reason.clone())
            }
            _ => Advice::Repair,
        }
    }

    fn record(&mut self, id: &ResourceId, now: Instant) -> &mut Record {
        self.records.entry(id.clone()).or_insert_with(|| Record {
            compared: now,
            declared: 0,
            repaired: HashMap::new(),
            failure: None,
            truce: None,
        })
    }

    /// These fields were repaired at this time.
    pub(super) fn repaired(&mut self, id: &ResourceId, paths: Vec<String>, now: Instant) {
        let record = self.record(id, now);
        for path in paths {
            let entry = record.repaired.entry(path);
            entry
                .or_insert(Repaired {
                    is_new: true,
                    rounds: 0,
                })
                .is_new = true;
        }
    }

    /// A repair left no drift.
    pub(super) fn succeeded(&mut self, id: &ResourceId) {
        if let Some(record) = self.records.get_mut(id) {
            record.failure = None;
        }
    }

    /// A repair failed for this reason, and these fields are left. `clock` is the time of day.
    pub(super) fn failed(
        &mut self,
        id: &ResourceId,
        reason: &str,
        left: Vec<Drifted>,
        now: Instant,
        clock: Timestamp,
    ) {
        let interval = self.interval;
        let record = self.record(id, now);
        let count = record.failure.as_ref().map_or(0, |before| before.count) + 1;
        let pause = pause(interval, count);
        let next = clock_after(pause, clock);
        record.failure = Some(FailedRepair {
            count,
            next: now + pause,
            left,
            reason: format!("tried {count} time(s), next try {next}; {reason}"),
        });
    }

    /// Leaves an object alone after a fight. Returns the reason for the report. `clock` is the time of day.
    pub(super) fn give_up(
        &mut self,
        id: &ResourceId,
        fields: Vec<Drifted>,
        reason: &str,
        now: Instant,
        clock: Timestamp,
    ) -> String {
        let until = clock_after(PAUSE_AFTER_FIGHT, clock);
        let reason =
            format!("{reason}; left alone until the declared value changes, or until {until}");
        let truce = Suspension {
            until: now + PAUSE_AFTER_FIGHT,
            fields,
            reason: reason.clone(),
        };
        self.record(id, now).truce = Some(truce);
        reason
    }
}

impl Record {
    /// Counts the rounds, and returns the fields that have drifted again often enough to be a fight. Without a repair
    /// between two cycles, because it failed or was postponed, there is no round.
    fn fought(&mut self, drift: &[Drifted]) -> Vec<String> {
        self.repaired
            .retain(|path, _| drift.iter().any(|drifted| drifted.path == *path));
        for field in self.repaired.values_mut() {
            field.rounds += u32::from(std::mem::take(&mut field.is_new));
        }
        let fought = self
            .repaired
            .iter()
            .filter(|(_, field)| field.rounds >= ROUNDS);
        let mut fought: Vec<String> = fought.map(|(path, _)| path.clone()).collect();
        fought.sort();
        fought
    }

    /// After the pause one repair is tried: if the field drifts again right after it, the fight continues. After a
    /// change of the declared value, counting starts over.
    fn end_truce(&mut self, now: Instant) {
        let Some(truce) = self.truce.take() else {
            return;
        };
        self.repaired.clear();
        if now < truce.until {
            return;
        }
        for field in truce.fields {
            // As if the round before the last one had just ended.
            let last = Repaired {
                is_new: false,
                rounds: ROUNDS - 1,
            };
            self.repaired.insert(field.path, last);
        }
    }
}

impl Suspension {
    /// Whether it is still in effect: until its time is up, or another value is declared for one of the fields.
    fn is_in_effect(&self, drift: &[Drifted], is_edited: bool, now: Instant) -> bool {
        let live = |field: &Drifted| drift.iter().find(|drifted| drifted.path == field.path);
        let is_redeclared = self.fields.iter().any(|field| match live(field) {
            Some(drifted) => drifted.desired != field.desired,
            // It no longer drifts: because of a new value in Git, if the manifest has changed.
            None => is_edited,
        });
        now < self.until && !is_redeclared
    }
}

impl FailedRepair {
    /// Whether all of this drift was left when the repair failed. New drift is repaired at once.
    fn has_all(&self, drift: &[Drifted]) -> bool {
        drift.iter().all(|drifted| self.left.contains(drifted))
    }
}

/// The pause after the given number of failures in a row: always more than one interval.
fn pause(interval: Duration, count: u32) -> Duration {
    let longest = LONGEST_PAUSE.max(interval.saturating_mul(2));
    interval.saturating_mul(1 << count.min(16)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Kind;
    use serde_json::json;

    const INTERVAL: Duration = Duration::from_secs(60);

    fn id() -> ResourceId {
        ResourceId {
            kind: Kind::Deployment,
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        }
    }

    fn drifted(path: &str, desired: i64) -> Drifted {
        Drifted {
            path: path.to_owned(),
            desired: Some(json!(desired)),
        }
    }

    /// A loop with one object.
    struct Loop {
        pacing: Pacing,
        now: Instant,
    }

    impl Loop {
        fn new() -> Self {
            Self {
                pacing: Pacing::new(INTERVAL),
                now: Instant::now(),
            }
        }

        /// One cycle with this drift; `works` says whether a repair would succeed. Gives what was done.
        fn cycle(&mut self, drift: &[Drifted], declared: u64, works: bool) -> &'static str {
            self.now += INTERVAL;
            self.pacing.forget(self.now);
            if drift.is_empty() {
                self.pacing.in_sync(&id(), self.now);
                return "in sync";
            }
            match self.pacing.advise(&id(), declared, drift, self.now) {
                Advice::Repair if works => {
                    let paths = drift.iter().map(|d| d.path.clone()).collect();
                    self.pacing.repaired(&id(), paths, self.now);
                    self.pacing.succeeded(&id());
                    "repaired"
                }
                Advice::Repair => {
                    let left = drift.to_vec();
                    self.pacing
                        .failed(&id(), "no right", left, self.now, Timestamp::UNIX_EPOCH);
                    "failed"
                }
                Advice::Wait(_) => "paused",
                Advice::Fight(paths) => {
                    let fields = drift.iter().filter(|d| paths.contains(&d.path));
                    let fields = fields.cloned().collect();
                    self.pacing
                        .give_up(&id(), fields, "x fights", self.now, Timestamp::UNIX_EPOCH);
                    "gave up"
                }
            }
        }

        /// One cycle in which the object, or its manifest, could not be read.
        fn unread_cycle(&mut self) {
            self.now += INTERVAL;
            self.pacing.forget(self.now);
        }

        fn cycles(&mut self, count: usize, drift: &[Drifted], works: bool) -> Vec<&'static str> {
            (0..count).map(|_| self.cycle(drift, 1, works)).collect()
        }
    }

    #[test]
    fn a_fight_is_given_up_in_the_third_cycle_after_a_repair() {
        let mut run = Loop::new();
        let drift = [drifted("spec.replicas", 3)];
        assert_eq!(
            run.cycles(6, &drift, true),
            [
                "repaired", "repaired", "repaired", "gave up", "paused", "paused"
            ]
        );
    }

    #[test]
    fn a_cycle_in_between_without_drift_is_no_fight() {
        let mut run = Loop::new();
        let drift = [drifted("spec.replicas", 3)];
        for _ in 0..5 {
            assert_eq!(run.cycles(3, &drift, true), ["repaired"; 3]);
            assert_eq!(run.cycle(&[], 1, true), "in sync");
        }
    }

    #[test]
    fn a_cycle_that_cannot_read_the_object_changes_nothing_in_a_fight() {
        let mut run = Loop::new();
        let drift = [drifted("spec.replicas", 3)];
        for expected in ["repaired", "repaired", "repaired", "gave up", "paused"] {
            run.unread_cycle();
            assert_eq!(run.cycle(&drift, 1, true), expected);
            run.unread_cycle();
        }
    }

    #[test]
    fn a_cycle_that_cannot_read_the_object_changes_nothing_in_a_pause() {
        let mut run = Loop::new();
        let drift = [drifted("spec.selector", 3)];
        let mut done = String::new();
        for cycle in 0..40 {
            if cycle % 3 == 2 {
                run.unread_cycle();
                done.push('-');
            } else {
                done.push_str(&run.cycle(&drift, 1, false)[..1]);
            }
        }
        // As without the gaps, at the next cycle after pauses of 2, 4, 8 and 15 minutes.
        assert_eq!(done, "fp-fp-pf-pp-pp-fp-pp-pp-pp-pp-fp-pp-pp-p");
    }

    #[test]
    fn a_repair_that_fails_in_between_does_not_end_a_fight() {
        let mut run = Loop::new();
        let drift = [drifted("spec.replicas", 3)];
        assert_eq!(run.cycles(2, &drift, true), ["repaired"; 2]);
        // The server could not read the object for the repair.
        assert_eq!(run.cycles(3, &drift, false), ["failed", "paused", "failed"]);
        run.now += 10 * INTERVAL;
        assert_eq!(
            run.cycles(3, &drift, true),
            ["repaired", "gave up", "paused"]
        );
    }

    #[test]
    fn what_is_not_compared_any_more_is_forgotten_after_a_day() {
        let mut run = Loop::new();
        run.cycle(&[drifted("spec.selector", 3)], 1, false);
        run.now += FORGET_AFTER;
        run.now -= 2 * INTERVAL;
        run.unread_cycle();
        assert_eq!(run.pacing.records.len(), 1);
        run.unread_cycle();
        assert!(run.pacing.records.is_empty());
    }

    #[test]
    fn another_field_each_time_is_no_fight() {
        let mut run = Loop::new();
        for i in 0..9 {
            let drift = [drifted(&format!("data.k{i}"), 3)];
            assert_eq!(run.cycle(&drift, 1, true), "repaired");
        }
    }

    #[test]
    fn after_an_hour_one_try_is_made() {
        let mut run = Loop::new();
        let drift = [drifted("spec.replicas", 3)];
        assert_eq!(run.cycles(4, &drift, true).last(), Some(&"gave up"));
        run.now += PAUSE_AFTER_FIGHT.saturating_sub(2 * INTERVAL);
        assert_eq!(run.cycle(&drift, 1, true), "paused");
        assert_eq!(run.cycle(&drift, 1, true), "repaired");
        assert_eq!(run.cycle(&drift, 1, true), "gave up");
        assert_eq!(run.cycle(&drift, 1, true), "paused");
        run.now += PAUSE_AFTER_FIGHT;
        assert_eq!(run.cycle(&drift, 1, true), "repaired");
        assert_eq!(run.cycle(&[], 1, true), "in sync");
        assert_eq!(run.cycles(3, &drift, true), ["repaired"; 3]);
    }

    #[test]
    fn a_fight_is_taken_up_again_when_the_declared_value_changes() {
        let mut run = Loop::new();
        let fought = drifted("spec.replicas", 3);
        run.cycles(4, std::slice::from_ref(&fought), true);
        // Another field of the same object is left alone too, also after an edit of the manifest elsewhere.
        let both = [fought.clone(), drifted("data.k", 1)];
        assert_eq!(run.cycle(&both, 2, true), "paused");
        assert_eq!(
            run.cycle(&[drifted("spec.replicas", 5)], 3, true),
            "repaired"
        );
        run.cycles(3, std::slice::from_ref(&fought), true);
        // The new value is the one that the other writer sets.
        assert_eq!(run.cycle(&[drifted("data.k", 1)], 4, true), "repaired");
    }

    #[test]
    fn a_failed_repair_is_tried_again_with_growing_pauses() {
        let mut run = Loop::new();
        let drift = [drifted("spec.selector", 3)];
        let done = run.cycles(40, &drift, false);
        let tries: Vec<usize> = (0..40).filter(|i| done[*i] == "failed").collect();
        assert_eq!(tries, [0, 2, 6, 14, 29]);
        assert!(done.iter().all(|what| ["failed", "paused"].contains(what)));
    }

    #[test]
    fn new_drift_and_a_new_manifest_are_worth_a_try_at_once() {
        let mut run = Loop::new();
        let stuck = drifted("spec.selector", 3);
        assert_eq!(
            run.cycles(2, std::slice::from_ref(&stuck), false),
            ["failed", "paused"]
        );
        let both = [stuck.clone(), drifted("spec.replicas", 1)];
        assert_eq!(run.cycle(&both, 1, false), "failed");
        assert_eq!(run.cycle(&both, 1, false), "paused");
        assert_eq!(run.cycle(std::slice::from_ref(&stuck), 1, false), "paused");
        assert_eq!(run.cycle(std::slice::from_ref(&stuck), 2, false), "failed");
    }

    #[test]
    fn what_is_said_while_waiting() {
        let mut run = Loop::new();
        let drift = [drifted("spec.selector", 3)];
        run.cycle(&drift, 1, false);
        let now = run.now + Duration::from_secs(1);
        let advice = run.pacing.advise(&id(), 1, &drift, now);
        let text = "tried 1 time(s), next try 00:02Z; no right";
        assert_eq!(advice, Advice::Wait(text.to_owned()));
        let fields = drift.to_vec();
        let reason = run
            .pacing
            .give_up(&id(), fields, "x fights", now, Timestamp::UNIX_EPOCH);
        assert_eq!(
            reason,
            "x fights; left alone until the declared value changes, or until 01:00Z"
        );
    }
}
