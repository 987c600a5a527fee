//! A server that cannot be reached in a loop: how long to wait, and what to log.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The longest pause between two tries, unless the interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The state of an outage across the cycles of a loop.
#[derive(Debug)]
pub(super) struct Outage {
    interval: Duration,
    /// Since when the server cannot be reached, and the number of tries.
    down: Option<(Timestamp, u32)>,
    /// When the last full check was, and how many resources had drifted.
    last_check: Option<(Timestamp, usize)>,
}

impl Outage {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            down: None,
            last_check: None,
        }
    }

    /// The server responded. Returns the message to log, if there was an outage.
    pub(super) fn end(&mut self, now: Timestamp, drifted: usize) -> Option<String> {
        self.last_check = Some((now, drifted));
        let (since, _) = self.down.take()?;
        let time = now.duration_since(since).unsigned_abs();
        Some(format!("reachable again after {}", span(time)))
    }

    /// The server could not be reached, for this reason. Returns the pause before the next try, and the message to log.
    pub(super) fn go_on(&mut self, now: Timestamp, cause: &str) -> (Duration, String) {
        let (since, tries) = self
            .down
            .map_or((now, 1), |(since, tries)| (since, tries + 1));
        self.down = Some((since, tries));
        let pause = pause(self.interval, tries);
        let next = clock_after(pause, now);
        let last = match self.last_check {
            None => "never checked".to_owned(),
            Some((time, drifted)) => {
                format!("last full check {}: {drifted} drifted", clock(time, now))
            }
        };
        let since = clock(since, now);
        let message = format!("{cause}; down since {since}, try {tries}, next {next}; {last}");
        (pause, message)
    }
}

/// The pause after this many tries: it starts at the interval and grows.
fn pause(interval: Duration, tries: u32) -> Duration {
    let longest = interval.max(LONGEST_PAUSE);
    let grown = interval.saturating_mul(1 << tries.min(16)).min(longest);
    // Up to a fifth shorter, so that many programs do not retry at the same instant.
    let parts = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.subsec_micros() % 200);
    grown
        .saturating_sub(grown / 1000 * parts)
        .max(interval.min(longest))
}

/// Below this a time of day to the minute says too little of a pause.
const SHORT_PAUSE: Duration = Duration::from_secs(120);

/// The time of day after a pause, with the date if it is not today, and with seconds if the pause is short.
pub(super) fn clock_after(pause: Duration, now: Timestamp) -> String {
    let then = SignedDuration::try_from(pause).ok();
    let then = then.and_then(|pause| now.checked_add(pause).ok());
    let then = then.unwrap_or(Timestamp::MAX);
    if pause < SHORT_PAUSE {
        time_of_day(then, now, "%H:%M:%SZ")
    } else {
        clock(then, now)
    }
}

/// A time of day, with the date if it is not today.
fn clock(time: Timestamp, now: Timestamp) -> String {
    time_of_day(time, now, "%H:%MZ")
}

fn time_of_day(time: Timestamp, now: Timestamp, format: &str) -> String {
    let date = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let text = time.strftime(format).to_string();
    if date(time) == date(now) {
        text
    } else {
        format!("{} {text}", date(time))
    }
}

/// A duration in words.
pub(super) fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn pauses_grow_while_the_server_cannot_be_reached() {
        let second = Duration::from_secs(1);
        for (interval, tries, least, most) in [
            (60, 1, 96, 120),
            (60, 2, 192, 240),
            (60, 3, 240, 300),
            (60, 40, 240, 300),
            (600, 3, 600, 600),
            (1, 1, 1, 2),
        ] {
            let pause = pause(interval * second, tries);
            assert!(
                pause >= least * second && pause <= most * second,
                "{interval} {tries}: {pause:?}"
            );
        }
    }

    #[test]
    fn an_outage_is_logged_from_its_beginning_to_its_end() {
        let mut outage = Outage::new(Duration::from_secs(600));
        let cause = "cannot reach https://k: connection refused";
        let (pause, message) = outage.go_on(at("2026-11-22T02:03:10Z"), cause);
        assert_eq!(pause, Duration::from_secs(600));
        assert_eq!(
            message,
            format!("{cause}; down since 02:03Z, try 1, next 02:13Z; never checked")
        );
        let ended = outage.end(at("2026-11-22T02:13:10Z"), 5);
        assert_eq!(ended.as_deref(), Some("reachable again after 10 min"));
        assert_eq!(outage.end(at("2026-11-22T23:40:00Z"), 4), None);
        outage.go_on(at("2026-11-22T23:50:00Z"), cause);
        let (_, message) = outage.go_on(at("2026-11-22T23:59:00Z"), cause);
        assert_eq!(
            message,
            format!(
                "{cause}; down since 23:50Z, try 2, next 2026-11-23 00:09Z; last full check 23:40Z: 4 drifted"
            )
        );
    }

    #[test]
    fn the_end_of_a_short_pause_has_seconds() {
        let now = at("2026-11-22T16:10:20Z");
        for (seconds, text) in [
            (5, "16:10:25Z"),
            (119, "16:12:19Z"),
            (120, "16:12Z"),
            (86_400, "2026-11-23 16:10Z"),
        ] {
            assert_eq!(clock_after(Duration::from_secs(seconds), now), text);
        }
        let late = at("2026-11-22T23:59:58Z");
        let text = clock_after(Duration::from_secs(5), late);
        assert_eq!(text, "2026-11-23 00:00:03Z");
    }

    #[test]
    fn the_longest_interval_does_not_overflow() {
        let mut outage = Outage::new(Duration::MAX);
        let (pause, _) = outage.go_on(at("2026-11-22T02:03:10Z"), "x");
        assert_eq!(pause, Duration::MAX);
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (seconds, text) in [
            (0, "0 s"),
            (60, "60 s"),
            (119, "119 s"),
            (660, "11 min"),
            (7200, "2 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
