//! Manifests as other tools leave them, and snapshots of a part of a cluster.

use std::process::Stdio;

use crate::repair::action;
use crate::support::{
    ControlPlane, Run, config_map, deployment, folder, program, run, run_with_input, text,
};

/// The names of the reported resources.
fn names(run: &Run) -> Vec<String> {
    let report = run.json();
    let resources = report["resources"].as_array().unwrap().iter();
    resources
        .map(|resource| resource["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The messages of the errors.
fn errors(run: &Run) -> Vec<String> {
    let report = run.json();
    let errors = report["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["message"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
#[ignore = "needs the control plane"]
fn hooks_are_counted_and_never_created() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let annotated = |name: &str, annotation: &str| {
        let metadata = format!("{{name: {name}, annotations: {{{annotation}}}}}");
        config_map(name, "k", "v").replace(&format!("{{name: {name}}}"), &metadata)
    };
    let manifests = folder(&[
        ("a.yaml", &config_map("settings", "k", "v")),
        (
            "b.yaml",
            &annotated("migration", "helm.sh/hook: \"post-install,post-upgrade\""),
        ),
        ("c.yaml", &annotated("smoke", "helm.sh/hook: test-success")),
        (
            "d.yaml",
            &annotated("sync", "argocd.argoproj.io/hook: PostSync"),
        ),
    ]);
    let args = ["-f", text(manifests.path()), "-n", &namespace, "--once"];
    let args = [&args[..], &["--remediate", "--output", "json"]].concat();
    let run = plane.run_as("admin", &args).exits(0);
    assert_eq!(names(&run), ["settings"]);
    assert_eq!(run.json()["summary"]["skipped"], 3);
    let live = plane.kubectl(&["get", "configmaps", "-n", &namespace, "-o", "name"]);
    assert!(!live.contains("migration") && !live.contains("smoke") && !live.contains("sync"));
}

#[test]
fn an_encrypted_manifest_is_one_error_and_none_of_its_values_is_shown() {
    let encrypted = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: credentials}\n\
         data:\n  host: ENC[AES256_GCM,data:c2VjcmV0,iv:AA==,tag:BB==,type:str]\n  mode: open\n\
         sops:\n  pgp: []\n  mac: ENC[AES256_GCM,data:bWFj,iv:AA==,tag:BB==,type:str]\n  version: 3.9.0\n";
    let live = config_map("credentials", "host", "db.internal");
    let files = folder(&[("live.yaml", &live)]);
    let live = files.path().join("live.yaml");
    let args = ["-f", "-", "--live", text(&live)];
    let run = run_with_input(&args, encrypted.as_bytes()).exits(2);
    let error =
        "<stdin>:1:1: ConfigMap/credentials (ns: default): encrypted with SOPS; decrypt it first";
    assert!(run.stdout.contains(error), "{}", run.stdout);
    assert!(run.stdout.contains("Nothing was checked: "));
    let all = run.stdout + &run.stderr;
    for value in ["ENC[", "db.internal", "open"] {
        assert!(!all.contains(value), "{all}");
    }
}

#[test]
#[ignore = "needs the control plane"]
fn an_image_with_a_variable_is_an_error_and_the_rest_is_compared_but_never_written() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let good = deployment("api", "registry.example/api:latest");
    let text_map = config_map("pages", "home", "https://${HOST}/$(path)");
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &good);
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &text_map);
    let open = deployment("api", "registry.example/api:${VERSION}");
    let manifests = folder(&[("api.yaml", &open), ("pages.yaml", &text_map)]);
    let path = text(manifests.path());
    let args = ["-f", path, "-n", &namespace, "--once", "--output", "json"];
    let run = plane
        .run_as("reader", &[&args[..], &["--strict"]].concat())
        .exits(2);
    assert_eq!(names(&run), [""; 0]);
    let message = "spec.template.spec.containers[name=web].image: \"registry.example/api:${VERSION}\" has a variable \
                   that was not substituted: substitute it first";
    assert_eq!(errors(&run), [message]);
    assert_eq!(run.json()["errors"][0]["source"]["line"], 11);
    plane.kubectl(&["label", "deployment/api", "-n", &namespace, "a=b"]);
    let labelled = open.replace("{name: api}", "{name: api, labels: {a: c}}");
    std::fs::write(manifests.path().join("api.yaml"), labelled).unwrap();
    let run = plane
        .run_as("admin", &[&args[..], &["--remediate"]].concat())
        .exits(2);
    let reason = "an image was not substituted".to_owned();
    assert_eq!(
        action(&run.json()),
        ("remediation-failed".to_owned(), reason)
    );
    let live = plane.get("deployment", &namespace, "api");
    assert_eq!(live["metadata"]["labels"]["a"], "b");
}

