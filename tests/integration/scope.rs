//! What a run is about: `--only`, the rules of `--ignore-fields` and those of files.

use serde_json::Value;

use crate::support::{ControlPlane, Run, config_map, deployment, folder, run, text};

/// Two Deployments and three ConfigMaps, all of which have drifted or are missing.
fn case() -> tempfile::TempDir {
    let web = |image: &str| deployment("web", image);
    let api = |image: &str| deployment("api", image);
    let desired = [
        web("web:2"),
        api("api:2"),
        config_map("app", "k", "new"),
        config_map("gone", "k", "v"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndata: {k: 1}\n".to_owned(),
    ];
    let live = [web("web:1"), api("api:1"), config_map("app", "k", "old")];
    folder(&[
        ("desired/all.yaml", &desired.join("---\n")),
        ("live/all.yaml", &live.join("---\n")),
    ])
}

fn report(more: &[&str]) -> Run {
    let case = case();
    let (desired, live) = (case.path().join("desired"), case.path().join("live"));
    let paths = [
        "-f",
        text(&desired),
        "--live",
        text(&live),
        "--output",
        "json",
    ];
    run(&[&paths[..], more].concat())
}

fn drifted(run: &Run) -> Vec<String> {
    let report = run.json();
    let resources = report["resources"].as_array().unwrap().clone();
    let fields = resources.iter().flat_map(|resource| {
        let fields = resource["fields"].as_array().unwrap();
        fields
            .iter()
            .map(|field| field["id"].as_str().unwrap().to_owned())
    });
    fields.collect()
}

const IMAGE: &str = "spec.template.spec.containers[name=web].image";

#[test]
fn only_the_selected_resources_are_compared_and_the_others_counted() {
    let all = report(&[]).exits(2);
    assert_eq!(drifted(&all).len(), 4);
    let run = report(&["--only", "deploy/w*,cm/default/app"]).exits(0);
    assert_eq!(
        drifted(&run),
        [
            "ConfigMap/default/app:data.k".to_owned(),
            format!("Deployment/default/web:{IMAGE}")
        ]
    );
    let summary = &run.json()["summary"];
    assert_eq!(
        (&summary["leftOut"], &summary["compared"]),
        (&2.into(), &2.into())
    );
    assert_eq!(run.complaints(), Vec::<&str>::new());
    let run = report(&["--only", "!deploy/*", "--only", "!*/bad"]).exits(0);
    assert_eq!(
        drifted(&run),
        [
            "ConfigMap/default/app:data.k",
            "ConfigMap/default/gone:<resource>"
        ]
    );
    // An error of what is selected stays one.
    report(&["--only", "cm/bad"]).exits(2);
}

#[test]
fn a_selector_that_matches_nothing_is_warned_about_and_nothing_at_all_is_an_error() {
    let run = report(&["--only", "deploy/web", "--only", "svc/web"]).exits(0);
    assert_eq!(
        run.complaints(),
        [" WARN --only: `svc/web` matches no resource"]
    );
    let run = report(&["--only", "svc/*"]).exits(2);
    assert_eq!(
        run.json()["errors"][0]["message"],
        "--only or --ignore-fields leave out all 4 resource(s)"
    );
    let run = report(&["--only", "pods/web"]).exits(2);
    assert!(run.stderr.contains("found `pods`"), "{}", run.stderr);
}

#[test]
fn rules_hide_their_field_of_their_resources_only() {
    let rule = format!("Deployment/default/web:{IMAGE}");
    let run = report(&["--only", "!cm/bad", "--ignore-fields", &rule]).exits(0);
    assert_eq!(
        drifted(&run),
        [
            "ConfigMap/default/app:data.k".to_owned(),
            "ConfigMap/default/gone:<resource>".to_owned(),
            format!("Deployment/default/api:{IMAGE}"),
        ]
    );
    let rules = "cm/*:data.k,deploy/nothing:spec.replicas";
    let run = report(&["--ignore-fields", rules]).exits(2);
    assert_eq!(
        run.stderr.lines().next(),
        Some(" WARN --ignore-fields: `deploy/nothing:spec.replicas` matched no resource"),
    );
}

#[test]
fn a_rule_for_the_resource_leaves_it_out_as_a_whole() {
    let run = report(&["--ignore-fields", "cm/*:<resource>"]).exits(0);
    assert_eq!(drifted(&run).len(), 2);
    assert_eq!(run.json()["summary"]["leftOut"], 2);
    assert_eq!(run.complaints(), Vec::<&str>::new());
    let run = report(&["--ignore-fields", "*/*:<resource>"]).exits(2);
    assert_eq!(run.json()["summary"]["compared"], 0);
}

#[test]
fn rules_come_from_files_too_and_name_their_line() {
    let rules = folder(&[
        (
            "good",
            "# what the autoscaler does\n\ndeploy/*:spec.template # all of it\ncm/default/app:data.k\nspec.paused\n",
        ),
        ("bad", "spec.replicas\nspec[\n"),
    ]);
    let file = |name: &str| rules.path().join(name).to_str().unwrap().to_owned();
    let run = report(&["--only", "!cm/bad", "--ignore-fields-from", &file("good")]).exits(0);
    assert_eq!(drifted(&run), ["ConfigMap/default/gone:<resource>"]);
    // With --only, a rule for something else is none that is unused.
    assert_eq!(run.complaints(), Vec::<&str>::new());
    let run = report(&["--ignore-fields-from", &file("good")]).exits(2);
    let unused = format!(
        " WARN {}:5: `spec.paused` matched no resource",
        file("good")
    );
    assert_eq!(run.complaints()[0], unused);
    let run = report(&["--ignore-fields-from", &file("bad")]).exits(2);
    let place = format!("error: {}:2: bad field path `spec[`: ", file("bad"));
    assert!(run.stderr.starts_with(&place), "{}", run.stderr);
    let run = report(&["--ignore-fields-from", &file("none")]).exits(2);
    let missing = format!("error: --ignore-fields-from: {}: ", file("none"));
    assert!(run.stderr.starts_with(&missing), "{}", run.stderr);
}

#[test]
#[ignore = "needs the control plane"]
fn scoped_rules_hide_exactly_their_field_and_keep_it_on_write() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let live = [deployment("web", "web:1"), deployment("api", "api:1")].join("---\n");
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &live);
    let desired = [deployment("web", "web:2"), deployment("api", "api:2")].join("---\n");
    let manifests = folder(&[("all.yaml", &desired)]);
    let rule = format!("Deployment/{namespace}/web:{IMAGE}");
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--once",
        "--output",
        "json",
        "--ignore-fields",
        &rule,
    ];
    let run = plane.run_as("reader", &args).exits(0);
    assert_eq!(
        drifted(&run),
        [format!("Deployment/{namespace}/api:{IMAGE}")]
    );
    plane
        .run_as("writer", &[&args[..], &["--remediate"]].concat())
        .exits(0);
    let image = |name: &str| -> Value {
        let live = plane.get("deployment", &namespace, name);
        live["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(
        (image("web"), image("api")),
        ("web:1".into(), "api:2".into())
    );
    // What is left out is neither read nor written.
    let only = [
        "--only",
        &format!("deploy/{namespace}/nothing"),
        "--only",
        "deploy/web",
    ];
    plane
        .run_as("writer", &[&args[..7], &only, &["--remediate"]].concat())
        .exits(0);
    assert_eq!(image("web"), Value::from("web:2"));
}

