//! Live objects that no manifest declares.

use std::fs;

use serde_json::Value;

use crate::goldens::{Golden, WIDTHS, with_instants};
use crate::support::{ControlPlane, Run, config_map, deployment, folder, run, text};

const CASE: &str = "tests/cases/unmanaged";

fn of_case(more: &[&str]) -> Run {
    let (desired, live) = (format!("{CASE}/desired"), format!("{CASE}/live.yaml"));
    let args = ["-f", &desired, "--live", &live, "--unmanaged"];
    run(&[&args[..], more].concat())
}

/// `Kind/name` of what a report has as unmanaged.
fn unmanaged(report: &Value) -> Vec<String> {
    let entries = report["unmanaged"].as_array().unwrap().iter();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    entries
        .map(|entry| format!("{}/{}", text(entry, "kind"), text(entry, "name")))
        .collect()
}

/// How many objects somebody else looks after, by owner.
fn owners(report: &Value) -> Vec<(String, u64)> {
    let owners = report["managedByOthers"].as_array().unwrap().iter();
    owners
        .map(|of| {
            (
                of["owner"].as_str().unwrap().to_owned(),
                of["count"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn each_format_shows_them_as_recorded() {
    let read = |file: &str| {
        let file = format!("{}/{CASE}/{file}", env!("CARGO_MANIFEST_DIR"));
        with_instants(&fs::read_to_string(file).unwrap())
    };
    let files = folder(&[
        ("desired/shop.yaml", &read("desired/shop.yaml")),
        ("live.yaml", &read("live.yaml")),
    ]);
    let mut golden = Golden::at(CASE);
    for width in WIDTHS {
        let run = golden.of_snapshot(
            &files,
            "desired",
            &["--unmanaged", "--fail-on-drift"],
            width,
        );
        run.exits(1);
    }
    golden.assert();
}

#[test]
fn nothing_is_said_of_them_without_the_option() {
    let (desired, live) = (format!("{CASE}/desired"), format!("{CASE}/live.yaml"));
    let report = run(&["-f", &desired, "--live", &live, "-o", "json"]).exits(0);
    let report = report.json();
    assert_eq!((unmanaged(&report), owners(&report)), (vec![], vec![]));
}

#[test]
fn rules_selections_and_baselines_leave_them_out() {
    let json = |more: &[&str]| {
        let run = of_case(&[&["-o", "json"], more].concat()).exits(0);
        (run.json(), run.complaints().join("\n"))
    };
    let (report, said) = json(&["--ignore-fields", "ConfigMap/shop/by-*:<resource>"]);
    assert_eq!(unmanaged(&report), ["Deployment/debug"]);
    assert_eq!(
        (&report["summary"]["ignored"], said.as_str()),
        (&1.into(), "")
    );
    // The id that a report prints is such a rule.
    let (report, said) = json(&[
        "--ignore-fields",
        "Deployment/shop/debug:<resource>,svc/shop/x-*:<resource>",
    ]);
    assert_eq!(unmanaged(&report), ["ConfigMap/by-hand"]);
    assert_eq!(
        said,
        " WARN --ignore-fields: `svc/shop/x-*:<resource>` matched no resource"
    );
    let rules = folder(&[(
        "rules",
        "*/shop/*:<resource> # all of it\ncm/gone:<resource>\n",
    )]);
    let rules = text(&rules.path().join("rules")).to_owned();
    let by_file = of_case(&["-o", "json", "--ignore-fields-from", &rules]).exits(2);
    assert_eq!(unmanaged(&by_file.json()), Vec::<String>::new());
    assert!(by_file.stderr.contains(&format!(
        "{rules}:2: `cm/gone:<resource>` matched no resource"
    )));

    let (report, said) = json(&["--only", "deploy/*,cm/app"]);
    assert_eq!(unmanaged(&report), ["Deployment/debug"]);
    assert_eq!((owners(&report), said.as_str()), (vec![], ""));
    let (report, said) = json(&["--only", "!deploy/*"]);
    assert_eq!(unmanaged(&report), ["ConfigMap/by-hand"]);
    assert_eq!(said, "");
    // A run for nothing but such objects is one.
    let (report, said) = json(&["--only", "cm/shop/by-hand,cm/none"]);
    assert_eq!(unmanaged(&report), ["ConfigMap/by-hand"]);
    assert_eq!(said, " WARN --only: `cm/none` matches no resource");
    of_case(&["--only", "cm/none"]).exits(2);

    let whole = of_case(&["-o", "json"]).exits(0);
    let files = folder(&[("baseline.json", &whole.stdout)]);
    let baseline = text(&files.path().join("baseline.json")).to_owned();
    let known = of_case(&["-o", "json", "--fail-on-drift", "--baseline", &baseline]).exits(0);
    let report = known.json();
    assert_eq!(unmanaged(&report), Vec::<String>::new());
    let summary = &report["summary"];
    assert_eq!(
        (&summary["known"], &summary["knownGone"]),
        (&3.into(), &0.into())
    );
    assert_eq!(
        (&summary["compared"], &summary["unmanaged"]),
        (&1.into(), &0.into())
    );
    // What is known stays known in the next baseline, and is counted when it is gone.
    fs::write(&baseline, &known.stdout).unwrap();
    of_case(&["--fail-on-drift", "--baseline", &baseline]).exits(0);
    let live =
        fs::read_to_string(format!("{}/{CASE}/live.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let files = folder(&[("live.yaml", &live.replace("by-hand", "by-others"))]);
    let live = text(&files.path().join("live.yaml")).to_owned();
    let desired = format!("{CASE}/desired");
    let args = [
        "-f",
        &desired,
        "--live",
        &live,
        "--unmanaged",
        "-o",
        "json",
        "--baseline",
        &baseline,
    ];
    let report = run(&args).exits(0).json();
    assert_eq!(unmanaged(&report), ["ConfigMap/by-others"]);
    assert_eq!(report["summary"]["knownGone"], 1);
}

#[test]
fn a_namespace_that_a_snapshot_has_nothing_of_is_an_error() {
    let manifests = folder(&[(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: pay, annotations: {drift.gitops.io/skip: 'true'}}\n",
    )]);
    let live = format!("{CASE}/live.yaml");
    let args = ["-f", text(manifests.path()), "--live", &live, "--unmanaged"];
    let run = run(&args).exits(2);
    let message = "--unmanaged: not searched: the snapshot has nothing in namespace";
    assert!(run.stdout.contains(message), "{}", run.stdout);
}

#[test]
fn sarif_is_refused_for_standard_input_and_the_others_are_not() {
    let manifest = fs::read(format!(
        "{}/{CASE}/desired/shop.yaml",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    let live = format!("{CASE}/live.yaml");
    let args = ["-f", "-", "--live", &live, "--unmanaged", "-o"];
    for (format, exit) in [("sarif", 2), ("text", 0), ("github", 0)] {
        crate::support::run_with_input(&[&args[..], &[format]].concat(), &manifest).exits(exit);
    }
}

/// Fills a namespace with what belongs to somebody, and three objects made by hand.
fn fill(plane: &ControlPlane, namespace: &str) {
    let apply = |manifest: &str| {
        plane.kubectl_with(&["apply", "-n", namespace, "-f", "-"], manifest);
    };
    apply(&deployment("web", "web:1"));
    let owner = plane.get("deployment", namespace, "web");
    let uid = owner["metadata"]["uid"].as_str().unwrap();
    let map = |name: &str, metadata: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, {metadata}}}\n---\n")
    };
    let reference = format!(
        "ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: web, uid: {uid}, controller: true}}]"
    );
    let tracking = format!(
        "annotations: {{argocd.argoproj.io/tracking-id: \"shop:/ConfigMap:{namespace}/argo\"}}"
    );
    let of_others = [
        map("owned", &reference),
        map(
            "helm",
            "labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: shop}",
        ),
        map("argo", &tracking),
        map(
            "flux",
            "labels: {kustomize.toolkit.fluxcd.io/name: shop, kustomize.toolkit.fluxcd.io/namespace: flux-system}",
        ),
        map(
            "lock",
            "annotations: {control-plane.alpha.kubernetes.io/leader: '{}'}",
        ),
        // The manifests have them, in one way or another.
        map("skipped", ""),
        map("broken", ""),
        map("excluded", ""),
    ];
    apply(&of_others.concat());
    for command in [
        // Of an object without any field the server records no writer.
        &["create", "configmap", "by-hand", "--from-literal=k=v"][..],
        &["create", "service", "clusterip", "by-hand", "--tcp=80"],
        &["create", "deployment", "by-hand", "--image=x"],
    ] {
        plane.kubectl(&[command, &["-n", namespace]].concat());
    }
}

fn manifests() -> tempfile::TempDir {
    let declared = [
        deployment("web", "web:1"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: skipped, annotations: {drift.gitops.io/skip: 'true'}}\n".to_owned(),
    ];
    folder(&[
        ("a.yaml", &declared.join("---\n")),
        ("old/b.yaml", &config_map("excluded", "k", "v")),
        (
            "wrong/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: broken}\ndata: {k: 1}\n",
        ),
    ])
}

#[test]
#[allow(clippy::too_many_lines)] // One story.
#[ignore = "needs the control plane"]
fn exactly_what_was_made_by_hand_is_reported_with_creator_and_age_and_never_touched() {
    let (plane, _controllers) = ControlPlane::with_controllers();
    let namespace = plane.namespace();
    fill(&plane, &namespace);
    plane.kubectl(&[
        "wait",
        "--for=create",
        "cm/kube-root-ca.crt",
        "-n",
        &namespace,
        "--timeout=60s",
    ]);
    plane.kubectl(&[
        "wait",
        "--for=jsonpath={.status.observedGeneration}=1",
        "deploy/by-hand",
        "-n",
        &namespace,
        "--timeout=60s",
    ]);
    let files = manifests();
    let args = [
        "-f",
        text(files.path()),
        "-n",
        &namespace,
        "--once",
        "--unmanaged",
        "--exclude",
        "old",
        "--only",
        "!cm/broken",
    ];
    let check = |user: &str, more: &[&str]| plane.run_as(user, &[&args[..], more].concat());
    let report = check("reader", &["-o", "json", "--fail-on-drift"])
        .exits(1)
        .json();
    assert_eq!(
        unmanaged(&report),
        ["ConfigMap/by-hand", "Deployment/by-hand", "Service/by-hand"]
    );
    for entry in report["unmanaged"].as_array().unwrap() {
        let live = plane.get(entry["kind"].as_str().unwrap(), &namespace, "by-hand");
        assert_eq!(entry["created"], live["metadata"]["creationTimestamp"]);
        assert_eq!(entry["creator"]["manager"], "kubectl-create", "{entry}");
        assert_eq!(entry["action"], "unmanaged");
    }
    let expected = [
        ("Argo CD", 1),
        ("Flux", 1),
        ("Helm", 1),
        ("Kubernetes", 1),
        ("controllers", 1),
        ("leader election", 1),
    ];
    assert_eq!(
        owners(&report),
        expected.map(|(owner, count)| (owner.to_owned(), count))
    );
    assert_eq!(
        (
            &report["summary"]["unmanaged"],
            &report["summary"]["drifted"]
        ),
        (&3.into(), &0.into())
    );
    let text = check("reader", &[]).exits(0).stdout;
    assert!(
        text.contains(&format!(
            "    Service/by-hand (ns: {namespace}): created 20"
        )),
        "{text}"
    );
    assert!(
        text.contains(" ago) by kubectl-create (Update)\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "\nTotal: 3 resource(s) drifted, 0 field(s) changed\nUnmanaged: 3 resource(s)\n"
        ),
        "{text}"
    );
    // One list of each kind, and with the option off what is declared, nothing else.
    let asked = |from: usize| -> Vec<String> {
        let lines = plane.audit("reader", &namespace).into_iter().skip(from);
        let mut asked: Vec<String> = lines
            .map(|line| {
                format!(
                    "{} {}",
                    line["verb"].as_str().unwrap(),
                    line["objectRef"]["resource"].as_str().unwrap()
                )
            })
            .collect();
        asked.sort();
        asked
    };
    let before = asked(0).len();
    check("reader", &[]).exits(0);
    assert_eq!(
        asked(before),
        ["list configmaps", "list deployments", "list services"]
    );
    let before = asked(0).len();
    plane
        .run_as("reader", &[&args[..5], &args[6..]].concat())
        .exits(0);
    assert_eq!(asked(before), ["get deployments"]);
    // What it finds it never writes.
    let report = check("writer", &["-o", "json", "--remediate", "--fail-on-drift"])
        .exits(1)
        .json();
    assert_eq!(unmanaged(&report).len(), 3);
    let writes = plane.audit("writer", &namespace);
    assert!(
        writes
            .iter()
            .all(|line| line["verb"] == "list" || line["verb"] == "get"),
        "{writes:?}"
    );
    // Once a manifest declares one of them, it is compared.
    fs::write(
        files.path().join("d.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: by-hand}\n",
    )
    .unwrap();
    let report = check("reader", &["-o", "json"]).exits(0).json();
    assert_eq!(
        unmanaged(&report),
        ["Deployment/by-hand", "Service/by-hand"]
    );
    assert_eq!(report["summary"]["compared"], 2);
}

#[test]
#[ignore = "needs the control plane"]
fn the_right_to_list_is_enough_and_its_absence_is_an_error_that_names_it() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl(&["create", "configmap", "by-hand", "-n", &namespace]);
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &config_map("app", "k", "v"),
    );
    let files = folder(&[("a.yaml", &config_map("app", "k", "v"))]);
    let manifests = ["-f", text(files.path()), "-n", &namespace];
    let check = || {
        let options = ["--once", "-o", "json", "--unmanaged"];
        plane.run_as("nobody", &[&manifests[..], &options].concat())
    };
    let rights = |more: &[&str]| {
        run(&[&["rbac"], &manifests[..], more].concat())
            .exits(0)
            .stdout
    };
    let set = |role: &str| plane.kubectl_with(&["apply", "-f", "-"], role);
    plane.kubectl(&[
        "create",
        "rolebinding",
        "nobody",
        "--role=gitops-drift",
        "--user=nobody",
        "-n",
        &namespace,
    ]);

    let role = rights(&[]);
    assert!(!role.contains("services"), "{role}");
    set(&role);
    let report = check().exits(2).json();
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2, "{report:#}");
    for (error, resource) in errors.iter().zip(["deployments", "services"]) {
        let message = error["message"].as_str().unwrap();
        let missing = format!(
            "--unmanaged needs the right to list {resource} in namespace \"{namespace}\": "
        );
        assert!(message.starts_with(&missing), "{message}");
    }
    // What could be listed is reported all the same.
    assert_eq!(unmanaged(&report), ["ConfigMap/by-hand"]);

    let role = rights(&["--unmanaged"]);
    set(&role.replace("[get, list]", "[list]"));
    let report = check().exits(0).json();
    assert_eq!(
        (unmanaged(&report), &report["summary"]["compared"]),
        (vec!["ConfigMap/by-hand".to_owned()], &1.into())
    );

    // Without any right, what is declared is not compared either.
    set(&role.replace("list", "watch").replace("get, ", ""));
    let report = check().exits(2).json();
    assert_eq!(report["errors"].as_array().unwrap().len(), 4, "{report:#}");
}
