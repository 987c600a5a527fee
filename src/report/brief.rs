//! The report as lines for grep and editors: `FILE:LINE: CLASS RESOURCE PATH: live …, desired …`.

use std::io::{self, Write};

use super::Report;
use super::line::{Line, lines, suppressed};
use super::text::total;
use super::value::escape;

/// Writes a report: a line for each difference, error and warning, for each suppressed difference if these are listed,
/// and the total.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut lines = lines(report).chain(suppressed(report));
    lines.try_for_each(|line| write_line(&line, out))?;
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
