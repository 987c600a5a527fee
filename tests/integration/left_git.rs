//! What has left Git, of objects made by server-side apply. The judge is the server: a dry run of the next apply by the
//! manager of the manifest.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{ControlPlane, config_map, folder, paths, text};

/// What is done to the object before it is compared.
enum Step {
    /// A server-side apply by this manager.
    Apply(&'static str, &'static str),
    /// A merge patch by this manager.
    Patch(&'static str, &'static str),
    /// An ordinary creation by this manager.
    Create(&'static str, &'static str),
    /// `kubectl apply` without `--server-side`.
    ClientApply(&'static str),
    /// The removal of all managed fields.
    Forget,
}

use Step::{Apply, ClientApply, Create, Forget, Patch};

struct Case {
    name: &'static str,
    steps: &'static [Step],
    /// Who would apply next.
    manager: &'static str,
    /// What this manager adds to the manifest.
    marks: &'static str,
    /// The manifest that is left in Git.
    git: &'static str,
    /// What the program reports as removed.
    removed: &'static [&'static str],
}

const WEB: &str = "
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        env: [{name: A, value: a}]
";

/// The manifest with one more of almost everything.
const MORE: &str = "
metadata:
  labels: {team: shop}
  annotations: {note: x}
spec:
  selector: {matchLabels: {app: web}}
  minReadySeconds: 5
  revisionHistoryLimit: 10
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      nodeSelector: {disk: ssd}
      tolerations: [{key: x, operator: Exists}]
      securityContext: {runAsUser: 1000}
      containers:
      - name: web
        image: web:1
        args: [-v]
        env: [{name: A, value: a}, {name: B, value: b}, {name: C, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{containerPort: 80, name: http}, {containerPort: 80, protocol: UDP, name: quic}]
        resources: {limits: {cpu: 1, memory: 1Gi}}
        livenessProbe: {httpGet: {port: 80}}
        volumeMounts: [{name: data, mountPath: /data}]
      - name: side
        image: side:1
      volumes: [{name: data, emptyDir: {}}]
";

const ALL_OF_MORE: &[&str] = &[
    "metadata.annotations.note",
    "metadata.labels.team",
    "spec.minReadySeconds",
    "spec.template.metadata.labels.tier",
    "spec.template.spec.containers[name=side]",
    "spec.template.spec.containers[name=web].args",
    "spec.template.spec.containers[name=web].env[name=B]",
    "spec.template.spec.containers[name=web].env[name=C]",
    "spec.template.spec.containers[name=web].livenessProbe",
    "spec.template.spec.containers[name=web].ports[name=http]",
    "spec.template.spec.containers[name=web].ports[name=quic]",
    "spec.template.spec.containers[name=web].resources.limits.cpu",
    "spec.template.spec.containers[name=web].resources.limits.memory",
    "spec.template.spec.containers[name=web].volumeMounts[name=data]",
    "spec.template.spec.nodeSelector",
    "spec.template.spec.securityContext",
    "spec.template.spec.tolerations",
    "spec.template.spec.volumes[name=data]",
];

const CASES: &[Case] = &[
    Case {
        name: "kubectl",
        steps: &[Apply("kubectl", MORE)],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: ALL_OF_MORE,
    },
    Case {
        name: "flux",
        steps: &[
            Apply("kustomize-controller", MORE),
            Apply("kustomize-controller", "metadata: {labels: {team: shop, kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}}\nspec: {minReadySeconds: 5, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'web:1', env: [{name: A, value: a}]}]}}}"),
        ],
        manager: "kustomize-controller",
        marks: "metadata: {labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}}",
        git: WEB,
        removed: &["metadata.labels.team", "spec.minReadySeconds"],
    },
    Case {
        name: "argo",
        steps: &[Apply("argocd-controller", "metadata: {annotations: {'argocd.argoproj.io/tracking-id': 'a:apps/Deployment:n/web', note: x}, labels: {app.kubernetes.io/instance: a}}\nspec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'web:1', env: [{name: A, value: a}]}]}}}")],
        manager: "argocd-controller",
        marks: "metadata: {annotations: {'argocd.argoproj.io/tracking-id': 'a:apps/Deployment:n/web'}, labels: {app.kubernetes.io/instance: a}}",
        git: WEB,
        removed: &["metadata.annotations.note"],
    },
    Case {
        name: "another-applier",
        steps: &[
            Apply("kubectl", WEB),
            Apply("injector", "metadata: {labels: {mesh: 'on'}}\nspec: {template: {spec: {containers: [{name: web, env: [{name: MESH, value: x}]}, {name: proxy, image: 'proxy:1'}], volumes: [{name: certs, emptyDir: {}}]}}}"),
        ],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: &[],
    },
    Case {
        name: "another-applier-and-something-left",
        steps: &[
            Apply("kubectl", MORE),
            Apply("injector", "metadata: {labels: {mesh: 'on', team: shop}}\nspec: {template: {spec: {containers: [{name: web, env: [{name: B, value: b}]}, {name: side, image: 'side:1'}]}}}"),
        ],
        manager: "kubectl",
        marks: "",
        git: "
spec:
  selector: {matchLabels: {app: web}}
  minReadySeconds: 5
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      nodeSelector: {disk: ssd}
      tolerations: [{key: x, operator: Exists}]
      securityContext: {runAsUser: 1000}
      containers:
      - name: web
        image: web:1
        args: [-v]
        env: [{name: A, value: a}]
        ports: [{containerPort: 80, name: http}, {containerPort: 80, protocol: UDP, name: quic}]
        resources: {limits: {cpu: 1, memory: 1Gi}}
        livenessProbe: {httpGet: {port: 80}}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, emptyDir: {}}]
",
        removed: &["metadata.annotations.note", "spec.template.spec.containers[name=web].env[name=C]"],
    },
    Case {
        name: "replicas",
        steps: &[
            Create("kubectl-create", WEB),
            Apply("keda", "spec: {replicas: 3}"),
        ],
        manager: "keda",
        marks: "",
        git: WEB,
        removed: &[],
    },
    Case {
        name: "replicas-of-the-manifest",
        steps: &[Apply("kubectl", "spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'web:1'}]}}}")],
        manager: "kubectl",
        marks: "",
        git: "spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'web:1'}]}}}",
        removed: &[],
    },
    Case {
        name: "an-applier-of-something-foreign",
        steps: &[
            Create("kubectl-create", WEB),
            Apply("labeller", "metadata: {labels: {cost: high}, annotations: {a: b}}"),
        ],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: &[],
    },
    Case {
        name: "an-applier-of-a-part-of-what-another-made",
        steps: &[
            Create("kubectl-create", WEB),
            Apply("injector", "metadata: {labels: {mesh: 'on'}}\nspec: {template: {spec: {containers: [{name: web, image: 'web:1', env: [{name: MESH, value: x}]}]}}}"),
        ],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: &[],
    },
    Case {
        name: "two-with-equal-shares",
        steps: &[Apply("kubectl", MORE), Apply("other", MORE)],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: &[],
    },
    Case {
        name: "an-item-that-others-have-touched",
        steps: &[
            Apply("kubectl", MORE),
            // A leaf of theirs does not keep the item; an item of theirs in it neither.
            Patch("somebody", r#"{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:2","env":[{"name":"X","value":"x"}]}]}}}}"#),
            // A limit of theirs keeps `resources`, and not the other limit.
            Patch("somebody", r#"{"spec":{"template":{"spec":{"containers":[{"name":"web","resources":{"limits":{"cpu":"2"}}}]}}}}"#),
        ],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: &[
            "metadata.annotations.note",
            "metadata.labels.team",
            "spec.minReadySeconds",
            "spec.template.metadata.labels.tier",
            "spec.template.spec.containers[name=side]",
            "spec.template.spec.containers[name=web].args",
            "spec.template.spec.containers[name=web].env[name=B]",
            "spec.template.spec.containers[name=web].env[name=C]",
            "spec.template.spec.containers[name=web].livenessProbe",
            "spec.template.spec.containers[name=web].ports[name=http]",
            "spec.template.spec.containers[name=web].ports[name=quic]",
            "spec.template.spec.containers[name=web].resources.limits.memory",
            "spec.template.spec.containers[name=web].volumeMounts[name=data]",
            "spec.template.spec.nodeSelector",
            "spec.template.spec.securityContext",
            "spec.template.spec.tolerations",
            "spec.template.spec.volumes[name=data]",
        ],
    },
    Case {
        name: "an-item-that-another-applier-has-too",
        steps: &[
            Apply("kubectl", MORE),
            Apply("other", "spec: {template: {spec: {securityContext: {fsGroup: 7}, containers: [{name: side, env: [{name: X, value: x}]}]}}}"),
        ],
        manager: "kubectl",
        marks: "",
        git: "
metadata:
  labels: {team: shop}
  annotations: {note: x}
spec:
  selector: {matchLabels: {app: web}}
  minReadySeconds: 5
  revisionHistoryLimit: 10
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      nodeSelector: {disk: ssd}
      tolerations: [{key: x, operator: Exists}]
      containers:
      - name: web
        image: web:1
        args: [-v]
        env: [{name: A, value: a}, {name: B, value: b}, {name: C, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{containerPort: 80, name: http}, {containerPort: 80, protocol: UDP, name: quic}]
        resources: {limits: {cpu: 1, memory: 1Gi}}
        livenessProbe: {httpGet: {port: 80}}
        volumeMounts: [{name: data, mountPath: /data}]
      - name: side
        image: side:1
      volumes: [{name: data, emptyDir: {}}]
",
        removed: &["spec.template.spec.securityContext.runAsUser"],
    },
    Case {
        name: "after-client-side-apply",
        steps: &[
            Create("kubectl-client-side-apply", MORE),
            Apply("kubectl", MORE),
            Patch("kubectl-label", r#"{"metadata":{"labels":{"team":"pay"}}}"#),
        ],
        manager: "kubectl",
        marks: "",
        git: WEB,
        // `kubectl-client-side-apply` still owns everything but what the server stored in another form than it was sent.
        removed: &[
            "spec.template.spec.containers[name=web].env[name=C].valueFrom",
            "spec.template.spec.containers[name=web].resources.limits.cpu",
        ],
    },
    Case {
        // kubectl keeps its record under the manager `kubectl-last-applied`, and migrates what it owned.
        name: "from-client-side-to-server-side",
        steps: &[ClientApply(MORE), Apply("kubectl", MORE)],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: ALL_OF_MORE,
    },
    Case {
        // `before-first-apply` owns what was there, in the form in which it was stored.
        name: "before-first-apply",
        steps: &[Create("kubectl-create", MORE), Forget, Apply("kubectl", MORE)],
        manager: "kubectl",
        marks: "",
        git: WEB,
        removed: &[
            "spec.template.spec.containers[name=web].env[name=C].valueFrom",
            "spec.template.spec.containers[name=web].resources.limits.cpu",
        ],
    },
];

/// The places of an object's values, items of lists by what identifies them.
fn leaves(value: &Value) -> BTreeMap<String, Value> {
    fn walk(value: &Value, at: &str, all: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    walk(value, &format!("{at}/{}", key.replace('/', "~1")), all);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{at}/{}", identity(item, index)), all);
                }
            }
            _ => drop(all.insert(at.to_owned(), value.clone())),
        }
    }
    let mut object = value.clone();
    for key in ["managedFields", "resourceVersion", "generation"] {
        object["metadata"].as_object_mut().unwrap().remove(key);
    }
    object.as_object_mut().unwrap().remove("status");
    let mut all = BTreeMap::new();
    walk(&object, "", &mut all);
    // An empty object is worth no more than none.
    all.retain(|_, value| *value != serde_json::json!({}));
    all
}

