//! The way back to Git: the text of a manifest's file, edited so that it declares what is live.
//!
//! A difference becomes a change of the document's values (`draft`, `change`), the change becomes edits of the text
//! (`rewrite`, in the file's own manner: `manner`, `render`), and the new text is read and compared again (`plan`). What
//! would not come out exactly is left out.

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
