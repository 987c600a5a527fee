//! Converts byte offsets to lines and columns, on demand.

use super::Position;

/// The distance in bytes between two offsets whose positions are stored.
const STEP: usize = 4096;

/// The positions of regular offsets, so that any other position needs one short count.
#[derive(Debug, Default)]
pub(super) struct Lines {
    known: Vec<Known>,
    /// The offset of the text, after a byte-order mark.
    start: usize,
}

/// The counts before a multiple of `STEP`.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The number of line feeds.
    lines: u32,
    /// The number of characters before it on its line.
    columns: u32,
}

impl Known {
    /// The counts after these bytes, which follow the text counted so far.
    fn after(self, bytes: &[u8]) -> Self {
        match newlines(bytes) {
            0 => Self {
                columns: self.columns + characters(bytes),
                ..self
            },
            lines => {
                let last = bytes
                    .iter()
                    .rposition(|&c| c == b'\n')
                    .map_or(0, |at| at + 1);
                Self {
                    lines: self.lines + lines,
                    columns: characters(&bytes[last..]),
                }
            }
        }
    }
}

impl Lines {
    pub(super) fn new(text: &str, start: usize) -> Self {
        let mut known = Vec::with_capacity(text.len() / STEP + 1);
        let mut before = Known::default();
        for chunk in text.as_bytes()[start..].chunks(STEP) {
            known.push(before);
            before = before.after(chunk);
        }
        Self { known, start }
    }

    pub(super) fn position(&self, text: &str, offset: u32) -> Position {
        let bytes = &text.as_bytes()[self.start..];
        let offset = (offset as usize)
            .saturating_sub(self.start)
            .min(bytes.len());
        let step = (offset / STEP).min(self.known.len().saturating_sub(1));
        let known = self.known.get(step).copied().unwrap_or_default();
        let Known { lines, columns } = known.after(&bytes[step * STEP..offset]);
        Position {
            line: lines + 1,
            column: columns + 1,
        }
    }

    /// The offset of the text, after a byte-order mark.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn heap_size(&self) -> usize {
        self.known.capacity() * size_of::<Known>()
    }
}

/// The number of line feeds.
fn newlines(bytes: &[u8]) -> u32 {
    count(bytes, |c| c == b'\n')
}

/// The number of characters that begin in these bytes.
fn characters(bytes: &[u8]) -> u32 {
    count(bytes, |c| c & 0xC0 != 0x80)
}

/// Counts matching bytes; it adds up bytes in blocks, which the compiler can vectorise.
fn count(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> u32 {
    let sum = |chunk: &[u8]| chunk.iter().map(|&c| u8::from(wanted(c))).sum::<u8>();
    bytes.chunks(255).map(|chunk| u32::from(sum(chunk))).sum()
}

#[cfg(test)]
mod tests {
    use super::{Lines, STEP};

    #[test]
    fn positions_are_counted_from_any_distance() {
        for line in ["ab\n", "ä\r\n", "x", ""] {
            let text = format!("\u{FEFF}{}end", line.repeat(STEP));
            let lines = Lines::new(&text, 3);
            for (offset, _) in text.char_indices().skip(1).step_by(97) {
                let before = &text[3..offset];
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                let position = lines.position(&text, u32::try_from(offset).expect("short"));
                assert_eq!(position.line as usize, before.matches('\n').count() + 1);
                assert_eq!(
                    position.column as usize,
                    before[start..].chars().count() + 1
                );
            }
        }
    }
}
