//! The report as text.

mod style;
mod summary;
mod unmanaged;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use self::style::TextRole;
pub(crate) use self::style::TextStyle;
pub(super) use self::summary::total;
use super::changes::Changes;
use super::comparison::{ShownSide, ValuePair};
use super::diff_lines::DiffLine;
use super::groups::{Group, groups, namespaces, path, writers};
use super::line::of_suppressed;
use super::value::escape;
use super::{
    Action, DriftClass, FieldEntry, Report, ResourceEntry, SourceLocation, SuppressedEntry, history,
};
use crate::path::RESOURCE;
use crate::schema::ResourceId;

const RULE: &str = "============================================================";
/// The indentation of a value.
const BEFORE_VALUES: usize = "      desired : ".len();
/// The indentation of a line of a difference.
const BEFORE_LINES: usize = 8;

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

/// Writes what is new in a report since an earlier one: the blocks that have changed, and the resources that are back
/// in sync.
pub(crate) fn write_changes(
    changes: &Changes<'_>,
    report: &Report,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out)?;
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

/// Writes one line for each difference that is not drift.
fn write_suppressed(
    suppressed: &BTreeMap<ResourceId, SuppressedEntry>,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let count: usize = suppressed.values().map(|entry| entry.fields.len()).sum();
    let head = format!("Differences that are not drift: {count} field(s)");
    writeln!(out, "{}\n", style.paint(TextRole::Head, head))?;
    for (id, entry) in suppressed {
        writeln!(out, "{}", style.paint(TextRole::Head, heading(id)))?;
        for field in &entry.fields {
            let line = of_suppressed(id, entry, field);
            let path = line.path.as_deref().unwrap_or_default();
            let text = format!("{path}: {}", line.message());
            writeln!(out, "    {}", style.wrap(6, &text))?;
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
            let namespaces = format!("{} (all: --output brief)", escape(&namespaces));
            writeln!(out, "  in     : {}", style.wrap(11, &namespaces))?;
        }
    }
    write_action(resource, style, out)?;
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
        if let Some(outcome) = outcome(field) {
            write_line("outcome", &style.wrap(BEFORE_VALUES, outcome), style, out)?;
        }
    }
    writeln!(out)
}

fn write_action(
    resource: &ResourceEntry,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let action = resource.action.name();
    let Some(reason) = &resource.reason else {
        let action = style.paint(role(resource.action), action);
        return writeln!(out, "  Action : {action}");
    };
    let text = style.wrap(11, &format!("{action}: {}", escape(reason)));
    // The name of the action has a blank, but is never broken: it comes first.
    let reason = &text[action.len()..];
    let action = style.paint(role(resource.action), action);
    writeln!(out, "  Action : {action}{reason}")
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
    let (desired, live) = (field.desired.as_ref(), field.live.as_ref());
    // What is said of a resource as a whole is broken into lines instead of cut.
    let room = match field.path.as_str() {
        RESOURCE => usize::MAX,
        _ => style.room(BEFORE_VALUES),
    };
    let compared = ValuePair::of(desired, live, room, style.is_whole);
    write_side("desired", &compared.desired, TextRole::Desired, style, out)?;
    write_side(label, &compared.live, TextRole::Live, style, out)?;
    for line in &compared.lines {
        let text = line.text(style.room(BEFORE_LINES));
        let text = match line {
            DiffLine::Context(_) => text,
            DiffLine::Live(_) => style.paint(TextRole::Live, text),
            DiffLine::Desired(_) => style.paint(TextRole::Desired, text),
            DiffLine::Note(_) => style.paint(TextRole::Aside, text),
        };
        writeln!(out, "{}", format!("{:BEFORE_LINES$}{text}", "").trim_end())?;
    }
    if let Some(source) = &field.source {
        write_line("source", &source_text(source), style, out)?;
    }
    if field.class == DriftClass::Removed {
        write_line("class", "removed: the last apply declared it", style, out)?;
    }
    if let Some(path) = &field.default_of {
        write_line("default", &format!("of {}", escape(path)), style, out)
    } else if field.defaulted {
        write_line("default", "set by the API server", style, out)
    } else {
        Ok(())
    }
}

fn write_side(
    label: &str,
    side: &ShownSide,
    role: TextRole,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    match side {
        ShownSide::Value(text) => {
            let text = style.paint(role, style.wrap(BEFORE_VALUES, text));
            write_line(label, &text, style, out)
        }
        ShownSide::Size(text) => write_line(label, text, style, out),
    }
}

/// One line below a field.
fn write_line(label: &str, text: &str, style: TextStyle, out: &mut impl Write) -> io::Result<()> {
    let label = style.paint(TextRole::Aside, format_args!("{label:<7} :"));
    writeln!(out, "      {label} {text}")
}

fn source_text(source: &SourceLocation) -> String {
    let file = escape(&source.file);
    match source.definition {
        Some((line, _)) => format!("{file}:{} (defined in line {line})", source.line),
        None => format!("{file}:{}", source.line),
    }
}

/// Why a field is still as it was after a repair.
fn outcome(field: &FieldEntry) -> Option<&'static str> {
    match field.outcome? {
        "kept" => Some("kept: no manifest declares it (see --remove-extras)"),
        "refused" => Some("refused: the server does not let it be changed"),
        "changed-back" => Some("changed-back: written, and set back by the server or a webhook"),
        _ => None,
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
                let before = indentation + label.len() + 3;
                let text = style.wrap(before, &escape(text));
                let label = style.paint(TextRole::Aside, format_args!("{label} :"));
                writeln!(out, "{:indentation$}{label} {text}", "")?;
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

/// What else a repair changes; `None` after the repair.
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