fn identity(item: &Value, index: usize) -> String {
    let keys = ["name", "mountPath", "containerPort", "protocol"];
    let found: Vec<String> = keys
        .iter()
        .filter_map(|key| Some(item.get(key)?.to_string().replace('/', "~1")))
        .collect();
    if found.is_empty() {
        index.to_string()
    } else {
        found.join(",")
    }
}

/// A pointer into the live object, in the words of [`leaves`].
fn place(live: &Value, pointer: &str) -> String {
    let mut value = live;
    let mut steps = vec![String::new()];
    for token in pointer.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        if let Value::Array(items) = value {
            let index: usize = key.parse().unwrap();
            value = &items[index];
            steps.push(identity(value, index));
        } else {
            value = &value[&key];
            steps.push(key.replace('/', "~1"));
        }
    }
    steps.join("/")
}

/// The manifest with its kind and name, and with what a manager adds.
fn whole(manifest: &str, marks: &str) -> String {
    let mut object = read(manifest);
    merge(&mut object, read(marks));
    merge(
        &mut object,
        serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}),
    );
    object.to_string()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, Value::Null) if !into.is_null() => {}
        (into, from) => *into = from,
    }
}

fn read(text: &str) -> Value {
    let stream = gitops_drift::yaml::read(text.as_bytes().to_vec());
    match stream.documents.first() {
        Some(document) => stream.tree.node(document.root).to_json(),
        None => serde_json::json!({}),
    }
}

