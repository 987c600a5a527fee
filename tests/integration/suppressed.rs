//! What differs and is no drift: each difference with its reason, and no value of an object unexplained.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gitops_drift::yaml;
use serde_json::{Value, json};

use crate::support::{ControlPlane, config_map, folder, run, text};

const DESIRED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    drift.gitops.io/ignore-fields: spec.replicas
spec:
  replicas: 2
  minReadySeconds: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        env: [{name: DB_PASSWORD, value: hunter22}, {name: LEVEL, value: info}]
        resources: {limits: {cpu: 0.5}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
";

const LIVE: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
  uid: 5a0cfe4e
  labels: {app.kubernetes.io/instance: shop}
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"DB_PASSWORD","value":"hunter21"}]}]}}}}
  managedFields:
  - {manager: scaler, operation: Update, apiVersion: apps/v1, fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:minReadySeconds": {}}}}
spec:
  replicas: 5
  minReadySeconds: 6
  revisionHistoryLimit: 10
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, creationTimestamp: null}
    spec:
      containers:
      - {name: proxy, image: proxy:1, env: [{name: API_TOKEN, value: sesame99}]}
      - name: web
        image: web:2
        env: [{name: LEVEL, value: info}, {name: DB_PASSWORD, value: hunter22}]
        resources: {limits: {cpu: 500m}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  selector: {app: web}
  clusterIP: 10.0.0.1
  ports: [{port: 80, targetPort: 80, protocol: TCP}]
"#;

/// The rule of each path, of all resources.
fn rules(report: &Value) -> BTreeMap<String, String> {
    let resources = report["suppressed"].as_array().unwrap().iter();
    let fields = resources.flat_map(|resource| resource["fields"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    fields
        .map(|field| (text(&field["path"]), text(&field["rule"])))
        .collect()
}

#[test]
fn each_difference_that_is_no_drift_has_its_reason_in_each_format() {
    let baseline = r#"{"schemaVersion":"1","resources":[{"apiVersion":"apps/v1","kind":"Deployment","namespace":"default","name":"web",
        "fields":[{"path":"spec.template.spec.containers[name=web].image","live":"web:2"}]}]}"#;
    let files = folder(&[
        ("desired.yaml", DESIRED),
        ("live.yaml", LIVE),
        ("baseline.json", baseline),
    ]);
    let file = |name: &str| text(files.path()).to_owned() + "/" + name;
    let (desired, live, baseline) = (
        file("desired.yaml"),
        file("live.yaml"),
        file("baseline.json"),
    );
    let args = [
        "-f",
        &desired,
        "--live",
        &live,
        "--baseline",
        &baseline,
        "--ignore-managers",
        "scaler",
        "--fail-on-drift",
    ];
    let of = |more: &[&str]| run(&[&args[..], &["--show-suppressed"], more].concat()).exits(0);
    let report = of(&["-o", "json"]).json();
    let rules = rules(&report);
    let web = "spec.template.spec.containers[name=web]";
    for (path, rule) in [
        ("spec.replicas", "ignored"),
        ("spec.minReadySeconds", "ignored-manager"),
        (&format!("{web}.image"), "known"),
        (&format!("{web}.resources.limits.cpu"), "same-quantity"),
        (&format!("{web}.env"), "free-order"),
        ("spec.template.spec.containers[name=proxy]", "not-declared"),
        ("spec.template.metadata.creationTimestamp", "empty-value"),
        (
            "spec.revisionHistoryLimit",
            "default-deployment-spec-revision-history-limit",
        ),
        ("metadata.uid", "owned-root-meta-uid"),
        (
            r#"metadata.labels["app.kubernetes.io/instance"]"#,
            "mark-app-kubernetes-io-instance",
        ),
        ("spec.clusterIP", "allocated-service-spec-cluster-ip"),
        (
            "spec.ports[port=80,protocol=TCP].targetPort",
            "follower-service-port-target-port",
        ),
        (
            "spec.ports[port=80,protocol=TCP].protocol",
            "default-service-port-protocol",
        ),
    ] {
        assert_eq!(
            rules.get(path).map(String::as_str),
            Some(rule),
            "{path}: {rules:#?}"
        );
    }
    assert_eq!(report["summary"]["ignored"], 2);
    let of_web = report["suppressed"][0]["fields"].as_array().unwrap();
    let replicas = of_web
        .iter()
        .find(|field| field["path"] == "spec.replicas")
        .unwrap();
    assert_eq!(
        (&replicas["desired"], &replicas["live"]),
        (&2.into(), &5.into())
    );
    assert_eq!(replicas["reason"], "left out by an ignore rule");
    for (format, line) in [
        (
            "text",
            "    spec.replicas: live 5, desired 2 (ignored: left out by an ignore rule)\n",
        ),
        (
            "brief",
            "desired.yaml:8: suppressed Deployment/default/web spec.replicas: live 5, desired 2 (ignored: left out by an ignore rule)\n",
        ),
        ("markdown", "| `spec.replicas` | `5` | `2` |"),
        ("json", "\"rule\": \"ignored\""),
    ] {
        let shown = of(&["-o", format]).stdout;
        assert!(shown.contains(line), "{shown}");
        for secret in ["hunter", "sesame"] {
            assert!(!shown.contains(secret), "{format}: {shown}");
        }
        let shown = run(&[&args[..], &["-o", format]].concat()).exits(0).stdout;
        assert!(!shown.contains("revisionHistoryLimit"), "{shown}");
    }
    assert!(of(&["--no-redact"]).stdout.contains("sesame99"));
    // Nothing of it is an alarm elsewhere.
    for format in ["github", "sarif", "junit"] {
        let plain = run(&[&args[..], &["-o", format]].concat()).exits(0);
        let shown = of(&["-o", format]).stdout;
        assert_eq!(untimed(&shown), untimed(&plain.stdout), "{format}");
    }
}

