//! The report as text.

mod groups;
mod lines;
mod style;
mod summary;
mod unmanaged;
mod values;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use self::groups::{Group, groups, namespaces, path, writers};
use self::style::TextRole;
pub(crate) use self::style::TextStyle;
#[allow(unused_imports, reason = "for the formats that end with it")]
pub(super) use self::summary::total;
use self::values::write_line;
use super::changes::Changes;
use super::line::of_suppressed;
use super::value::escape;
use super::{Action, FieldEntry, Report, ResourceEntry, SourceLocation, SuppressedEntry, history};
use crate::schema::ResourceId;

const RULE: &str = "============================================================";

/// Writes a report.
pub(crate) fn write(report: &Report, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
    write_head(report, style, out)?;
    let suppressed = report.suppressed.as_ref();
    let suppressed = suppressed.filter(|suppressed| !suppressed.is_empty());
    if !report.resources.is_empty() || suppressed.is_some() || !report.unmanaged.is_empty() {
        writeln!(out)?;
        write_blocks(report.resources.iter(), report, style, out)?;
        if let Some(suppressed) = suppressed {
            write_suppressed(suppressed, style, out)?;
        }
        unmanaged::write(report.unmanaged.iter(), &report.time, style, out)?;
        writeln!(out, "{RULE}")?;
    }
    summary::write(report, style, out)
}

/// Writes what is new in a report since an earlier one: the blocks that have changed, and what is back in sync.
pub(crate) fn write_changes(
    changes: &Changes<'_>,
    report: &Report,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    write_head(report, style, out)?;
    writeln!(out)?;
    write_blocks(changes.resources.iter().copied(), report, style, out)?;
    let unmanaged = changes.unmanaged.iter().copied();
    unmanaged::write(unmanaged, &report.time, style, out)?;
    let back = changes.back_in_sync.iter();
    let back = back.map(|id| format!("back in sync: {}", heading(id)));
    let gone = changes.no_longer_unmanaged.iter();
    let gone = gone.map(|id| format!("no longer unmanaged: {}", heading(id)));
    let lines: Vec<String> = back.chain(gone).collect();
    for line in &lines {
        writeln!(out, "{}", style.paint(TextRole::Desired, line))?;
    }
    if !lines.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "{RULE}")?;
    summary::write(report, style, out)
}

fn write_head(report: &Report, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", style.paint(TextRole::Head, "Drift Report"))?;
    writeln!(out, "  Git revision : {}", report.revision.short())?;
    if let Some(cluster) = &report.cluster {
        let name = match cluster.context.as_str() {
            "" => cluster.server.clone(),
            context => format!("{context} ({})", cluster.server),
        };
        writeln!(out, "  Cluster      : {}", escape(&name))?;
        writeln!(out, "  Time         : {}", report.time)?;
    }
    writeln!(out, "{RULE}")
}

fn write_blocks<'a>(
    resources: impl Iterator<Item = &'a ResourceEntry>,
    report: &Report,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    for group in groups(resources) {
        write_block(&group, report, style, out)?;
    }
    Ok(())
}

