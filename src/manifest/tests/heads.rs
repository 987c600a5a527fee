//! What documents claim to be.

use super::{assert_said, check};

#[test]
fn what_cannot_be_one_of_the_four_kinds_says_why() {
    assert_said(&[
        (
            "kind: Deployment\nmetadata: {name: w}\n",
            &["1:1: Deployment/w: apiVersion: missing; a Deployment has apps/v1"],
        ),
        (
            "apiVersion: v1\nmetadata: {name: w}\n",
            &["1:1: w: kind: missing"],
        ),
        (
            "apiVersion: 1\nkind: Service\nmetadata: {name: w}\n",
            &["1:13: Service/w: apiVersion: a string expected, 1 stands here"],
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
            &["3:11: ConfigMap: metadata: a map expected, \"c\" stands here"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ''}\n",
            &["3:18: ConfigMap: metadata.name: missing"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: c-}\n",
            &[
                "3:26: ConfigMap: metadata.generateName: makes another object each time, which cannot be compared; write metadata.name",
            ],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: c-, name: c}\n",
            &[],
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: x}\n",
            &["3:32: Namespace/a: metadata.namespace: ignored, a Namespace is in no namespace"],
        ),
    ]);
}

#[test]
fn lists_that_cannot_be_unpacked_say_why() {
    assert_said(&[
        (
            "apiVersion: v1\nkind: List\n",
            &["1:1: List: items: missing; a list expected"],
        ),
        (
            "apiVersion: v1\nkind: List\nitems: {}\n",
            &["3:8: List: items: a list expected, a map stands here"],
        ),
        (
            "kind: List\nitems: []\n",
            &["1:1: List: apiVersion: missing; a List has v1"],
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n-\n- x\n- {metadata: {name: q}}\n- {apiVersion: v1, kind: List, items: []}\n",
            &[
                "4:2: an object with apiVersion and kind expected, null stands here",
                "5:3: an object with apiVersion and kind expected, \"x\" stands here",
                "6:3: q: an object with apiVersion and kind expected, a map stands here",
                "7:3: List: a list within a list, which kubectl does not read either",
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
fn what_is_no_business_of_ours_is_counted() {
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
