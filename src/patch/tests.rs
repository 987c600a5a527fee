//! One difference in each style of YAML, and the text that comes of it.

use std::fs;

use serde_json::{Value, json};

use super::{PatchSubject, patch_file};
use crate::diff::{Desired, Finding, differences};
use crate::manifest::{Loader, ManifestOptions, Resource};

/// The text that declares these live objects, and why differences are not in it.
fn patched(text: &str, strict: bool, live: &[Value]) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    fs::write(&file, text).unwrap();
    let options = ManifestOptions {
        inputs: vec![file],
        exclude: Vec::new(),
        namespace: "default".to_owned(),
        with_declared: false,
    };
    let manifests = Loader::new(options).unwrap().load();
    assert!(manifests.problems.is_empty(), "{:?}", manifests.problems);
    let compare = |at: usize, resource: &Resource| -> Vec<Finding> {
        let subject = Desired {
            kind: resource.id.kind,
            declared: resource.node(),
            ignore: Vec::new(),
            ignore_managers: &[],
            strict,
            unstored: None,
            lists_suppressed: false,
        };
        differences(&subject, &live[at], None).findings
    };
    let subjects: Vec<PatchSubject<'_>> = manifests
        .resources
        .iter()
        .zip(live)
        .enumerate()
        .map(|(at, (resource, live))| PatchSubject {
            resource,
            live,
            paths: compare(at, resource)
                .iter()
                .map(|finding| finding.path.to_string())
                .collect(),
        })
        .collect();
    assert!(
        subjects.iter().any(|subject| !subject.paths.is_empty()),
        "nothing differs: {text}"
    );
    let file = patch_file(text, &subjects, &compare);
    let left_out = file.left_out.into_iter();
    let left_out = left_out.map(|left| format!("{}: {}", left.path, left.reason));
    (file.text, left_out.collect())
}

/// A ConfigMap with these lines below `data:`, and one with this data.
#[track_caller]
fn data(strict: bool, before: &str, live: &Value, after: &str) {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n";
    let immutable = before.contains("immutable").then_some(false);
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": live, "immutable": immutable,
    });
    let (text, left_out) = patched(&format!("{head}{before}"), strict, &[object]);
    assert_eq!(text, format!("{head}{after}"));
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn changed_values_are_replaced_in_place() {
    for (before, live, after) in [
        (
            "data:\n  a: x # why\n  b: w\n",
            json!({"a": "z", "b": "w"}),
            "data:\n  a: z # why\n  b: w\n",
        ),
        (
            "data:\n  a:   'x'\t# tab\n",
            json!({"a": "it's"}),
            "data:\n  a:   'it''s'\t# tab\n",
        ),
        (
            "data:\n    a: \"1\"\n",
            json!({"a": "2"}),
            "data:\n    a: \"2\"\n",
        ),
        (
            "data:\n  a: x\n",
            json!({"a": "yes"}),
            "data:\n  a: \"yes\"\n",
        ),
        (
            "data: {a: x, \"b\": w}\n",
            json!({"a": "p, q", "b": "w"}),
            "data: {a: \"p, q\", \"b\": w}\n",
        ),
        (
            "data:\n  a: |\n    one\n    two\n  b: w\n",
            json!({"a": "one\n2\n", "b": "w"}),
            "data:\n  a: |\n    one\n    2\n  b: w\n",
        ),
        (
            "data:\n  a: |-\n      one\n\n  b: w\n",
            json!({"a": "one\ntwo", "b": "w"}),
            "data:\n  a: |-\n      one\n      two\n\n  b: w\n",
        ),
        (
            "data:\n  a: >\n    one\n    two\n",
            json!({"a": "one\ntwo\n"}),
            "data:\n  a: |\n    one\n    two\n",
        ),
        (
            "data:\n  a: x\n",
            json!({"a": "one\ntwo"}),
            "data:\n  a: |-\n    one\n    two\n",
        ),
        (
            "data:\n  a: |\n    one\n",
            json!({"a": "one"}),
            "data:\n  a: one\n",
        ),
        (
            "data:\n  a: x\t# why\n  b: w\n",
            json!({"a": "1\n2\n", "b": "w"}),
            "data:\n  a: |\t# why\n    1\n    2\n  b: w\n",
        ),
        (
            "data:\n  a: x \t \n  b: w\n",
            json!({"a": "1\n2", "b": "w"}),
            "data:\n  a: |-\n    1\n    2\n  b: w\n",
        ),
        (
            "data:\n  a: | # why\n    1\n    2\n",
            json!({"a": "1\n3\n"}),
            "data:\n  a: | # why\n    1\n    3\n",
        ),
        (
            "data:\n  a: >- # why\n    1\n    2\n",
            json!({"a": "one"}),
            "data:\n  a: one # why\n",
        ),
        ("data: # all\n  a: x # why\n", json!({}), "data: {} # all\n"),
        (
            "data:\n  a: one\n    two\n  b: w\n",
            json!({"a": "three", "b": "w"}),
            "data:\n  a: three\n  b: w\n",
        ),
        (
            "data:\n  ? a\n  : x\n",
            json!({"a": "w"}),
            "data:\n  ? a\n  : w\n",
        ),
        (
            "data:\r\n  a: x\r\n  b: w",
            json!({"a": "one\ntwo\n", "b": "z"}),
            "data:\r\n  a: |\r\n    one\r\n    two\r\n  b: z",
        ),
        (
            "data:\n  a: !!str 1\n",
            json!({"a": "2"}),
            "data:\n  a: \"2\"\n",
        ),
        (
            "data:\n  a:\n  b: w\n",
            json!({"a": "x", "b": "w"}),
            "data:\n  a: x\n  b: w\n",
        ),
    ] {
        data(false, before, &live, after);
    }
}

