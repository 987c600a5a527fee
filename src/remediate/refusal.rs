//! Repairs that the server refuses: known from the tables before they are tried, or read from its response.

use serde_json::Value;

use crate::cluster::Cause;
use crate::diff::{Desired, Finding, PointerToken};
use crate::path::{Ignore, is_within};
use crate::schema::{self, exclusive_sibling};

/// Why a difference cannot be repaired, if that is known in advance. `planned` is the object after the repair,
/// including this difference.
pub(super) fn known(
    finding: &Finding,
    subject: &Desired<'_>,
    live: &Value,
    planned: &Value,
) -> Option<String> {
    let immutable = finding.immutable.filter(|row| (row.when)(live, planned));
    immutable
        .map(|row| row.advice.to_owned())
        .or_else(|| pinned(finding, live))
        .or_else(|| blocked_by_ignored(finding, subject, live))
}

/// The advice for a label of the template that the immutable selector requires.
fn pinned(finding: &Finding, live: &Value) -> Option<String> {
    let [keys @ .., PointerToken::Key(label)] = &finding.at[..] else {
        return None;
    };
    let pointer = crate::diff::pointer(keys);
    schema::is_selected(live, &pointer, label).then(|| {
        "spec.selector requires the live value and is immutable: delete and recreate the object"
            .to_owned()
    })
}

/// The reason for a key that is also in the other of two maps, where it is ignored and must not be removed.
fn blocked_by_ignored(finding: &Finding, subject: &Desired<'_>, live: &Value) -> Option<String> {
    let [PointerToken::Key(map), PointerToken::Key(key)] = &finding.at[..] else {
        return None;
    };
    let other = exclusive_sibling(subject.kind.name(), map)?;
    let ignored = Ignore::new(subject.ignore.iter().copied())
        .key(other)
        .key(key)
        .here();
    (ignored && live.get(other)?.get(key).is_some())
        .then(|| format!("the key is also in {other}, where it is ignored"))
}

/// The written differences that the server's response calls immutable, with its messages. Empty if the response has any
/// other cause, which would remain after leaving these out.
pub(super) fn immutable<'f>(
    causes: &[Cause],
    written: &'f [Finding],
) -> Option<Vec<(&'f Finding, String)>> {
    let mut named = Vec::new();
    for cause in causes {
        let before = named.len();
        if is_about_immutability(&cause.message) {
            let found = written.iter().filter(|finding| names(cause, finding));
            named.extend(found.map(|finding| (finding, advice(&cause.message))));
        }
        if named.len() == before {
            return None;
        }
    }
    (!named.is_empty()).then_some(named)
}

fn is_about_immutability(message: &str) -> bool {
    message.contains("field is immutable") || message.contains("may not change once set")
}

/// Whether a cause names the path of a difference, or one above or below it.
fn names(cause: &Cause, finding: &Finding) -> bool {
    let at = api_path(&finding.at);
    // A cause without a field is about none.
    !cause.field.is_empty() && (is_within(&cause.field, &at) || is_within(&at, &cause.field))
}

/// The server's message, and what an operator can do about it.
fn advice(message: &str) -> String {
    format!("{message}: delete and recreate the object, or change the manifest")
}

/// A place in the notation of the server's messages: `spec.ports[0].port`, with a map's key in brackets or after a dot.
fn api_path(at: &[PointerToken]) -> String {
    let mut path = String::new();
    for token in at {
        match token {
            PointerToken::Key(key) if path.is_empty() => path.push_str(key),
            PointerToken::Key(key) => path.extend([".", key]),
            PointerToken::Index(index) => path.extend(["[", &index.to_string(), "]"]),
        }
    }
    path
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diff::{Class, Edit, Origin};
    use crate::path::Path;

    /// A changed value at a path of keys and positions with dots between.
    pub(in crate::remediate) fn finding(path: &str) -> Finding {
        let at = path.split('.').map(|token| {
            token
                .parse()
                .map_or_else(|_| PointerToken::Key(token.to_owned()), PointerToken::Index)
        });
        let keys = path
            .split('.')
            .fold(Path::root(), |path, key| path.key(key));
        Finding {
            path: keys,
            class: Class::Changed,
            declared: None,
            desired: None,
            origin: Origin::Declared,
            live: None,
            declared_pointer: None,
            at: at.collect(),
            in_manifest: Vec::new(),
            edit: Edit::Set(Value::Null),
            immutable: None,
            kept: None,
            consequences: Vec::new(),
            writers: Vec::new(),
        }
    }

    fn cause(field: &str, message: &str) -> Cause {
        Cause {
            field: field.to_owned(),
            message: message.to_owned(),
        }
    }

    /// The positions in `written` of what these causes give up.
    fn given_up(causes: &[Cause], written: &[Finding]) -> Option<Vec<usize>> {
        let named = immutable(causes, written)?;
        let position = |finding: &Finding| {
            let mut others = written.iter();
            others
                .position(|other| std::ptr::eq(other, finding))
                .unwrap()
        };
        Some(
            named
                .into_iter()
                .map(|(finding, _)| position(finding))
                .collect(),
        )
    }

    #[test]
    fn the_answer_names_fields_at_above_or_below_the_difference() {
        let written = [
            finding("spec.ports.0.port"),
            finding("spec.ports.10.port"),
            finding("spec.type"),
        ];
        for (field, expected) in [
            ("spec.ports[0].port", Some(vec![0])),
            ("spec.ports[0]", Some(vec![0])),
            ("spec.ports", Some(vec![0, 1])),
            ("spec.ports[1]", None),
            ("spec.type[x]", Some(vec![2])),
            ("", None),
            ("metadata.labels", None),
        ] {
            let causes = [cause(field, "Invalid value: 1: field is immutable")];
            assert_eq!(given_up(&causes, &written), expected, "{field}");
        }
    }

    #[test]
    fn any_other_cause_keeps_everything_from_being_written() {
        let written = [finding("spec.type"), finding("spec.clusterIP")];
        let unset = cause(
            "spec.clusterIP",
            "Invalid value: \"\": may not change once set",
        );
        let set = cause("spec.type", "Invalid value: \"x\": field is immutable");
        let wrong = cause("spec.type", "Unsupported value: \"x\"");
        let elsewhere = cause("spec.selector", "Invalid value: 1: field is immutable");
        for (causes, expected) in [
            (vec![unset.clone()], Some(vec![1])),
            (vec![unset.clone(), set], Some(vec![1, 0])),
            (vec![unset.clone(), wrong], None),
            (vec![unset, elsewhere], None),
            (vec![], None),
        ] {
            assert_eq!(given_up(&causes, &written), expected, "{causes:?}");
        }
    }

    #[test]
    fn labels_that_the_selector_asks_for_are_pinned() {
        let live = serde_json::json!({
            "kind": "Deployment",
            "spec": {"selector": {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}},
        });
        for (path, expected) in [
            ("spec.template.metadata.labels.app", true),
            ("spec.template.metadata.labels.tier", true),
            ("spec.template.metadata.labels.team", false),
            ("metadata.labels.app", false),
            ("spec.replicas", false),
        ] {
            assert_eq!(pinned(&finding(path), &live).is_some(), expected, "{path}");
        }
    }
}
