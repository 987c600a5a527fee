//! Reads YAML and JSON files into documents of values with positions, exactly as kubectl reads them.
//!
//! kubectl's YAML is neither YAML 1.1 nor 1.2 as specified, but what Go's `yaml.v2` reads and then converts to JSON:
//! `0644` is the number 420, `yes` is true, `1234e567` is a string, and a file is split at lines that begin with
//! `---` before it is parsed. A tool that compares manifests with a cluster must read the same values as kubectl.
//! It knows nothing about Kubernetes. What kubectl makes of a text is on record in `tests/cases/yaml`.
//!
//! ```
//! let stream = gitops_drift::yaml::read(b"kind: Deployment\nspec: {replicas: 3}\n".to_vec());
//! let root = stream.tree.node(stream.documents[0].root);
//! let replicas = root.get("spec").and_then(|spec| spec.get("replicas")).unwrap();
//! assert_eq!(replicas.to_json(), 3);
//! assert_eq!(replicas.position().line, 2);
//! ```
//!
//! # How a file is read
//!
//! `bytes` decodes the text, `split` finds the documents, `scan` splits one into tokens, `events` applies the grammar,
//! `compose` adds nodes to the `arena`. `resolve` interprets scalars, `maps` keys. `json` creates nodes directly.
//!
//! # Where this differs from kubectl
//!
//! All of these are deliberate. None of them changes a value without reporting a problem.
//!
//! | | kubectl | here |
//! |---|---|---|
//! | a document that cannot be read | ends the file | the other documents are read |
//! | `--- text` | also drops the document above it | drops the text below it, up to the next `---` |
//! | keys that become equal, such as `1` and `"1"` | one of them, at random | the last, with a warning |
//! | the same key twice, or text after the end of a document | ignored silently | a warning |
//! | a value that a later duplicate of its key replaces | may have a null key or be `.inf` | must be readable as well |
//! | integers above `i64::MAX` | floats | [`Value::Uint`], up to `u64::MAX` |
//! | nesting | 10,000 levels | [`MAX_DEPTH`], aliases followed |
//! | aliases | limited to a share of each document | also limited to 4,000,000 values of the file |
//! | control characters after the end of a document (`...`) | an error if they are near | an error |
//! | U+FEFF in the middle, or repeated | depends on the read buffer | an ordinary character |
//! | a file of 3 GiB | read | refused |

mod anchors;
mod arena;
mod base64;
mod bytes;
mod collections;
mod compose;
mod cursor;
mod events;
mod fetch;
mod json;
mod layout;
mod lines;
mod maps;
mod problems;
mod resolve;
mod scalar;
mod scan;
mod split;
mod tag;
#[cfg(test)]
mod tests;
mod timestamp;
mod tree;

use arena::{Arena, NodeKind};
pub use base64::decode as decode_base64;
pub(crate) use json::plain_length;
pub use layout::{Layout, Style, Written, WrittenEntry};
use lines::Lines;
pub use problems::{Diagnostic, Severity};
use problems::{Diagnostics, Fault, excerpt};
use split::{Chunk, Chunks};
use tree::NO_ALIAS;
pub use tree::{Entry, Node, NodeId, Tree, Value};

/// How deep lists and maps may be nested, including nesting through aliases.
pub const MAX_DEPTH: usize = 1000;

/// The documents and problems of one file, as kubectl would read it.
#[derive(Debug, Default)]
pub struct Stream {
    /// The values of all documents.
    pub tree: Tree,
    /// The documents that could be read and are neither empty nor null.
    pub documents: Vec<Document>,
    /// The errors and warnings, in the order of the file.
    pub problems: Vec<Diagnostic>,
}

/// One document of a file.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// The root node of its value.
    pub root: NodeId,
    /// The document's index in the file, from 0; empty and broken documents count too.
    pub index: usize,
}

/// A line and column of a file, printed as `line:column`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Converts a byte offset or a count; [`read`] refuses texts that are too large for this.
fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Reads one file. This never fails as a whole: errors are listed in [`Stream::problems`].
#[must_use]
pub fn read(bytes: Vec<u8>) -> Stream {
    if bytes.len() >= u32::MAX as usize / 4 * 3 {
        return too_large();
    }
    let decoded = bytes::decode(bytes);
    let (mut text, start) = (decoded.text, decoded.start);
    let len = text.len();
    // kubectl adds a line feed to the last line. A CR there already is a line break.
    if !text.ends_with(['\n', '\r']) {
        text.reserve_exact(1);
        text.push('\n');
    }
    if text.len() >= u32::MAX as usize {
        return too_large();
    }
    let lines = Lines::new(&text, start);
    let (replaced, invalid) = if decoded.tolerant {
        (decoded.replaced, Vec::new())
    } else {
        (Vec::new(), decoded.replaced)
    };
    let mut reader = Reader {
        text: &text,
        arena: Arena::default(),
        notes: Diagnostics::new(&text, &lines),
        documents: Vec::new(),
        invalid,
    };
    if let Some(&at) = replaced.first() {
        reader.notes.warn(at, |_| {
            "invalid UTF-8: this byte is read as U+FFFD".to_owned()
        });
    }
    if split::looks_like_json(&text[start..]) {
        reader.json(start, len);
    } else {
        reader.yaml(start);
    }
    let Reader {
        mut arena,
        notes,
        documents,
        ..
    } = reader;
    let problems = notes.finish();
    arena.shrink();
    Stream {
        tree: Tree { text, arena, lines },
        documents,
        problems,
    }
}