#[test]
fn missing_values_are_taken_out_with_their_lines() {
    for (before, live, after) in [
        (
            "data:\n  a: x # why\n  # b\n  b: w\n",
            json!({"b": "w"}),
            "data:\n  # b\n  b: w\n",
        ),
        (
            "data:\n  a: x\n  b: |\n    w\n    z\n",
            json!({"a": "x"}),
            "data:\n  a: x\n",
        ),
        ("data:\n  a: x\n  b: w", json!({"a": "x"}), "data:\n  a: x"),
        (
            "data: {a: x, b: w, c: z}\n",
            json!({"b": "w"}),
            "data: {b: w}\n",
        ),
        (
            "data: {a: x, b: w, c: z}\n",
            json!({"a": "x", "c": "z"}),
            "data: {a: x, c: z}\n",
        ),
        (
            "data:\n  a: x\nimmutable: false\n",
            json!(null),
            "immutable: false\n",
        ),
        (
            "data:\n  a: x\nimmutable: false\n",
            json!({}),
            "data: {}\nimmutable: false\n",
        ),
    ] {
        data(false, before, &live, after);
    }
}

#[test]
fn added_values_are_put_in_where_their_map_stands() {
    for (before, live, after) in [
        (
            "data:\n  a: x\nimmutable: false\n",
            json!({"a": "x", "b": "on"}),
            "data:\n  a: x\n  b: \"on\"\nimmutable: false\n",
        ),
        (
            "data:\n  a: x",
            json!({"a": "x", "b": "1\n2\n"}),
            "data:\n  a: x\n  b: |\n    1\n    2",
        ),
        (
            "data: {a: x}\n",
            json!({"a": "x", "b.c": "w"}),
            "data: {a: x, b.c: w}\n",
        ),
        ("data: {}\n", json!({"a": "x"}), "data: {a: x}\n"),
        ("", json!({"a": "x"}), "data:\n  a: x\n"),
        ("data:\n", json!({"a": "x"}), "data:\n  a: x\n"),
    ] {
        data(true, before, &live, after);
    }
}

/// The beginning of a Deployment's manifest, up to its pods.
const PODS: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: m}\nspec:\n  selector: {matchLabels: {a: b}}\n  \
                    template:\n    metadata: {labels: {a: b}}\n    spec:\n";

/// A Deployment as a server has it, with these containers.
fn deployment(containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "m"},
        "spec": {
            "replicas": 1, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"a": "b"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                "containers": containers, "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "securityContext": {}, "terminationGracePeriodSeconds": 30,
            }},
        },
    })
}

