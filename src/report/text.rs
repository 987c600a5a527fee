//! The report as text.

use std::io::{self, Write};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::value::{Shown, escape, show};
use super::{ErrorEntry, FieldEntry, Report, ResourceEntry, SourceLocation};

const RULE: &str = "============================================================";
/// How many lines of a text's differences are shown.
const MOST_DIFF_LINES: usize = 60;

/// Writes a report.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Drift Report")?;
    writeln!(out, "  Git revision : {}", report.revision.short())?;
    writeln!(out, "{RULE}")?;
    let summary = report.summary();
    if report.resources.is_empty() {
        writeln!(out, "No drift in {} resource(s)", summary.compared)?;
    } else {
        writeln!(out)?;
        for resource in &report.resources {
            write_resource(resource, out)?;
        }
        writeln!(out, "{RULE}")?;
        writeln!(
            out,
            "Total: {} resource(s) drifted, {} field(s) changed",
            summary.drifted, summary.fields
        )?;
    }
    write_rest(report, out)
}

fn write_rest(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if !report.skipped.is_empty() {
        writeln!(out, "Skipped: {} resource(s)", report.skipped.len())?;
    }
    if report.left_out > 0 {
        writeln!(
            out,
            "Left out: {} resource(s), by --only or --ignore-fields",
            report.left_out
        )?;
    }
    for (kind, count) in &report.other_kinds {
        writeln!(out, "Not compared: {count} of {kind}")?;
    }
    if !report.errors.is_empty() {
        writeln!(
            out,
            "Could not be checked or repaired: {}",
            report.errors.len()
        )?;
        for error in &report.errors {
            writeln!(out, "  {}", escape(&error_line(error)))?;
        }
    }
    Ok(())
}

/// `FILE:LINE:COLUMN: KIND/NAME (ns: NAMESPACE): what is wrong`, as far as each is known.
#[must_use]
pub fn error_line(error: &ErrorEntry) -> String {
    let place = error
        .source
        .as_ref()
        .map(|s| format!("{}:{}:{}: ", s.file, s.line, s.column));
    let about = error
        .resource
        .as_ref()
        .filter(|subject| !subject.to_string().is_empty());
    let about = about.map(|subject| match subject.namespace.as_str() {
        "" => format!("{subject}: "),
        namespace => format!("{subject} (ns: {namespace}): "),
    });
    [place, about].into_iter().flatten().collect::<String>() + &error.message
}

fn write_resource(resource: &ResourceEntry, out: &mut impl Write) -> io::Result<()> {
    let id = &resource.id;
    writeln!(out, "{}/{} (ns: {})", id.kind, id.name, id.namespace)?;
    match &resource.reason {
        Some(reason) => writeln!(
            out,
            "  Action : {}: {}",
            resource.action.name(),
            escape(reason)
        )?,
        None => writeln!(out, "  Action : {}", resource.action.name())?,
    }
    writeln!(out, "  Fields : {} drifted", resource.fields.len())?;
    for field in &resource.fields {
        write_field(field, out)?;
    }
    writeln!(out)
}

fn write_field(field: &FieldEntry, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "    {}", escape(&field.path))?;
    write_value(
        "desired",
        show(field.desired.as_ref(), field.live.as_ref()),
        out,
    )?;
    write_value(
        "live",
        show(field.live.as_ref(), field.desired.as_ref()),
        out,
    )?;
    if let (Some(Value::String(desired)), Some(Value::String(live))) = (&field.desired, &field.live)
    {
        write_line_diff(desired, live, out)?;
    }
    if let Some(path) = &field.default_of {
        write_line("default", &format!("of {path}"), out)?;
    } else if field.defaulted {
        write_line("default", "of the server", out)?;
    }
    if !field.consequences.is_empty() {
        write_line("brings", &field.consequences.join(", "), out)?;
    }
    if let Some(outcome) = field.outcome {
        write_line("outcome", outcome, out)?;
    }
    match &field.source {
        Some(source) => write_line("source", &source_text(source), out),
        None => Ok(()),
    }
}

fn source_text(source: &SourceLocation) -> String {
    match source.definition {
        Some((line, _)) => format!("{}:{} (defined in line {line})", source.file, source.line),
        None => format!("{}:{}", source.file, source.line),
    }
}

fn write_line(label: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "      {label:<7} : {text}")
}

fn write_value(label: &str, value: Shown, out: &mut impl Write) -> io::Result<()> {
    match value {
        Shown::Line(line) => write_line(label, &line, out),
        Shown::Block(block) => {
            writeln!(out, "      {label:<7} :")?;
            block
                .lines()
                .try_for_each(|line| writeln!(out, "        {line}"))
        }
    }
}

/// The lines that differ between two texts of several lines, `-` for live and `+` for desired.
fn write_line_diff(desired: &str, live: &str, out: &mut impl Write) -> io::Result<()> {
    if !desired.contains('\n') && !live.contains('\n') {
        return Ok(());
    }
    writeln!(out, "      lines   : - live, + desired")?;
    let diff = TextDiff::from_lines(live, desired);
    let mut left = MOST_DIFF_LINES;
    for group in diff.grouped_ops(1) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if left == 0 {
                return writeln!(out, "        …");
            }
            left -= 1;
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let text = change.value();
            let end = if text.ends_with('\n') {
                ""
            } else {
                " (no line end)"
            };
            writeln!(
                out,
                "        {sign} {}{end}",
                escape(text.trim_end_matches('\n'))
            )?;
        }
    }
    Ok(())
}
