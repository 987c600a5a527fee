//! What must hold of whatever the YAML reader makes of any bytes. The fuzz target runs it with a nightly toolchain, and
//! `tests/integration/corpora.rs` with any.

use super::yaml::{Node, Value, read};

/// How many nodes are looked at; aliases can make many of few.
const LIMIT: usize = 20_000;

/// Reads the bytes as a file, and looks at all that was read.
pub(super) fn check(bytes: &[u8]) {
    let stream = read(bytes.to_vec());
    let lines = stream.tree.text().matches('\n').count() + 1;
    for problem in &stream.problems {
        assert!(!problem.message.contains(['\n', '\r']), "{problem:?}");
        assert!(problem.position.line as usize <= lines, "{problem:?}");
    }
    for document in &stream.documents {
        let root = stream.tree.node(document.root);
        assert!(!root.is_null());
        let mut left = LIMIT;
        visit(root, &mut left);
        if left > 0 {
            read_again(root);
        }
    }
}

/// Every part must agree with every other.
fn visit(node: Node<'_>, left: &mut usize) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    assert!(node.position().line > 0 && node.definition().is_none_or(|place| place.line > 0));
    match node.value() {
        Value::Map => {
            let entries = node.entries();
            assert_eq!(entries.len(), node.len());
            for entry in entries {
                let found = node.get(entry.key).expect("its own key");
                assert_eq!(found.id(), entry.value.id());
                assert!(entry.key_position().line > 0);
                visit(entry.value, left);
            }
        }
        Value::List => {
            let items = node.items();
            assert_eq!(items.len(), node.len());
            items.for_each(|item| visit(item, left));
        }
        Value::Float(float) => assert!(float.is_finite()),
        _ => {}
    }
}

/// What was read, written as JSON, must read as the same.
fn read_again(root: Node<'_>) {
    let value = serde_json::json!({"a": root.to_json()});
    let again = read(value.to_string().into_bytes());
    if again
        .problems
        .iter()
        .any(|p| p.message.contains("nested deeper"))
    {
        return;
    }
    let document = again
        .documents
        .first()
        .unwrap_or_else(|| panic!("{:?}", again.problems));
    assert_eq!(again.tree.node(document.root).to_json(), value);
}
