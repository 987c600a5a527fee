//! Documents that SOPS has encrypted.

use crate::yaml::Node;

/// What SOPS writes in the place of a value.
const CIPHERTEXT: &str = "ENC[";

/// What to say of a document that is encrypted.
pub(super) const MESSAGE: &str = "encrypted with SOPS; decrypt it first";

/// Whether a document is encrypted: SOPS keeps its own record, with a checksum of all values, at the top.
pub(super) fn is_encrypted(document: Node<'_>) -> bool {
    let record = document.get("sops");
    record.is_some_and(|record| record.get("mac").is_some())
}

/// Whether a value was encrypted.
pub(super) fn is_ciphertext(value: &str) -> bool {
    value.starts_with(CIPHERTEXT)
}
