//! The storage of a tree: nodes in the order of the file, each a few words that point into the text.

use super::offset;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NodeKind {
    Null,
    True,
    False,
    /// An integer or a float; parsed from its text on demand.
    Number,
    String,
    List,
    Map,
    Alias,
    /// `<<` in a key's place.
    Merge,
}

/// One node. The children of a map are key, value, key, value, …, those of a list its items; they follow it directly.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeData {
    /// Its byte offset in the text.
    pub offset: u32,
    /// A scalar: the offset of its text. A collection: the index after its last descendant. An alias: its target.
    pub a: u32,
    /// A scalar: the length of its text. A collection: the number of its entries, or its index in `special`.
    pub b: u32,
    /// A key: some bits of its hash.
    pub hash: u16,
    pub kind: NodeKind,
    pub flags: u8,
}

/// The text is in the scratch text, not in the source.
pub(super) const SCRATCH: u8 = 1;
/// The scalar is not quoted.
pub(super) const PLAIN: u8 = 2;
/// A map with an entry in `Tree::special`.
pub(super) const SPECIAL: u8 = 4;

/// What a map stores besides its children.
#[derive(Clone, Copy, Debug)]
pub(super) struct Special {
    /// The number of its entries.
    pub len: u32,
    /// The index of its entries in `Tree::entries`, where they differ from its children.
    pub entries: Option<u32>,
    /// The index of its entries, sorted by key, in `Tree::sorted`, for large maps.
    pub sorted: Option<u32>,
}

/// A key and its value, by index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub key: u32,
    pub value: u32,
}

/// The nodes of all documents of one file.
#[derive(Debug, Default)]
pub(super) struct Arena {
    /// The values of scalars that differ from their source text.
    pub scratch: String,
    pub nodes: Vec<NodeData>,
    pub special: Vec<Special>,
    pub entries: Vec<Pair>,
    pub sorted: Vec<Pair>,
    /// The number of values that came from aliases so far.
    pub aliased: u64,
}

/// The sizes of an arena's parts at one moment, for [`Arena::truncate`].
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub nodes: usize,
    scratch: usize,
    special: usize,
    entries: usize,
    sorted: usize,
}

impl Arena {
    /// An arena with room for the nodes of a JSON text of this many bytes without blanks.
    pub(super) fn for_json(bytes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(bytes / 10),
            ..Self::default()
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        self.scratch.capacity()
            + self.nodes.capacity() * size_of::<NodeData>()
            + self.special.capacity() * size_of::<Special>()
            + (self.entries.capacity() + self.sorted.capacity()) * size_of::<Pair>()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            nodes: self.nodes.len(),
            scratch: self.scratch.len(),
            special: self.special.len(),
            entries: self.entries.len(),
            sorted: self.sorted.len(),
        }
    }

    /// Removes everything that was added after a mark.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.nodes.truncate(mark.nodes);
        self.scratch.truncate(mark.scratch);
        self.special.truncate(mark.special);
        self.entries.truncate(mark.entries);
        self.sorted.truncate(mark.sorted);
    }

    pub(super) fn shrink(&mut self) {
        self.scratch.shrink_to_fit();
        self.nodes.shrink_to_fit();
        self.special.shrink_to_fit();
        self.entries.shrink_to_fit();
        self.sorted.shrink_to_fit();
    }

    #[inline]
    pub(super) fn data(&self, index: u32) -> NodeData {
        self.nodes[index as usize]
    }

    /// The value of a scalar as text.
    pub(super) fn scalar<'a>(&'a self, text: &'a str, data: NodeData) -> &'a str {
        let range = data.a as usize..(data.a + data.b) as usize;
        if data.flags & SCRATCH == 0 {
            &text[range]
        } else {
            &self.scratch[range]
        }
    }

    /// A key as a string.
    pub(super) fn key<'a>(&'a self, text: &'a str, index: u32) -> &'a str {
        self.scalar(text, self.data(index))
    }

    /// The index after a node and all its descendants.
    #[inline]
    pub(super) fn after(&self, index: u32) -> u32 {
        let data = self.data(index);
        match data.kind {
            NodeKind::List | NodeKind::Map => data.a,
            _ => index + 1,
        }
    }

    /// The number of entries or items of a collection.
    pub(super) fn len(&self, data: NodeData) -> u32 {
        if data.flags & SPECIAL == 0 {
            data.b
        } else {
            self.special[data.b as usize].len
        }
    }

    /// The entries of a large map, sorted by key.
    pub(super) fn sorted(&self, data: NodeData) -> Option<&[Pair]> {
        if data.flags & SPECIAL == 0 {
            return None;
        }
        let Special { len, sorted, .. } = self.special[data.b as usize];
        let from = sorted? as usize;
        Some(&self.sorted[from..from + len as usize])
    }

    /// The entries of a map.
    pub(super) fn pairs(&self, index: u32) -> MapEntries<'_> {
        let data = self.data(index);
        if data.kind != NodeKind::Map {
            return MapEntries::Listed([].iter());
        }
        if data.flags & SPECIAL != 0 {
            let Special { len, entries, .. } = self.special[data.b as usize];
            if let Some(from) = entries {
                return MapEntries::Listed(
                    self.entries[from as usize..(from + len) as usize].iter(),
                );
            }
        }
        self.children(index, self.len(data))
    }

    /// Ends a list or map, which contains all nodes added since. The keys and values of a map count separately.
    pub(super) fn end_collection(&mut self, node: u32, is_map: bool, children: u32) {
        let end = offset(self.nodes.len());
        let data = &mut self.nodes[node as usize];
        data.a = end;
        data.b = if is_map { children / 2 } else { children };
    }

    /// The first `count` keys of a map in the order of the file, with their values.
    pub(super) fn children(&self, map: u32, count: u32) -> MapEntries<'_> {
        MapEntries::Children {
            arena: self,
            next: map + 1,
            left: count,
        }
    }
}

/// Iterates over the entries of a map.
pub(super) enum MapEntries<'a> {
    Listed(std::slice::Iter<'a, Pair>),
    Children {
        arena: &'a Arena,
        next: u32,
        left: u32,
    },
}

impl Iterator for MapEntries<'_> {
    type Item = Pair;

    #[inline]
    fn next(&mut self) -> Option<Pair> {
        match self {
            Self::Listed(pairs) => pairs.next().copied(),
            Self::Children { left: 0, .. } => None,
            Self::Children { arena, next, left } => {
                // A key always is one node.
                let (key, value) = (*next, *next + 1);
                *next = arena.after(value);
                *left -= 1;
                Some(Pair { key, value })
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self {
            Self::Listed(pairs) => pairs.len(),
            Self::Children { left, .. } => *left as usize,
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for MapEntries<'_> {}

/// Some bits of a key's hash, which distinguish most keys quickly.
#[inline]
pub(super) fn key_hash(key: &str) -> u16 {
    // Any odd number with its bits spread; the high bits of a product depend on all bits of its factors.
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let (words, rest) = key.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain([&last]);
    let mix = |hash: u64, word: &[u8; 8]| {
        let hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
        hash ^ (hash >> 32)
    };
    let hash = words.fold(key.len() as u64, mix);
    u16::try_from(hash & 0xFFFF).unwrap_or(0)
}