/// A Deployment with these lines as its containers, at the margin, and those that are live: what becomes of the lines.
#[track_caller]
fn containers(strict: bool, before: &str, live: &Value, after: &str) {
    let head = format!("{PODS}      containers:\n");
    let object = deployment(live);
    let (text, left_out) = patched(&format!("{head}{before}"), strict, &[object]);
    assert_eq!(text, format!("{head}{after}"), "{left_out:?}");
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn of_two_fields_that_the_server_keeps_equal_one_is_added() {
    let containers = "      containers:\n      - name: c\n        image: x:1\n";
    let mut live = deployment(&json!([container(&json!({}))]));
    let pods = &mut live["spec"]["template"]["spec"];
    pods["serviceAccount"] = "x".into();
    pods["serviceAccountName"] = "x".into();
    let (text, left_out) = patched(&format!("{PODS}{containers}"), true, &[live]);
    assert_eq!(
        text,
        format!("{PODS}      serviceAccountName: x\n{containers}")
    );
    assert!(left_out.is_empty(), "{left_out:?}");
    // Keys of others are no such fields.
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  a: b\n";
    let data = json!({"a": "b", "serviceAccount": "x", "serviceAccountName": "x"});
    let live =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data});
    let (text, left_out) = patched(map, true, &[live]);
    for line in ["  serviceAccount: x\n", "  serviceAccountName: x\n"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(left_out.is_empty(), "{left_out:?}");
}

/// A container as a server has it, with these fields.
fn container(fields: &Value) -> Value {
    let mut container = json!({
        "name": "c", "image": "x:1", "imagePullPolicy": "IfNotPresent", "resources": {},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    });
    if let (Some(container), Some(fields)) = (container.as_object_mut(), fields.as_object()) {
        container.extend(fields.clone());
        container.retain(|_, value| !value.is_null());
    }
    container
}

#[test]
fn lists_change_item_by_item() {
    let base = "- name: c\n  image: x:1\n";
    for (before, live, after) in [
        // One less, one more, another order; comments move with the item below them.
        (
            "  args:\n  - a # 1\n  # of b\n  - b\n  - c\n",
            json!({"args": ["b", "c"]}),
            "  args:\n  # of b\n  - b\n  - c\n",
        ),
        (
            "  args:\n    - a\n    - c\n",
            json!({"args": ["a", "b: 1", "c"]}),
            "  args:\n    - a\n    - \"b: 1\"\n    - c\n",
        ),
        (
            "  args:\n  - a\n",
            json!({"args": ["z", "a"]}),
            "  args:\n  - z\n  - a\n",
        ),
        ("  args: # all\n  - a\n  - b\n", json!({"args": null}), ""),
        (
            "  args: # all\n  # of a\n  - a\n",
            json!({"args": ["b"]}),
            "  args: # all\n  # of a\n  - b\n",
        ),
        (
            "  args: [a, 'b', c]\n",
            json!({"args": ["c", "a", "b"]}),
            "  args: [c, a, 'b']\n",
        ),
        (
            "  args: [\"a\",\"b\"] # why\n",
            json!({"args": ["a", "x", "b", "7"]}),
            "  args: [\"a\",\"x\",\"b\",\"7\"] # why\n",
        ),
        (
            "  args: [\n    a,\n    b, # of b\n  ]\n",
            json!({"args": ["a", "b", "c", "d"]}),
            "  args: [\n    a,\n    b, # of b\n    c,\n    d,\n  ]\n",
        ),
        (
            "  args: [\n    a, # of a\n    b # of b\n  ]\n",
            json!({"args": ["a", "c", "b", "d"]}),
            "  args: [\n    a, # of a\n    c,\n    b, # of b\n    d\n  ]\n",
        ),
        ("  args: [a]\n", json!({"args": null}), ""),
    ] {
        containers(
            false,
            &indented(&format!("{base}{before}")),
            &json!([container(&live)]),
            &indented(&format!("{base}{after}")),
        );
    }
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("      {line}\n"));
    lines.collect::<Vec<_>>().concat()
}

