//! The last report that a loop has printed, so that the next one prints only what is new.

use std::io;

use crate::report::changes::{Changes, Digest};
use crate::report::{self, Format, Report, brief, text};

/// The last report of a loop as text or brief.
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
    pub(super) fn text(&mut self, report: &Report, format: Format) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let digest = Digest::of(report);
        if let Some(line) = self.unchanged(report, &digest) {
            tracing::info!("{line}");
            return Ok(text);
        }
        match &self.last {
            None => report::write(report, format, &mut text)?,
            Some(last) => {
                let changes = Changes::between(&last.digest, &digest, report);
                match format {
                    Format::Text(style) => {
                        text::write_changes(&changes, report, style, &mut text)?;
                    }
                    Format::Brief => brief::write_changes(&changes, report, &mut text)?,
                    other => report::write(report, other, &mut text)?,
                }
            }
        }
        let time = report.time.clone();
        self.last = Some(LastReport { digest, time });
        Ok(text)
    }

    /// The log line of a report in which nothing is new.
    fn unchanged(&self, report: &Report, digest: &Digest) -> Option<String> {
        let last = self.last.as_ref()?;
        if last.digest != *digest || report.has_repairs() {
            return None;
        }
        let (since, in_sync) = (clock(&last.time), report.in_sync);
        let drifted = report.resources.len() + report.unmanaged.len();
        Some(format!(
            "unchanged since {since}: {drifted} drifted, {in_sync} in sync"
        ))
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
    use crate::report::text::TextStyle;
    use crate::report::{
        Action, DriftClass, FieldEntry, Reason, ResourceEntry, SourceLocation, UnmanagedEntry,
    };
    use crate::schema::{Kind, ResourceId};
    use serde_json::Value;

    const TEXT: Format = Format::Text(TextStyle {
        width: None,
        has_colours: false,
        is_whole: false,
    });

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
            String::from_utf8(printed.text(report, TEXT).unwrap()).unwrap()
        };
        assert!(text(&mut printed, &report).ends_with("No drift in 1 resource(s)\n"));
        assert_eq!(text(&mut printed, &report), "");
        // What is left out may come and go.
        report.ignored = 1;
        assert_eq!(text(&mut printed, &report), "");
        report.left_out = 1;
        assert!(text(&mut printed, &report).contains("\nIgnored: 1 field(s)\n"));
    }

    #[test]
    fn a_thousand_cycles_without_a_change_print_one_report_and_999_lines() {
        for format in [TEXT, Format::Brief] {
            let (mut printed, report) = (PrintedReport::default(), scaled(2));
            let digest = Digest::of(&report);
            let (mut reports, mut lines) = (0, 0);
            for _ in 0..1000 {
                lines += usize::from(printed.unchanged(&report, &digest).is_some());
                let text = printed.text(&report, format).unwrap();
                reports += usize::from(!text.is_empty());
            }
            assert_eq!((reports, lines), (1, 999));
        }
    }

    /// A report of 300 Deployments with other images, the first of which somebody scales too.
    fn scaled(replicas: u64) -> Report {
        let resource = |n: u64| {
            let mut fields = vec![changed("image", "a:2".into(), "a:1".into())];
            if n == 0 {
                fields.push(changed("spec.replicas", 1.into(), replicas.into()));
            }
            ResourceEntry {
                id: ResourceId {
                    kind: Kind::Deployment,
                    namespace: "shop".to_owned(),
                    name: format!("app-{n:03}"),
                },
                action: Action::Detected(Reason::DryRun),
                reason: None,
                source: nowhere(),
                fields,
            }
        };
        Report {
            resources: (0..300).map(resource).collect(),
            ..Report::default()
        }
    }

    fn changed(path: &str, desired: Value, live: Value) -> FieldEntry {
        FieldEntry {
            desired: Some(desired),
            live: Some(live),
            ..FieldEntry::new(path.to_owned(), DriftClass::Changed)
        }
    }

    fn nowhere() -> SourceLocation {
        SourceLocation {
            file: String::new(),
            line: 1,
            column: 1,
            definition: None,
        }
    }

    #[test]
    fn a_thousand_cycles_print_one_block_for_each_move_of_one_field() {
        for (format, first, each) in [
            (TEXT, 2, "Deployment/app-000 (ns: shop)\n"),
            (Format::Brief, 301, "Deployment/shop/app-000 spec.replicas"),
        ] {
            let mut printed = PrintedReport::default();
            let mut texts = (0..1000).map(|cycle| {
                // It moves in every hundredth cycle.
                let text = printed.text(&scaled(2 + cycle / 100), format).unwrap();
                String::from_utf8(text).unwrap()
            });
            let whole = texts.next().unwrap();
            let count = |text: &str| match format {
                Format::Brief => text.matches(": changed ").count(),
                _ => text.matches("  Action : ").count(),
            };
            assert_eq!(count(&whole), first, "{whole}");
            let later: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
            assert_eq!(later.len(), 9);
            for text in later {
                let fields = if format == Format::Brief { 2 } else { 1 };
                assert_eq!(count(&text), fields, "{text}");
                assert!(text.contains(each), "{text}");
                assert!(text.contains("Total: 300 resource(s) drifted, 301 field(s) changed\n"));
            }
        }
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
            near: nowhere(),
        };
        let mut printed = PrintedReport::default();
        let mut text = |names: &[&str]| {
            let report = Report {
                in_sync: 1,
                unmanaged: names.iter().map(|name| entry(name)).collect(),
                ..Report::default()
            };
            String::from_utf8(printed.text(&report, TEXT).unwrap()).unwrap()
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
