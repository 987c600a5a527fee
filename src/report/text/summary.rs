//! The summary at the end of a text report.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::style::{TextRole, TextStyle};
use crate::report::value::escape;
use crate::report::{Action, ErrorEntry, Reason, Report, ResourceRef, history};

/// The most names in one line.
const MOST_NAMES: usize = 10;

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
        [cause] => cause.line(TextStyle::default()),
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
        let names = report.skipped.iter().map(|skipped| &skipped.resource);
        let names = listed(names, style);
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
        .try_for_each(|cause| writeln!(out, "  {}", style.wrap(4, &cause.line(style))))
}

/// Up to ten names.
fn listed<'a>(names: impl Iterator<Item = &'a ResourceRef>, style: TextStyle) -> String {
    let names: Vec<String> = names.map(|name| escape(&name.with_namespace())).collect();
    if names.len() <= MOST_NAMES || style.is_whole {
        return names.join(", ");
    }
    let left = names.len() - MOST_NAMES;
    format!("{} and {left} more", names[..MOST_NAMES].join(", "))
}

/// The errors with one cause.
struct CommonCause<'a> {
    message: String,
    errors: Vec<&'a ErrorEntry>,
}

impl CommonCause<'_> {
    fn line(&self, style: TextStyle) -> String {
        if let [error] = &self.errors[..] {
            return escape(&error.line());
        }
        let names = self
            .errors
            .iter()
            .filter_map(|error| error.resource.as_ref());
        let (count, names) = (self.errors.len(), listed(names, style));
        format!("{}: {count} resource(s): {names}", escape(&self.message))
    }
}

/// Groups the errors by cause, in order of first occurrence. Messages that differ only in the names of their resources
/// have one cause.
fn causes(errors: &[ErrorEntry]) -> Vec<CommonCause<'_>> {
    let mut causes: Vec<CommonCause<'_>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for error in errors {
        let message = without_names(error);
        // An error without a resource is never grouped.
        let key = match error.resource {
            Some(_) => message.clone(),
            None => error.line(),
        };
        let place = *places.entry(key).or_insert(causes.len());
        if place == causes.len() {
            let errors = Vec::new();
            causes.push(CommonCause { message, errors });
        }
        causes[place].errors.push(error);
    }
    causes
}

fn without_names(error: &ErrorEntry) -> String {
    let Some(resource) = &error.resource else {
        return error.message.clone();
    };
    let mut message = error.message.clone();
    for name in [&resource.name, &resource.namespace] {
        if !name.is_empty() {
            message = message.replace(&format!("\"{name}\""), "\"*\"");
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn errors_of_one_cause_are_one_line_with_their_number() {
        let mut errors: Vec<ErrorEntry> = (0..12)
            .map(|n| {
                error(
                    &format!("c{n}"),
                    &format!("configmaps \"c{n}\" is forbidden in \"shop\""),
                )
            })
            .collect();
        errors.push(error("x", "another"));
        let mut out = Vec::new();
        write_errors(&causes(&errors), TextStyle::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].starts_with("  configmaps \"*\" is forbidden in \"*\": 12 resource(s): ConfigMap/c0 (ns: shop), "), "{text}");
        assert!(
            lines[1].ends_with("ConfigMap/c9 (ns: shop) and 2 more"),
            "{text}"
        );
        assert_eq!(lines[2], "  ConfigMap/x (ns: shop): another");
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
