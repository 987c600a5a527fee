//! What an object reports about its deletion (for Namespaces see pkg/controller/namespace/deletion).

use serde_json::Value;

/// Describes a deletion in progress: since when, the finalizers that delay it, and the conditions of a Namespace.
/// `None` if the object is not being deleted.
#[must_use]
pub(crate) fn being_deleted(live: &Value) -> Option<String> {
    let since = live.get("metadata")?.get("deletionTimestamp")?.as_str()?;
    let finalizers: Vec<&str> = ["/metadata/finalizers", "/spec/finalizers"]
        .into_iter()
        .flat_map(|list| items(live, list))
        .filter_map(Value::as_str)
        .collect();
    let held = match &finalizers[..] {
        [] => String::new(),
        [only] => format!(", held by the finalizer {only}"),
        all => format!(", held by the finalizers {}", all.join(", ")),
    };
    let reasons: String = items(live, "/status/conditions")
        .filter_map(reason)
        .collect();
    Some(format!("being deleted since {since}{held}{reasons}"))
}

/// The message of a Namespace's condition about its deletion, if the condition is true.
fn reason(condition: &Value) -> Option<String> {
    let field = |key: &str| condition.get(key).and_then(Value::as_str);
    let (name, message) = (field("type")?, field("message")?);
    let holds = name.starts_with("Namespace") && field("status") == Some("True");
    holds.then(|| format!("; {name}: {message}"))
}

fn items<'a>(live: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    live.pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_holds_an_object_is_named() {
        assert_eq!(
            being_deleted(&json!({"metadata": {"finalizers": ["x"]}})),
            None
        );
        let reported = |metadata: Value, rest: Value| {
            let mut live =
                json!({"metadata": metadata, "spec": rest["spec"], "status": rest["status"]});
            live["metadata"]["deletionTimestamp"] = json!("2026-11-22T10:04:11Z");
            being_deleted(&live).unwrap()
        };
        let since = "being deleted since 2026-11-22T10:04:11Z";
        assert_eq!(reported(json!({}), json!({})), since);
        assert_eq!(
            reported(json!({"finalizers": ["a.example/hold"]}), json!({})),
            format!("{since}, held by the finalizer a.example/hold")
        );
        let conditions = json!([
            {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content successfully deleted"},
            {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: configmaps. has 1 resource instances"},
            {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content in the namespace has finalizers remaining: x in 1 resource instances"},
        ]);
        let namespace =
            json!({"spec": {"finalizers": ["kubernetes"]}, "status": {"conditions": conditions}});
        assert_eq!(
            reported(json!({"finalizers": ["a"]}), namespace),
            format!(
                "{since}, held by the finalizers a, kubernetes; NamespaceContentRemaining: Some resources are remaining: \
                 configmaps. has 1 resource instances; NamespaceFinalizersRemaining: Some content in the namespace has \
                 finalizers remaining: x in 1 resource instances"
            )
        );
    }
}
