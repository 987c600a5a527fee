//! What is wrong or doubtful in a file.

use super::lines::Lines;
use super::{Position, offset};

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The document was read, but perhaps not as meant.
    Warning,
    /// The document could not be read.
    Error,
}

/// Something in a file that is wrong or doubtful.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub position: Position,
    /// What was expected and what stands there: one line, lower case.
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

/// A text of the file as it can stand in a message: short, and without line breaks.
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

/// How many warnings of one file are kept.
const MAX_WARNINGS: usize = 100;

/// Collects problems.
pub(super) struct Diagnostics<'a> {
    text: &'a str,
    lines: &'a Lines,
    problems: Vec<Diagnostic>,
    /// How many warnings there were, those not kept included.
    warnings: usize,
    /// Which document is being read.
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

    /// How many problems and warnings there are, for [`Diagnostics::forget`].
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.problems.len(), self.warnings)
    }

    /// Forgets what came after a mark.
    pub(super) fn forget(&mut self, (problems, warnings): (usize, usize)) {
        self.problems.truncate(problems);
        self.warnings = warnings;
    }

    /// Gives the error of a document, if it has one, another cause.
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
