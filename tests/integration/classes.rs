//! The ways in which tools of this sort are known to be wrong, each with the right answer on a real API server.
//!
//! Not here, because they cannot concern a tool that only reads the four kinds: a stored release taken for the live
//! state (nothing is stored), custom resources and aggregated ClusterRoles (other kinds), objects that are in no
//! manifest any more (nothing tells whose they were), a server whose types are newer (one server cannot show it; the
//! differ's own tests do).

use serde_json::Value;

use crate::support::{ControlPlane, config_map, deployment, folder, text};

/// A namespace and a manifest that was created in it.
struct Case {
    plane: &'static ControlPlane,
    namespace: String,
    manifest: String,
}

impl Case {
    fn new(manifest: &str) -> Self {
        let case = Self::absent(manifest);
        case.plane
            .kubectl_with(&["create", "-n", &case.namespace, "-f", "-"], manifest);
        case
    }

    fn absent(manifest: &str) -> Self {
        let plane = ControlPlane::running();
        Self {
            plane,
            namespace: plane.namespace(),
            manifest: manifest.to_owned(),
        }
    }

    fn kubectl(&self, args: &[&str]) -> &Self {
        self.plane
            .kubectl(&[&["-n", &self.namespace], args].concat());
        self
    }

    fn patch(&self, object: &str, patch: &str) -> &Self {
        self.kubectl(&["patch", object, "--type=json", "--patch", patch])
    }

    fn report(&self, more: &[&str], exit: i32) -> Value {
        let manifests = folder(&[("m.yaml", &self.manifest)]);
        let args = [
            "-f",
            text(manifests.path()),
            "-n",
            &self.namespace,
            "--once",
            "--output",
            "json",
        ];
        self.plane
            .run_as("reader", &[&args[..], more].concat())
            .exits(exit)
            .json()
    }

    /// `class path` of each field of each resource.
    fn told(&self, more: &[&str]) -> Vec<String> {
        let report = self.report(more, 0);
        let fields = report["resources"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|r| r["fields"].as_array().unwrap());
        fields
            .map(|f| {
                format!(
                    "{} {}",
                    f["class"].as_str().unwrap(),
                    f["path"].as_str().unwrap()
                )
            })
            .collect()
    }

    #[track_caller]
    fn by_default(&self, expected: &[&str]) -> &Self {
        assert_eq!(self.told(&[]), expected, "by default");
        self
    }

    #[track_caller]
    fn strict(&self, expected: &[&str]) -> &Self {
        assert_eq!(self.told(&["--strict"]), expected, "strict");
        self
    }
}

#[test]
#[ignore = "needs the control plane"]
fn only_strict_reports_a_live_only_key_of_a_config_map() {
    let case = Case::new(&config_map("a", "k", "v"));
    case.patch(
        "configmap/a",
        r#"[{"op": "add", "path": "/data/more", "value": "x"}]"#,
    );
    case.by_default(&[]).strict(&["extra data.more"]);
}

#[test]
#[ignore = "needs the control plane"]
fn only_strict_reports_live_only_items() {
    let case = Case::new(&deployment("web", "nginx:1.25"));
    case.patch(
        "deployment/web",
        r#"[{"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "A", "value": "x"}]},
            {"op": "add", "path": "/spec/template/spec/containers/0/ports", "value": [{"containerPort": 80}]},
            {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "extra", "image": "x:1"}},
            {"op": "add", "path": "/spec/template/spec/hostAliases", "value": [{"ip": "10.0.0.1", "hostnames": ["x"]}]}]"#,
    );
    case.by_default(&[]).strict(&[
        "extra spec.template.spec.containers[name=extra]",
        "extra spec.template.spec.containers[name=web].env[name=A]",
        "extra spec.template.spec.containers[name=web].ports[containerPort=80,protocol=TCP]",
        "extra spec.template.spec.hostAliases[ip=\"10.0.0.1\"]",
    ]);
}

#[test]
#[ignore = "needs the control plane"]
fn only_strict_reports_live_only_labels_and_annotations() {
    let case = Case::new(&config_map("a", "k", "v"));
    case.kubectl(&["label", "configmap", "a", "team=blue"])
        .kubectl(&["annotate", "configmap", "a", "note=x"]);
    case.by_default(&[]).strict(&[
        "extra metadata.annotations.note",
        "extra metadata.labels.team",
    ]);
}

