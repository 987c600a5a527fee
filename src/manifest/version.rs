//! What an earlier version of a manifest file declares.

use super::Resource;
use super::file::{self, Checked, Surroundings};
use crate::schema::ResourceId;

/// One version of a file, read as the file itself is.
#[derive(Debug)]
pub(crate) struct FileVersion {
    checked: Checked,
    /// The file could be read as a whole, and is a file of manifests.
    is_readable: bool,
}

/// What a version says of one resource.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Declaration<'v> {
    /// It declares it.
    Resource(&'v Resource),
    /// It does not declare it.
    Absent,
    /// It has an error, is encrypted, or declares it as one to skip, so that it cannot be compared.
    Unreadable,
}

impl FileVersion {
    /// Reads a version. `namespace` is that of manifests that name none.
    #[must_use]
    pub(crate) fn read(bytes: Vec<u8>, namespace: &str) -> Self {
        let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
        let surroundings = Surroundings {
            shown: "".into(),
            path: None,
            namespace,
            unwritable: None,
        };
        let checked = file::check(bytes, 0, &surroundings);
        let is_broken = checked.errors.iter().any(|error| error.resource.is_none());
        let is_about_something = !checked.resources.is_empty()
            || !checked.broken.is_empty()
            || !checked.skipped.is_empty()
            || !checked.other_kinds.is_empty();
        Self {
            // A pointer of Git LFS and the like is YAML, too.
            is_readable: !is_broken && (is_about_something || is_empty),
            checked,
        }
    }

    /// What it says of this resource.
    #[must_use]
    pub(crate) fn of(&self, id: &ResourceId) -> Declaration<'_> {
        let mut declared = self.checked.resources.iter().filter(|r| r.id == *id);
        match (declared.next(), declared.next()) {
            (Some(resource), None) => Declaration::Resource(resource),
            (None, None) if self.is_readable && !self.mentions(id) => Declaration::Absent,
            _ => Declaration::Unreadable,
        }
    }

    /// Whether it declares the resource in a way that cannot be compared.
    fn mentions(&self, id: &ResourceId) -> bool {
        let broken = self.checked.broken.iter().any(|(other, _)| other == id);
        let mut skipped = self.checked.skipped.iter();
        broken || skipped.any(|skipped| skipped.resource.id().as_ref() == Some(id))
    }
}
