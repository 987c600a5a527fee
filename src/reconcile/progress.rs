//! A line on standard error that shows the progress of a long run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::color::can_rewrite_lines;
use crate::schema::Kind;

/// Shorter runs show no progress.
const SHOW_AFTER: Duration = Duration::from_secs(1);
/// How often the line is updated.
const TICK: Duration = Duration::from_millis(200);
/// Returns to the beginning of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Whether the line is shown, so that other messages clear it first.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Counts the finished objects. The line is cleared when this is dropped.
pub(super) struct Progress {
    counts: BTreeMap<Kind, Count>,
    /// `None` if no terminal shows the line.
    ticks: Option<Interval>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    done: usize,
    all: usize,
}

impl Progress {
    /// Starts with none of these objects finished.
    pub(super) fn new(kinds: impl Iterator<Item = Kind>) -> Self {
        let mut counts: BTreeMap<Kind, Count> = BTreeMap::new();
        for kind in kinds {
            counts.entry(kind).or_default().all += 1;
        }
        let ticks = (io::stderr().is_terminal() && can_rewrite_lines()).then(|| {
            let mut ticks = interval_at(Instant::now() + SHOW_AFTER, TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        Self { counts, ticks }
    }

    /// Counts one more finished object.
    pub(super) fn count(&mut self, kind: Kind) {
        self.counts.entry(kind).or_default().done += 1;
    }

    /// Completes when it is time to update the line.
    pub(super) async fn tick(&mut self) {
        match &mut self.ticks {
            Some(ticks) => drop(ticks.tick().await),
            None => std::future::pending().await,
        }
    }

    pub(super) fn show(&self) {
        SHOWN.store(true, Ordering::Relaxed);
        let _ = write!(io::stderr(), "{CLEAR}{}", self.line());
    }

    fn line(&self) -> String {
        let mut line = String::from("compared");
        for (at, (kind, Count { done, all })) in self.counts.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(line, "{comma} {kind} {done}/{all}");
        }
        line
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        clear();
    }
}

fn clear() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        let _ = io::stderr().write_all(CLEAR.as_bytes());
    }
}

/// Standard error, with the line cleared first.
pub(super) fn stderr() -> io::Stderr {
    clear();
    io::stderr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted() {
        let kinds = [Kind::Service, Kind::Deployment, Kind::Service];
        let mut progress = Progress::new(kinds.into_iter());
        progress.count(Kind::Service);
        assert_eq!(progress.line(), "compared Deployment 0/1, Service 1/2");
    }
}
