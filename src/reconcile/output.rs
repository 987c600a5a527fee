//! Where reports go: to standard output, and to files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::printed::PrintedReport;
use crate::report::{Format, Report};

/// How many bytes are written at a time.
const PIECE: usize = 64 * 1024;

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

/// Writes a report in all its formats. Files come first, so that they are written even if standard output is closed
/// early. In a loop, text on standard output has only what is new since the last report.
pub(super) fn write<'o>(
    report: &Report,
    outputs: impl Iterator<Item = &'o Output> + Clone,
    mut printed: Option<&mut PrintedReport>,
    out: &mut impl Write,
) -> Result<(), WriteError> {
    for output in outputs.clone() {
        if let Some(file) = &output.file {
            replace(file, |out| output.write(report, out))
                .with_context(|| format!("cannot write the report to {}", file.display()))
                .map_err(WriteError::Other)?;
        }
    }
    for output in outputs.filter(|output| output.file.is_none()) {
        let written = match (output.format, printed.as_deref_mut()) {
            (format @ (Format::Text(_) | Format::Brief), Some(printed)) => printed
                .text(report, format)
                .and_then(|text| out.write_all(&text)),
            _ => output.write(report, out),
        };
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
    /// Writes in large pieces. A report can have many megabytes, so it is not put together in memory first.
    fn write(&self, report: &Report, out: &mut impl Write) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(PIECE, out);
        crate::report::write(report, self.format, &mut out)?;
        out.flush()
    }
}

/// Writes a file. A regular file is replaced atomically, so that nobody reads half a report.
fn replace(file: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let is_special = fs::symlink_metadata(file).is_ok_and(|metadata| !metadata.is_file());
    let Some(name) = file.file_name().filter(|_| !is_special) else {
        return write(&mut File::create(file)?);
    };
    let mut beside = name.to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = file.with_file_name(beside);
    let written = File::create(&beside).and_then(|mut out| write(&mut out));
    let replaced = written.and_then(|()| fs::rename(&beside, file));
    if replaced.is_err() {
        let _ = fs::remove_file(&beside);
    }
    replaced
}