fn take(plane: &ControlPlane, namespace: &str, step: &Step) {
    let manager = |name: &str| format!("--field-manager={name}");
    let in_namespace = ["-n", namespace];
    match step {
        Apply(name, manifest) => plane.kubectl_with(
            &[
                &[
                    "apply",
                    "--server-side",
                    "--force-conflicts",
                    "-f",
                    "-",
                    &manager(name),
                ],
                &in_namespace[..],
            ]
            .concat(),
            &whole(manifest, ""),
        ),
        ClientApply(manifest) => plane.kubectl_with(
            &[&["apply", "-f", "-"], &in_namespace[..]].concat(),
            &whole(manifest, ""),
        ),
        Forget => {
            let patch = r#"{"metadata":{"managedFields":[{}]}}"#;
            let patch = ["patch", "deployment", "web", "--type=merge", "-p", patch];
            plane.kubectl(&[&patch, &in_namespace[..]].concat())
        }
        Create(name, manifest) => plane.kubectl_with(
            &[&["create", "-f", "-", &manager(name)], &in_namespace[..]].concat(),
            &whole(manifest, ""),
        ),
        Patch(name, patch) => plane.kubectl(
            &[
                &[
                    "patch",
                    "deployment",
                    "web",
                    "--type=strategic",
                    "-p",
                    patch,
                    &manager(name),
                ],
                &in_namespace[..],
            ]
            .concat(),
        ),
    };
}

