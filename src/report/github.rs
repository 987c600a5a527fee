//! The report as workflow commands, which GitHub Actions shows beside the lines of a pull request.
//!
//! The format: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>.

use std::io::{self, Write};

use super::Report;
use super::line::{Line, LineLevel, lines};
use super::text::total;
use super::value::escape;

/// Writes a report.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    lines(report).try_for_each(|line| write_command(report, &line, out))?;
    writeln!(out, "{}", total(report))
}

fn write_command(report: &Report, line: &Line<'_>, out: &mut impl Write) -> io::Result<()> {
    let command = match line.level {
        LineLevel::Error => "error",
        LineLevel::Warning => "warning",
        LineLevel::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(location) = line.location.filter(|location| location.is_file()) {
        let file = report.repository.path_of(&location.file);
        properties.push(format!("file={}", property(&escape(&file))));
        properties.push(format!("line={},col={}", location.line, location.column));
    }
    let title = match line.resource.as_str() {
        "" => line.class.to_owned(),
        resource => format!("{}: {resource}", line.class),
    };
    properties.push(format!("title={}", property(&title)));
    let path = line.path.as_ref().map(|path| format!("{path}: "));
    let message = path.unwrap_or_default() + &line.message();
    writeln!(
        out,
        "::{command} {}::{}",
        properties.join(","),
        data(&message)
    )
}

/// Escapes the characters that would end a message.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the characters that would end a property or the list of properties.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
