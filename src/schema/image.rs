//! Image references, to the extent that the default pull policy depends on them.
//!
//! Source: pkg/util/parsers in Kubernetes, which parses with the `distribution/reference` library.

/// The pull policy that the server fills in for an image: `Always` for the tag `latest` and for an image with neither
/// tag nor digest; `IfNotPresent` for all others and for invalid references.
#[must_use]
pub(super) fn pull_policy(image: &str) -> &'static str {
    match tag(image) {
        Some("latest") => "Always",
        _ => "IfNotPresent",
    }
}

/// The tag of an image, or `latest` if it has neither tag nor digest; `None` if it has only a digest or is not a valid
/// reference.
fn tag(image: &str) -> Option<&str> {
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if image.len() == 64 && image.bytes().all(is_hex) {
        return None;
    }
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest[name_start..].split_once(':') {
        Some((last, tag)) => (&rest[..name_start + last.len()], Some(tag)),
        None => (rest, None),
    };
    if !is_name(name) || !tag.is_none_or(is_tag) || !digest.is_none_or(is_digest) {
        return None;
    }
    tag.or(if digest.is_none() {
        Some("latest")
    } else {
        None
    })
}

/// `[domain/]path`, where the first part is a domain if it could not be part of a path on Docker Hub.
fn is_name(name: &str) -> bool {
    let path = match name.split_once('/') {
        Some((first, path)) if is_domain_like(first) => {
            if !is_domain(first) {
                return false;
            }
            path
        }
        _ => name,
    };
    name.len() <= 255 && path.split('/').all(is_component)
}

fn is_domain_like(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.to_ascii_lowercase() != first
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let ipv6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_ok = match ipv6 {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        }
        None => host.split('.').all(label),
    };
    host_ok && port.is_none_or(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

/// Runs of `[a-z0-9]`, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let is_word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    is_word(first)
        && is_word(last)
        && bytes
            .split(is_word)
            .filter(|gap| !gap.is_empty())
            .all(|gap| matches!(gap, b"." | b"_" | b"__") || gap.iter().all(|b| *b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

/// `algorithm:hex`, at least 32 digits; the known algorithms have their own length.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return false;
    };
    let known = match algorithm {
        "sha256" => hex.len() == 64,
        "sha384" => hex.len() == 96,
        "sha512" => hex.len() == 128,
        _ => false,
    };
    known && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_policies() {
        let digest = format!("@sha256:{}", "a".repeat(64));
        for (image, expected) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.25", "IfNotPresent"),
            ("host:5000/x", "Always"),
            ("host:5000/x:1", "IfNotPresent"),
            ("localhost/x", "Always"),
            ("Host/x", "Always"),
            ("docker.io/library/nginx", "Always"),
            ("a__b/c--d.e", "Always"),
            (&format!("nginx{digest}"), "IfNotPresent"),
            (&format!("nginx:latest{digest}"), "Always"),
            (&format!("nginx:1{digest}"), "IfNotPresent"),
            ("nginx@sha256:abc", "IfNotPresent"),
            ("", "IfNotPresent"),
            ("Bad_IMAGE", "IfNotPresent"),
            ("a/Bad", "IfNotPresent"),
            ("a___b", "IfNotPresent"),
            ("{{ .Values.image }}", "IfNotPresent"),
            (&"a".repeat(64), "IfNotPresent"),
            ("nginx:", "IfNotPresent"),
            (":latest", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), expected, "{image}");
        }
    }
}
