//! Decodes base64 as Go does: the standard alphabet with padding; line breaks are ignored.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Go does not require the unused bits after the last byte to be zero.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes a text; `None` if it is not base64.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let is_digit = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let digits: Vec<u8> = text.bytes().filter(is_digit).collect();
    ENGINE.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn text_is_decoded_as_go_does_it() {
        for (text, bytes) in [
            ("", Some("")),
            ("aGVsbG8=", Some("hello")),
            ("aGVs\nbG8=", Some("hello")),
            ("aGVs\nbG8=\r\n", Some("hello")),
            ("aGVsbA=\n=", Some("hell")),
            ("aGk=", Some("hi")),
            ("aA==", Some("h")),
            ("aB==", Some("h")),
            ("aGVsbG8", None),
            ("aGVsbG8-", None),
            ("aGVsbG8 =", None),
            ("aGVs bG8=", None),
            ("aGVs=bG8", None),
            ("aA==aA==", None),
            ("a===", None),
            ("====", None),
        ] {
            let bytes = bytes.map(str::as_bytes);
            assert_eq!(decode(text).as_deref(), bytes, "{text:?}");
        }
    }
}
