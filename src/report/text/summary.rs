//! The summary at the end of a text report.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::style::{TextRole, TextStyle};
use crate::report::causes::{CommonCause, causes, listed};
use crate::report::value::escape;
use crate::report::{Action, Reason, Report, history};

/// The total of drifted resources and fields, on one line.
pub(in crate::report) fn total(report: &Report) -> String {
    let summary = report.summary();
    let drifted = summary.drifted + summary.unmanaged;
    if drifted > 0 {
        let fields = summary.fields;
        return format!("Total: {drifted} resource(s) drifted, {fields} field(s) changed");
    }
    if summary.compared == 0 {
        return format!("Nothing was checked: {}", why_nothing(report));
    }
    format!("No drift in {} resource(s)", summary.compared)
}

/// Why no resource was compared.
fn why_nothing(report: &Report) -> String {
    match &causes(&report.errors)[..] {
        [] if !report.skipped.is_empty() => {
            format!(
                "all {} resource(s) are skipped by annotation",
                report.skipped.len()
            )
        }
        [] => "there is nothing to compare".to_owned(),
        [cause] => cause.line(false),
        _ => format!("{} error(s)", report.errors.len()),
    }
}

/// Writes the lines.
pub(super) fn write(report: &Report, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
    let has_drift = !report.resources.is_empty() || !report.unmanaged.is_empty();
    let role = match (has_drift, report.summary().compared) {
        (true, _) => TextRole::Head,
        (false, 0) => TextRole::Live,
        (false, _) => TextRole::Desired,
    };
    let total = style.wrap(2, &total(report));
    writeln!(out, "{}", style.paint(role, total))?;
    write_outcomes(report, style, out)?;
    write_not_compared(report, style, out)?;
    let causes = causes(&report.errors);
    // The cause was already given as the reason why nothing was checked.
    if has_drift || report.summary().compared > 0 || causes.len() > 1 {
        write_errors(&causes, style, out)?;
    }
    Ok(())
}

/// Writes the outcomes of the drift.
fn write_outcomes(report: &Report, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
    let summary = report.summary();
    match (summary.remediated, summary.created) {
        (0, 0) => {}
        (repaired, 0) => writeln!(out, "Repaired: {repaired} resource(s)")?,
        (0, created) => writeln!(out, "Created: {created} resource(s)")?,
        (repaired, created) => {
            writeln!(out, "Repaired: {repaired} resource(s), created: {created}")?;
        }
    }
    let left = left(report);
    if !left.is_empty() {
        let why: Vec<String> = left
            .iter()
            .map(|(why, count)| format!("{count} {why}"))
            .collect();
        let count: usize = left.values().sum();
        let line = format!("Left: {count} resource(s): {}", why.join(", "));
        let line = style.wrap(2, &line);
        writeln!(out, "{}", style.paint(TextRole::Notice, line))?;
    }
    if summary.missing > 0 {
        writeln!(out, "Missing: {} resource(s)", summary.missing)?;
    }
    if summary.unmanaged > 0 {
        writeln!(out, "Unmanaged: {} resource(s)", summary.unmanaged)?;
    }
    let fields = report
        .resources
        .iter()
        .flat_map(|resource| &resource.fields);
    if let Some(causes) = history::causes(fields) {
        writeln!(out, "{}", style.wrap(2, &format!("Cause: {causes}")))?;
    }
    if summary.known > 0 {
        writeln!(out, "Known from the baseline: {} field(s)", summary.known)?;
    }
    if summary.known_gone > 0 {
        writeln!(
            out,
            "In the baseline, but no longer found: {} field(s)",
            summary.known_gone
        )?;
    }
    if summary.ignored > 0 {
        writeln!(out, "Ignored: {} field(s)", summary.ignored)?;
    }
    Ok(())
}

/// The drift that repairs have left, by reason. Empty without `--remediate`.
fn left(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut left = BTreeMap::new();
    for resource in &report.resources {
        let why = match resource.action {
            Action::Detected(Reason::Blocked) | Action::WouldCreate(Reason::Blocked) => {
                "blocked by its policy"
            }
            Action::Detected(Reason::ExtrasKept) | Action::RemediatedExtrasKept => {
                "with extras only"
            }
            Action::Paused => "paused",
            Action::Failed => "failed",
            Action::Detected(_) | Action::WouldCreate(_) | Action::Remediated | Action::Created => {
                continue;
            }
        };
        *left.entry(why).or_default() += 1;
    }
    left
}

/// Writes what was out of scope.
fn write_not_compared(report: &Report, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
    if report.left_out > 0 {
        writeln!(
            out,
            "Left out by --only or --ignore-fields: {} resource(s)",
            report.left_out
        )?;
    }
    if !report.skipped.is_empty() {
        let names = report
            .skipped
            .iter()
            .map(|skipped| skipped.resource.with_namespace());
        let names = listed(names, style.is_whole);
        let line = format!("Skipped: {} resource(s): {names}", report.skipped.len());
        writeln!(out, "{}", style.wrap(2, &line))?;
    }
    if !report.owned.is_empty() {
        let count: usize = report.owned.values().sum();
        let owners = report.owned.iter();
        let owners: Vec<String> = owners
            .map(|(owner, count)| format!("{owner} {count}"))
            .collect();
        let owners = owners.join(", ");
        let line = format!("Managed by others: {count} resource(s): {owners}");
        writeln!(out, "{}", style.wrap(2, &line))?;
    }
    for (kind, count) in &report.other_kinds {
        writeln!(out, "Not compared: {count} of {}", escape(kind))?;
    }
    Ok(())
}

fn write_errors(
    causes: &[CommonCause<'_>],
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let count: usize = causes.iter().map(|cause| cause.errors.len()).sum();
    if count == 0 {
        return Ok(());
    }
    let head = format!("Could not be checked or repaired: {count}");
    writeln!(out, "{}", style.paint(TextRole::Live, head))?;
    causes
        .iter()
        .try_for_each(|cause| writeln!(out, "  {}", style.wrap(4, &cause.line(style.is_whole))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ErrorEntry, ResourceRef};

    fn error(name: &str, message: &str) -> ErrorEntry {
        ErrorEntry {
            resource: Some(ResourceRef {
                api_version: "v1".to_owned(),
                kind: "ConfigMap".to_owned(),
                namespace: "shop".to_owned(),
                name: name.to_owned(),
            }),
            source: None,
            message: message.to_owned(),
        }
    }

    #[test]
    fn nothing_checked_is_no_report_of_no_drift() {
        let mut report = Report::default();
        report.errors.push(error("x", "connection refused"));
        assert_eq!(
            total(&report),
            "Nothing was checked: ConfigMap/x (ns: shop): connection refused"
        );
        report.in_sync = 2;
        assert_eq!(total(&report), "No drift in 2 resource(s)");
    }
}