/// A repository with kustomizations, and what is live.
fn repository() -> tempfile::TempDir {
    folder(&[
        ("repo/base/kustomization.yaml", "resources: [api.yaml]\n"),
        (
            "repo/base/api.yaml",
            &deployment("api", "registry.example/api:1"),
        ),
        (
            "repo/envs/blue/kustomization.yaml",
            "resources: [../../base]\nnamePrefix: blue-\npatches: [{path: scale.yaml}]\n",
        ),
        (
            "repo/envs/blue/scale.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {replicas: 4}\n",
        ),
        (
            "repo/envs/green/kustomization.yaml",
            "bases: [../../base]\npatchesStrategicMerge: [debug.yaml]\n",
        ),
        (
            "repo/envs/green/debug.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n\
             spec: {template: {spec: {containers: [{name: web, $patch: delete}]}}}\n",
        ),
        ("repo/plain/pages.yaml", &config_map("pages", "k", "v")),
        (
            "repo/flux/apps.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\n",
        ),
        (
            "live.yaml",
            &format!(
                "{}---\n{}",
                config_map("pages", "k", "w"),
                deployment("other", "a:1")
            ),
        ),
    ])
}

#[test]
fn a_patch_of_kustomize_is_neither_a_resource_nor_a_second_declaration() {
    let files = repository();
    let (repo, live) = (files.path().join("repo"), files.path().join("live.yaml"));
    let args = ["-f", text(&repo), "--live", text(&live), "--output", "json"];
    let run = run(&args).exits(0);
    assert_eq!(names(&run), ["pages", "api"]);
    assert_eq!(run.json()["otherKinds"][0]["count"], 1);
    let complaints = run.complaints();
    let [notice] = &complaints[..] else {
        panic!("{}", run.stderr)
    };
    assert!(
        notice.contains("3 kustomizations (")
            && notice.contains("kubectl kustomize DIR | gitops-drift -f - --once"),
        "{notice}"
    );
}

#[test]
fn an_overlay_alone_has_nothing_to_compare() {
    let files = repository();
    let (blue, live) = (
        files.path().join("repo/envs/blue"),
        files.path().join("live.yaml"),
    );
    let run = run(&["-f", text(&blue), "--live", text(&live)]).exits(2);
    let reason = "no manifest was found, only 1 file(s) that a kustomization names and that are not resources";
    assert!(run.stdout.contains(reason), "{}", run.stdout);
}

#[test]
fn what_a_snapshot_of_one_namespace_does_not_show_is_not_compared() {
    let in_shop = |text: String| text.replace("{name: ", "{namespace: shop, name: ");
    let files = folder(&[
        ("live.yaml", &in_shop(config_map("a", "k", "v"))),
        ("m/1.yaml", &in_shop(config_map("a", "k", "v"))),
        ("m/2.yaml", &in_shop(config_map("b", "k", "v"))),
        (
            "m/3.yaml",
            &config_map("c", "k", "v").replace("{name: ", "{namespace: pay, name: "),
        ),
        ("m/4.yaml", &in_shop(deployment("d", "a:1"))),
    ]);
    let (manifests, live) = (files.path().join("m"), files.path().join("live.yaml"));
    let args = [
        "-f",
        text(&manifests),
        "--live",
        text(&live),
        "--output",
        "json",
    ];
    let run = run(&args).exits(2);
    assert_eq!(names(&run), ["b"]);
    assert_eq!(
        errors(&run),
        [
            "not compared: the snapshot has no ConfigMap in namespace pay",
            "not compared: the snapshot has no Deployment in namespace shop",
        ]
    );
}

