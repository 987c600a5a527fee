//! The last report that a loop has printed, so that the next one prints only what is new.

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
    /// The text to print: the first report in full, then what is new in each. Empty if nothing is new, which a log line
    /// says instead.
    pub(super) fn text(&mut self, report: &Report, style: TextStyle) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let digest = Digest::of(report);
        match &self.last {
            None => text::write(report, style, &mut text)?,
            Some(last) if last.digest == digest => {
                let drifted = report.resources.len() + report.unmanaged.len();
                let in_sync = report.in_sync;
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
    use crate::report::{SourceLocation, UnmanagedEntry};
    use crate::schema::{Kind, ResourceId};

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

    #[test]
    fn only_what_is_newly_unmanaged_or_no_longer_is_printed() {
        let entry = |name: &str| UnmanagedEntry {
            id: ResourceId {
                kind: Kind::ConfigMap,
                namespace: "shop".to_owned(),
                name: name.to_owned(),
            },
            created: None,
            creator: None,
            managed_by: None,
            near: SourceLocation {
                file: String::new(),
                line: 1,
                column: 1,
                definition: None,
            },
        };
        let mut printed = PrintedReport::default();
        let mut text = |names: &[&str]| {
            let report = Report {
                in_sync: 1,
                unmanaged: names.iter().map(|name| entry(name)).collect(),
                ..Report::default()
            };
            String::from_utf8(printed.text(&report, TextStyle::default()).unwrap()).unwrap()
        };
        assert!(text(&["a", "b"]).contains("2 resource(s) that no manifest declares\n"));
        assert_eq!(text(&["a", "b"]), "");
        let changed = text(&["b", "c"]);
        assert!(
            changed.contains("\n1 resource(s) that no manifest declares\n"),
            "{changed}"
        );
        assert!(
            changed.contains("    ConfigMap/c (ns: shop): created"),
            "{changed}"
        );
        assert!(
            changed.contains("\nno longer unmanaged: ConfigMap/a (ns: shop)\n"),
            "{changed}"
        );
        assert!(!changed.contains("ConfigMap/b"), "{changed}");
        assert!(
            changed.contains("\nTotal: 2 resource(s) drifted, 0 field(s) changed\n"),
            "{changed}"
        );
    }
}
