//! Finds the documents of a file by its lines, before any YAML is parsed, as kubectl does.

use memchr::{memchr, memmem};

/// A part of a file that may hold one document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Chunk {
    /// The text of a document. It includes the `---` line above it only where no text precedes that line.
    Document { start: usize, end: usize },
    /// A line that begins with `---` and has other text: the text up to the next separator cannot be read.
    BadSeparator { at: usize },
}

/// Iterates over the documents of a YAML text, which must end with a line feed.
pub(super) struct Chunks<'t> {
    text: &'t str,
    pos: usize,
    /// A bad separator to report next.
    bad: Option<usize>,
    finder: memmem::Finder<'static>,
}

impl<'t> Chunks<'t> {
    pub(super) fn new(text: &'t str, start: usize) -> Self {
        Self {
            text,
            pos: start,
            bad: None,
            finder: memmem::Finder::new("\n---"),
        }
    }

    /// The offset of the next line that begins with `---`.
    fn separator(&self, from: usize) -> Option<usize> {
        self.finder
            .find(&self.text.as_bytes()[from..])
            .map(|at| from + at + 1)
    }

    fn line_end(&self, from: usize) -> usize {
        memchr(b'\n', &self.text.as_bytes()[from..]).map_or(self.text.len(), |at| from + at + 1)
    }

    /// Whether only blanks or a comment follow the `---`.
    fn is_good(&self, separator: usize) -> bool {
        let rest = self.text[separator + 3..self.line_end(separator)].trim();
        rest.is_empty() || rest.starts_with('#')
    }
}

impl Iterator for Chunks<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        if let Some(at) = self.bad.take() {
            self.pos = self.separator(at).unwrap_or(self.text.len());
            return Some(Chunk::BadSeparator { at });
        }
        let start = self.pos;
        if start >= self.text.len() {
            return None;
        }
        if self.text[start..].starts_with("---") && !self.is_good(start) {
            self.pos = self.separator(start).unwrap_or(self.text.len());
            return Some(Chunk::BadSeparator { at: start });
        }
        match self.separator(start) {
            None => {
                self.pos = self.text.len();
                Some(Chunk::Document {
                    start,
                    end: self.text.len(),
                })
            }
            Some(end) => {
                if self.is_good(end) {
                    self.pos = self.line_end(end);
                } else {
                    self.bad = Some(end);
                }
                Some(Chunk::Document { start, end })
            }
        }
    }
}

/// Whether kubectl reads a text as JSON: its first character that is not a blank is `{`.
pub(super) fn looks_like_json(text: &str) -> bool {
    // kubectl looks only at this many bytes.
    const LIMIT: usize = 4096;
    match text.find(|c: char| !c.is_whitespace()) {
        Some(at) => at < LIMIT && text.as_bytes()[at] == b'{',
        None => false,
    }
}

/// The offset of YAML after JSON that ended at `from`: after blanks and a line feed. `None` where kubectl fails.
pub(super) fn yaml_after_json(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        // kubectl looks at four bytes at a time.
        if at + 4 > text.len() {
            return None;
        }
        match text[at..].chars().next()? {
            '\n' => return Some(at + 1),
            char::REPLACEMENT_CHARACTER => return None,
            c if c.is_whitespace() => at += c.len_utf8(),
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(text: &str) -> Vec<&str> {
        let shown = |chunk| match chunk {
            Chunk::Document { start, end } => &text[start..end],
            Chunk::BadSeparator { .. } => "BAD",
        };
        Chunks::new(text, 0).map(shown).collect()
    }

    #[test]
    fn documents_are_cut_at_lines_of_dashes() {
        for (text, expected) in [
            ("", vec![]),
            ("a\n", vec!["a\n"]),
            ("a\n---\nb\n", vec!["a\n", "b\n"]),
            ("a\n---  # c\nb\n", vec!["a\n", "b\n"]),
            ("a\r\n---\r\nb\r\n", vec!["a\r\n", "b\r\n"]),
            ("---\na\n", vec!["---\na\n"]),
            ("---\n---\na\n", vec!["---\n", "a\n"]),
            ("a\n---\n---\nb\n", vec!["a\n", "---\nb\n"]),
            ("a: |\n---\n b\n", vec!["a: |\n", " b\n"]),
            (" ---\na\n", vec![" ---\na\n"]),
            ("a\n---b\nc\n---\nd\n", vec!["a\n", "BAD", "---\nd\n"]),
            ("--- a\nb\n", vec!["BAD"]),
            ("a\n-----\n", vec!["a\n", "BAD"]),
            ("a\n---\n", vec!["a\n"]),
        ] {
            assert_eq!(chunks(text), expected, "{text:?}");
        }
    }

    #[test]
    fn json_begins_with_a_brace() {
        for (text, json) in [
            ("{", true),
            (" \t\n{}", true),
            ("[", false),
            ("", false),
            ("# {", false),
        ] {
            assert_eq!(looks_like_json(text), json, "{text:?}");
        }
        assert!(looks_like_json(&format!("{}{{", " ".repeat(4095))));
        assert!(!looks_like_json(&format!("{}{{", " ".repeat(4096))));
    }

    #[test]
    fn yaml_goes_on_after_the_line_of_json() {
        for (text, at) in [
            ("{} \n---\na\n", Some(4)),
            ("{}---\na\n", Some(2)),
            ("{}\na\n", None),
            ("{}\n", None),
        ] {
            assert_eq!(yaml_after_json(text, 2), at, "{text:?}");
        }
    }
}
