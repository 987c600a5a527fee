//! Documents that SOPS has encrypted.

use crate::yaml::Node;

/// The beginning of a value that SOPS has encrypted.
const CIPHERTEXT: &str = "ENC[";

/// The message about an encrypted document.
pub(super) const MESSAGE: &str = "encrypted with SOPS; decrypt it first";

/// Whether a document is encrypted: SOPS adds a top-level record with a checksum of all values.
pub(super) fn is_encrypted(document: Node<'_>) -> bool {
    let record = document.get("sops");
    record.is_some_and(|record| record.get("mac").is_some())
}

/// Whether a value was encrypted.
pub(super) fn is_ciphertext(value: &str) -> bool {
    value.starts_with(CIPHERTEXT)
}
