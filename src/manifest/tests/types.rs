//! Values of the wrong type, fields that do not exist, names that the server refuses.

use super::{assert_said, check, container, said};

/// The messages about a container with these lines, without its place and path.
fn said_of_container(lines: &str) -> Vec<String> {
    let path = ": Deployment/web: spec.template.spec.containers[name=web].";
    let short = |message: String| message.replacen("web.yaml:", "", 1).replacen(path, " ", 1);
    said(&container(lines)).into_iter().map(short).collect()
}

#[test]
fn wrong_types_say_what_was_expected() {
    for (lines, messages) in [
        (
            "image: 5",
            &["9:16 image: expected a string, found 5; write \"5\""] as &[&str],
        ),
        (
            "env: [{name: A, value: 0123456}, {name: B, value: yes}, {name: C, value: 1.50}, {name: D, value: [x]}]",
            &[
                "9:32 env[name=A].value: expected a string, found 0123456, which YAML reads as 42798; write \"0123456\"",
                "9:59 env[name=B].value: expected a string, found yes, which YAML reads as true; write \"yes\"",
                "9:82 env[name=C].value: expected a string, found 1.50, which YAML reads as 1.5; write \"1.50\"",
                "9:106 env[name=D].value: expected a string, found a list",
            ],
        ),
        (
            "ports: [{containerPort: 80, hostPort: 99999999999}, {containerPort: http}, {hostPort: 1.5}]",
            &[
                "9:47 ports[containerPort=80].hostPort: expected an integer from -2147483648 to 2147483647, found 99999999999",
                "9:77 ports[containerPort=http].containerPort: expected an integer, found \"http\"",
                "9:95 ports[2].hostPort: expected an integer, found 1.5",
            ],
        ),
        (
            "stdin: 'yes'",
            &["9:16 stdin: expected true or false, found \"yes\""],
        ),
        (
            "livenessProbe: {httpGet: {port: true}}",
            &["9:41 livenessProbe.httpGet.port: expected an integer or a string, found true"],
        ),
        (
            "resources: {limits: {memory: 1 GB, cpu: true}}",
            &[
                "9:38 resources.limits.memory: expected a quantity such as 500m or 1Gi, found \"1 GB\"",
                "9:49 resources.limits.cpu: expected a quantity such as 500m or 1Gi, found true",
            ],
        ),
        (
            "args: --verbose",
            &["9:15 args: expected a list, found \"--verbose\""],
        ),
        (
            "command: {a: b}",
            &["9:18 command: expected a list, found a map"],
        ),
        (
            "command: [sh, 1]",
            &["9:23 command[1]: expected a string, found 1; write \"1\""],
        ),
        (
            "securityContext: []",
            &["9:26 securityContext: expected a map, found a list"],
        ),
        ("ports: [80]", &["9:17 ports[0]: expected a map, found 80"]),
        (
            "env: [{name: A, value: 1}, {name: A, value: 2}]",
            &[
                "9:32 env[0].value: expected a string, found 1; write \"1\"",
                "9:53 env[1].value: expected a string, found 2; write \"2\"",
            ],
        ),
    ] {
        assert_eq!(said_of_container(lines), messages, "{lines}");
    }
}

#[test]
fn times_are_checked() {
    assert_said(&[(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {metadata: {deletionTimestamp: today}}}\n",
        &[
            "4:49: Deployment/web: spec.template.metadata.deletionTimestamp: expected a time such as 2026-01-31T12:00:00Z, found \"today\"",
        ],
    )]);
}

#[test]
fn unusual_values_that_the_server_accepts_are_valid() {
    let lines = "image: ~\nargs: [a, null]\nenv: [{name: A, value: ~}]\ncommand: []\nlifecycle: {preStop: {sleep: {seconds: 0x10}}}\n\
                 ports: [{containerPort: 8.0e1}]\nstdin: no\nlivenessProbe: {tcpSocket: {port: \"\"}, periodSeconds: 010}\n\
                 resources: {limits: {a: 1e3, b: .5, c: \"+1\", d: ~, e: 0x10, f: 1_000, g: \" 1 \", h: 1E}, requests: ~}";
    assert_eq!(said_of_container(lines), [""; 0]);
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a.b, namespace: ~, labels: {a: ''}, annotations: {A.b/c: ~}}\n\
                      immutable: ~\ndata: {a: ~, b: <<, c: 1:30, d: 2001-01-01, e: !!str 1}\nbinaryData: {f: \"aGVs\\nbG8=\", g: ''}\n";
    assert_eq!(said(config_map), [""; 0]);
}

