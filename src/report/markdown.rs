//! The report as Markdown, for a comment or a job summary: a table, followed by folded details that do not fit in it.
//!
//! GitHub accepts 65,536 characters in a comment. The rest is omitted, and the report says how much.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::causes::causes;
use super::comparison::{ShownSide, ValuePair};
use super::groups::{Group, groups, namespaces, path, writers};
use super::line::{self, Line, LineText, name, of_unmanaged};
use super::text::total;
use super::value::{escape, room};
use super::{FieldEntry, Report, history};

/// The most characters in a report.
const LONGEST: usize = 60_000;
/// The characters reserved for the note about what was omitted.
const REST: usize = 400;
/// The most characters for errors, so that there is room for drift.
const MOST_ERRORS: usize = 12_000;
/// How much of a line is shown where lines differ, in columns.
const WIDEST: usize = 200;

/// Writes a report.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut text = Limited::new(LONGEST - REST);
    text.add(&heading(report));
    text.limit = MOST_ERRORS;
    let errors = list(
        "Could not be checked or repaired",
        &report.errors,
        &mut text,
    );
    let warnings = list("Warnings", &report.warnings, &mut text);
    text.limit = LONGEST - REST;
    let rows = table(report, &mut text);
    let details = details(report, &mut text);
    let suppressed = suppressed_table(report, &mut text);
    let left: Vec<String> = [
        (errors, "error(s)"),
        (warnings, "warning(s)"),
        (rows, "field(s)"),
        (details, "detail(s)"),
        (suppressed, "difference(s) that are not drift"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    out.write_all(text.text.as_bytes())?;
    if left.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n_Left out, to stay within {LONGEST} characters: {}. `--output text` shows them all._",
        left.join(", ")
    )
}

/// A text of limited length, to which only whole pieces are added.
struct Limited {
    text: String,
    count: usize,
    limit: usize,
}

impl Limited {
    fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            count: 0,
            limit,
        }
    }

    /// Adds a piece. Returns whether there was room.
    fn add(&mut self, piece: &str) -> bool {
        let count = self.count + piece.chars().count();
        let fits = count <= self.limit;
        if fits {
            self.text.push_str(piece);
            self.count = count;
        }
        fits
    }
}

fn heading(report: &Report) -> String {
    let mut about = vec![format!("Git revision {}", code(&report.revision.short()))];
    if let Some(cluster) = &report.cluster {
        let context = match cluster.context.as_str() {
            "" => String::new(),
            context => format!(" (context {})", code(context)),
        };
        about.push(format!("cluster {}{context}", code(&cluster.server)));
    }
    if !report.time.is_empty() {
        about.push(report.time.clone());
    }
    // What a total says of an error may be anything.
    let total = match total(report).split_once(": ") {
        Some((head, cause)) if report.summary().compared == 0 && report.unmanaged.is_empty() => {
            format!("{head}: {}", code(cause))
        }
        _ => total(report),
    };
    format!("### {total}\n\n{}\n", about.join(" · "))
}

/// Adds a list. Returns the number of entries without room.
fn list(title: &str, entries: &[super::ErrorEntry], text: &mut Limited) -> usize {
    let mut left = entries.len();
    if left == 0 || !text.add(&format!("\n**{title}: {left}**\n\n")) {
        return left;
    }
    for cause in causes(entries) {
        if !text.add(&format!("- {}\n", code(&cause.line(false)))) {
            break;
        }
        left -= cause.errors.len();
    }
    left
}

fn table(report: &Report, text: &mut Limited) -> usize {
    const HEAD: &str =
        "\n| Resource | Field | Live | Desired | Where | Notes |\n|---|---|---|---|---|---|\n";
    let summary = report.summary();
    let mut left = summary.fields + summary.unmanaged;
    if left == 0 || !text.add(HEAD) {
        return left;
    }
    for group in groups(report.resources.iter()) {
        for at in 0..group[0].fields.len() {
            if !text.add(&row_of_group(&group, at)) {
                return left;
            }
            left -= group.len();
        }
    }
    for row in report
        .unmanaged
        .iter()
        .map(of_unmanaged)
        .filter_map(|line| row(&line))
    {
        if !text.add(&row) {
            break;
        }
        left -= 1;
    }
    left
}

