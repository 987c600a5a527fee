//! Where reports go: to standard output, and to files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::printed::PrintedReport;
use crate::report::{Format, Report};

/// A format of the report, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// The file; `None` for standard output.
    pub file: Option<PathBuf>,
}

/// Why a report was not written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Standard output was closed by its reader.
    Closed,
    /// An error that names the file.
    Other(anyhow::Error),
}

/// Writes a report in all its formats, each in one piece, so that nobody reads half a report. Files come first, so that
/// they are written even if standard output is closed early. In a loop, text on standard output has only what is new
/// since the last report.
pub(super) fn write<'o>(
    report: &Report,
    outputs: impl Iterator<Item = &'o Output> + Clone,
    mut printed: Option<&mut PrintedReport>,
    out: &mut impl Write,
) -> Result<(), WriteError> {
    for output in outputs.clone() {
        if let Some(file) = &output.file {
            replace(file, &output.text(report))
                .with_context(|| format!("cannot write the report to {}", file.display()))
                .map_err(WriteError::Other)?;
        }
    }
    for output in outputs.filter(|output| output.file.is_none()) {
        let text = match (output.format, printed.as_deref_mut()) {
            (format @ (Format::Text(_) | Format::Brief), Some(printed)) => {
                printed.text(report, format)
            }
            _ => Ok(output.text(report)),
        };
        let written = text.and_then(|text| out.write_all(&text));
        written.and_then(|()| out.flush()).map_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                WriteError::Closed
            } else {
                WriteError::Other(anyhow::Error::new(error).context("cannot write the report"))
            }
        })?;
    }
    Ok(())
}

impl Output {
    fn text(&self, report: &Report) -> Vec<u8> {
        let mut text = Vec::new();
        crate::report::write(report, self.format, &mut text).expect("memory takes it");
        text
    }
}

/// Writes a text to a file. A regular file is replaced atomically.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let is_special = fs::symlink_metadata(file).is_ok_and(|metadata| !metadata.is_file());
    let Some(name) = file.file_name().filter(|_| !is_special) else {
        return fs::write(file, text);
    };
    let mut beside = name.to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = file.with_file_name(beside);
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
