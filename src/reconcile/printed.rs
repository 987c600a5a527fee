//! What a loop has printed already, so that it prints only what is new.

use std::io;

use crate::report::Report;
use crate::report::changes::{Changes, Digest};
use crate::report::text::{self, TextStyle};

/// The last text report of a loop.
#[derive(Default)]
pub(super) struct PrintedReport {
    last: Option<LastReport>,
}

struct LastReport {
    digest: Digest,
    /// When it was printed.
    time: String,
}

impl PrintedReport {
    /// The text to print: the first report whole, then what is new in each. Nothing where nothing is, which one line on
    /// standard error says instead.
    pub(super) fn text(&mut self, report: &Report, style: TextStyle) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let digest = Digest::of(report);
        match &self.last {
            None => text::write(report, style, &mut text)?,
            Some(last) if last.digest == digest => {
                let (drifted, in_sync) = (report.resources.len(), report.in_sync);
                let since = clock(&last.time);
                tracing::info!("unchanged since {since}: {drifted} drifted, {in_sync} in sync");
                return Ok(text);
            }
            Some(last) => {
                let changes = Changes::between(&last.digest, &digest, report);
                text::write_changes(&changes, report, style, &mut text)?;
            }
        }
        let time = report.time.clone();
        self.last = Some(LastReport { digest, time });
        Ok(text)
    }
}

/// `2026-11-22T02:14:11Z` as `02:14Z`.
fn clock(time: &str) -> String {
    let minutes = time.get(11..16).map(|minutes| format!("{minutes}Z"));
    minutes.unwrap_or_else(|| time.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day() {
        assert_eq!(clock("2026-11-22T02:14:11Z"), "02:14Z");
        assert_eq!(clock("x"), "x");
    }

    #[test]
    fn an_unchanged_report_is_not_printed_again() {
        let mut printed = PrintedReport::default();
        let mut report = Report {
            in_sync: 1,
            ..Report::default()
        };
        let text = |printed: &mut PrintedReport, report: &Report| {
            String::from_utf8(printed.text(report, TextStyle::default()).unwrap()).unwrap()
        };
        assert!(text(&mut printed, &report).ends_with("No drift in 1 resource(s)\n"));
        for _ in 0..1000 {
            assert_eq!(text(&mut printed, &report), "");
        }
        // What is left out may come and go.
        report.ignored = 1;
        assert_eq!(text(&mut printed, &report), "");
        report.left_out = 1;
        assert!(text(&mut printed, &report).contains("\nIgnored: 1 field(s)\n"));
    }
}
