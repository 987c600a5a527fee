//! A backlog: drift that an earlier report has already is counted, not listed and not repaired.

use std::fs;

use serde_json::Value;

use crate::support::{ControlPlane, config_map, folder, run, text};

fn map(name: &str, keys: usize, value: impl Fn(usize) -> String) -> String {
    let data: serde_json::Map<String, Value> = (0..keys)
        .map(|i| (format!("k{i:03}"), value(i).into()))
        .collect();
    serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
        .to_string()
}

fn ids(report: &Value) -> Vec<String> {
    let resources = report["resources"].as_array().unwrap().iter();
    let fields = resources.flat_map(|resource| resource["fields"].as_array().unwrap());
    fields
        .map(|field| field["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn known_drift_is_counted_and_not_listed() {
    let desired = [
        map("a", 3, |i| format!("new{i}")),
        config_map("gone", "k", "v"),
        config_map("api", "PASSWORD", "one"),
        config_map("fine", "k", "v"),
    ];
    let live = |changed: &str| {
        let value = |i: usize| {
            if i == 1 {
                changed.to_owned()
            } else {
                format!("old{i}")
            }
        };
        [
            map("a", 3, value),
            config_map("api", "PASSWORD", "two"),
            config_map("fine", "k", "v"),
        ]
        .join("\n---\n")
    };
    let files = folder(&[
        ("desired.yaml", &desired.join("\n---\n")),
        ("live.yaml", &live("old1")),
        ("later.yaml", &live("older")),
    ]);
    let file = |name: &str| text(files.path()).to_owned() + "/" + name;
    let report = |live: &str, more: &[&str]| {
        let (desired, live) = (file("desired.yaml"), file(live));
        let args = [
            "-f",
            &desired,
            "--live",
            &live,
            "-o",
            "json",
            "--fail-on-drift",
        ];
        run(&[&args[..], more].concat())
    };
    let whole = report("live.yaml", &["--no-redact"]).exits(1);
    fs::write(file("first.json"), &whole.stdout).unwrap();
    let baseline = file("first.json");
    let known = report("live.yaml", &["--baseline", &baseline]).exits(0);
    let json = known.json();
    assert_eq!(ids(&json), Vec::<String>::new());
    let summary = &json["summary"];
    assert_eq!(
        (&summary["known"], &summary["knownGone"]),
        (&5.into(), &0.into())
    );
    assert_eq!(
        (&summary["compared"], &summary["inSync"]),
        (&4.into(), &1.into())
    );
    assert_eq!(json["known"].as_array().unwrap().len(), 3);
    assert_eq!(known.complaints(), Vec::<&str>::new());
    // What is known stays known in the next baseline.
    fs::write(file("second.json"), &known.stdout).unwrap();
    let again = report("live.yaml", &["--baseline", &file("second.json")]);
    // The password's value was hidden in it. The field is still there, so it is not "no longer found".
    let json = again.json();
    assert_eq!(ids(&json), ["ConfigMap/default/api:data.PASSWORD"]);
    assert_eq!(json["summary"]["knownGone"], 0);
    assert_eq!(
        again.complaints()[0],
        " WARN --baseline: 1 of its entries is redacted and matches nothing; write it with --no-redact"
    );
    // Another live value is another drift.
    let later = report("later.yaml", &["--baseline", &baseline])
        .exits(1)
        .json();
    assert_eq!(ids(&later), ["ConfigMap/default/a:data.k001"]);
    assert_eq!(
        (&later["summary"]["known"], &later["summary"]["knownGone"]),
        (&4.into(), &1.into())
    );
    for (content, cause) in [
        ("no report", "not a JSON report"),
        ("", "not a JSON report: it is empty"),
    ] {
        fs::write(file("bad.json"), content).unwrap();
        let bad = report("live.yaml", &["--baseline", &file("bad.json")]).exits(2);
        assert!(bad.stderr.contains(cause), "{}", bad.stderr);
    }
}

#[test]
fn a_baseline_of_300_fields_hides_them_until_one_changes_and_repairs_leave_them_alone() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &map("big", 300, |i| format!("old{i}")),
    );
    let desired = [
        map("big", 300, |i| format!("new{i}")),
        config_map("gone", "k", "v"),
    ];
    let files = folder(&[("desired/a.yaml", &desired.join("\n---\n"))]);
    let manifests = files.path().join("desired");
    let baseline = files.path().join("baseline.json");
    let json = format!("json={}", text(&baseline));
    let args = [
        "-f",
        text(&manifests),
        "-n",
        &namespace,
        "--once",
        "-o",
        &json,
    ];
    plane.run_as("reader", &args).exits(0);
    let args = [
        "-f",
        text(&manifests),
        "-n",
        &namespace,
        "--once",
        "-o",
        "json",
        "--baseline",
        text(&baseline),
    ];
    let report = plane.run_as("reader", &args).exits(0).json();
    assert_eq!(
        (ids(&report).len(), &report["summary"]["known"]),
        (0, &301.into())
    );
    let patch = r#"{"data":{"k007":"changed again"}}"#;
    plane.kubectl(&[
        "patch",
        "cm",
        "big",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        patch,
    ]);
    let report = plane.run_as("reader", &args).exits(0).json();
    assert_eq!(
        ids(&report),
        [format!("ConfigMap/{namespace}/big:data.k007")]
    );
    assert_eq!(
        (&report["summary"]["known"], &report["summary"]["knownGone"]),
        (&300.into(), &1.into())
    );
    let report = plane
        .run_as("writer", &[&args[..], &["--remediate"]].concat())
        .exits(0)
        .json();
    assert_eq!(report["resources"][0]["action"], "remediated");
    let live = plane.get("configmap", &namespace, "big");
    assert_eq!(
        (&live["data"]["k007"], &live["data"]["k008"]),
        (&"new7".into(), &"old8".into())
    );
    // A missing resource that is known is not created.
    let names = plane.kubectl(&["get", "cm", "-n", &namespace, "-o", "name"]);
    assert!(!names.contains("gone"), "{names}");
}

