//! Patches: edits the text of a manifest's file so that it declares the live values.
//!
//! A difference becomes a change of the document's values (`draft`, `change`), which becomes edits of the text
//! (`rewrite`, in the file's own manner: `manner`, `render`), and the new text is read and compared again (`plan`).
//! Differences that cannot be kept exactly are left out.
//!
//! It takes texts and gives texts, and touches no file. What a patch must keep is in DESIGN, *Patches*.

mod change;
mod draft;
mod manner;
mod obstacle;
mod plan;
mod render;
mod rewrite;
#[cfg(test)]
mod tests;

pub(crate) use plan::{PatchSubject, patch_file};