#[test]
#[ignore = "needs the control plane"]
fn what_the_next_server_side_apply_takes_out_is_removed_and_repaired() {
    let plane = ControlPlane::running();
    for case in CASES {
        let namespace = plane.namespace();
        for step in case.steps {
            take(plane, &namespace, step);
        }
        let live = plane.get("deployment", &namespace, "web");
        let manager = format!("--field-manager={}", case.manager);
        let next = plane.kubectl_with(
            &[
                "apply",
                "--server-side",
                "--force-conflicts",
                "--dry-run=server",
                "-o",
                "json",
                "-f",
                "-",
                "-n",
                &namespace,
                &manager,
            ],
            &whole(case.git, case.marks),
        );
        let next: Value = serde_json::from_str(&next).unwrap();
        let (before, after) = (leaves(&live), leaves(&next));
        let git = folder(&[("web.json", &whole(case.git, ""))]);
        let args = [
            "-f",
            text(git.path()),
            "-n",
            &namespace,
            "--once",
            "--output",
            "json",
        ];
        let report = plane.run_as("reader", &args).exits(0).json();
        let fields = report["resources"][0]["fields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let removed: Vec<&Value> = fields
            .iter()
            .filter(|field| field["class"] == "removed")
            .collect();
        let paths: Vec<&str> = removed
            .iter()
            .map(|field| field["path"].as_str().unwrap())
            .collect();
        assert_eq!(paths, case.removed, "{}", case.name);
        let places: Vec<String> = removed
            .iter()
            .map(|field| place(&live, field["pointer"]["live"].as_str().unwrap()))
            .collect();
        let is_in =
            |leaf: &str, place: &str| leaf == place || leaf.starts_with(&format!("{place}/"));
        let gone: Vec<&String> = before
            .keys()
            .filter(|leaf| !after.contains_key(*leaf))
            .collect();
        // An autoscaler takes over what leaves Git there.
        let judged = gone.iter().filter(|leaf| **leaf != "/spec/replicas");
        for leaf in judged {
            assert!(
                places.iter().any(|place| is_in(leaf, place)),
                "{}: {leaf} would go",
                case.name
            );
        }
        for place in &places {
            assert!(
                gone.iter().any(|leaf| is_in(leaf, place)),
                "{}: {place} would stay",
                case.name
            );
        }
        let run = plane
            .run_as("writer", &[&args[..], &["--remediate"]].concat())
            .exits(0);
        if !case.removed.is_empty() {
            assert_eq!(
                run.json()["resources"][0]["action"],
                "remediated",
                "{}: {}",
                case.name,
                run.stdout
            );
            // kubectl's record of the apply belongs to kubectl.
            let is_compared = |leaf: &&String| !leaf.ends_with("last-applied-configuration");
            let compared = |all: &BTreeMap<String, Value>| {
                let keys = all.keys().filter(is_compared);
                keys.map(|leaf| (leaf.clone(), all[leaf].clone()))
                    .collect::<Vec<_>>()
            };
            let repaired = leaves(&plane.get("deployment", &namespace, "web"));
            assert_eq!(compared(&repaired), compared(&after), "{}", case.name);
        }
    }
}

#[test]
#[ignore = "needs the control plane"]
fn a_record_that_kubectl_cannot_read_is_an_error_of_its_resource() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let in_namespace = ["-n", &namespace];
    let apply = [&["apply", "-f", "-"][..], &in_namespace].concat();
    let git = folder(&[
        ("a.yaml", &config_map("a", "key", "git")),
        ("b.yaml", &config_map("b", "key", "git")),
    ]);
    for name in ["a", "b"] {
        plane.kubectl_with(&apply, &config_map(name, "key", "live"));
    }
    let program = [&["-f", text(git.path()), "--once"][..], &in_namespace].concat();
    let json = [&program[..], &["-o", "json"]].concat();
    for (record, is_readable) in [
        ("", true),
        ("null", true),
        ("{}", true),
        (r#"{"metadata":1}"#, true),
        (" ", false),
        ("{bad", false),
        ("[]", false),
        ("{} {}", false),
        (r#"{"data":{"key":1e400}}"#, false),
    ] {
        let record = format!("kubectl.kubernetes.io/last-applied-configuration={record}");
        let annotate = ["annotate", "configmap", "a", "--overwrite", &record];
        plane.kubectl(&[&annotate[..], &in_namespace].concat());
        let kubeconfig = plane.kubeconfig("admin");
        let kubectl = ["kubectl", "--kubeconfig", &kubeconfig];
        let diff = ["diff", "-f", text(git.path())];
        let diff = [&kubectl[..], &diff, &in_namespace].concat();
        let judged = plane.command(&diff);
        let cannot_read = judged.stderr.contains("invalid JSON document");
        assert_eq!(!cannot_read, is_readable, "{record}: {}", judged.stderr);

        // What differs is reported all the same, and the other resource too.
        let run = plane.run_as("reader", &json);
        let run = run.exits(if is_readable { 0 } else { 2 });
        let report = run.json();
        let drifted = report["resources"].as_array().unwrap();
        assert_eq!(drifted.len(), 2, "{record}: {report}");
        let errors = report["errors"].as_array().unwrap();
        assert_eq!(errors.len(), usize::from(!is_readable), "{errors:?}");
    }
    let reported = plane.run_as("reader", &program).exits(2).stdout;
    let message = "ConfigMap/a (ns: NAMESPACE): metadata.annotations[\"kubectl.kubernetes.io/last-applied-configuration\"]: expected the JSON object that `kubectl apply` records, found other text: what has left the manifest is unknown; `kubectl apply set-last-applied` replaces it";
    let message = message.replace("NAMESPACE", &namespace);
    assert!(reported.contains(&message), "{reported}");
    let set = ["apply", "set-last-applied", "-f", text(git.path())];
    plane.kubectl(&[&set[..], &in_namespace].concat());
    plane.run_as("reader", &program).exits(0);
}

/// The server copies each of the twins to the other, so the next apply takes the name out of its entry and leaves the
/// value.
#[test]
#[ignore = "needs the control plane"]
fn the_twin_of_a_field_leaves_git_with_it() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let named = "spec: {template: {spec: {serviceAccountName: shop}}}";
    let apply = ["apply", "--server-side", "-f", "-", "-n", &namespace];
    plane.kubectl_with(&apply, &whole(WEB, named));
    let next = [
        &apply[..],
        &["--dry-run=server", "-o", "json", "--show-managed-fields"],
    ]
    .concat();
    let next: Value = serde_json::from_str(&plane.kubectl_with(&next, &whole(WEB, ""))).unwrap();
    let owned = next["metadata"]["managedFields"].to_string();
    assert!(!owned.contains("f:serviceAccount"), "{owned}");

    let git = folder(&[("web.json", &whole(WEB, ""))]);
    let args = [
        "-f",
        text(git.path()),
        "-n",
        &namespace,
        "--once",
        "--output",
        "json",
    ];
    let report = plane.run_as("reader", &args).exits(0).json();
    let twins = [
        "spec.template.spec.serviceAccount",
        "spec.template.spec.serviceAccountName",
    ];
    assert_eq!(paths(&report), twins);
    plane
        .run_as("writer", &[&args[..], &["--remediate"]].concat())
        .exits(0);
    let live = plane.get("deployment", &namespace, "web");
    let live = live["spec"]["template"]["spec"].as_object().unwrap();
    assert!(
        !live.keys().any(|key| key.starts_with("serviceAccount")),
        "{live:?}"
    );
}