#[test]
#[ignore = "needs the control plane"]
fn each_way_of_naming_the_resources_of_a_rule_hides_exactly_their_fields() {
    let plane = ControlPlane::running();
    let (one, two) = (plane.namespace(), plane.namespace());
    let map = |namespace: &str, name: &str, value: &str| {
        let data: Vec<String> = (0..3).map(|n| format!("k{n}: {value}")).collect();
        let data = data.join(", ");
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{{data}}}\n"
        )
    };
    let web = |namespace: &str, image: &str| {
        let name = format!("name: web, namespace: {namespace}");
        deployment("web", image).replacen("name: web", &name, 1)
    };
    let side = |value: &str, image: &str| {
        let maps = [
            map(&one, "a", value),
            map(&one, "b", value),
            map(&two, "a", value),
        ];
        let others = [web(&one, image), web(&two, image)];
        [&maps[..], &others].concat().join("---\n")
    };
    plane.kubectl_with(&["apply", "-f", "-"], &side("old", "web:1"));
    let manifests = folder(&[("all.yaml", &side("new", "web:2"))]);
    let args = ["-f", text(manifests.path()), "--once", "-o", "json"];
    let all = drifted(&plane.run_as("reader", &args).exits(0));
    assert_eq!(all.len(), 11, "{all:#?}");
    for (rule, hidden) in [
        (
            "ConfigMap/a:data.k1".to_owned(),
            vec![format!("{one}/a:data.k1"), format!("{two}/a:data.k1")],
        ),
        (
            format!("cm/{one}/a:data[\"k1\"]"),
            vec![format!("{one}/a:data.k1")],
        ),
        (
            format!("*/{two}/*:data"),
            (0..3).map(|n| format!("{two}/a:data.k{n}")).collect(),
        ),
        (
            "!deploy/*/*:data.k0".to_owned(),
            vec![
                format!("{one}/a:data.k0"),
                format!("{one}/b:data.k0"),
                format!("{two}/a:data.k0"),
            ],
        ),
        (
            format!("deployments/{two}/w*:{IMAGE}"),
            vec![format!("{two}/web:{IMAGE}")],
        ),
        (
            format!("ConfigMap/{one}/b:<resource>"),
            (0..3).map(|n| format!("{one}/b:data.k{n}")).collect(),
        ),
        (
            format!("cm/{one}/*:data.k2,deploy/{one}/web:spec.template"),
            vec![
                format!("{one}/a:data.k2"),
                format!("{one}/b:data.k2"),
                format!("{one}/web:{IMAGE}"),
            ],
        ),
    ] {
        let run = plane.run_as("reader", &[&args[..], &["--ignore-fields", &rule]].concat());
        let (left, report) = (drifted(&run), run.json());
        let is_hidden = |id: &&String| hidden.iter().any(|hidden| id.ends_with(hidden));
        let expected: Vec<&String> = all.iter().filter(|id| !is_hidden(id)).collect();
        assert_eq!(left.iter().collect::<Vec<_>>(), expected, "{rule}");
        assert_eq!(expected.len(), all.len() - hidden.len(), "{rule}");
        let summary = &report["summary"];
        let counted = if rule.ends_with("<resource>") {
            (&summary["leftOut"], 1)
        } else {
            (&summary["ignored"], hidden.len())
        };
        assert_eq!(*counted.0, counted.1, "{rule}: {summary:#}");
    }
}