#[test]
fn the_first_key_behind_a_dash_is_taken_out_and_put_in() {
    let port = |more: Value| {
        let mut port = json!({"containerPort": 80, "protocol": "TCP"});
        if let (Some(port), Value::Object(more)) = (port.as_object_mut(), more) {
            port.extend(more);
        }
        container(&json!({"name": "c", "ports": [port]}))
    };
    let base = "- name: c\n  image: x:1\n  ports:\n";
    for (strict, before, live, after) in [
        (
            false,
            "  - hostPort: 8080\n    containerPort: 80\n",
            port(json!({})),
            "  - containerPort: 80\n",
        ),
        (
            false,
            "  -   hostPort: 8080 # why\n      hostIP: 1.2.3.4\n      containerPort: 80 # c\n",
            port(json!({})),
            "  -   containerPort: 80 # c\n",
        ),
        (
            false,
            "  - hostPort: 8080\n    # c\n    containerPort: 80\n",
            port(json!({})),
            "  -\n    # c\n    containerPort: 80\n",
        ),
        (
            false,
            "  - hostPort: 8080\n    hostIP: 1.2.3.4\n    # c\n    containerPort: 80\n",
            port(json!({})),
            "  -\n    # c\n    containerPort: 80\n",
        ),
        (
            true,
            "  - containerPort: 80\n",
            port(json!({"hostPort": 8080})),
            "  - containerPort: 80\n    hostPort: 8080\n",
        ),
    ] {
        containers(
            strict,
            &indented(&format!("{base}{before}")),
            &json!([live]),
            &indented(&format!("{base}{after}")),
        );
    }
}

#[test]
fn items_are_put_in_and_taken_out_with_their_lines() {
    let two = json!([
        container(&json!({})),
        container(&json!({"name": "d", "env": [{"name": "A", "value": "1"}]})),
    ]);
    containers(
        true,
        "      - name: c\n        image: x:1\n",
        &two,
        "      - name: c\n        image: x:1\n      - name: d\n        env:\n        - name: A\n          value: \"1\"\n        \
         image: x:1\n        imagePullPolicy: IfNotPresent\n        resources: {}\n        terminationMessagePath: /dev/termination-log\n        \
         terminationMessagePolicy: File\n",
    );
    containers(
        false,
        "      # the first\n      - name: d\n        image: x:1 # d\n\n      # the second\n      - name: c\n        image: x:1\n",
        &json!([container(&json!({}))]),
        "      # the first\n\n      # the second\n      - name: c\n        image: x:1\n",
    );
}

#[test]
fn items_change_places_with_the_comments_above_them() {
    let env = |names: &[&str]| {
        let items = names
            .iter()
            .map(|name| json!({"name": name, "value": format!("$({name}0)$(A)$(B)")}));
        json!([container(&json!({"env": items.collect::<Vec<_>>()}))])
    };
    let item =
        |name: &str| format!("        - name: {name}\n          value: $({name}0)$(A)$(B)\n");
    let base = "      - name: c\n        image: x:1\n        env:\n";
    let (a, b) = (item("A"), item("B"));
    containers(
        false,
        &format!("{base}        # all\n{a}\n        # of b\n{b}"),
        &env(&["B", "A"]),
        &format!("{base}        # all\n        # of b\n{b}\n{a}"),
    );
}

#[test]
fn anchors_aliases_and_merge_keys_change_where_they_are_written() {
    for (before, live, after) in [
        // An alias is replaced by its value.
        (
            "data:\n  a: &x one\n  b: *x # b\n",
            json!({"a": "one", "b": "two"}),
            "data:\n  a: &x one\n  b: two # b\n",
        ),
        // Where what it is an alias of changes in the same way, it stays.
        (
            "data:\n  a: &x one\n  b: *x\n",
            json!({"a": "two", "b": "two"}),
            "data:\n  a: &x two\n  b: *x\n",
        ),
        (
            "data:\n  a: &x |\n    one\n  b: w\n",
            json!({"a": "two\n3\n", "b": "w"}),
            "data:\n  a: &x |\n    two\n    3\n  b: w\n",
        ),
    ] {
        data(false, before, &live, after);
    }
}

#[test]
fn what_an_anchor_shares_is_left_out() {
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  a: &x one\n  b: *x\n";
    let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "two", "b": "one"}});
    let (new, left_out) = patched(text, false, &[live]);
    assert_eq!(new, text);
    assert_eq!(left_out, ["data.a: something else would change too"]);
}

