//! Errors and warnings about manifests, and their places.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::schema::{Kind, ResourceId};

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location {
    /// The file, relative to the working directory if it is below that; `<stdin>` for standard input.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The identity of an object as its document states it. Unknown parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectReference {
    /// The `apiVersion`, such as `apps/v1`.
    pub api_version: String,
    /// The `kind`, such as `Deployment`.
    pub kind: String,
    /// The namespace that it is compared in; empty for a Namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectReference {
    /// The id of the resource, if its kind is compared and its identity is complete.
    pub(super) fn id(&self) -> Option<ResourceId> {
        let kind = Kind::find(&self.api_version, &self.kind)?;
        let is_whole = !self.name.is_empty() && self.namespace.is_empty() != kind.is_namespaced();
        is_whole.then(|| ResourceId {
            kind,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        })
    }
}

impl From<&ResourceId> for ObjectReference {
    fn from(id: &ResourceId) -> Self {
        Self {
            api_version: id.kind.api_version().to_owned(),
            kind: id.kind.name().to_owned(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
        }
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.as_str(), self.name.as_str()) {
            (kind, "") => f.write_str(&one_line(kind)),
            ("", name) => f.write_str(&one_line(name)),
            (kind, name) => write!(f, "{}/{}", one_line(kind), one_line(name)),
        }
    }
}

/// An error or a warning about a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The place; a file or folder that cannot be read has none, and the message names it.
    pub place: Option<Location>,
    /// The resource, as far as it is known.
    pub resource: Option<ObjectReference>,
    /// The message, on one line. It begins with the path of the field, if it is about one.
    pub message: String,
}

impl Problem {
    /// A problem with a file or folder as a whole.
    pub(super) fn of_file(file: &str, cause: &str) -> Self {
        Self {
            place: None,
            resource: None,
            message: format!("{file}: {cause}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        match self.resource.as_ref().map(ToString::to_string) {
            Some(resource) if !resource.is_empty() => write!(f, "{resource}: {}", self.message),
            _ => f.write_str(&self.message),
        }
    }
}

/// The text without control characters, which could break the line or control the terminal.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The text in quotes, on one line, and truncated if it is long.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("\"{}…\"", one_line(&text[..end]).replace('"', "\\\"")),
        None => format!("\"{}\"", one_line(text).replace('"', "\\\"")),
    }
}

/// The reason why a file could not be read, without the system's error number.
pub(super) fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
