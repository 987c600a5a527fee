//! Who wrote a field last, as reports name it, for the ways in which people and programs write.

use serde_json::{Value, json};

use crate::repair::repair;
use crate::support::{ControlPlane, config_map, folder, paths, text};

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {team: shop}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.25
        args: [--one]
        env: [{name: LEVEL, value: info}]
        ports: [{containerPort: 80}]
        resources: {}
";

const IMAGE: &str = "spec.template.spec.containers[name=web].image";

/// The Deployment as applied.
fn applied(plane: &ControlPlane) -> String {
    let namespace = plane.namespace();
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], MANIFEST);
    namespace
}

fn detect(plane: &ControlPlane, namespace: &str, more: &[&str]) -> Value {
    let files = folder(&[("web.yaml", MANIFEST)]);
    let args = [
        "-f",
        text(files.path()),
        "-n",
        namespace,
        "--once",
        "--output",
        "json",
    ];
    plane
        .run_as("reader", &[&args, more].concat())
        .exits(0)
        .json()
}

/// `MANAGER OPERATION SUBRESOURCE` of the field's last writer, and of its other owners.
#[track_caller]
fn writers(report: &Value, path: &str) -> Vec<String> {
    let fields = report["resources"][0]["fields"].as_array().unwrap();
    let field = fields.iter().find(|field| field["path"] == path);
    let field = field.unwrap_or_else(|| panic!("no {path} in {report:#}"));
    let named = |writer: &Value| {
        let text = |key: &str| writer[key].as_str().unwrap();
        let words = [text("manager"), text("operation"), text("subresource")];
        words.join(" ").trim().to_owned()
    };
    let last = field.get("lastWriter").into_iter();
    last.chain(field["coOwners"].as_array().unwrap())
        .map(named)
        .collect()
}

#[test]
#[ignore = "needs the control plane"]
fn kubectl_commands_are_the_last_writers_of_what_they_change() {
    let plane = ControlPlane::running();
    let namespace = applied(plane);
    let kubectl = |args: &[&str]| plane.kubectl(&[&["-n", &namespace], args].concat());
    kubectl(&["set", "image", "deployment/web", "web=nginx:1.19"]);
    kubectl(&["set", "env", "deployment/web", "LEVEL=debug"]);
    kubectl(&["set", "resources", "deployment/web", "--limits=cpu=1"]);
    kubectl(&["scale", "deployment/web", "--replicas=5"]);
    kubectl(&["label", "deployment/web", "--overwrite", "team=pay"]);
    kubectl(&["annotate", "deployment/web", "note=x"]);
    let args =
        json!([{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--two"}]);
    kubectl(&[
        "patch",
        "deployment/web",
        "--type=json",
        "-p",
        &args.to_string(),
    ]);
    plane.kubectl_edit(
        &["-n", &namespace, "deployment/web"],
        "s/containerPort: 80/containerPort: 81/",
    );
    let report = detect(plane, &namespace, &["--strict"]);
    let container = "spec.template.spec.containers[name=web]";
    for (path, expected) in [
        (IMAGE, "kubectl-set Update"),
        (
            &format!("{container}.env[name=LEVEL].value"),
            "kubectl-set Update",
        ),
        (
            &format!("{container}.resources.limits.cpu"),
            "kubectl-set Update",
        ),
        ("spec.replicas", "kubectl Update scale"),
        ("metadata.labels.team", "kubectl-label Update"),
        ("metadata.annotations.note", "kubectl-annotate Update"),
        (&format!("{container}.args"), "kubectl-patch Update"),
        (
            &format!("{container}.ports[containerPort=80,protocol=TCP].containerPort"),
            "kubectl-edit Update",
        ),
    ] {
        assert_eq!(writers(&report, path), [expected], "{path}");
    }
}

fn container(fields: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {{spec: {{containers: [{{name: web, {fields}}}]}}}}}}\n"
    )
}

fn server_side(plane: &ControlPlane, namespace: &str, manager: &str, manifest: &str) {
    let manager = format!("--field-manager={manager}");
    let args = ["apply", "--server-side", "--force-conflicts", &manager];
    plane.kubectl_with(
        &[&args[..], &["-n", namespace, "-f", "-"]].concat(),
        manifest,
    );
}

#[test]
#[ignore = "needs the control plane"]
fn of_two_appliers_the_one_that_changed_a_value_is_named_and_who_shares_it_beside_it() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    server_side(plane, &namespace, "one", MANIFEST);
    server_side(plane, &namespace, "two", &container("image: nginx:1.19"));
    assert_eq!(
        writers(&detect(plane, &namespace, &[]), IMAGE),
        ["two Apply"]
    );
    server_side(plane, &namespace, "three", &container("image: nginx:1.19"));
    let mut both = writers(&detect(plane, &namespace, &[]), IMAGE);
    both.sort();
    assert_eq!(both, ["three Apply", "two Apply"]);
}

