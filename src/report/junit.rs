//! The report as JUnit's XML: one case for each compared resource.
//!
//! Uses only elements that all CI systems read: suites, cases with a class and a name, `failure`, `error` and
//! `skipped`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::line::{Line, of_resource, of_unmanaged};
use super::value::escape;
use super::{Report, SourceLocation};

/// The outcome of one resource.
#[derive(Default)]
struct Case<'a> {
    location: Option<&'a SourceLocation>,
    /// The repaired fields.
    repaired: Vec<String>,
    failures: Vec<String>,
    /// Whether no manifest declares it.
    is_unmanaged: bool,
    errors: Vec<String>,
    /// Why it was not compared, or why its drift is not a failure.
    skipped: Option<&'static str>,
}

/// The class and the name of a case.
type CaseName = (String, String);

/// Writes a report.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let cases = cases(report);
    let count = |is: fn(&Case<'_>) -> bool| cases.values().filter(|case| is(case)).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        cases.len(),
        count(|case| case.errors.is_empty() && !case.failures.is_empty()),
        count(|case| !case.errors.is_empty()),
        count(|case| case.skipped.is_some()),
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"gitops-drift\" {counts}>")?;
    writeln!(
        out,
        "  <testsuite name=\"gitops-drift\" timestamp=\"{}\" {counts}>",
        xml(&report.time)
    )?;
    for (name, case) in &cases {
        write_case(name, case, out)?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn cases(report: &Report) -> BTreeMap<CaseName, Case<'_>> {
    let mut cases: BTreeMap<CaseName, Case<'_>> = BTreeMap::new();
    for id in &report.in_sync_ids {
        cases
            .entry(name(id.kind.name(), &id.namespace, &id.name))
            .or_default();
    }
    for known in &report.known {
        let id = &known.id;
        let case = cases
            .entry(name(id.kind.name(), &id.namespace, &id.name))
            .or_default();
        case.location = Some(&known.source);
        case.skipped = Some("its drift is known from the baseline");
    }
    for resource in &report.resources {
        let id = &resource.id;
        let case = cases
            .entry(name(id.kind.name(), &id.namespace, &id.name))
            .or_default();
        case.location = Some(&resource.source);
        case.skipped = None;
        let texts = of_resource(resource).map(|line| text(&line));
        if resource.action.leaves_drift() {
            case.failures.extend(texts);
        } else {
            case.repaired.extend(texts);
        }
    }
    for entry in &report.unmanaged {
        let id = &entry.id;
        let case = cases
            .entry(name(id.kind.name(), &id.namespace, &id.name))
            .or_default();
        case.failures.push(text(&of_unmanaged(entry)));
        case.is_unmanaged = true;
    }
    for skipped in &report.skipped {
        let id = &skipped.resource;
        let case = cases
            .entry(name(&id.kind, &id.namespace, &id.name))
            .or_default();
        case.location = Some(&skipped.source);
        case.skipped = Some("skipped by its annotation");
    }
    for error in &report.errors {
        let about = error
            .resource
            .as_ref()
            .map(|id| name(&id.kind, &id.namespace, &id.name));
        let case = cases
            .entry(about.unwrap_or_else(|| name("", "", "the run")))
            .or_default();
        case.location = case.location.or(error.source.as_ref());
        case.skipped = None;
        case.errors.push(error.line());
    }
    cases
}

/// `shop.Deployment` and `web`.
fn name(kind: &str, namespace: &str, name: &str) -> CaseName {
    let class = [namespace, kind]
        .into_iter()
        .filter(|part| !part.is_empty());
    let class: Vec<&str> = class.collect();
    (class.join("."), name.to_owned())
}

fn text(line: &Line<'_>) -> String {
    let path = line.path.as_deref().unwrap_or_default();
    let location = line
        .location
        .map(|of| format!(" ({}:{})", of.file, of.line));
    format!(
        "{} {path}: {}{}",
        line.class,
        line.message(),
        location.unwrap_or_default()
    )
}

fn write_case((class, name): &CaseName, case: &Case<'_>, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\"",
        xml(class),
        xml(name)
    )?;
    if let Some(location) = case.location {
        write!(out, " file=\"{}\"", xml(&location.file))?;
    }
    let lines = |texts: &[String]| xml_lines(texts);
    let (sort, message) = if case.is_unmanaged {
        ("unmanaged", "declared by no manifest".to_owned())
    } else {
        ("drift", format!("{} field(s) drifted", case.failures.len()))
    };
    match (&case.errors[..], &case.failures[..], case.skipped) {
        ([], [], None) if case.repaired.is_empty() => writeln!(out, "/>"),
        ([], [], None) => writeln!(
            out,
            "><system-out>{}</system-out></testcase>",
            lines(&case.repaired)
        ),
        ([], [], Some(why)) => writeln!(out, "><skipped message=\"{why}\"/></testcase>"),
        ([], failures, _) => writeln!(
            out,
            "><failure type=\"{sort}\" message=\"{message}\">{}</failure></testcase>",
            lines(failures)
        ),
        (errors, failures, _) => writeln!(
            out,
            "><error type=\"error\" message=\"{}\">{}</error></testcase>",
            xml(&errors[0]),
            lines(&[errors, failures].concat())
        ),
    }
}

fn xml_lines(texts: &[String]) -> String {
    let lines: Vec<String> = texts.iter().map(|text| xml(text)).collect();
    lines.join("\n")
}

/// A text that cannot end an attribute or an element. XML has no way at all to say control characters, so they stay
/// escaped as they are in the other formats.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in escape(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
