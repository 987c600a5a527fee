//! Byte offsets -> lines and columns, on demand.

use super::Position;

/// How many bytes lie between two counted lines.
const STEP: usize = 4096;

/// Line numbers at regular offsets, so that a position costs one short count.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// How many line feeds stand before each multiple of `STEP`.
    before: Vec<u32>,
    /// Where the text begins, after a byte-order mark.
    start: usize,
}

impl Lines {
    pub fn new(text: &str, start: usize) -> Self {
        let mut count = 0;
        let mut before = Vec::with_capacity(text.len() / STEP + 1);
        for chunk in text.as_bytes().chunks(STEP) {
            before.push(count);
            count += newlines(chunk);
        }
        Self { before, start }
    }

    pub fn position(&self, text: &str, offset: u32) -> Position {
        let offset = (offset as usize).clamp(self.start, text.len());
        let step = (offset / STEP).min(self.before.len().saturating_sub(1));
        let bytes = text.as_bytes();
        let known = self.before.get(step).copied().unwrap_or(0);
        let line = known + newlines(&bytes[step * STEP..offset]);
        let line_start = bytes[self.start..offset]
            .iter()
            .rposition(|&c| c == b'\n')
            .map_or(self.start, |newline| self.start + newline + 1);
        let column = text[line_start..offset].chars().count();
        Position {
            line: line + 1,
            column: super::offset(column) + 1,
        }
    }

    pub fn heap_size(&self) -> usize {
        self.before.capacity() * size_of::<u32>()
    }
}

/// How many line feeds there are.
fn newlines(bytes: &[u8]) -> u32 {
    let mut total = 0;
    for chunk in bytes.chunks(255) {
        // A sum of bytes is one the compiler can do many at a time.
        total += u32::from(chunk.iter().map(|&c| u8::from(c == b'\n')).sum::<u8>());
    }
    total
}