/// The lines of a report without its times: two runs may end in different seconds.
fn untimed(report: &str) -> Vec<&str> {
    let lines = report.lines().filter(|line| !line.contains("endTimeUtc"));
    lines
        .map(|line| line.split(" timestamp=").next().unwrap())
        .collect()
}

#[test]
fn what_is_ignored_is_counted_as_it_would_be_found() {
    let desired = [
        config_map("a", "k", "new"),
        config_map("b", "k", "same"),
        config_map("gone", "k", "v"),
    ];
    let live = [config_map("a", "k", "old"), config_map("b", "k", "same")];
    let files = folder(&[
        ("desired.yaml", &desired.join("---\n")),
        ("live.yaml", &live.join("---\n")),
    ]);
    let (desired, live) = (
        files.path().join("desired.yaml"),
        files.path().join("live.yaml"),
    );
    let args = [
        "-f",
        text(&desired),
        "--live",
        text(&live),
        "-o",
        "json",
        "--ignore-fields",
    ];
    for (rules, ignored, drifted) in [
        ("data", 1, 1),
        ("data.k", 1, 1),
        ("ConfigMap/b:data", 0, 2),
        ("data,<resource>", 2, 0),
    ] {
        let report = run(&[&args[..], &[rules]].concat()).exits(0).json();
        let summary = &report["summary"];
        assert_eq!(summary["ignored"], ignored, "{rules}: {report:#}");
        assert_eq!(summary["drifted"], drifted, "{rules}: {report:#}");
    }
}

/// The places of what has no parts in a value, empty lists and maps included.
fn ends(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                ends(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                ends(value, &format!("{at}/{index}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

/// The objects in the manifests of a folder, by kind and name.
fn declared(folder: &Path) -> BTreeMap<(String, String), Value> {
    let mut declared = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let stream = yaml::read(fs::read(&path).unwrap());
        let roots = stream.documents.iter().map(|document| document.root);
        let mut objects: Vec<Value> = roots.map(|root| stream.tree.node(root).to_json()).collect();
        while let Some(object) = objects.pop() {
            if let Some(items) = object["items"].as_array() {
                objects.extend(items.iter().cloned());
                continue;
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let key = (text(&object["kind"]), text(&object["metadata"]["name"]));
            declared.insert(key, object);
        }
    }
    declared
}

#[test]
#[ignore = "needs the control plane"]
fn each_value_of_a_fresh_object_is_compared_or_passed_over_for_one_rule() {
    let plane = ControlPlane::alone();
    let namespace = plane.namespace();
    let manifests = "tests/cases/manifests";
    plane.kubectl(&["apply", "-n", &namespace, "-f", manifests]);
    let declared = declared(Path::new(manifests));
    let (mut counted, mut wrong) = (BTreeMap::new(), Vec::new());
    for more in [&[][..], &["--strict"]] {
        let args = [
            "-f",
            manifests,
            "-n",
            &namespace,
            "--once",
            "--show-suppressed",
            "--no-redact",
            "-o",
            "json",
        ];
        let report = plane
            .run_as("reader", &[&args[..], more].concat())
            .exits(0)
            .json();
        let suppressed = report["suppressed"].as_array().unwrap();
        for kind in ["Deployment", "Service", "ConfigMap", "Namespace"] {
            for live in plane.get_all(kind, &namespace) {
                let name = live["metadata"]["name"].as_str().unwrap();
                let Some(declared) = declared.get(&(kind.to_owned(), name.to_owned())) else {
                    continue;
                };
                let of_it = suppressed
                    .iter()
                    .find(|of| of["kind"] == kind && of["name"] == name);
                let fields = of_it.unwrap()["fields"].as_array().unwrap().iter();
                let passed: Vec<(&str, &str)> = fields
                    .filter(|field| field["rule"] != "free-order")
                    .filter_map(|field| {
                        Some((field["pointer"]["live"].as_str()?, field["rule"].as_str()?))
                    })
                    .collect();
                let mut values = Vec::new();
                ends(&live, "", &mut values);
                // The program does not keep these of what the server sends.
                let is_kept = |at: &String| {
                    !at.starts_with("/status") && !at.starts_with("/metadata/managedFields")
                };
                values.retain(is_kept);
                for at in values {
                    *counted.entry(kind).or_insert(0) += 1;
                    let is_around = |around: &str| {
                        let below = at.strip_prefix(around);
                        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
                    };
                    let rules = passed.iter().filter(|(around, _)| is_around(around));
                    let rules: Vec<&str> = rules.map(|(_, rule)| *rule).collect();
                    let sides = (declared.pointer(&at), live.pointer(&at));
                    // Of an empty struct, what is declared in it is no more than that.
                    let is_same = sides.0 == sides.1
                        || sides.0.is_some_and(Value::is_object) && sides.1 == Some(&json!({}));
                    let is_right = match &rules[..] {
                        [] => is_same,
                        [rule] => !is_same && *rule != "not-declared",
                        _ => false,
                    };
                    if !is_right {
                        wrong.push(format!("{kind}/{name} {at} {more:?}: {rules:?}"));
                    }
                }
            }
        }
    }
    let least = [
        ("Deployment", 3000),
        ("Service", 300),
        ("ConfigMap", 100),
        ("Namespace", 20),
    ];
    for (kind, least) in least {
        assert!(counted[kind] > least, "{counted:?}");
    }
    assert_eq!(wrong, Vec::<String>::new(), "of {counted:?}");
}
