//! Differences that a comparison of fields one by one gets wrong, each with what the API server and the kubelet make of
//! it: names that occur twice, fields that the server copies, objects on their way out.

use serde_json::{Value, json};

use crate::repair::{action, repair};
use crate::support::{ControlPlane, config_map, deployment, folder, paths, text};

const CONTAINER: &str = "spec.template.spec.containers[name=web]";

/// The only resource's fields, each with its class and the line of its source.
fn fields(report: &Value) -> Vec<String> {
    let fields = report["resources"][0]["fields"].as_array();
    let line = |field: &Value| {
        let path = field["path"].as_str().unwrap().replace(CONTAINER, "C");
        format!(
            "{} {path}:{}",
            field["class"].as_str().unwrap(),
            field["source"]["line"]
        )
    };
    fields.into_iter().flatten().map(line).collect()
}

fn report(plane: &ControlPlane, namespace: &str, manifest: &str, more: &[&str]) -> Value {
    let manifests = folder(&[("m.yaml", manifest)]);
    let path = text(manifests.path());
    let args = ["-f", path, "-n", namespace, "--once", "--output", "json"];
    let run = plane.run_as("reader", &[&args[..], more].concat());
    run.exits(0).json()
}

fn patch(plane: &ControlPlane, object: &str, namespace: &str, patch: &Value) {
    let patch = patch.to_string();
    plane.kubectl(&[
        "patch",
        object,
        "-n",
        namespace,
        "--type=json",
        "-p",
        &patch,
    ]);
}

fn env(plane: &ControlPlane, namespace: &str) -> Value {
    plane.get("deployment", namespace, "web")["spec"]["template"]["spec"]["containers"][0]["env"]
        .clone()
}

#[test]
#[ignore = "needs the control plane"]
fn a_repair_leaves_the_declared_value_of_a_doubled_variable_in_effect() {
    let plane = ControlPlane::running();
    let manifest = deployment("web", "nginx:1.25")
        + "        env:\n        - {name: STAGE, value: qa}\n        - {name: MODE, value: $(STAGE)}\n";
    let stage = |value: &str| json!({"name": "STAGE", "value": value});
    let mode = json!({"name": "MODE", "value": "$(STAGE)"});
    let add = |at: &str, value: Value| json!([{"op": "add", "path": format!("/spec/template/spec/containers/0/env/{at}"), "value": value}]);
    let all = ["--strict", "--remove-extras"];
    let order = "changed C.env:13";
    let value = "changed C.env[name=STAGE].value:13";
    for (at, expected, repaired) in [
        // The last one wins: what was declared is not in effect.
        (
            "-",
            &[order, "extra C.env[name=STAGE,0]:12", value][..],
            json!([stage("qa"), mode]),
        ),
        ("1", &[value], json!([stage("qa"), stage("qa"), mode])),
        ("0", &[], json!([stage("prod"), stage("qa"), mode])),
    ] {
        let namespace = plane.namespace();
        plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &manifest);
        patch(plane, "deployment/web", &namespace, &add(at, stage("prod")));
        let default = report(plane, &namespace, &manifest, &[]);
        assert_eq!(fields(&default), expected, "at {at}");
        let strict = report(plane, &namespace, &manifest, &["--strict"]);
        let extra = fields(&strict).contains(&"extra C.env[name=STAGE,0]:12".to_owned());
        assert!(extra, "at {at}: {strict:#}");
        repair(plane, &namespace, &manifest, &[], 0);
        assert_eq!(env(plane, &namespace), repaired, "at {at}");
        repair(plane, &namespace, &manifest, &all, 0);
        assert_eq!(
            env(plane, &namespace),
            json!([stage("qa"), mode]),
            "at {at}"
        );
    }
}

#[test]
#[ignore = "needs the control plane"]
fn a_variable_that_a_declared_one_refers_to_is_taken_out() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = deployment("web", "nginx:1.25")
        + "        env:\n        - {name: URL, value: http://$(HOST)/}\n";
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &manifest);
    let path = "/spec/template/spec/containers/0/env/";
    let before = json!({"op": "add", "path": format!("{path}0"), "value": {"name": "HOST", "value": "evil.example"}});
    let behind =
        json!({"op": "add", "path": format!("{path}-"), "value": {"name": "OTHER", "value": "x"}});
    patch(
        plane,
        "deployment/web",
        &namespace,
        &json!([before, behind]),
    );
    let found = report(plane, &namespace, &manifest, &[]);
    assert_eq!(fields(&found), ["extra C.env[name=HOST]:12"]);
    let repaired = repair(plane, &namespace, &manifest, &[], 0);
    assert_eq!(action(&repaired), ("remediated".to_owned(), String::new()));
    let names: Vec<Value> = env(plane, &namespace)
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].clone())
        .collect();
    assert_eq!(names, ["URL", "OTHER"]);
}

