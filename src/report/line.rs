//! One line for each thing that a report has to say: the list that all formats but text and JSON show.

use super::value::{escape, one_line, room};
use super::{
    Action, ErrorEntry, FieldEntry, Report, ResourceEntry, SourceLocation, SuppressedEntry,
    SuppressedField, UnmanagedEntry, field_id, history,
};
use crate::schema::ResourceId;

/// A difference, or something that could not be checked, or a warning.
pub(super) struct Line<'a> {
    pub(super) level: LineLevel,
    /// `changed`, `missing`, `removed`, `extra` or `unmanaged`; else `error` or `warning`.
    pub(super) class: &'static str,
    pub(super) location: Option<&'a SourceLocation>,
    /// Where to show it if it has no location and a format needs one.
    pub(super) near: Option<&'a SourceLocation>,
    /// `Deployment/shop/web`; empty where it is about none.
    pub(super) resource: String,
    /// The path of the field.
    pub(super) path: Option<String>,
    /// Its stable id.
    pub(super) id: Option<String>,
    /// The text, without line breaks.
    pub(super) text: LineText,
}

/// The words of a [`Line`].
pub(super) enum LineText {
    /// A difference.
    Values {
        /// `live`, or `was` after a repair.
        label: &'static str,
        live: String,
        desired: String,
        /// The last writer, the commit, and the outcome.
        notes: String,
    },
    /// Anything else.
    Message(String),
}

impl Line<'_> {
    /// `live nginx:1.19, desired nginx:1.25 (kubectl-set 2026-11-22T10:04:11Z; remediated)`.
    pub(super) fn message(&self) -> String {
        match &self.text {
            LineText::Message(message) => message.clone(),
            LineText::Values {
                label,
                live,
                desired,
                notes,
            } => {
                let notes = match notes.as_str() {
                    "" => String::new(),
                    notes => format!(" ({notes})"),
                };
                format!("{label} {live}, desired {desired}{notes}")
            }
        }
    }
}

/// The severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineLevel {
    /// Drift that is left, or an error.
    Error,
    Warning,
    /// Drift that was repaired.
    Note,
}

/// All lines of a report: drift, unmanaged objects, errors, and warnings.
pub(super) fn lines(report: &Report) -> impl Iterator<Item = Line<'_>> {
    let fields = report.resources.iter().flat_map(of_resource);
    let unmanaged = report.unmanaged.iter().map(of_unmanaged);
    let errors = report.errors.iter().map(of_failure);
    let warnings = report.warnings.iter();
    let warnings = warnings.map(|warning| of_error(warning, LineLevel::Warning, "warning"));
    fields.chain(unmanaged).chain(errors).chain(warnings)
}

/// The lines of one resource.
pub(super) fn of_resource(resource: &ResourceEntry) -> impl Iterator<Item = Line<'_>> {
    resource.fields.iter().map(|field| Line {
        level: level(resource.action, field),
        class: field.class.name(),
        location: field.source.as_ref().or(Some(&resource.source)),
        near: None,
        resource: name(&resource.id),
        path: Some(escape(&field.path)),
        id: Some(field_id(&resource.id, &field.path)),
        text: values(resource, field),
    })
}

/// The lines of differences that are not drift.
pub(super) fn suppressed(report: &Report) -> impl Iterator<Item = Line<'_>> {
    report.suppressed.iter().flatten().flat_map(|(id, entry)| {
        let fields = entry.fields.iter();
        fields.map(move |suppressed| of_suppressed(id, entry, suppressed))
    })
}

/// The line of one difference that is not drift.
pub(super) fn of_suppressed<'a>(
    id: &ResourceId,
    entry: &'a SuppressedEntry,
    suppressed: &'a SuppressedField,
) -> Line<'a> {
    let SuppressedField {
        field,
        rule,
        reason,
    } = suppressed;
    let (live, desired) = (field.live.as_ref(), field.desired.as_ref());
    Line {
        level: LineLevel::Note,
        class: "suppressed",
        location: field.source.as_ref().or(Some(&entry.source)),
        near: None,
        resource: name(id),
        path: Some(escape(&field.path)),
        id: Some(field_id(id, &field.path)),
        text: LineText::Values {
            label: "live",
            live: one_line(live, desired, room(&field.path)),
            desired: one_line(desired, live, room(&field.path)),
            notes: format!("{rule}: {reason}"),
        },
    }
}

