//! The errors and warnings of a file.

use super::lines::Lines;
use super::{Position, offset};

/// The severity of a problem.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The document was read, but perhaps not as intended.
    Warning,
    /// The document could not be read.
    Error,
}

/// An error or a warning about one place in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// The line and column.
    pub position: Position,
    /// What was expected and what was found: one line that begins in lower case.
    pub message: String,
    /// Which of the file's documents it is in, counted from 0 as in [`Document::index`](super::Document::index).
    pub document: usize,
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// A text of the file for a message: shortened, and without line breaks.
pub(super) fn excerpt(text: &str) -> String {
    const LIMIT: usize = 60;
    let mut shown: String = text
        .chars()
        .take(LIMIT)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(LIMIT).is_some() {
        shown.push('…');
    }
    shown.replace("\\\"", "\"").replace("\\'", "'")
}

/// The most warnings that are kept for one file.
const MAX_WARNINGS: usize = 100;

/// Collects problems.
pub(super) struct Diagnostics<'a> {
    text: &'a str,
    lines: &'a Lines,
    problems: Vec<Diagnostic>,
    /// The number of warnings, including those that were not kept.
    warnings: usize,
    /// The index of the document that is being read.
    pub(super) document: usize,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(text: &'a str, lines: &'a Lines) -> Self {
        Self {
            text,
            lines,
            problems: Vec::new(),
            warnings: 0,
            document: 0,
        }
    }

    pub(super) fn add(&mut self, severity: Severity, at: usize, message: String) {
        self.problems.push(Diagnostic {
            severity,
            position: self.lines.position(self.text, offset(at)),
            message,
            document: self.document,
        });
    }

    pub(super) fn warn(&mut self, at: usize, message: impl FnOnce(&Self) -> String) {
        self.warnings += 1;
        if self.warnings <= MAX_WARNINGS {
            let message = message(self);
            self.add(Severity::Warning, at, message);
        }
    }

    pub(super) fn fail(&mut self, fault: Fault) {
        self.add(Severity::Error, fault.at, fault.message);
    }

    pub(super) fn line(&self, at: u32) -> u32 {
        self.lines.position(self.text, at).line
    }

    /// The numbers of problems and warnings so far, for [`Diagnostics::forget`].
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.problems.len(), self.warnings)
    }

    /// Removes the problems that were added after a mark.
    pub(super) fn forget(&mut self, (problems, warnings): (usize, usize)) {
        self.problems.truncate(problems);
        self.warnings = warnings;
    }

    /// Replaces the error of a document, if it has one.
    pub(super) fn replace_error(&mut self, document: usize, fault: Fault) {
        let error = self
            .problems
            .iter_mut()
            .find(|problem| problem.document == document && problem.severity == Severity::Error);
        if let Some(problem) = error {
            problem.position = self.lines.position(self.text, offset(fault.at));
            problem.message = fault.message;
        }
    }

    /// All problems, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.problems.sort_by_key(|problem| problem.position);
        let left = self.warnings.saturating_sub(MAX_WARNINGS);
        if left > 0 {
            let message = format!("{left} more warnings about this file are not shown");
            self.add(Severity::Warning, self.text.len(), message);
        }
        self.problems
    }
}