#[test]
#[ignore = "needs the control plane"]
fn missing_items_go_where_their_order_is_right() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    // By name they would come in another order.
    let manifest = deployment("web", "nginx:1.25")
        + "        env: [{name: Z, value: x}, {name: X, value: w}, {name: D, value: $(Z)}, {name: C, value: $(X)}]\n"
        + "      initContainers: [{name: d, image: \"i:1\"}, {name: c, image: \"i:1\"}, {name: b, image: \"i:1\"}]\n";
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &manifest);
    let applied = plane.get("deployment", &namespace, "web")["spec"].clone();
    let pod = "/spec/template/spec";
    for change in [
        json!([{"op": "remove", "path": format!("{pod}/initContainers/2")}, {"op": "remove", "path": format!("{pod}/initContainers/1")}]),
        json!([{"op": "remove", "path": format!("{pod}/initContainers")}]),
        json!([{"op": "remove", "path": format!("{pod}/containers/0/env/3")}, {"op": "remove", "path": format!("{pod}/containers/0/env/2")}]),
        json!([
            {"op": "move", "from": format!("{pod}/containers/0/env/1"), "path": format!("{pod}/containers/0/env/0")},
            {"op": "remove", "path": format!("{pod}/containers/0/env/3")},
            {"op": "remove", "path": format!("{pod}/containers/0/env/2")},
        ]),
    ] {
        patch(plane, "deployment/web", &namespace, &change);
        let repaired = repair(plane, &namespace, &manifest, &[], 0);
        assert_eq!(
            action(&repaired),
            ("remediated".to_owned(), String::new()),
            "{change}"
        );
        // Two variables that do not refer to each other may stand either way.
        let in_order = |mut spec: Value| {
            let env = spec["template"]["spec"]["containers"][0]["env"]
                .as_array_mut()
                .unwrap();
            env[..2].sort_by_key(|item| item["name"].to_string());
            spec
        };
        let spec = plane.get("deployment", &namespace, "web")["spec"].clone();
        assert_eq!(in_order(spec), in_order(applied.clone()), "{change}");
    }
}

#[test]
#[ignore = "needs the control plane"]
fn what_was_added_points_to_the_line_of_what_it_was_added_to() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:

    a: b
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - image: nginx:1.25
        name: web
        env:

        - name: A
          value: x
        securityContext:

          runAsUser: 1
      volumes:
      # The first one.
      - name: v
";
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], manifest);
    let pod = "/spec/template/spec";
    let add = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
    let web = format!("{pod}/containers/0");
    patch(
        plane,
        "deployment/web",
        &namespace,
        &json!([
            add("/metadata/labels/team", json!("blue")),
            add("/metadata/annotations/note", json!("x")),
            add("/spec/minReadySeconds", json!(3)),
            add(&format!("{web}/env/-"), json!({"name": "B", "value": "w"})),
            add(&format!("{web}/ports"), json!([{"containerPort": 80}])),
            add(&format!("{web}/securityContext/privileged"), json!(true)),
            add(&format!("{web}/imagePullPolicy"), json!("Always")),
            add(
                &format!("{pod}/volumes/-"),
                json!({"name": "w", "emptyDir": {}})
            ),
            add(&format!("{pod}/dnsPolicy"), json!("Default")),
        ]),
    );
    let found = report(plane, &namespace, manifest, &["--strict"]);
    assert_eq!(
        fields(&found),
        [
            "extra metadata.annotations.note:3",
            "extra metadata.labels.team:5",
            "extra spec.minReadySeconds:8",
            "extra C.env[name=B]:16",
            "changed C.imagePullPolicy:14",
            "extra C.ports[containerPort=80,protocol=TCP]:14",
            "extra C.securityContext.privileged:20",
            "changed spec.template.spec.dnsPolicy:12",
            "extra spec.template.spec.volumes[name=w]:23",
        ]
    );
    let fewer = manifest.replace(
        "\n        - name: A\n          value: x\n",
        "\n        - name: B\n          value: w\n",
    );
    let found = report(plane, &namespace, &fewer, &[]);
    assert_eq!(fields(&found), ["removed C.env[name=A]:16"]);
}

#[test]
#[ignore = "needs the control plane"]
fn a_service_account_that_has_left_git_is_taken_out_with_its_twin() {
    let plane = ControlPlane::running();
    for (field, way) in [
        ("serviceAccountName", &["apply"][..]),
        ("serviceAccount", &["apply"]),
        ("serviceAccountName", &["apply", "--server-side"]),
        ("serviceAccount", &["apply", "--server-side"]),
    ] {
        let namespace = plane.namespace();
        let manifest = deployment("web", "nginx:1.25");
        let with_account = format!("{manifest}      {field}: old\n");
        plane.kubectl_with(
            &[way, &["-n", &namespace, "-f", "-"]].concat(),
            &with_account,
        );
        let found = report(plane, &namespace, &manifest, &[]);
        let twins = [
            "spec.template.spec.serviceAccount",
            "spec.template.spec.serviceAccountName",
        ];
        assert_eq!(paths(&found), twins);
        let repaired = repair(plane, &namespace, &manifest, &[], 0);
        assert_eq!(action(&repaired), ("remediated".to_owned(), String::new()));
        let pod = &plane.get("deployment", &namespace, "web")["spec"]["template"]["spec"];
        assert_eq!(
            (&pod["serviceAccount"], &pod["serviceAccountName"]),
            (&Value::Null, &Value::Null)
        );
    }
}