/// The line of an object that no manifest declares.
pub(super) fn of_unmanaged(entry: &UnmanagedEntry) -> Line<'_> {
    let field = entry.field();
    let creator = entry.creator.as_ref().map(|writer| writer.manager.clone());
    let created = entry.created.as_ref().map(|time| format!("created {time}"));
    let tool = entry.managed_by.as_ref();
    let tool = tool.map(|tool| format!("labelled as managed by {tool}"));
    let notes: Vec<String> = [creator, created, tool].into_iter().flatten().collect();
    Line {
        level: LineLevel::Error,
        class: UnmanagedEntry::ACTION,
        location: None,
        near: Some(&entry.near),
        resource: name(&entry.id),
        path: Some(escape(&field.path)),
        id: Some(field_id(&entry.id, &field.path)),
        text: LineText::Values {
            label: "live",
            live: one_line(field.live.as_ref(), None, room(&field.path)),
            desired: one_line(None, field.live.as_ref(), room(&field.path)),
            notes: escape(&notes.join("; ")),
        },
    }
}

/// The line of something that could not be checked or repaired.
pub(super) fn of_failure(error: &ErrorEntry) -> Line<'_> {
    of_error(error, LineLevel::Error, "error")
}

fn of_error<'a>(error: &'a ErrorEntry, level: LineLevel, class: &'static str) -> Line<'a> {
    let about = error.resource.as_ref();
    let about = about.map(|subject| match subject.namespace.as_str() {
        "" => subject.to_string(),
        namespace => format!("{}/{namespace}/{}", subject.kind, subject.name),
    });
    Line {
        level,
        class,
        location: error.source.as_ref(),
        near: None,
        resource: escape(&about.unwrap_or_default()),
        path: None,
        id: None,
        text: LineText::Message(escape(&error.message)),
    }
}

/// `Deployment/shop/web`.
pub(super) fn name(id: &ResourceId) -> String {
    let name = match id.namespace.as_str() {
        "" => format!("{}/{}", id.kind, id.name),
        namespace => format!("{}/{namespace}/{}", id.kind, id.name),
    };
    escape(&name)
}

fn level(action: Action, field: &FieldEntry) -> LineLevel {
    let is_left = matches!(field.outcome, Some("kept" | "refused" | "changed-back"));
    if action.leaves_drift() || is_left {
        LineLevel::Error
    } else {
        LineLevel::Note
    }
}

fn values(resource: &ResourceEntry, field: &FieldEntry) -> LineText {
    let (live, desired) = (field.live.as_ref(), field.desired.as_ref());
    let room = room(&field.path);
    LineText::Values {
        label: if field.is_repaired() { "was" } else { "live" },
        live: one_line(live, desired, room),
        desired: one_line(desired, live, room),
        notes: notes(resource, field),
    }
}

/// Who wrote a value last, which commit it is of, and what was done.
pub(super) fn notes(resource: &ResourceEntry, field: &FieldEntry) -> String {
    let writer = field.last_writer.as_ref().map(|writer| {
        let time = writer.time.as_deref().map(|time| format!(" {time}"));
        format!("{}{}", writer.manager, time.unwrap_or_default())
    });
    let notes = [writer, history::note(field), action(resource)];
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    escape(&notes.join("; "))
}

/// What a repair has done, where one was asked for.
pub(super) fn action(resource: &ResourceEntry) -> Option<String> {
    let name = resource.action.name();
    match (resource.action, &resource.reason) {
        (Action::Detected(_) | Action::WouldCreate(_), _) => None,
        (_, Some(reason)) => Some(format!("{name}: {reason}")),
        (_, None) => Some(name.to_owned()),
    }
}