#[test]
#[ignore = "needs the control plane"]
fn an_edit_is_drift_whoever_made_it() {
    let case = Case::new(&config_map("a", "k", "v"));
    case.kubectl(&[
        "patch",
        "configmap",
        "a",
        "--field-manager=Lens",
        "-p",
        r#"{"data": {"k": "w"}}"#,
    ]);
    case.by_default(&["changed data.k"]);
}

#[test]
#[ignore = "needs the control plane"]
fn what_has_left_the_file_is_removed_only_where_a_record_says_so() {
    let mut case =
        Case::new("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v, old: w}\n");
    case.manifest = config_map("a", "k", "v");
    case.by_default(&[]).strict(&["extra data.old"]);
    let applied = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: v, old: w}\n";
    case.plane
        .kubectl_with(&["apply", "-n", &case.namespace, "-f", "-"], applied);
    case.manifest = config_map("b", "k", "v");
    case.by_default(&["removed data.old"]);
}

#[test]
#[ignore = "needs the control plane"]
fn order_is_drift_where_it_has_a_meaning() {
    let manifest = deployment("web", "nginx:1.25") + "        args: [a, b]\n";
    let case = Case::new(&manifest);
    case.patch("deployment/web", r#"[{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": ["b", "a"]}]"#);
    case.by_default(&["changed spec.template.spec.containers[name=web].args"]);
}

#[test]
#[ignore = "needs the control plane"]
fn one_port_under_two_protocols_is_two_ports() {
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: dns}\nspec: {ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53}]}\n";
    let case = Case::new(manifest);
    case.by_default(&[]).strict(&[]);
    case.patch(
        "service/dns",
        r#"[{"op": "replace", "path": "/spec/ports/1/targetPort", "value": 5353}]"#,
    );
    case.by_default(&["changed spec.ports[name=tcp].targetPort"]);
}

#[test]
#[ignore = "needs the control plane"]
fn spellings_of_one_quantity_are_no_drift() {
    let manifest = deployment("web", "nginx:1.25")
        + "        resources: {limits: {cpu: 0.5, memory: 1000Mi}, requests: {cpu: \"0.1\", memory: 1e8}}\n";
    let case = Case::new(&manifest);
    case.by_default(&[]).strict(&[]);
}

#[test]
#[ignore = "needs the control plane"]
fn explicit_defaults_empties_and_nulls_are_no_drift() {
    let manifest = deployment("web", "nginx:1.25")
        + "        imagePullPolicy: IfNotPresent\n        env: []\n        args: null\n        resources: {}\n        stdin: false\n        workingDir: \"\"\n      volumes: []\n      nodeSelector: {}\n      restartPolicy: Always\n";
    let case = Case::new(&manifest);
    case.by_default(&[]).strict(&[]);
}

#[test]
#[ignore = "needs the control plane"]
fn what_the_server_fills_in_is_no_drift() {
    let case = Case::new(&deployment("web", "nginx"));
    case.by_default(&[]).strict(&[]);
    case.patch(
        "deployment/web",
        r#"[{"op": "replace", "path": "/spec/template/spec/dnsPolicy", "value": "Default"}]"#,
    );
    case.by_default(&[])
        .strict(&["changed spec.template.spec.dnsPolicy"]);
}

#[test]
#[ignore = "needs the control plane"]
fn what_the_server_allocates_is_no_drift() {
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}\n";
    let case = Case::new(manifest);
    case.by_default(&[]).strict(&[]);
}

#[test]
#[ignore = "needs the control plane"]
fn order_is_no_drift_where_it_has_no_meaning() {
    let manifest = deployment("web", "nginx:1.25")
        + "        env: [{name: A, value: x}, {name: B, value: z}]\n      - {name: side, image: \"s:1\"}\n";
    let case = Case::new(&manifest);
    case.patch(
        "deployment/web",
        r#"[{"op": "move", "from": "/spec/template/spec/containers/0/env/0", "path": "/spec/template/spec/containers/0/env/1"},
            {"op": "move", "from": "/spec/template/spec/containers/0", "path": "/spec/template/spec/containers/1"}]"#,
    );
    case.by_default(&[]).strict(&[]);
}

#[test]
#[ignore = "needs the control plane"]
fn undeclared_replicas_are_drift_only_with_strict() {
    let case = Case::new(&deployment("web", "nginx:1.25"));
    case.kubectl(&["scale", "deployment/web", "--replicas=7"]);
    case.by_default(&[]).strict(&["changed spec.replicas"]);
}