#[test]
fn a_key_that_a_merge_gives_is_written_out() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  data: &d\n    \
                k: one\n    l: one\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: b}\n  data:\n    <<: *d\n    m: one\n";
    let object = |name: &str, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    let a = object("a", json!({"k": "one", "l": "one"}));
    let b = |k: &str, m: &str| object("b", json!({"k": k, "l": "one", "m": m}));
    let (new, left_out) = patched(text, false, &[a.clone(), b("two", "two")]);
    assert_eq!(
        new,
        text.replace("    m: one\n", "    m: two\n    k: two\n")
    );
    assert!(left_out.is_empty(), "{left_out:?}");
    let gone = object("b", json!({"l": "one", "m": "one"}));
    let (new, left_out) = patched(text, false, &[a, gone]);
    assert_eq!(new, text);
    assert_eq!(left_out, ["data.k: it comes from a `<<`"]);
}

#[test]
fn all_documents_of_a_file_are_changed_and_each_item_of_a_list() {
    let document = |name: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{k: {value}}}\n"
        )
    };
    let live = |name: &str, value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}});
    let file = |values: [&str; 3]| {
        let [a, b, c] = values;
        format!(
            "# head\n---\n{}---\n{}--- # c\n{}",
            document("a", a),
            document("b", b),
            document("c", c)
        )
    };
    let (new, left_out) = patched(
        &file(["1x", "2x", "3x"]),
        false,
        &[live("a", "4x"), live("b", "2x"), live("c", "6x")],
    );
    assert_eq!(new, file(["4x", "2x", "6x"]));
    assert!(left_out.is_empty(), "{left_out:?}");

    let list = |values: [&str; 2]| {
        let item = |name: &str, value: &str| document(name, value).replace('\n', "\n  ");
        let [a, b] = values;
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n",
            item("a", a).trim_end(),
            item("b", b).trim_end()
        )
    };
    let (new, left_out) = patched(
        &list(["1x", "2x"]),
        false,
        &[live("a", "3x"), live("b", "4x")],
    );
    assert_eq!(new, list(["3x", "4x"]));
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn json_stays_json() {
    let file = |data: &str| {
        format!(
            "{{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"ConfigMap\",\n  \"metadata\": {{\"name\": \"m\"}},\n  \"data\": {data}\n}}"
        )
    };
    let live = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data});
    for (strict, before, after, data) in [
        (
            false,
            "{\"a\": \"x\"}",
            "{\"a\": \"1\\n\\u0007\"}",
            json!({"a": "1\n\u{7}"}),
        ),
        (
            true,
            "{\n    \"a\": \"x\"\n  }",
            "{\n    \"a\": \"x\",\n    \"b.c\": \"on\"\n  }",
            json!({"a": "x", "b.c": "on"}),
        ),
        (
            false,
            "{\n    \"a\": \"x\",\n    \"b\": \"y\"\n  }",
            "{\n    \"a\": \"x\"\n  }",
            json!({"a": "x"}),
        ),
        (false, "{\"a\": \"x\"}", "{}", json!({})),
    ] {
        let (text, left_out) = patched(&file(before), strict, &[live(data)]);
        assert_eq!(text, file(after));
        assert!(left_out.is_empty(), "{left_out:?}");
    }
}

#[test]
fn odd_keys_are_quoted_as_they_must_be_and_those_that_stand_there_stay() {
    let keys = [
        "on",
        "yes",
        "y",
        "null",
        "1e3",
        "0x1f",
        "0b11",
        "007",
        "1_000",
        ".nan",
        "-.inf",
        "-",
        "--",
        "---",
        "-a",
        "_",
        "2001-01-01",
        "on.7a",
        "7.7",
        "1.",
    ];
    let both = |value: &str| {
        let entries = keys
            .iter()
            .map(|key| ((*key).to_owned(), Value::from(value)));
        Value::Object(entries.collect())
    };
    let quoted = |value: &str| {
        let lines = keys
            .iter()
            .map(|key| format!("  \"{key}\": {value}\t# why\n"));
        format!("data:\n{}", lines.collect::<String>())
    };
    data(false, &quoted("a"), &both("b"), &quoted("b"));
    // Those that need no quotes get none.
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n";
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": both("1\n2")});
    let (text, left_out) = patched(head, true, &[object]);
    assert!(left_out.is_empty(), "{left_out:?}");
    for key in ["--", "---", "-a", "on.7a"] {
        assert!(text.contains(&format!("  {key}: |-\n")), "{key}: {text}");
    }
    for key in ["on", "yes", "null", "1e3", "007", ".nan", "2001-01-01"] {
        assert!(
            text.contains(&format!("  \"{key}\": |-\n")),
            "{key}: {text}"
        );
    }
}
