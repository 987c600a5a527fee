//! Unmanaged objects in a text report: one line each, since there may be many.

use std::io::{self, Write};

use super::heading;
use super::style::{TextRole, TextStyle};
use super::writer::ago;
use crate::report::UnmanagedEntry;
use crate::report::value::escape;

/// The most lines, unless values are shown whole.
const MOST_LINES: usize = 100;

/// Writes the objects, if there are any.
pub(super) fn write<'a>(
    entries: impl ExactSizeIterator<Item = &'a UnmanagedEntry>,
    now: &str,
    style: TextStyle,
    out: &mut impl Write,
) -> io::Result<()> {
    let count = entries.len();
    if count == 0 {
        return Ok(());
    }
    let head = format!("{count} resource(s) that no manifest declares");
    writeln!(out, "{}", style.paint(TextRole::Head, head))?;
    let action = style.paint(TextRole::Notice, UnmanagedEntry::ACTION);
    writeln!(out, "  Action : {action}")?;
    let most = if style.is_whole { count } else { MOST_LINES };
    for entry in entries.take(most) {
        let line = format!("    {}: {}", heading(&entry.id), origin(entry, now));
        writeln!(out, "    {}", style.wrap(6, line.trim_start()))?;
    }
    if count > most {
        writeln!(out, "    and {} more (all: --output brief)", count - most)?;
    }
    writeln!(out)
}

/// When it was created and by whom, if that is known.
fn origin(entry: &UnmanagedEntry, now: &str) -> String {
    let time = entry.created.as_ref().map_or(String::new(), |time| {
        let ago = ago(time, now).map_or(String::new(), |ago| format!(" ({ago})"));
        format!(" {time}{ago}")
    });
    let creator = match &entry.creator {
        Some(creator) => format!(" by {creator}"),
        None => ", creator not recorded".to_owned(),
    };
    let tool = entry.managed_by.as_ref();
    let tool = tool.map_or(String::new(), |tool| {
        format!(", labelled as managed by {tool}")
    });
    escape(&format!("created{time}{creator}{tool}"))
}
