//! The JSON report: every key that it may have, in a mirror of its own, so that no change slips through.

use serde::Deserialize;
use serde_json::Value;

use crate::support::{folder, run, run_with_input, text};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "that the keys are there is what is tested")]
struct Report {
    schema_version: String,
    time: String,
    cluster: Cluster,
    revision: String,
    resources: Vec<Resource>,
    skipped: Vec<Skipped>,
    known: Vec<Known>,
    unmanaged: Vec<Value>,
    managed_by_others: Vec<Value>,
    warnings: Vec<Error>,
    errors: Vec<Error>,
    other_kinds: Vec<OtherKind>,
    summary: Summary,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Cluster {
    server: String,
    context: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code)]
struct Resource {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    action: String,
    reason: Option<String>,
    source: Source,
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code)]
struct Field {
    id: String,
    path: String,
    pointer: Pointer,
    class: String,
    defaulted: bool,
    default_of: Option<String>,
    desired: Option<Value>,
    live: Option<Value>,
    redacted: bool,
    source: Option<Source>,
    consequences: Option<Vec<String>>,
    last_writer: Option<Writer>,
    co_owners: Vec<Writer>,
    history: Option<History>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct History {
    verdict: String,
    commit: Option<String>,
    time: Option<String>,
    author: Option<String>,
    subject: Option<String>,
    next: Option<NextCommit>,
    searched: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct NextCommit {
    commit: String,
    time: String,
    author: String,
    subject: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Writer {
    manager: String,
    operation: String,
    subresource: String,
    time: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code)]
struct Known {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    source: Source,
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pointer {
    desired: Option<String>,
    live: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Source {
    file: String,
    line: u32,
    column: u32,
    definition: Option<Place>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Place {
    line: u32,
    column: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code)]
struct Skipped {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    source: Source,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code)]
struct Error {
    message: String,
    api_version: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    source: Option<Source>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct OtherKind {
    kind: String,
    count: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code)]
struct Summary {
    compared: usize,
    in_sync: usize,
    drifted: usize,
    fields: usize,
    missing: usize,
    remediated: usize,
    created: usize,
    blocked: usize,
    failed: usize,
    skipped: usize,
    other_kinds: usize,
    errors: usize,
    left_out: usize,
    known: usize,
    known_gone: usize,
    ignored: usize,
    unmanaged: usize,
    not_deployed: usize,
}

fn report(stdout: &str) -> Report {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}:\n{stdout}"))
}

#[test]
fn the_examples() {
    let run = run(&[
        "-f",
        "examples/desired",
        "--live",
        "examples/live",
        "--output",
        "json",
    ])
    .exits(0);
    let report = report(&run.stdout);
    assert_eq!(report.schema_version, "1");
    assert_eq!((report.resources.len(), report.summary.drifted), (5, 5));
    assert_eq!(
        (
            report.summary.compared,
            report.summary.in_sync,
            report.summary.fields
        ),
        (5, 0, 8)
    );
    let frontend = report
        .resources
        .iter()
        .find(|r| r.kind == "Deployment" && r.name == "frontend")
        .unwrap();
    let field = &frontend.fields[0];
    assert_eq!(field.class, "changed");
    assert_eq!(
        field.id,
        "Deployment/default/frontend:spec.template.spec.containers[name=frontend].image"
    );
    assert_eq!(
        field.pointer.desired.as_deref(),
        Some("/spec/template/spec/containers/0/image")
    );
    assert_eq!(
        field.pointer.live.as_deref(),
        Some("/spec/template/spec/containers/0/image")
    );
    assert_eq!(field.desired, Some("nginx:1.25".into()));
    assert_eq!(
        field.source.as_ref().map(|s| (s.line, s.column)),
        Some((19, 18))
    );
}

#[test]
fn all_that_can_be_in_it() {
    let manifests = "\
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-config}\ndata: {LOG_LEVEL: debug, NEW: x}\n---
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gone}\n---
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: skipped, annotations: {drift.gitops.io/skip: \"true\"}}\n---
apiVersion: v1\nkind: Secret\nmetadata: {name: other}\n---
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndata: {k: 1}\n";
    let run = run_with_input(
        &["-f", "-", "--live", "examples/live", "--output", "json"],
        manifests.as_bytes(),
    )
    .exits(2);
    let report = report(&run.stdout);
    let summary = &report.summary;
    assert_eq!(
        (
            summary.compared,
            summary.drifted,
            summary.missing,
            summary.fields
        ),
        (2, 2, 1, 4)
    );
    assert_eq!(
        (summary.skipped, summary.other_kinds, summary.errors),
        (1, 1, 1)
    );
    assert_eq!(report.skipped[0].name, "skipped");
    assert_eq!(report.other_kinds[0].kind, "v1 Secret");
    let error = &report.errors[0];
    assert_eq!(
        (error.name.as_deref(), error.source.as_ref().map(|s| s.line)),
        (Some("wrong"), Some(21))
    );
    let fields = &report.resources[0].fields;
    let classes: Vec<(&str, &str)> = fields
        .iter()
        .map(|f| (f.path.as_str(), f.class.as_str()))
        .collect();
    assert_eq!(
        classes,
        [
            ("data.FEATURES", "removed"),
            ("data.MAX_CONNECTIONS", "removed"),
            ("data.NEW", "missing")
        ]
    );
    let new = &fields[2];
    assert_eq!((&new.live, &new.pointer.live), (&None, &None));
    assert_eq!(
        (&fields[0].desired, &fields[0].pointer.desired),
        (&None, &None)
    );
    let gone = &report.resources[1];
    assert_eq!(
        (gone.action.as_str(), gone.fields[0].path.as_str()),
        ("would-create (dry-run)", "<resource>")
    );
}

#[test]
fn failed_runs_have_all_keys_too() {
    let broken = folder(&[("live.yaml", "a: [")]);
    for args in [
        &[
            "-f",
            "examples/desired",
            "--once",
            "--kubeconfig",
            "/nonexistent/config",
            "--output",
            "json",
        ][..],
        &[
            "-f",
            "examples/desired",
            "--live",
            text(broken.path()),
            "--output",
            "json",
        ],
        &[
            "-f",
            "/nonexistent/folder",
            "--live",
            "examples/live",
            "--output=json",
        ],
        &["--output", "json"],
        &["-f", ".", "--output", "json", "--interval", "x"],
    ] {
        let report = report(&run(args).exits(2).stdout);
        assert_eq!(
            (report.resources.len(), report.summary.compared),
            (0, 0),
            "{args:?}"
        );
        assert_eq!(report.errors.len(), 1, "{args:?}");
    }
}
