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
    fn new(test: &str, manifest: &str) -> Option<Self> {
        let case = Self::absent(test, manifest)?;
        case.plane
            .kubectl_with(&["create", "-n", &case.namespace, "-f", "-"], manifest);
        Some(case)
    }

    fn absent(test: &str, manifest: &str) -> Option<Self> {
        let plane = ControlPlane::for_test(test)?;
        Some(Self {
            plane,
            namespace: plane.namespace(),
            manifest: manifest.to_owned(),
        })
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
fn class_01_a_live_only_key_of_a_config_map() {
    let Some(case) = Case::new(
        "class_01_a_live_only_key_of_a_config_map",
        &config_map("a", "k", "v"),
    ) else {
        return;
    };
    case.patch(
        "configmap/a",
        r#"[{"op": "add", "path": "/data/more", "value": "x"}]"#,
    );
    case.by_default(&[]).strict(&["extra data.more"]);
}

#[test]
fn class_02_live_only_items() {
    let Some(case) = Case::new("class_02_live_only_items", &deployment("web", "nginx:1.25")) else {
        return;
    };
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
fn class_03_live_only_labels_and_annotations() {
    let Some(case) = Case::new(
        "class_03_live_only_labels_and_annotations",
        &config_map("a", "k", "v"),
    ) else {
        return;
    };
    case.kubectl(&["label", "configmap", "a", "team=blue"])
        .kubectl(&["annotate", "configmap", "a", "note=x"]);
    case.by_default(&[]).strict(&[
        "extra metadata.annotations.note",
        "extra metadata.labels.team",
    ]);
}

#[test]
fn class_04_an_edit_by_any_manager() {
    let Some(case) = Case::new(
        "class_04_an_edit_by_any_manager",
        &config_map("a", "k", "v"),
    ) else {
        return;
    };
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
fn class_05_gone_from_the_file_without_a_record() {
    let Some(mut case) = Case::new(
        "class_05_gone_from_the_file_without_a_record",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v, old: w}\n",
    ) else {
        return;
    };
    case.manifest = config_map("a", "k", "v");
    case.by_default(&[]).strict(&["extra data.old"]);
    let applied = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: v, old: w}\n";
    case.plane
        .kubectl_with(&["apply", "-n", &case.namespace, "-f", "-"], applied);
    case.manifest = config_map("b", "k", "v");
    case.by_default(&["removed data.old"]);
}

#[test]
fn class_08_order_that_means_something() {
    let manifest = deployment("web", "nginx:1.25") + "        args: [a, b]\n";
    let Some(case) = Case::new("class_08_order_that_means_something", &manifest) else {
        return;
    };
    case.patch("deployment/web", r#"[{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": ["b", "a"]}]"#);
    case.by_default(&["changed spec.template.spec.containers[name=web].args"]);
}

#[test]
fn class_09_one_port_with_two_protocols() {
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: dns}\nspec: {ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53}]}\n";
    let Some(case) = Case::new("class_09_one_port_with_two_protocols", manifest) else {
        return;
    };
    case.by_default(&[]).strict(&[]);
    case.patch(
        "service/dns",
        r#"[{"op": "replace", "path": "/spec/ports/1/targetPort", "value": 5353}]"#,
    );
    case.by_default(&["changed spec.ports[name=tcp].targetPort"]);
}

#[test]
fn class_11_spellings_of_quantities() {
    let manifest = deployment("web", "nginx:1.25")
        + "        resources: {limits: {cpu: 0.5, memory: 1000Mi}, requests: {cpu: \"0.1\", memory: 1e8}}\n";
    let Some(case) = Case::new("class_11_spellings_of_quantities", &manifest) else {
        return;
    };
    case.by_default(&[]).strict(&[]);
}

#[test]
fn class_12_explicit_defaults_empties_and_nulls() {
    let manifest = deployment("web", "nginx:1.25")
        + "        imagePullPolicy: IfNotPresent\n        env: []\n        args: null\n        resources: {}\n        stdin: false\n        workingDir: \"\"\n      volumes: []\n      nodeSelector: {}\n      restartPolicy: Always\n";
    let Some(case) = Case::new("class_12_explicit_defaults_empties_and_nulls", &manifest) else {
        return;
    };
    case.by_default(&[]).strict(&[]);
}

