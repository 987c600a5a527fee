//! YAML and JSON files -> documents -> values that know their place, read exactly as kubectl reads them.
//!
//! kubectl's YAML is neither YAML 1.1 nor 1.2 as written down, but what Go's `yaml.v2` makes of it, on its way through
//! JSON: `0644` is the number 420, `yes` is true, `1234e567` is a string, a file is cut at lines that begin with
//! `---` before it is parsed. A tool that compares manifests with a cluster must see what kubectl saw.
//!
//! ```
//! let stream = gitops_drift::yaml::read(b"kind: Deployment\nspec: {replicas: 3}\n".to_vec());
//! let root = stream.tree.node(stream.documents[0].root);
//! let replicas = root.get("spec").and_then(|spec| spec.get("replicas")).unwrap();
//! assert_eq!(replicas.to_json(), 3);
//! assert_eq!(replicas.position().line, 2);
//! ```
//!
//! # The way of a file
//!
//! `bytes` makes it text, `split` finds the documents, `scan` makes tokens of one, `events` applies the grammar,
//! `compose` puts nodes into the `arena`, with scalars by `resolve` and keys by `maps`. `json` goes straight to nodes.
//!
//! # Where this differs from kubectl
//!
//! All on purpose; nothing here can make a value another one without a problem being reported.
//!
//! | | kubectl | here |
//! |---|---|---|
//! | a document that cannot be read | the file ends there | the others are read |
//! | `--- text` | costs the document above it, too | costs the text below it, up to the next `---` |
//! | keys that become one, such as `1` and `"1"` | one of them, at random | the last, with a warning |
//! | the same key twice, or text after a document's end | silence | a warning |
//! | what a later duplicate of its key replaces | may have a null key or be `.inf` | must be readable as well |
//! | whole numbers above `i64::MAX` | floats | [`Value::Uint`], up to `u64::MAX` |
//! | nesting | 10,000 levels | [`MAX_DEPTH`], aliases followed |
//! | aliases | a share of each document | that, and 4,000,000 values of the file |
//! | control characters after a document's end (`...`) | an error if they are near | an error |
//! | U+FEFF in the middle, or repeated | depends on how the text falls into a buffer | a character like others |
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
use lines::Lines;
pub use problems::{Diagnostic, Severity};
use problems::{Diagnostics, Fault, excerpt};
use split::{Chunk, Chunks};
use tree::NO_ALIAS;
pub use tree::{Entry, Node, NodeId, Tree, Value};

/// How deep lists and maps may be nested, aliases followed.
pub const MAX_DEPTH: usize = 1000;

/// A file as kubectl would read it.
#[derive(Debug, Default)]
pub struct Stream {
    /// The values of all documents.
    pub tree: Tree,
    /// The documents that are neither empty nor null, and that could be read.
    pub documents: Vec<Document>,
    /// What is wrong or doubtful, in the order of the file.
    pub problems: Vec<Diagnostic>,
}

/// One document of a file.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// Its value.
    pub root: NodeId,
    /// Where its value begins, as a byte offset into [`Tree::text`].
    pub offset: u32,
    /// Which of the file's documents it is, counted from 0; empty and broken ones count too.
    pub index: usize,
}

/// A place in a file.
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

/// A byte offset or a count, which [`read`] has made sure fits.
fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Reads one file. Never fails as a whole: what is wrong is among the problems.
#[must_use]
pub fn read(bytes: Vec<u8>) -> Stream {
    if bytes.len() >= u32::MAX as usize / 4 * 3 {
        return too_large();
    }
    let decoded = bytes::decode(bytes);
    let (mut text, start) = (decoded.text, decoded.start);
    let len = text.len();
    // kubectl ends the last line. A CR there is a line break already.
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
            "a byte here is not valid UTF-8, and is read as U+FFFD".to_owned()
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

/// What there is while a file is being read.
struct Reader<'t> {
    text: &'t str,
    arena: Arena,
    notes: Diagnostics<'t>,
    documents: Vec<Document>,
    /// Where bytes stood that make a YAML document unreadable.
    invalid: Vec<usize>,
}

impl Reader<'_> {
    fn add(&mut self, root: u32) {
        let data = self.arena.data(root);
        self.documents.push(Document {
            root: NodeId {
                index: root,
                via: NO_ALIAS,
            },
            offset: data.offset,
            index: self.notes.document,
        });
    }

    /// Reads YAML documents from an offset on.
    fn yaml(&mut self, start: usize) {
        for chunk in Chunks::new(self.text, start) {
            let result = match chunk {
                Chunk::Document { start, end } => self.yaml_document(start, end),
                Chunk::BadSeparator { at } => Err(Fault::new(
                    at + 3,
                    "expected nothing but a comment after `---` on this line",
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
                "expected UTF-8, as the byte-order mark promises, found an invalid byte",
            ));
        }
        // A document may begin with a byte-order mark of its own.
        let mark = if text[start..].starts_with('\u{FEFF}') {
            3
        } else {
            0
        };
        compose::compose(text, start + mark, &mut self.arena, &mut self.notes)
    }

    /// Reads JSON values from an offset on, and goes over to YAML where kubectl does.
    fn json(&mut self, start: usize, len: usize) {
        let mut pos = start;
        let fault = loop {
            match json::compose(&self.text[..len], pos, &mut self.arena, &mut self.notes) {
                Ok(None) => return,
                Ok(Some(value)) => {
                    if let Some(at) = value.too_large {
                        self.arena.nodes.truncate(value.root as usize);
                        let message = "expected a number that fits 64 bits, found a larger one";
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
        // After two values of JSON it is certain that the file is JSON.
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
        // Where neither can be read, the error of what the file was meant to be is the better one.
        if is_meant_as_json(&self.text[pos..]) {
            self.notes.replace_error(document, fault);
        }
    }
}

/// Whether a text begins like a JSON object.
fn is_meant_as_json(text: &str) -> bool {
    let mut significant = text.chars().filter(|c| !c.is_whitespace());
    significant.next() == Some('{') && matches!(significant.next(), Some('"' | '}') | None)
}