#[test]
#[ignore = "needs the control plane"]
fn an_object_that_is_being_deleted_is_not_in_sync() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = config_map("web", "k", "v");
    let held = manifest.replace("{name: web}", "{name: web, finalizers: [example.com/hold]}");
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &held);
    patch(
        plane,
        "configmap/web",
        &namespace,
        &json!([{"op": "replace", "path": "/data/k", "value": "w"}]),
    );
    plane.kubectl(&[
        "delete",
        "configmap",
        "web",
        "-n",
        &namespace,
        "--wait=false",
    ]);
    let since = plane.get("configmap", &namespace, "web")["metadata"]["deletionTimestamp"].clone();
    let found = report(plane, &namespace, &manifest, &["--strict"]);
    let field = &found["resources"][0]["fields"][0];
    let live = format!(
        "being deleted since {}, held by the finalizer example.com/hold",
        since.as_str().unwrap()
    );
    assert_eq!(paths(&found), ["<resource>"]);
    assert_eq!(
        [
            &field["class"],
            &field["desired"],
            &field["live"],
            &found["summary"]["missing"]
        ],
        [
            &json!("changed"),
            &json!("present"),
            &json!(live),
            &json!(0)
        ],
        "{found:#}"
    );
    let ignored = report(
        plane,
        &namespace,
        &manifest,
        &["--ignore-fields", "<resource>"],
    );
    assert_eq!(ignored["resources"], json!([]));
    let failed = repair(plane, &namespace, &manifest, &[], 2);
    assert_eq!(action(&failed).0, "remediation-failed", "{failed:#}");
    assert!(action(&failed).1.contains("being deleted"), "{failed:#}");
    assert_eq!(plane.get("configmap", &namespace, "web")["data"]["k"], "w");
}

#[test]
#[ignore = "needs the control plane"]
fn a_namespace_that_is_being_deleted_names_what_holds_it() {
    let plane = ControlPlane::running();
    let name = plane.namespace();
    plane.kubectl(&["delete", "namespace", &name, "--wait=false"]);
    let manifest = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    let found = report(plane, &name, &manifest, &[]);
    let live = found["resources"][0]["fields"][0]["live"].as_str().unwrap();
    assert!(
        live.starts_with("being deleted since ")
            && live.ends_with("Z, held by the finalizer kubernetes"),
        "{live}"
    );
}

#[test]
#[ignore = "needs the control plane"]
fn a_policy_for_ip_families_is_compared_with_what_a_new_service_would_get() {
    let plane = ControlPlane::running();
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports: [{port: 80}]\n";
    let prefer = "  ipFamilyPolicy: PreferDualStack\n";
    for (rest, policy) in [
        ("", "SingleStack"),
        ("  clusterIP: None\n", "RequireDualStack"),
        ("  clusterIP: None\n  selector: {a: b}\n", "SingleStack"),
    ] {
        let namespace = plane.namespace();
        let manifest = format!("{service}{rest}");
        plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], &manifest);
        assert_eq!(
            paths(&report(plane, &namespace, &manifest, &["--strict"])),
            [""; 0]
        );
        let change =
            json!([{"op": "replace", "path": "/spec/ipFamilyPolicy", "value": "PreferDualStack"}]);
        patch(plane, "service/web", &namespace, &change);
        assert_eq!(paths(&report(plane, &namespace, &manifest, &[])), [""; 0]);
        let found = report(plane, &namespace, &manifest, &["--strict"]);
        let field = &found["resources"][0]["fields"][0];
        assert_eq!(
            [
                &field["path"],
                &field["desired"],
                &field["live"],
                &field["defaulted"]
            ],
            [
                &json!("spec.ipFamilyPolicy"),
                &json!(policy),
                &json!("PreferDualStack"),
                &json!(true)
            ]
        );
        let all = ["--strict", "--remove-extras"];
        let repaired = repair(plane, &namespace, &manifest, &all, 0);
        assert_eq!(action(&repaired), ("remediated".to_owned(), String::new()));
        assert_eq!(
            plane.get("service", &namespace, "web")["spec"]["ipFamilyPolicy"],
            policy
        );
    }
    // The server keeps it where a PUT leaves it out.
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &format!("{service}{prefer}"),
    );
    assert_eq!(
        fields(&report(plane, &namespace, service, &[])),
        ["removed spec.ipFamilyPolicy:4"]
    );
    repair(plane, &namespace, service, &[], 0);
    assert_eq!(
        plane.get("service", &namespace, "web")["spec"]["ipFamilyPolicy"],
        "SingleStack"
    );
}