/// Reads a text that is one JSON value, such as a part of an answer of the API server. Returns `None` if it is not.
#[must_use]
pub(crate) fn read_json(text: String) -> Option<(Tree, NodeId)> {
    // Nobody asks for lines in it.
    let (lines, mut arena) = (Lines::default(), Arena::for_json(text.len()));
    let mut notes = Diagnostics::new(&text, &lines);
    let value = json::compose(&text, 0, &mut arena, &mut notes).ok()??;
    let is_valid = value.too_large.is_none() && text[value.end..].trim_ascii().is_empty();
    let root = NodeId {
        index: value.root,
        via: NO_ALIAS,
    };
    is_valid.then_some((Tree { text, arena, lines }, root))
}

fn too_large() -> Stream {
    Stream {
        problems: vec![Diagnostic {
            severity: Severity::Error,
            position: Position { line: 1, column: 1 },
            message: "the file is too large to be a manifest".to_owned(),
            document: 0,
        }],
        ..Stream::default()
    }
}

/// The state of reading one file.
struct Reader<'t> {
    text: &'t str,
    arena: Arena,
    notes: Diagnostics<'t>,
    documents: Vec<Document>,
    /// The offsets of bytes that make a YAML document unreadable.
    invalid: Vec<usize>,
}

impl Reader<'_> {
    fn add(&mut self, root: u32) {
        self.documents.push(Document {
            root: NodeId {
                index: root,
                via: NO_ALIAS,
            },
            index: self.notes.document,
        });
    }

    /// Reads YAML documents, starting at an offset.
    fn yaml(&mut self, start: usize) {
        for chunk in Chunks::new(self.text, start) {
            let result = match chunk {
                Chunk::Document { start, end } => self.yaml_document(start, end),
                Chunk::BadSeparator { at } => Err(Fault::new(
                    at + 3,
                    "expected the end of the line or a comment after `---`, found other text",
                )),
            };
            match result {
                Ok(Some(root)) => self.add(root),
                Ok(None) => {}
                Err(fault) => self.notes.fail(fault),
            }
            self.notes.document += 1;
        }
    }

    fn yaml_document(&mut self, start: usize, end: usize) -> Result<Option<u32>, Fault> {
        let text = &self.text[..end];
        if let Some(at) = bytes::forbidden(&text[start..]) {
            let found = text[start + at..].chars().next().map_or(0, u32::from);
            return Err(Fault::new(
                start + at,
                format!("found the control character U+{found:04X}, which YAML does not allow"),
            ));
        }
        let from = self.invalid.partition_point(|&at| at < start);
        if let Some(&at) = self.invalid.get(from).filter(|at| **at < end) {
            return Err(Fault::new(
                at,
                "expected UTF-8 after the byte-order mark, found an invalid byte",
            ));
        }
        // A document may begin with its own byte-order mark.
        let mark = if text[start..].starts_with('\u{FEFF}') {
            3
        } else {
            0
        };
        compose::compose(text, start + mark, &mut self.arena, &mut self.notes)
    }

    /// Reads JSON values, starting at an offset, and switches to YAML where kubectl does.
    fn json(&mut self, start: usize, len: usize) {
        let mut pos = start;
        let fault = loop {
            match json::compose(&self.text[..len], pos, &mut self.arena, &mut self.notes) {
                Ok(None) => return,
                Ok(Some(value)) => {
                    if let Some(at) = value.too_large {
                        self.arena.nodes.truncate(value.root as usize);
                        let message = "expected a number that fits in 64 bits, found a larger one";
                        self.notes.fail(Fault::new(at, message));
                    } else if self.arena.data(value.root).kind == NodeKind::Null {
                        self.arena.nodes.truncate(value.root as usize);
                    } else {
                        self.add(value.root);
                    }
                    pos = value.end;
                    self.notes.document += 1;
                }
                Err(fault) => break fault,
            }
        };
        // A file with two JSON values is certainly JSON.
        let yaml = if self.notes.document > 1 {
            None
        } else {
            split::yaml_after_json(&self.text[..len], pos)
        };
        let Some(yaml) = yaml else {
            self.notes.fail(fault);
            return;
        };
        let document = self.notes.document;
        self.yaml(yaml);
        // Where neither can be read, report the error of the format that the file was probably meant to have.
        if is_meant_as_json(&self.text[pos..]) {
            self.notes.replace_error(document, fault);
        }
    }
}

/// Whether the text begins like a JSON object.
fn is_meant_as_json(text: &str) -> bool {
    let mut significant = text.chars().filter(|c| !c.is_whitespace());
    significant.next() == Some('{') && matches!(significant.next(), Some('"' | '}') | None)
}
