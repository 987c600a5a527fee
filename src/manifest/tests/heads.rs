//! Tests of how documents are classified by `apiVersion` and `kind`.

use super::{assert_said, check};

#[test]
fn mistakes_in_api_version_and_kind_are_reported() {
    assert_said(&[
        (
            "kind: Deployment\nmetadata: {name: w}\n",
            &["1:1: Deployment/w: apiVersion: missing; write apps/v1 for a Deployment"],
        ),
        (
            "apiVersion: v1\nmetadata: {name: w}\n",
            &["1:1: w: kind: missing"],
        ),
        (
            "apiVersion: 1\nkind: Service\nmetadata: {name: w}\n",
            &["1:13: Service/w: apiVersion: expected a string, found 1"],
        ),
        (
            "kind: Deployment\napiVersion: extensions/v1beta1\nmetadata: {name: w}\n",
            &[
                "2:13: Deployment/w: apiVersion: extensions/v1beta1 has no kind Deployment any more; write apps/v1",
            ],
        ),
        (
            "apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: w}\n",
            &[
                "2:7: Deploymnet/w: kind: apps/v1 has no kind \"Deploymnet\", did you mean Deployment?",
            ],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\n",
            &["1:1: ConfigMap: metadata.name: missing"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: c\n",
            &["3:11: ConfigMap: metadata: expected a map, found \"c\""],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ''}\n",
            &["3:18: ConfigMap: metadata.name: missing"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: c-}\n",
            &[
                "3:26: ConfigMap: metadata.generateName: cannot be compared, because it creates another object each time; write metadata.name",
            ],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: c-, name: c}\n",
            &[],
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: x}\n",
            &[
                "3:32: Namespace/a: metadata.namespace: ignored, because a Namespace has no namespace",
            ],
        ),
    ]);
}

#[test]
fn lists_that_cannot_be_unpacked_are_reported() {
    assert_said(&[
        (
            "apiVersion: v1\nkind: List\n",
            &["1:1: List: items: expected a list, found nothing"],
        ),
        (
            "apiVersion: v1\nkind: List\nitems: {}\n",
            &["3:8: List: items: expected a list, found a map"],
        ),
        (
            "kind: List\nitems: []\n",
            &["1:1: List: apiVersion: missing; write v1 for a List"],
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n-\n- x\n- {metadata: {name: q}}\n- {apiVersion: v1, kind: List, items: []}\n",
            &[
                "4:2: expected an object with apiVersion and kind, found null",
                "5:3: expected an object with apiVersion and kind, found \"x\"",
                "6:3: q: expected an object with apiVersion and kind, found a map",
                "7:3: List: expected an object, found a list within a list, which kubectl does not accept either",
            ],
        ),
        (
            "apiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: q}, sepc: {}}]\n",
            &["3:31: Service/q: sepc: unknown field, did you mean `spec`?"],
        ),
        ("apiVersion: v1\nkind: List\nitems: []\n", &[]),
    ]);
}

#[test]
fn other_kinds_and_documents_are_counted() {
    let checked = check(
        "replicaCount: 1\n---\n- op: replace\n---\njust text\n---\nkind: [x]\n---\napiVersion: v2\nname: chart\n---\n\
         apiVersion: v1\nkind: Config\nclusters: []\n---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n---\n\
         apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: b}\n",
    );
    assert_eq!(checked.errors, []);
    assert_eq!(checked.not_objects, 5);
    let others: Vec<_> = checked.other_kinds.into_iter().collect();
    assert_eq!(
        others,
        [
            ("apps/v1 StatefulSet".to_owned(), 1),
            ("serving.knative.dev/v1 Service".to_owned(), 1),
            ("v1 Config".to_owned(), 1),
        ]
    );
}