#[test]
fn a_namespace_of_a_snapshot_in_which_everything_is_missing_gets_a_hint() {
    let named =
        |name: &str| config_map(name, "k", "v").replace("{name: ", "{namespace: shop, name: ");
    let files = folder(&[
        ("git/a.yaml", &named("a")),
        ("git/b.yaml", &named("b")),
        ("live.yaml", &named("c")),
    ]);
    let (git, live) = (files.path().join("git"), files.path().join("live.yaml"));
    let said = run(&["-f", text(&git), "--live", text(&live)])
        .exits(0)
        .stderr;
    let hint =
        "all 2 resources compared in namespace `shop` are missing; is this the right snapshot?";
    assert!(said.contains(hint), "{said}");
}

#[test]
fn a_snapshot_is_read_from_standard_input() {
    let files = folder(&[("m.yaml", &config_map("a", "k", "v"))]);
    let manifests = files.path().join("m.yaml");
    let args = ["-f", text(&manifests), "--live", "-", "--fail-on-drift"];
    let live = config_map("a", "k", "w");
    run_with_input(&args, live.as_bytes()).exits(1);
    let output = program().args(args).stdin(Stdio::null()).output().unwrap();
    let run = Run::of(&output).exits(2);
    assert!(
        run.stderr
            .contains("--live -: no ConfigMap, Deployment, Namespace or Service in this snapshot"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_snapshot_that_is_not_there_is_named_with_its_option() {
    let run = run(&["-f", "examples/desired", "--live", "nowhere.yaml"]).exits(2);
    assert!(
        run.stderr
            .contains("--live nowhere.yaml: no such file or folder"),
        "{}",
        run.stderr
    );
}

#[test]
fn errors_stand_in_the_order_of_files_and_lines() {
    let broken = |count: usize| {
        let document = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: 1\n---\n";
        document.repeat(count)
    };
    let files = folder(&[("m/a.yaml", &broken(4)), ("m/b.yaml", &broken(1))]);
    let manifests = files.path().join("m");
    let run = run(&[
        "-f",
        text(&manifests),
        "--live",
        "examples/live",
        "--output",
        "json",
    ])
    .exits(2);
    let report = run.json();
    let places: Vec<(bool, u64)> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|error| error["message"].as_str().unwrap().starts_with("data: "))
        .map(|error| {
            let source = &error["source"];
            let is_second = source["file"].as_str().unwrap().ends_with("b.yaml");
            (is_second, source["line"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        places,
        [(false, 4), (false, 9), (false, 14), (false, 19), (true, 4)]
    );
}

#[test]
fn other_kinds_are_counted_whatever_else_is_there() {
    let other = |kind: &str| format!("apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: x}}\n");
    let files = folder(&[
        ("m/a.yaml", &other("StatefulSet")),
        ("m/b.yaml", "a: [\n"),
        ("m/c.yaml", &format!("a: [\n---\n{}", other("DaemonSet"))),
        (
            "m/d.yaml",
            &format!(
                "{}---\n{}",
                config_map("app-config", "k", "v"),
                other("DaemonSet")
            ),
        ),
        ("m/chart/Chart.yaml", "apiVersion: v2\n"),
        ("m/k/kustomization.yaml", "resources: [e.yaml]\n"),
        ("m/k/e.yaml", &other("StatefulSet")),
        (
            "m/list.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n",
        ),
        (
            "config",
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\n\
             users: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n",
        ),
    ]);
    let (manifests, config) = (files.path().join("m"), files.path().join("config"));
    for more in [
        &["--live", "examples/live"][..],
        &["--kubeconfig", text(&config), "--once"],
        &["--live", "examples/live", "--strict", "--fail-on-drift"],
    ] {
        let run = run(&[&["-f", text(&manifests)][..], more].concat()).exits(2);
        for line in [
            "Not compared: 2 of apps/v1 DaemonSet\n",
            "Not compared: 2 of apps/v1 StatefulSet\n",
            "Not compared: 1 of v1 Secret\n",
        ] {
            assert!(run.stdout.contains(line), "{more:?}:\n{}", run.stdout);
        }
    }
}

#[test]
#[ignore = "needs the control plane"]
fn a_namespace_of_which_everything_is_missing_gets_a_hint() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let files = folder(&[
        ("a.yaml", &config_map("a", "k", "v")),
        ("b.yaml", &config_map("b", "k", "v")),
        (
            "c.yaml",
            &config_map("c", "k", "v").replace("{name: ", "{namespace: no-such-namespace, name: "),
        ),
    ]);
    let path = text(files.path());
    let check = |namespace: &str, user: &str| {
        plane
            .run_as(user, &["-f", path, "-n", namespace, "--once"])
            .exits(0)
            .stderr
    };
    let said = check(&namespace, "reader");
    let hint = format!(
        "all 2 resources compared in namespace `{namespace}` are missing; is --namespace right?"
    );
    assert!(said.contains(&hint), "{said}");
    // Also if the Namespace itself is declared and exists.
    let declared = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n");
    let declared = folder(&[
        ("namespace.yaml", &declared),
        ("a.yaml", &config_map("a", "k", "v")),
        ("b.yaml", &config_map("b", "k", "v")),
    ]);
    let args = ["-f", text(declared.path()), "-n", &namespace, "--once"];
    let with_namespace = plane.run_as("reader", &args).exits(0).stderr;
    assert!(with_namespace.contains(&hint), "{with_namespace}");
    let hint = "the only resource compared in namespace `no-such-namespace` is missing: the namespace does not exist\n";
    assert!(said.contains(hint), "{said}");
    let said = check("not-there-either", "reader");
    let hint = "in namespace `not-there-either` are missing: the namespace does not exist; is --namespace right?";
    assert!(said.contains(hint), "{said}");
    // What was left out may be there, so that it cannot be said of a namespace that exists.
    let only = |namespace: &str, selected: &str| {
        let args = ["-f", path, "-n", namespace, "--once", "--only", selected];
        plane.run_as("reader", &args).exits(0).stderr
    };
    let said = only(&namespace, "cm/a");
    assert!(!said.contains(&format!("`{namespace}`")), "{said}");
    // Where nothing of it was left out, it can.
    let said = only(&namespace, &format!("cm/{namespace}/*"));
    assert!(said.contains("all 2 resources compared in"), "{said}");
    let said = only("not-there-either", "cm/a");
    let hint = "the only resource compared in namespace `not-there-either` is missing: the namespace does not exist;";
    assert!(said.contains(hint), "{said}");
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &config_map("a", "k", "v"),
    );
    let said = check(&namespace, "reader");
    assert!(!said.contains(&format!("`{namespace}`")), "{said}");
}

#[test]
fn a_namespace_that_no_manifest_uses_is_warned_about() {
    let in_shop = config_map("a", "k", "v").replace("{name: ", "{namespace: shop, name: ");
    let args = ["-f", "-", "--live", "examples/live", "-n"];
    let said = |namespace: &str, manifest: &str| {
        run_with_input(&[&args[..], &[namespace]].concat(), manifest.as_bytes()).stderr
    };
    let warning = "--namespace pay: no manifest used it";
    assert!(said("pay", &in_shop).contains(warning));
    assert!(!said("pay", &config_map("a", "k", "v")).contains("no manifest used it"));
    assert!(!said("default", &in_shop).contains("no manifest used it"));
}