/// Writes what differs and is no drift, a line for each.
fn write_suppressed(
    suppressed: &BTreeMap<ResourceId, SuppressedEntry>,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let count: usize = suppressed.values().map(|entry| entry.fields.len()).sum();
    let head = format!("No drift, though it differs: {count} field(s)");
    writeln!(out, "{}\n", style.paint(TextRole::Head, head))?;
    for (id, entry) in suppressed {
        writeln!(out, "{}", style.paint(TextRole::Head, heading(id)))?;
        for field in &entry.fields {
            let line = of_suppressed(id, entry, field);
            let path = line.path.as_deref().unwrap_or_default();
            writeln!(out, "    {path}: {}", line.message())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn heading(id: &ResourceId) -> String {
    escape(&format!("{}/{} (ns: {})", id.kind, id.name, id.namespace))
}

fn write_block(
    group: &Group<'_>,
    report: &Report,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let resource = group[0];
    let heading = style.paint(TextRole::Head, heading(&resource.id));
    if group.len() == 1 {
        writeln!(out, "{heading}")?;
    } else {
        writeln!(out, "{heading} and {} more alike", group.len() - 1)?;
        if let Some(namespaces) = namespaces(group) {
            let namespaces = escape(&namespaces);
            writeln!(out, "  in     : {namespaces} (all: --output brief)")?;
        }
    }
    let action = style.paint(role(resource.action), resource.action.name());
    match &resource.reason {
        Some(reason) => writeln!(out, "  Action : {action}: {}", escape(reason))?,
        None => writeln!(out, "  Action : {action}")?,
    }
    writeln!(out, "  Fields : {} drifted", resource.fields.len())?;
    let notes: Vec<Notes> = (0..resource.fields.len())
        .map(|at| Notes::of(group, at, report))
        .collect();
    let common = Notes::common(&notes);
    common.write(2, ["By    ", "Git   ", "Repair"], style, out)?;
    for (at, field) in resource.fields.iter().enumerate() {
        writeln!(out, "    {}", escape(&path(group, at)))?;
        write_field(field, style, out)?;
        notes[at]
            .without(&common)
            .write(6, ["by     ", "git    ", "repair "], style, out)?;
        if let Some(outcome) = field.outcome.filter(|_| !field.is_repaired()) {
            write_line("outcome", outcome, style, out)?;
        }
    }
    writeln!(out)
}

fn role(action: Action) -> TextRole {
    match action {
        Action::Remediated | Action::Created => TextRole::Desired,
        Action::Failed | Action::Paused => TextRole::Live,
        Action::Detected(_) | Action::WouldCreate(_) | Action::RemediatedExtrasKept => {
            TextRole::Notice
        }
    }
}

fn write_field(field: &FieldEntry, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
    let label = if field.is_repaired() { "was" } else { "live" };
    values::write(
        field.desired.as_ref(),
        field.live.as_ref(),
        label,
        style,
        out,
    )?;
    if let Some(source) = &field.source {
        write_line("source", &source_text(source), style, out)?;
    }
    if let Some(path) = &field.default_of {
        write_line("default", &format!("of {}", escape(path)), style, out)
    } else if field.defaulted {
        write_line("default", "set by the API server", style, out)
    } else {
        Ok(())
    }
}

fn source_text(source: &SourceLocation) -> String {
    let file = escape(&source.file);
    match source.definition {
        Some((line, _)) => format!("{file}:{} (defined in line {line})", source.line),
        None => format!("{file}:{}", source.line),
    }
}

/// What there is to say of a field besides its values.
#[derive(Clone, Default, PartialEq, Eq)]
struct Notes {
    by: Option<String>,
    git: Option<String>,
    repair: Option<String>,
}

impl Notes {
    fn of(group: &Group<'_>, at: usize, report: &Report) -> Self {
        let fields: Vec<&FieldEntry> = group.iter().map(|resource| &resource.fields[at]).collect();
        Self {
            by: by(&fields, &report.time),
            git: git(&fields),
            repair: repair(group[0], fields[0]),
        }
    }

    /// What several fields have all in common is said once.
    fn common(notes: &[Self]) -> Self {
        let (Some(first), 2..) = (notes.first(), notes.len()) else {
            return Self::default();
        };
        let if_common = |part: fn(&Self) -> &Option<String>| {
            let is_common = notes.iter().all(|other| part(other) == part(first));
            part(first).clone().filter(|_| is_common)
        };
        Self {
            by: if_common(|notes| &notes.by),
            git: if_common(|notes| &notes.git),
            repair: if_common(|notes| &notes.repair),
        }
    }

    fn without(&self, common: &Self) -> Self {
        let rest = |own: &Option<String>, common: &Option<String>| {
            own.clone().filter(|_| common.is_none())
        };
        Self {
            by: rest(&self.by, &common.by),
            git: rest(&self.git, &common.git),
            repair: rest(&self.repair, &common.repair),
        }
    }

    fn write(
        &self,
        indentation: usize,
        labels: [&str; 3],
        style: TextStyle,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let texts = [&self.by, &self.git, &self.repair];
        for (label, text) in labels.into_iter().zip(texts) {
            if let Some(text) = text {
                let label = style.paint(TextRole::Aside, format_args!("{label} :"));
                writeln!(out, "{:indentation$}{label} {}", "", escape(text))?;
            }
        }
        Ok(())
    }
}

fn by(fields: &[&FieldEntry], now: &str) -> Option<String> {
    if let [field] = fields {
        let writer = field.last_writer.as_ref()?;
        return Some(writer::by(writer, &field.co_owners, now));
    }
    let named = writers(fields);
    match &named[..] {
        [] => None,
        [(writer, count)] if *count == fields.len() => {
            let times = fields
                .iter()
                .filter_map(|field| field.last_writer.as_ref()?.time.as_deref());
            let times: BTreeSet<&str> = times.collect();
            let times = match (times.first(), times.last()) {
                (Some(first), Some(last)) if first == last => format!(", last wrote {first}"),
                (Some(first), Some(last)) => format!(", last wrote {first} to {last}"),
                _ => String::new(),
            };
            Some(format!("{writer}{times}"))
        }
        named => {
            let named = named
                .iter()
                .map(|(writer, count)| format!("{writer} {count}"));
            Some(named.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Which commit's value is live.
fn git(fields: &[&FieldEntry]) -> Option<String> {
    let first = history::sentence(fields.first()?);
    if fields.iter().all(|field| history::sentence(field) == first) {
        return first;
    }
    history::causes(fields.iter().copied())
}

/// What else a repair changes; of one that was made, nothing more is said.
fn repair(resource: &ResourceEntry, field: &FieldEntry) -> Option<String> {
    if field.outcome.is_some() || resource.is_missing() {
        return None;
    }
    let restarts = field.restarts_pods.then(|| "restarts the pods".to_owned());
    let also = (!field.consequences.is_empty())
        .then(|| format!("also changes {}", field.consequences.join(", ")));
    let parts: Vec<String> = restarts.into_iter().chain(also).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
