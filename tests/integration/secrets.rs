//! Values that are secret by their names: hidden in every format and message, shown only on demand.

use serde_json::Value;

use crate::support::{folder, run, text};

/// What must never be seen.
const SECRETS: [&str; 7] = [
    "hunter2a",
    "hunter2b",
    "s3cr3t-old",
    "s3cr3t-newer",
    "ZGVwbG95LWtleQ==",
    "4711471147",
    "tok-extra",
];

fn case() -> tempfile::TempDir {
    folder(&[
        (
            "desired/all.yaml",
            "\
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data:
  DB_PASSWORD: hunter2a
  tokenizer: plain-old
  client-secret: s3cr3t-newer
binaryData:
  deploy.privateKey: ZGVwbG95LWtleQ==
---
apiVersion: v1
kind: ConfigMap
metadata: {name: wrong}
data: {apiKey: 4711471147, retries: 5}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        env:
        - {name: DB_PASSWORD, value: hunter2a}
        - {name: MODE, value: plain-old}
      - name: side
        image: side:1
        env:
        - {name: githubToken, value: s3cr3t-newer}
        - {name: LEVEL, value: plain-old}
",
        ),
        (
            "live/all.yaml",
            "\
apiVersion: v1
kind: ConfigMap
metadata: {name: app, namespace: default}
data:
  DB_PASSWORD: hunter2b
  tokenizer: plain-new
  client-secret: s3cr3t-old
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        env:
        - {name: DB_PASSWORD, value: hunter2b}
        - {name: MODE, value: plain-new}
        - {name: ACCESS_KEY, value: tok-extra}
",
        ),
    ])
}

fn report(more: &[&str]) -> crate::support::Run {
    let case = case();
    let (desired, live) = (case.path().join("desired"), case.path().join("live"));
    let paths = ["-f", text(&desired), "--live", text(&live), "--strict"];
    run(&[&paths[..], more].concat())
}

#[test]
fn no_format_shows_a_value_whose_name_says_that_it_is_secret() {
    for format in ["text", "json"] {
        let run = report(&["--output", format]).exits(2);
        for secret in SECRETS {
            assert!(
                !run.stdout.contains(secret),
                "{format}: {secret}:\n{}",
                run.stdout
            );
            assert!(
                !run.stderr.contains(secret),
                "{format}: {secret}:\n{}",
                run.stderr
            );
        }
        assert!(run.stdout.contains("plain-old"), "{}", run.stdout);
        let run = report(&["--output", format, "--no-redact"]).exits(2);
        for secret in SECRETS {
            assert!(
                run.stdout.contains(secret),
                "{format}: {secret}:\n{}",
                run.stdout
            );
        }
    }
}

#[test]
fn redacted_values_say_how_long_they_are_and_whether_they_differ() {
    let report = report(&["--output", "json"]).json();
    let field = |path: &str| -> Value {
        let resources = report["resources"].as_array().unwrap();
        let fields = resources
            .iter()
            .flat_map(|r| r["fields"].as_array().unwrap());
        let mut fields = fields.filter(|field| field["path"] == path);
        fields
            .next()
            .unwrap_or_else(|| panic!("{path}: {report:#}"))
            .clone()
    };
    let container = "spec.template.spec.containers";
    for (path, desired, live) in [
        (
            "data.DB_PASSWORD".to_owned(),
            Some("<redacted, 8 bytes, differs>"),
            Some("<redacted, 8 bytes, differs>"),
        ),
        (
            "data.client-secret".to_owned(),
            Some("<redacted, 12 bytes>"),
            Some("<redacted, 10 bytes>"),
        ),
        (
            "binaryData[\"deploy.privateKey\"]".to_owned(),
            Some("<redacted, 16 bytes>"),
            None,
        ),
        (
            format!("{container}[name=web].env[name=DB_PASSWORD].value"),
            Some("<redacted, 8 bytes, differs>"),
            Some("<redacted, 8 bytes, differs>"),
        ),
    ] {
        let field = field(&path);
        assert_eq!(field["redacted"], true, "{path}");
        assert_eq!(field["desired"].as_str(), desired, "{path}");
        assert_eq!(field["live"].as_str(), live, "{path}");
    }
    let mode = field(&format!("{container}[name=web].env[name=MODE].value"));
    assert_eq!(
        (&mode["redacted"], &mode["live"]),
        (&false.into(), &"plain-new".into())
    );
    // Leaf by leaf in what is shown as a whole.
    let side = field(&format!("{container}[name=side]"));
    assert_eq!(side["redacted"], true);
    assert_eq!(side["desired"]["env"][0]["value"], "<redacted, 12 bytes>");
    assert_eq!(side["desired"]["env"][1]["value"], "plain-old");
    let extra = field(&format!("{container}[name=web].env[name=ACCESS_KEY]"));
    assert_eq!(extra["live"]["value"], "<redacted, 9 bytes>");
    let errors: Vec<&str> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        errors,
        [
            "data.apiKey: expected a string, found <redacted>",
            "data.retries: expected a string, found 5; write \"5\"",
        ]
    );
}
