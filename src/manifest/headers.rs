//! Guesses the objects that an invalid file declares from the first lines of its documents.
//!
//! Only simple forms are recognised, so this may miss objects, and find some that are not resources.

use memchr::memchr;

use crate::schema::{Kind, ResourceId};

/// The objects that a text probably declares.
pub(super) fn declared(text: &[u8], namespace: &str) -> Vec<ResourceId> {
    let mut found = Vec::new();
    let mut header = Header::default();
    let mut left = Some(text);
    while let Some(text) = left {
        let end = memchr(b'\n', text);
        let line = end.map_or(text, |end| &text[..end]);
        left = end.map(|end| &text[end + 1..]);
        if line.starts_with(b"---") {
            found.extend(std::mem::take(&mut header).id(namespace));
        } else {
            header.line(line);
        }
    }
    found.extend(header.id(namespace));
    found
}

/// The lines of interest of a document.
#[derive(Default)]
struct Header<'t> {
    api_version: Option<&'t str>,
    kind: Option<&'t str>,
    name: Option<&'t str>,
    namespace: Option<&'t str>,
    /// The indentation of the keys in `metadata` while it is scanned; 0 at its beginning.
    metadata: Option<usize>,
}

impl<'t> Header<'t> {
    fn line(&mut self, line: &'t [u8]) {
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        if indent == 0 {
            match line.first() {
                Some(b'a') => self.api_version = value(line, b"apiVersion:").or(self.api_version),
                Some(b'k') => self.kind = value(line, b"kind:").or(self.kind),
                _ => {}
            }
            if line.first().is_some_and(u8::is_ascii_alphabetic) {
                self.metadata = (line.trim_ascii_end() == b"metadata:").then_some(0);
            }
        } else if let Some(known) = self.metadata {
            if known == 0 {
                self.metadata = Some(indent);
            } else if known != indent {
                return;
            }
            let line = &line[indent..];
            self.name = value(line, b"name:").or(self.name);
            self.namespace = value(line, b"namespace:").or(self.namespace);
        }
    }

    fn id(self, namespace: &str) -> Option<ResourceId> {
        let kind = Kind::find(self.api_version?, self.kind?)?;
        let namespace = match self.namespace {
            _ if !kind.is_namespaced() => "",
            None => namespace,
            Some(namespace) => namespace,
        };
        Some(ResourceId {
            kind,
            namespace: namespace.to_owned(),
            name: self.name?.to_owned(),
        })
    }
}

/// The value after a key, if the line has that key and the value is a simple scalar.
fn value<'t>(line: &'t [u8], key: &[u8]) -> Option<&'t str> {
    let value = line.strip_prefix(key)?.strip_prefix(b" ")?.trim_ascii();
    let value = match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        value => value,
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-./".contains(byte);
    let is_sure = value.iter().all(is_plain) && value.iter().any(u8::is_ascii_alphabetic);
    is_sure.then(|| std::str::from_utf8(value).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<String> {
        let found = declared(text.as_bytes(), "shop");
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn objects_in_simple_form_are_found() {
        let text = "# web\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n    labels:\n        name: no\n    name: web\n\
                    spec:\n  name: no\n---\nkind: ConfigMap\r\nmetadata:\r\n  namespace: 'a'\r\n  name: \"b\"\r\n\
                    apiVersion: v1\r\n--- # the space\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";
        assert_eq!(
            seen(text),
            [
                "Deployment/web (ns: shop)",
                "ConfigMap/b (ns: a)",
                "Namespace/a"
            ]
        );
    }

    #[test]
    fn objects_in_other_forms_are_ignored() {
        for text in [
            "",
            "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}}",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: &a b\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 12\n",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a\n",
        ] {
            assert!(seen(text).is_empty(), "{text}");
        }
    }
}