#[test]
#[ignore = "needs the control plane"]
fn bookkeeping_on_a_live_object_is_no_drift() {
    let case = Case::absent(&deployment("web", "nginx:1.25"));
    case.plane
        .kubectl_with(&["apply", "-n", &case.namespace, "-f", "-"], &case.manifest);
    case.kubectl(&[
        "annotate",
        "deployment/web",
        "deployment.kubernetes.io/revision=3",
        "kubernetes.io/change-cause=x",
    ])
    .kubectl(&["rollout", "restart", "deployment/web"]);
    case.by_default(&[]).strict(&[]);
}

#[test]
#[ignore = "needs the control plane"]
fn webhooks_and_rights_do_not_matter_to_reading() {
    let case = Case::new(&config_map("a", "k", "v"));
    case.by_default(&[]);
    let verbs: Vec<Value> = case
        .plane
        .audit("reader", &case.namespace)
        .iter()
        .map(|line| line["verb"].clone())
        .collect();
    assert!(
        !verbs.is_empty() && verbs.iter().all(|verb| verb == "get" || verb == "list"),
        "{verbs:?}"
    );
}

#[test]
#[ignore = "needs the control plane"]
fn a_resource_is_missing_where_its_namespace_is() {
    let case = Case::absent("");
    let name = format!("{}-later", case.namespace);
    let manifest = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {name}}}\n"
    );
    let case = Case { manifest, ..case };
    case.by_default(&["missing <resource>", "missing <resource>"]);
}

#[test]
#[ignore = "needs the control plane"]
fn what_was_applied_on_the_server_is_compared_like_all_else() {
    let case = Case::absent(&config_map("a", "k", "v"));
    let theirs = config_map("a", "k", "w");
    case.plane.kubectl_with(
        &[
            "apply",
            "--server-side",
            "--field-manager=other",
            "-n",
            &case.namespace,
            "-f",
            "-",
        ],
        &theirs,
    );
    case.by_default(&["changed data.k"]);
}

#[test]
#[ignore = "needs the control plane"]
fn values_mean_what_kubectl_reads_by_yaml_1_1() {
    let manifest = deployment("web", "nginx:1.25")
        + "        stdin: yes\n        tty: off\n      volumes: [{name: v, configMap: {name: c, defaultMode: 0640}}]\n";
    let case = Case::new(&manifest);
    case.by_default(&[]).strict(&[]);
}

#[test]
#[ignore = "needs the control plane"]
fn what_is_ignored_does_not_fail() {
    let case = Case::new(&config_map("a", "k", "v"));
    case.patch(
        "configmap/a",
        r#"[{"op": "replace", "path": "/data/k", "value": "x"}]"#,
    );
    case.report(&["--fail-on-drift", "--ignore-fields", "data.k"], 0);
    case.report(&["--fail-on-drift"], 1);
}

#[test]
#[ignore = "needs the control plane"]
fn errors_are_not_drift_and_drift_is_not_success() {
    let case = Case::new(&config_map("a", "k", "v"));
    let manifests = folder(&[("m.yaml", &case.manifest)]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &case.namespace,
        "--once",
        "--output",
        "json",
        "--fail-on-drift",
    ];
    let report = case.plane.run_as("nobody", &args).exits(2).json();
    assert_eq!(
        (&report["summary"]["drifted"], &report["summary"]["errors"]),
        (&0.into(), &1.into())
    );
}

/// However an object came to be, its own manifest is silent.
#[test]
#[ignore = "needs the control plane"]
fn all_ways_of_making_an_object_are_silent() {
    let case = Case::absent("");
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";
    for (number, way) in [
        &["create"][..],
        &["apply"],
        &["apply", "--server-side"],
        &["replace", "--force"],
    ]
    .iter()
    .enumerate()
    {
        let case = Case {
            namespace: case.plane.namespace(),
            manifest: deployment("web", "nginx") + service,
            ..case
        };
        if number == 3 {
            case.plane.kubectl_with(
                &["create", "-n", &case.namespace, "-f", "-"],
                &case.manifest,
            );
            case.plane.kubectl_with(
                &["replace", "-n", &case.namespace, "-f", "-"],
                &case.manifest,
            );
        } else {
            case.plane.kubectl_with(
                &[way, &["-n", &case.namespace, "-f", "-"][..]].concat(),
                &case.manifest,
            );
        }
        case.by_default(&[]).strict(&[]);
    }
}
