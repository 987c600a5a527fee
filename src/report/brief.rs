//! The report as lines for grep and editors: `FILE:LINE: CLASS RESOURCE PATH: live …, desired …`.

use std::io::{self, Write};

use super::Report;
use super::changes::Changes;
use super::line::{Line, lines, name, of_failure, of_resource, of_unmanaged, suppressed};
use super::text::total;
use super::value::escape;

/// Writes a report: a line for each difference, error and warning, for each suppressed difference if these are listed,
/// and the total.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut lines = lines(report).chain(suppressed(report));
    lines.try_for_each(|line| write_line(&line, out))?;
    writeln!(out, "{}", total(report))
}

/// Writes what has changed since an earlier report: the lines of what has changed, what is back in sync, and the total.
pub(crate) fn write_changes(
    changes: &Changes<'_>,
    report: &Report,
    out: &mut impl Write,
) -> io::Result<()> {
    let fields = changes.resources.iter().copied().flat_map(of_resource);
    let unmanaged = changes.unmanaged.iter().copied().map(of_unmanaged);
    let errors = changes.errors.iter().copied().map(of_failure);
    let mut lines = fields.chain(unmanaged).chain(errors);
    lines.try_for_each(|line| write_line(&line, out))?;
    for id in changes.back_in_sync {
        writeln!(out, "back in sync: {}", name(id))?;
    }
    for id in &changes.no_longer_unmanaged {
        writeln!(out, "no longer unmanaged: {}", name(id))?;
    }
    writeln!(out, "{}", total(report))
}

fn write_line(line: &Line<'_>, out: &mut impl Write) -> io::Result<()> {
    if let Some(location) = line.location {
        write!(out, "{}:{}: ", escape(&location.file), location.line)?;
    }
    write!(out, "{}", line.class)?;
    for word in [Some(&line.resource), line.path.as_ref()] {
        if let Some(word) = word.filter(|word| !word.is_empty()) {
            write!(out, " {word}")?;
        }
    }
    writeln!(out, ": {}", line.message())
}
