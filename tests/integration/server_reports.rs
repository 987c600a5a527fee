//! Reports of what only a server can do, as they are recorded.

/// The names of the cases.
pub(crate) const CASES: &[&str] = &[];