#[test]
#[ignore = "needs the control plane"]
fn writers_that_the_server_has_forgotten_are_said_to_be_forgotten() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let kubectl = |args: &[&str]| plane.kubectl(&[&["-n", &namespace], args].concat());
    plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], MANIFEST);
    kubectl(&["set", "image", "deployment/web", "web=nginx:1.19"]);
    let forget = json!({"metadata": {"managedFields": [{}]}}).to_string();
    kubectl(&["patch", "deployment/web", "--type=merge", "-p", &forget]);
    let nobody: [&str; 0] = [];
    assert_eq!(writers(&detect(plane, &namespace, &[]), IMAGE), nobody);
    server_side(
        plane,
        &namespace,
        "one",
        &container("env: [{name: X, value: z}]"),
    );
    let report = detect(plane, &namespace, &[]);
    assert_eq!(writers(&report, IMAGE), ["before-first-apply Update"]);

    kubectl(&["set", "image", "deployment/web", "web=nginx:1.18"]);
    for number in 0..11 {
        let manager = format!("--field-manager=m{number}");
        kubectl(&["label", "deployment/web", &format!("l{number}=x"), &manager]);
    }
    let report = detect(plane, &namespace, &[]);
    assert_eq!(writers(&report, IMAGE), ["ancient-changes Update"]);
}

#[test]
#[ignore = "needs the control plane"]
fn writes_to_the_status_leave_the_writers_of_other_fields_alone() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let helm = "--field-manager=helm";
    plane.kubectl_with(
        &["create", "-n", &namespace, helm, "-f", "-"],
        &MANIFEST.replace("1.25", "1.19"),
    );
    let status = [
        "--subresource=status",
        "--field-manager=controller",
        "--type=merge",
    ];
    let patch = json!({"status": {"replicas": 1}}).to_string();
    let object = ["-n", &namespace, "deployment/web", "-p", &patch];
    plane.kubectl(&[&["patch"], &status[..], &object].concat());
    assert_eq!(
        writers(&detect(plane, &namespace, &[]), IMAGE),
        ["helm Update"]
    );
}

#[test]
#[ignore = "needs the control plane"]
fn a_repair_names_the_writer_from_before() {
    let plane = ControlPlane::running();
    let namespace = applied(plane);
    plane.kubectl(&[
        "set",
        "image",
        "-n",
        &namespace,
        "deployment/web",
        "web=nginx:1.19",
    ]);
    let report = repair(plane, &namespace, MANIFEST, &[], 0);
    assert_eq!(report["resources"][0]["action"], "remediated");
    assert_eq!(writers(&report, IMAGE), ["kubectl-set Update"]);
}

#[test]
#[ignore = "needs the control plane"]
fn nobody_is_named_for_what_is_absent() {
    let plane = ControlPlane::running();
    let namespace = applied(plane);
    plane.kubectl(&["label", "-n", &namespace, "deployment/web", "team-"]);
    let report = detect(plane, &namespace, &[]);
    assert_eq!(paths(&report), ["metadata.labels.team"]);
    let nobody: [&str; 0] = [];
    assert_eq!(writers(&report, "metadata.labels.team"), nobody);
}

#[test]
#[ignore = "needs the control plane"]
fn fields_of_ignored_managers_are_left_out_counted_and_kept_on_write() {
    let plane = ControlPlane::running();
    let namespace = applied(plane);
    plane.kubectl(&["scale", "-n", &namespace, "deployment/web", "--replicas=5"]);
    plane.kubectl(&[
        "set",
        "image",
        "-n",
        &namespace,
        "deployment/web",
        "web=nginx:1.19",
    ]);
    let replicas_alone = ["--ignore-managers", "kubectl-s*,nobody"];
    let report = detect(plane, &namespace, &replicas_alone);
    assert_eq!(paths(&report), ["spec.replicas"]);
    assert_eq!(report["summary"]["ignored"], 1);
    let warnings = report["warnings"].as_array().unwrap();
    assert_eq!(
        warnings
            .iter()
            .map(|warning| &warning["message"])
            .collect::<Vec<_>>(),
        ["--ignore-managers: `nobody` matches no owner in any resource"]
    );

    let report = repair(
        plane,
        &namespace,
        MANIFEST,
        &["--ignore-managers", "kubectl"],
        0,
    );
    assert_eq!(paths(&report), [IMAGE]);
    assert_eq!(
        plane.get("deployment", &namespace, "web")["spec"]["replicas"],
        5
    );
    let report = detect(plane, &namespace, &["--ignore-managers=*"]);
    assert_eq!(
        (&report["summary"]["inSync"], &report["summary"]["ignored"]),
        (&json!(1), &json!(1))
    );
}

#[test]
#[ignore = "needs the control plane"]
fn a_field_that_an_ignored_manager_shares_with_another_is_reported() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let live = config_map("app", "key", "live");
    server_side(plane, &namespace, "one", &live);
    server_side(plane, &namespace, "two", &live);
    let files = folder(&[("app.yaml", &config_map("app", "key", "declared"))]);
    let args = [
        "-f",
        text(files.path()),
        "-n",
        &namespace,
        "--once",
        "--output",
        "json",
    ];
    for (ignored, expected) in [("one", 1), ("two", 1), ("one,two", 0)] {
        let report = plane.run_as(
            "reader",
            &[&args[..], &["--ignore-managers", ignored]].concat(),
        );
        assert_eq!(
            report.exits(0).json()["summary"]["drifted"],
            expected,
            "{ignored}"
        );
    }
}