/// One difference that all resources of a group have.
fn row_of_group(group: &Group<'_>, at: usize) -> String {
    let (first, field) = (group[0], &group[0].fields[at]);
    let compared = compare(field);
    let side = |side: &ShownSide| match side {
        ShownSide::Value(text) => code(text),
        ShownSide::Size(text) => text.clone(),
    };
    let source = field.source.as_ref().unwrap_or(&first.source);
    let mut resource = code(&name(&first.id));
    if group.len() > 1 {
        let _ = write!(resource, " and {} more alike", group.len() - 1);
        if let Some(namespaces) = namespaces(group) {
            let _ = write!(resource, " (in {})", code(&namespaces));
        }
    }
    let notes = match &notes(group, at)[..] {
        "" => field.class.name().to_owned(),
        notes => format!("{}, {}", field.class.name(), code(notes)),
    };
    let was = if field.is_repaired() { "was " } else { "" };
    format!(
        "| {resource} | {} | {was}{} | {} | {} | {notes} |\n",
        code(&path(group, at)),
        side(&compared.live),
        side(&compared.desired),
        code(&format!("{}:{}", source.file, source.line)),
    )
}

fn compare(field: &FieldEntry) -> ValuePair {
    let (desired, live) = (field.desired.as_ref(), field.live.as_ref());
    ValuePair::of(desired, live, room(&field.path), false)
}

/// Who wrote the values of a group last, which commits they are of, and what was done.
fn notes(group: &Group<'_>, at: usize) -> String {
    if let [resource] = group[..] {
        return line::notes(resource, &resource.fields[at]);
    }
    let fields: Vec<&FieldEntry> = group.iter().map(|resource| &resource.fields[at]).collect();
    let writers = writers(&fields).into_iter();
    let writers = writers.map(|(writer, count)| format!("{writer} {count}"));
    let writers = Some(writers.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty());
    let causes = history::causes(fields.into_iter());
    let notes = [writers, causes, line::action(group[0])];
    notes.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn row(line: &Line<'_>) -> Option<String> {
    let LineText::Values {
        live,
        desired,
        notes,
        ..
    } = &line.text
    else {
        return None;
    };
    let place = line
        .location
        .map(|of| code(&format!("{}:{}", of.file, of.line)));
    let notes = match notes.as_str() {
        "" => line.class.to_owned(),
        notes => format!("{}, {}", line.class, code(notes)),
    };
    Some(format!(
        "| {} | {} | {} | {} | {} | {notes} |\n",
        code(&line.resource),
        code(line.path.as_deref().unwrap_or_default()),
        code(live),
        code(desired),
        place.unwrap_or_default(),
    ))
}

/// Adds the folded table of differences that are not drift.
fn suppressed_table(report: &Report, text: &mut Limited) -> usize {
    const HEAD: &str =
        "| Resource | Field | Live | Desired | Where | Rule |\n|---|---|---|---|---|---|\n";
    let mut left = line::suppressed(report).count();
    let summary = format!("Differences that are not drift: {left} field(s)");
    if left == 0
        || !text.add(&format!(
            "\n<details><summary>{summary}</summary>\n\n{HEAD}"
        ))
    {
        return left;
    }
    for row in line::suppressed(report).filter_map(|line| row(&line)) {
        if !text.add(&row) {
            break;
        }
        left -= 1;
    }
    text.text.push_str("\n</details>\n");
    left
}

/// What a table has no room for: the lines that differ.
fn details(report: &Report, text: &mut Limited) -> usize {
    let mut left = 0;
    for group in groups(report.resources.iter()) {
        for (at, field) in group[0].fields.iter().enumerate() {
            let compared = compare(field);
            if compared.lines.is_empty() {
                continue;
            }
            if left > 0 || !text.add(&detail(&group, at, &compared)) {
                left += 1;
            }
        }
    }
    left
}

fn detail(group: &Group<'_>, at: usize, compared: &ValuePair) -> String {
    let lines = compared.lines.iter();
    let lines = lines.map(|line| line.text(WIDEST) + "\n");
    let lines = lines.collect::<String>();
    let fence = "`".repeat(longest_run(&lines).max(2) + 1);
    format!(
        "\n<details><summary>{} {}</summary>\n\n{fence}diff\n{lines}{fence}\n\n</details>\n",
        html(&name(&group[0].id)),
        html(&escape(&path(group, at))),
    )
}

/// Formats a text as code, so that nothing in it can end the code, in a table or elsewhere.
fn code(text: &str) -> String {
    let text = escape(text);
    if text.is_empty() {
        return String::new();
    }
    if text.contains(['`', '|', '\\']) || text.trim() != text {
        return format!("<code>{}</code>", html(&text));
    }
    format!("`{text}`")
}

/// Escapes a text so that it has no meaning in Markdown, HTML or for GitHub.
fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '-' | '/' | '=' | ';') {
            let _ = write!(escaped, "&#{};", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