#[test]
#[ignore = "needs the control plane"]
fn what_has_drifted_in_a_list_of_known_order_is_repaired() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = |env: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: web}}}}\n  \
             template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n      - name: web\n        \
             image: web:1\n        env: [{env}]\n"
        )
    };
    let (host, url) = ("{name: HOST, value: a}", "{name: URL, value: $(HOST)}");
    let live = [url, host, "{name: LEVEL, value: info}"].join(", ");
    plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], &manifest(&live));
    let desired = [host, url, "{name: LEVEL, value: info}"].join(", ");
    let files = folder(&[("desired/a.yaml", &manifest(&desired))]);
    let (file, baseline) = (
        files.path().join("desired"),
        files.path().join("known.json"),
    );
    let args = ["-f", text(&file), "-n", &namespace, "--once"];
    let of = |user: &str, more: &[&str]| plane.run_as(user, &[&args[..], more].concat()).exits(0);
    of("reader", &["-o", &format!("json={}", text(&baseline))]);
    let known = ["-o", "json", "--baseline", text(&baseline)];
    let report = of("writer", &[&known[..], &["--remediate"]].concat()).json();
    assert_eq!(report["summary"]["known"], 1, "{report:#}");
    let env = |n: usize| {
        let object = plane.get("deployment", &namespace, "web");
        object["spec"]["template"]["spec"]["containers"][0]["env"][n].clone()
    };
    assert_eq!(env(0)["name"], "URL");
    plane.kubectl(&[
        "set",
        "env",
        "-n",
        &namespace,
        "deployment/web",
        "LEVEL=debug",
    ]);
    let report = of("writer", &[&known[..], &["--remediate"]].concat()).json();
    assert_eq!(report["resources"][0]["action"], "remediated", "{report:#}");
    assert_eq!(env(2)["value"], "info");
}

#[test]
#[ignore = "needs the control plane"]
fn a_baseline_rules_and_an_annotation_each_hide_their_own_fields_and_keep_them() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &map("big", 300, |i| format!("old{i}")),
    );
    let desired = map("big", 300, |i| format!("new{i}"));
    let annotated = desired.replacen(
        r#""name":"big""#,
        r#""name":"big","annotations":{"drift.gitops.io/ignore-fields":"data.k010"}"#,
        1,
    );
    let files = folder(&[("desired/a.yaml", &desired)]);
    let manifest = files.path().join("desired/a.yaml");
    let baseline = files.path().join("baseline.json");
    let args = ["-f", text(&manifest), "-n", &namespace, "--once"];
    let of = |user: &str, more: &[&str]| plane.run_as(user, &[&args[..], more].concat()).exits(0);
    // What is left out of a report is not in the baseline that it becomes.
    let rule = format!("ConfigMap/{namespace}/big:data.k020");
    let json = format!("json={}", text(&baseline));
    of("reader", &["-o", &json, "--ignore-fields", &rule]);
    let known = ["-o", "json", "--baseline", text(&baseline)];
    let id = |key: &str| format!("ConfigMap/{namespace}/big:data.{key}");
    let report = of("reader", &known).json();
    assert_eq!(
        (ids(&report), &report["summary"]["known"]),
        (vec![id("k020")], &299.into())
    );
    fs::write(&manifest, annotated).unwrap();
    let with_rule = [&known[..], &["--ignore-fields", &rule]].concat();
    let counts = |report: &Value| {
        let summary = &report["summary"];
        let count = |key: &str| summary[key].as_u64().unwrap();
        (count("known"), count("ignored"), count("knownGone"))
    };
    let report = of("reader", &with_rule).json();
    assert_eq!(ids(&report), Vec::<String>::new());
    assert_eq!(counts(&report), (298, 2, 1));
    // An ignored field may change; a known one is drift again, and is repaired alone.
    let changed = ["k007", "k010", "k020"].map(|key| (key.to_owned(), "again".into()));
    let patch = serde_json::json!({"data": serde_json::Map::from_iter(changed)}).to_string();
    let args = ["patch", "cm", "big", "-n", &namespace, "--type=merge", "-p"];
    plane.kubectl(&[&args[..], &[&patch]].concat());
    let report = of("reader", &with_rule).json();
    assert_eq!(ids(&report), [id("k007")]);
    assert_eq!(counts(&report), (297, 2, 2));
    of("writer", &[&with_rule[..], &["--remediate"]].concat());
    let live = plane.get("configmap", &namespace, "big");
    let value = |i: usize| match i {
        7 => "new7".to_owned(),
        10 | 20 => "again".to_owned(),
        _ => format!("old{i}"),
    };
    let expected: Value = serde_json::from_str(&map("big", 300, value)).unwrap();
    assert_eq!(live["data"], expected["data"]);
}