#[test]
fn unknown_fields_suggest_what_was_meant() {
    for (lines, messages) in [
        (
            "imagePullPolice: Always",
            &["9:9 imagePullPolice: unknown field, did you mean `imagePullPolicy`?"] as &[&str],
        ),
        (
            "image_pull_policy: Always",
            &["9:9 image_pull_policy: unknown field, did you mean `imagePullPolicy`?"],
        ),
        (
            "volumes: []",
            &["9:9 volumes: unknown field, `volumes` belongs in spec.template.spec"],
        ),
        (
            "limits: {}",
            &[
                "9:9 limits: unknown field, `limits` belongs in spec.template.spec.containers[*].resources",
            ],
        ),
        ("nonsense: 1", &["9:9 nonsense: unknown field"]),
        (
            "readinessProbe: {httpget: {}}",
            &["9:26 readinessProbe.httpget: unknown field, did you mean `httpGet`?"],
        ),
    ] {
        assert_eq!(said_of_container(lines), messages, "{lines}");
    }
    assert_said(&[(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, spec: {}}\nspce: {}\n\
         spec: {image: x, containers: [], template: {labels: {}, spec: {replicas: 1}}}\n",
        &[
            "3:21: Deployment/w: metadata.spec: unknown field, `spec` belongs at the top level",
            "4:1: Deployment/w: spce: unknown field, did you mean `spec`?",
            "5:8: Deployment/w: spec.image: unknown field, `image` belongs in spec.template.spec.containers[*]",
            "5:18: Deployment/w: spec.containers: unknown field, `containers` belongs in spec.template.spec",
            "5:45: Deployment/w: spec.template.labels: unknown field, `labels` belongs in spec.template.metadata",
            "5:64: Deployment/w: spec.template.spec.replicas: unknown field, `replicas` belongs in spec",
        ],
    )]);
}

#[test]
fn an_unknown_field_prevents_only_the_write_and_a_wrong_type_the_comparison() {
    let unknown = check(&container("nonsense: 1"));
    assert_eq!((unknown.resources.len(), unknown.errors.len()), (1, 0));
    assert_eq!(unknown.resources[0].unknown_fields.len(), 1);
    let wrong = check(&container("nonsense: 1\nimage: 1"));
    assert_eq!((wrong.resources.len(), wrong.errors.len()), (0, 2));
}

#[test]
fn names_that_the_server_refuses_are_errors() {
    assert_said(&[
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: My_Config, namespace: a.b}\n",
            &[
                "3:18: ConfigMap/My_Config: metadata.name: expected a name of lower-case letters, digits, `-` and `.`, found \"My_Config\"",
                "3:40: ConfigMap/My_Config: metadata.namespace: expected a name of lower-case letters, digits and `-`, found \"a.b\"",
            ],
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a.b}\n",
            &[
                "3:18: Service/a.b: metadata.name: expected a name of lower-case letters, digits and `-`, found \"a.b\"",
            ],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 12, namespace: 5}\n",
            &[
                "3:18: ConfigMap: metadata.name: expected a string, found 12; write \"12\"",
                "3:33: ConfigMap: metadata.namespace: expected a string, found 5; write \"5\"",
            ],
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {\"a b\": \"c d\", e/: f, A.b/c: d}, annotations: {x y: c}}\n\
             spec: {selector: {a: \"-\"}}\n",
            &[
                "3:30: Service/a: metadata.labels[\"a b\"]: bad key: expected a name of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit",
                "3:44: Service/a: metadata.labels.e/: bad key: expected a name of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit",
                "3:51: Service/a: metadata.labels[\"A.b/c\"]: bad key: expected a domain of lower-case letters, digits, `-` and `.` before `/`",
                "3:37: Service/a: metadata.labels[\"a b\"]: expected a value of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit, found \"c d\"",
                "3:76: Service/a: metadata.annotations[\"x y\"]: bad key: expected a name of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit",
                "4:22: Service/a: spec.selector.a: expected a value of letters, digits, `-`, `_` and `.` that begins and ends with a letter or digit, found \"-\"",
            ],
        ),
    ]);
}

#[test]
fn data_is_checked() {
    assert_said(&[
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  port: 8080\n  a b: c\n  ..a: b\n  both: x\n\
             binaryData:\n  b: aGk\n  c: 5\n  both: aGk=\n",
            &[
                "5:9: ConfigMap/c: data.port: expected a string, found 8080; write \"8080\"",
                "6:3: ConfigMap/c: data[\"a b\"]: bad key: expected letters, digits, `-`, `_` and `.`",
                "7:3: ConfigMap/c: data[\"..a\"]: bad key: it must not be `.` or begin with `..`",
                "10:6: ConfigMap/c: binaryData.b: expected base64 with its padding, found \"aGk\"",
                "11:6: ConfigMap/c: binaryData.c: expected base64 with its padding, found 5",
                "12:3: ConfigMap/c: binaryData.both: duplicate key: also in data, on line 8",
            ],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: nope\n",
            &["4:7: ConfigMap/c: data: expected a map, found \"nope\""],
        ),
    ]);
    let much = |size: usize| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: {}}}\n",
            "x".repeat(size)
        )
    };
    assert_eq!(said(&much(1024 * 1024)), [""; 0]);
    assert_eq!(
        said(&much(1024 * 1024 + 1)),
        ["web.yaml:1:1: ConfigMap/c: expected at most 1048576 bytes of data, found 1048577"]
    );
    let noted = |size: usize| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, annotations: {{a: {}}}}}\n",
            "x".repeat(size)
        )
    };
    assert_eq!(said(&noted(256 * 1024 - 1)), [""; 0]);
    assert_eq!(
        said(&noted(256 * 1024)),
        [
            "web.yaml:3:34: ConfigMap/c: metadata.annotations: expected at most 262144 bytes, found 262145"
        ]
    );
}

#[test]
fn a_message_stays_on_one_line() {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: \"a\\n\\e[31m{}\"}}\n",
        "x".repeat(100)
    );
    let said = said(&text);
    assert_eq!(said.len(), 1);
    assert!(
        said[0].ends_with(
            ", found \"a\\n\\u{1b}[31mxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\""
        ),
        "{said:?}"
    );
    assert!(!said[0].contains(char::is_control));
}