#[test]
fn class_13_server_defaults() {
    let Some(case) = Case::new("class_13_server_defaults", &deployment("web", "nginx")) else {
        return;
    };
    case.by_default(&[]).strict(&[]);
    case.patch(
        "deployment/web",
        r#"[{"op": "replace", "path": "/spec/template/spec/dnsPolicy", "value": "Default"}]"#,
    );
    case.by_default(&[])
        .strict(&["changed spec.template.spec.dnsPolicy"]);
}

#[test]
fn class_14_what_the_server_allocates() {
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}\n";
    let Some(case) = Case::new("class_14_what_the_server_allocates", manifest) else {
        return;
    };
    case.by_default(&[]).strict(&[]);
}

#[test]
fn class_16_order_that_means_nothing() {
    let manifest = deployment("web", "nginx:1.25")
        + "        env: [{name: A, value: x}, {name: B, value: z}]\n      - {name: side, image: \"s:1\"}\n";
    let Some(case) = Case::new("class_16_order_that_means_nothing", &manifest) else {
        return;
    };
    case.patch(
        "deployment/web",
        r#"[{"op": "move", "from": "/spec/template/spec/containers/0/env/0", "path": "/spec/template/spec/containers/0/env/1"},
            {"op": "move", "from": "/spec/template/spec/containers/0", "path": "/spec/template/spec/containers/1"}]"#,
    );
    case.by_default(&[]).strict(&[]);
}

#[test]
fn class_17_autoscaled_replicas() {
    let Some(case) = Case::new(
        "class_17_autoscaled_replicas",
        &deployment("web", "nginx:1.25"),
    ) else {
        return;
    };
    case.kubectl(&["scale", "deployment/web", "--replicas=7"]);
    case.by_default(&[]).strict(&["changed spec.replicas"]);
}

#[test]
fn class_18_bookkeeping() {
    let Some(case) = Case::absent("class_18_bookkeeping", &deployment("web", "nginx:1.25")) else {
        return;
    };
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
fn class_19_webhooks_and_rights_do_not_matter_to_reading() {
    let Some(case) = Case::new(
        "class_19_webhooks_and_rights_do_not_matter_to_reading",
        &config_map("a", "k", "v"),
    ) else {
        return;
    };
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
fn class_20_a_namespace_that_is_not_there_yet() {
    let Some(case) = Case::absent("class_20_a_namespace_that_is_not_there_yet", "") else {
        return;
    };
    let name = format!("{}-later", case.namespace);
    let manifest = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {name}}}\n"
    );
    let case = Case { manifest, ..case };
    case.by_default(&["missing <resource>", "missing <resource>"]);
}

#[test]
fn class_21_owned_by_a_server_side_apply() {
    let Some(case) = Case::absent(
        "class_21_owned_by_a_server_side_apply",
        &config_map("a", "k", "v"),
    ) else {
        return;
    };
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
fn class_23_yaml_1_1() {
    let manifest = deployment("web", "nginx:1.25")
        + "        stdin: yes\n        tty: off\n      volumes: [{name: v, configMap: {name: c, defaultMode: 0640}}]\n";
    let Some(case) = Case::new("class_23_yaml_1_1", &manifest) else {
        return;
    };
    case.by_default(&[]).strict(&[]);
}

#[test]
fn class_24_what_is_ignored_does_not_fail() {
    let Some(case) = Case::new(
        "class_24_what_is_ignored_does_not_fail",
        &config_map("a", "k", "v"),
    ) else {
        return;
    };
    case.patch(
        "configmap/a",
        r#"[{"op": "replace", "path": "/data/k", "value": "x"}]"#,
    );
    case.report(&["--fail-on-drift", "--ignore-fields", "data.k"], 0);
    case.report(&["--fail-on-drift"], 1);
}

#[test]
fn class_25_errors_are_not_drift_and_drift_is_not_success() {
    let Some(case) = Case::new(
        "class_25_errors_are_not_drift_and_drift_is_not_success",
        &config_map("a", "k", "v"),
    ) else {
        return;
    };
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
fn all_ways_of_making_an_object_are_silent() {
    let Some(case) = Case::absent("all_ways_of_making_an_object_are_silent", "") else {
        return;
    };
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
