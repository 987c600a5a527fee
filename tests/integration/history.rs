//! Which commit's value is live: real repositories, and live objects from a snapshot.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::repository::{DAY, Repository, at, git, written_at};
use crate::support::{ControlPlane, Run, program, run_with_input, text};

/// The history of each field of the report, by `NAME:PATH`, as `VERDICT COMMIT NEXT SEARCHED`; `-` for what there is not.
fn histories_of(repository: &Repository, live: &[Value], args: &[&str]) -> Vec<(String, String)> {
    let run = repository.run(live, &[args, &["-o", "json"]].concat());
    histories(&run.json())
}

fn histories(report: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for resource in report["resources"].as_array().unwrap() {
        for field in resource["fields"].as_array().unwrap() {
            let history = &field["history"];
            let word = |value: &Value| match value {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            let words = [
                &history["verdict"],
                &history["commit"],
                &history["next"]["commit"],
                &history["searched"],
            ];
            let words: Vec<String> = words.into_iter().map(word).collect();
            let name = word(&resource["name"]);
            found.push((format!("{name}:{}", word(&field["path"])), words.join(" ")));
        }
    }
    found
}

/// A live object that one client wrote at half past this hour.
fn written(object: Value, hour: u32) -> Value {
    written_at(object, &format!("{DAY}T{hour:02}:30:00Z"))
}

/// A ConfigMap's manifest with these keys.
fn config_map(name: &str, data: &[(&str, &str)]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata:\n"
    );
    for (key, value) in data {
        let _ = writeln!(text, "  {key}: \"{value}\"");
    }
    text
}

/// The same, live.
fn live_config_map(name: &str, data: &[(&str, &str)], hour: u32) -> Value {
    let data: serde_json::Map<String, Value> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    written(
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "shop" }, "data": data }),
        hour,
    )
}

fn versions(values: &[&str]) -> Vec<String> {
    values
        .iter()
        .map(|value| config_map("app", &[("k", value)]))
        .collect()
}

fn expected(path: &str, words: &[&str]) -> Vec<(String, String)> {
    vec![(path.to_owned(), words.join(" "))]
}

/// Expects this history of `data.k` with this live value, written at half past this hour.
#[track_caller]
fn assert_history(repository: &Repository, (value, hour): (&str, u32), wanted: &[&str]) {
    let live = [live_config_map("app", &[("k", value)], hour)];
    let found = histories_of(repository, &live, &[]);
    assert_eq!(found, expected("app:data.k", wanted));
}

#[test]
fn a_value_of_the_commit_before_is_not_deployed_yet_if_it_was_written_before_the_last() {
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &versions(&["1", "2"]));
    assert_history(
        &repository,
        ("1", 1),
        &["not-deployed", &commits[0], &commits[1], "2"],
    );
}

#[test]
fn a_value_of_the_commit_before_is_set_back_if_it_was_written_after_the_last() {
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &versions(&["1", "2"]));
    assert_history(
        &repository,
        ("1", 2),
        &["set-back", &commits[0], &commits[1], "2"],
    );
}

#[test]
fn a_value_of_ten_commits_ago_is_found() {
    let repository = Repository::new();
    let values: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let commits = repository.commits("app.yaml", &versions(&values));
    let live = [live_config_map("app", &[("k", "2")], 2)];
    let wanted = ["not-deployed", &commits[1], &commits[2], "11"];
    assert_eq!(
        histories_of(&repository, &live, &[]),
        expected("app:data.k", &wanted)
    );
    // As far as is asked for.
    let wanted = ["not-found", "-", "-", "10"];
    assert_eq!(
        histories_of(&repository, &live, &["--history", "10"]),
        expected("app:data.k", &wanted)
    );
    let none = ["-", "-", "-", "-"];
    assert_eq!(
        histories_of(&repository, &live, &["--history", "0"]),
        expected("app:data.k", &none)
    );
}

#[test]
fn a_value_that_came_back_is_of_the_newest_commit_that_has_it() {
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &versions(&["1", "2", "1", "3"]));
    assert_history(
        &repository,
        ("1", 3),
        &["not-deployed", &commits[2], &commits[3], "2"],
    );
}

#[test]
fn each_field_has_a_commit_of_its_own() {
    let repository = Repository::new();
    let version = |k: &str, l: &str, m: &str| config_map("app", &[("k", k), ("l", l), ("m", m)]);
    let commits = repository.commits(
        "app.yaml",
        &[
            version("1", "1", "1"),
            version("2", "1", "1"),
            version("2", "2", "1"),
        ],
    );
    let live = [live_config_map(
        "app",
        &[("k", "1"), ("l", "1"), ("m", "x")],
        4,
    )];
    let wanted = [
        (
            "app:data.k".to_owned(),
            format!("set-back {} {} 3", commits[0], commits[1]),
        ),
        (
            "app:data.l".to_owned(),
            format!("set-back {} {} 2", commits[1], commits[2]),
        ),
        ("app:data.m".to_owned(), "not-found - - 3".to_owned()),
    ];
    assert_eq!(histories_of(&repository, &live, &[]), wanted);
}

#[test]
fn a_change_that_is_not_committed_is_named() {
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &versions(&["1", "2"]));
    repository.write("app.yaml", &versions(&["3"])[0]);
    assert_history(
        &repository,
        ("2", 2),
        &["uncommitted", &commits[1], "-", "1"],
    );
    // A change that is only staged is not committed either; an older value is not the change's.
    repository.git(&["add", "."]);
    assert_history(
        &repository,
        ("2", 2),
        &["uncommitted", &commits[1], "-", "1"],
    );
    assert_history(
        &repository,
        ("1", 1),
        &["not-deployed", &commits[0], &commits[1], "2"],
    );
}

#[test]
fn a_value_of_before_a_rename_is_found() {
    let repository = Repository::new();
    let long = "x".repeat(300);
    let version = |k: &str| config_map("app", &[("k", k), ("long", &long)]);
    repository.write("old/app.yaml", &version("1"));
    let first = repository.commit(1, "One");
    repository.write("old/app.yaml", &version("2"));
    let second = repository.commit(2, "Two");
    fs::create_dir(repository.root().join("new")).unwrap();
    repository.git(&["mv", "old/app.yaml", "new/web.yaml"]);
    repository.commit(3, "Move");
    let live = |k: &str| [live_config_map("app", &[("k", k), ("long", &long)], 1)];
    let wanted = ["not-deployed", &first, &second, "3"];
    assert_eq!(
        histories_of(&repository, &live("1"), &[]),
        expected("app:data.k", &wanted)
    );
    let wanted = ["not-found", "-", "-", "3"];
    assert_eq!(
        histories_of(&repository, &live("x"), &[]),
        expected("app:data.k", &wanted)
    );
    // Renamed and rewritten in one commit.
    fs::remove_file(repository.root().join("new/web.yaml")).unwrap();
    repository.write("third.json", &json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "app", "namespace": "shop" }, "data": { "k": "4", "long": long } }).to_string());
    let fourth = repository.commit(4, "Rewrite");
    let moved = repository.git(&["rev-parse", "HEAD~1"]);
    let wanted = ["not-deployed", &moved, &fourth, "2"];
    assert_eq!(
        histories_of(&repository, &live("2"), &[]),
        expected("app:data.k", &wanted)
    );
}

#[test]
fn a_document_that_moved_between_files_is_followed() {
    let repository = Repository::new();
    let both = |k: &str| {
        format!(
            "{}---\n{}",
            config_map("other", &[("k", "1")]),
            config_map("app", &[("k", k)])
        )
    };
    repository.write("all.yaml", &both("1"));
    let first = repository.commit(1, "One");
    repository.write("all.yaml", &both("2"));
    let second = repository.commit(2, "Two");
    // Split: the first file stays.
    repository.write("all.yaml", &config_map("other", &[("k", "1")]));
    repository.write("app/app.yaml", &config_map("app", &[("k", "2")]));
    repository.commit(3, "Split");
    // Joined: the second file stays, too.
    repository.write("joined.yaml", &config_map("third", &[("k", "1")]));
    repository.commit(4, "Add another");
    fs::remove_file(repository.root().join("app/app.yaml")).unwrap();
    repository.write(
        "joined.yaml",
        &format!(
            "{}---\n{}",
            config_map("app", &[("k", "2")]),
            config_map("third", &[("k", "1")])
        ),
    );
    repository.commit(5, "Join");
    let others = [
        live_config_map("other", &[("k", "1")], 1),
        live_config_map("third", &[("k", "1")], 1),
    ];
    let live = [&others[..], &[live_config_map("app", &[("k", "1")], 1)]].concat();
    let wanted = ["not-deployed", &first, &second, "4"];
    assert_eq!(
        histories_of(&repository, &live, &[]),
        expected("app:data.k", &wanted)
    );
    // A missing resource was added by the first commit, which nothing was before.
    let wanted = ["set-back", "-", &first, "4"];
    assert_eq!(
        histories_of(&repository, &others, &[]),
        expected("app:<resource>", &wanted)
    );
    // Moved, and not committed.
    fs::rename(
        repository.root().join("joined.yaml"),
        repository.root().join("moved.yaml"),
    )
    .unwrap();
    let wanted = ["not-deployed", &first, &second, "4"];
    assert_eq!(
        histories_of(&repository, &live, &[]),
        expected("app:data.k", &wanted)
    );
}

#[test]
fn a_value_of_a_branch_that_was_never_merged_is_not_found() {
    let repository = Repository::new();
    repository.commits("app.yaml", &versions(&["1", "2"]));
    repository.git(&["checkout", "-q", "-b", "side"]);
    repository.write("app.yaml", &versions(&["side"])[0]);
    repository.commit(3, "Try");
    repository.git(&["checkout", "-q", "main"]);
    assert_history(&repository, ("side", 3), &["not-found", "-", "-", "2"]);
}

#[test]
fn a_merge_counts_as_the_commit_that_brought_its_change() {
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &versions(&["1"]));
    repository.git(&["checkout", "-q", "-b", "side"]);
    for (value, hour) in [("2", 2), ("3", 3)] {
        repository.write("app.yaml", &versions(&[value])[0]);
        repository.commit(hour, "On the branch");
    }
    repository.git(&["checkout", "-q", "main"]);
    repository.write("notes.txt", "x");
    repository.commit(4, "Meanwhile");
    git(
        &repository.root(),
        &["merge", "-q", "--no-ff", "-m", "Merge side", "side"],
        &at(5),
    );
    let merge = repository.git(&["rev-parse", "HEAD"]);
    // Written after the branch's commits, before the merge.
    assert_history(
        &repository,
        ("1", 4),
        &["not-deployed", &commits[0], &merge, "2"],
    );
    assert_history(&repository, ("2", 4), &["not-found", "-", "-", "2"]);
}

#[test]
fn a_shallow_clone_says_what_it_has_and_how_to_get_more() {
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &versions(&["1", "2", "3"]));
    let origin = format!("file://{}", text(&repository.root()));
    let clone = repository.folder.path().join("clone");
    git(
        repository.folder.path(),
        &["clone", "-q", "--depth", "2", &origin, text(&clone)],
        &at(0),
    );
    let run = |k: &str, others: &[Value]| {
        let live = [others, &[live_config_map("app", &[("k", k)], 2)]].concat();
        repository.run(&live, &["-f", text(&clone), "-o", "json"])
    };
    let known = run("2", &[]);
    assert_eq!(
        histories(&known.json()),
        expected(
            "app:data.k",
            &["not-deployed", &commits[1], &commits[2], "2"]
        )
    );
    assert_eq!(known.complaints(), [""; 0]);
    let unknown = run("1", &[]);
    assert_eq!(
        histories(&unknown.json()),
        expected("app:data.k", &["-", "-", "-", "-"])
    );
    assert_eq!(unknown.complaints().len(), 1, "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("`fetch-depth: 0`"),
        "{}",
        unknown.stderr
    );
    // The commit that the clone ends at did not add what it has.
    let other = [live_config_map("other", &[("k", "1")], 1)];
    let missing = repository.run(&other, &["-f", text(&clone), "-o", "json"]);
    assert_eq!(
        histories(&missing.json()),
        expected("app:<resource>", &["-", "-", "-", "-"])
    );
}

#[test]
fn a_missing_resource_names_the_commit_that_added_it() {
    let repository = Repository::new();
    let other = config_map("other", &[("k", "1")]);
    let first = {
        repository.write("all.yaml", &other);
        repository.commit(1, "Add other")
    };
    let both = format!("{other}---\n{}", config_map("app", &[("k", "1")]));
    repository.write("all.yaml", &both);
    let second = repository.commit(2, "Add app");
    repository.write("all.yaml", &both.replace("\"1\"", "\"2\""));
    repository.commit(3, "Change");
    let live = [live_config_map("other", &[("k", "2")], 1)];
    let wanted = ["set-back", &first, &second, "3"];
    assert_eq!(
        histories_of(&repository, &live, &[]),
        expected("app:<resource>", &wanted)
    );
    let run = repository.run(&live, &[]);
    let sentence = format!(
        "git     : added by {} ({DAY}, Ana, \"Add app\"): not deployed yet, or deleted\n",
        &second[..7]
    );
    assert!(run.stdout.contains(&sentence), "{}", run.stdout);
    let wanted = ["not-found", "-", "-", "1"];
    assert_eq!(
        histories_of(&repository, &live, &["--history", "1"]),
        expected("app:<resource>", &wanted)
    );
    // Added, and not committed: to a file that Git has, and in a file of its own.
    repository.write(
        "all.yaml",
        &both
            .replace("\"1\"", "\"2\"")
            .replace("name: app", "name: third"),
    );
    repository.write("new.yaml", &config_map("fourth", &[("k", "1")]));
    let third = repository.git(&["rev-parse", "HEAD"]);
    let wanted = [
        (
            "fourth:<resource>".to_owned(),
            "uncommitted - - 0".to_owned(),
        ),
        (
            "third:<resource>".to_owned(),
            format!("uncommitted {third} - 1"),
        ),
    ];
    assert_eq!(histories_of(&repository, &live, &[]), wanted);
}

#[test]
fn a_version_that_cannot_be_read_is_passed_over() {
    let repository = Repository::new();
    let mut files = versions(&["1", "2", "3", "4"]);
    files[1] = "apiVersion: v1\nkind: [ConfigMap\n".to_owned();
    let commits = repository.commits("app.yaml", &files);
    assert_history(
        &repository,
        ("1", 1),
        &["not-deployed", &commits[0], &commits[2], "3"],
    );
    // It may have been the one.
    assert_history(&repository, ("2", 2), &["-", "-", "-", "-"]);
}

#[test]
fn what_was_removed_from_the_manifest_is_of_the_commit_that_still_had_it() {
    let repository = Repository::new();
    let (with, without) = (
        config_map("app", &[("gone", "x"), ("k", "1")]),
        config_map("app", &[("k", "1")]),
    );
    let commits = repository.commits(
        "app.yaml",
        &[
            with.clone(),
            without.clone(),
            without.replace("\"1\"", "\"2\""),
        ],
    );
    let mut live = live_config_map("app", &[("gone", "x"), ("k", "2")], 1);
    // An extra, by --strict alone.
    let wanted = ["not-deployed", &commits[0], &commits[1], "3"];
    assert_eq!(
        histories_of(&repository, &[live.clone()], &["--strict"]),
        expected("app:data.gone", &wanted)
    );
    // Removed, by the record of the last apply.
    let applied = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "app", "namespace": "shop" }, "data": { "gone": "x", "k": "1" } });
    live["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/last-applied-configuration": applied.to_string() });
    assert_eq!(
        histories_of(&repository, &[live.clone()], &[]),
        expected("app:data.gone", &wanted)
    );
    live["data"]["gone"] = json!("y");
    let wanted = ["not-found", "-", "-", "3"];
    assert_eq!(
        histories_of(&repository, &[live], &[]),
        expected("app:data.gone", &wanted)
    );
}

#[test]
fn an_added_key_is_live_as_of_the_commit_before_it() {
    let repository = Repository::new();
    let (without, with) = (
        config_map("app", &[("k", "1")]),
        config_map("app", &[("k", "1"), ("new", "x")]),
    );
    let commits = repository.commits("app.yaml", &[without, with]);
    let found = histories_of(
        &repository,
        &[live_config_map("app", &[("k", "1")], 1)],
        &[],
    );
    assert_eq!(
        found,
        expected(
            "app:data.new",
            &["not-deployed", &commits[0], &commits[1], "2"]
        )
    );
    // Somebody has written to the object since: it may have been deployed and taken away again.
    let live = [live_config_map("app", &[("k", "1")], 2)];
    assert_eq!(
        histories_of(&repository, &live, &[]),
        expected("app:data.new", &["set-back", &commits[0], &commits[1], "2"])
    );
    let run = repository.run(&live, &[]);
    let sentence = format!(
        "live as of {}, before {} ({DAY}, Ana, \"Version 2\"): not deployed yet, or set back\n",
        &commits[0][..7],
        &commits[1][..7]
    );
    assert!(run.stdout.contains(&sentence), "{}", run.stdout);
}

/// A Deployment's manifest with this pod.
fn deployment(pod: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app, namespace: shop}}\nspec:\n  selector: {{matchLabels: {{app: app}}}}\n  template:\n    metadata: {{labels: {{app: app}}}}\n    spec: {pod}\n"
    )
}

/// What its live object is, as far as it is declared.
fn live_deployment(pod: &str, hour: u32) -> Value {
    let object: Value = serde_yaml::from_str(&deployment(pod)).unwrap();
    written(object, hour)
}

#[test]
fn lists_unions_and_followers_are_of_the_commit_that_declared_them_so() {
    let container = |more: &str| format!("{{containers: [{{name: app, image: app:1{more}}}]}}");
    let inits = |names: [&str; 2], image: &str| {
        let items = names.map(|name| format!("{{name: {name}, image: {name}{image}}}"));
        format!(
            "{{initContainers: [{}], containers: [{{name: app, image: app:1}}]}}",
            items.join(", ")
        )
    };
    let volume = |source: &str| {
        format!(
            "{{containers: [{{name: app, image: app:1}}], volumes: [{{name: data, {source}}}]}}"
        )
    };
    let path = "app:spec.template.spec.";
    for (live, then, now, field) in [
        // An atomic list.
        (
            container(", args: [a, b]"),
            container(", args: [a]"),
            container(", args: [a, c]"),
            "containers[name=app].args",
        ),
        // An order, beside a change in one of the items.
        (
            inits(["a", "b"], ":1"),
            inits(["a", "b"], ":2"),
            inits(["b", "a"], ":2"),
            "initContainers",
        ),
        // A union.
        (
            volume("emptyDir: {}"),
            volume("configMap: {name: a}"),
            volume("configMap: {name: b}"),
            "volumes[name=data]",
        ),
    ] {
        let repository = Repository::new();
        let is_order = field == "initContainers";
        let commits = repository.commits(
            "app.yaml",
            &[live.clone(), then, now].map(|pod| deployment(&pod)),
        );
        let found = histories_of(&repository, &[live_deployment(&live, 1)], &[]);
        let history = found
            .iter()
            .find(|(name, _)| *name == format!("{path}{field}"))
            .map(|(_, words)| words.as_str());
        // The order was that of the second commit already.
        let (commit, next, searched) = if is_order { (1, 2, 2) } else { (0, 1, 3) };
        let wanted = format!(
            "not-deployed {} {} {searched}",
            commits[commit], commits[next]
        );
        assert_eq!(history, Some(wanted.as_str()), "{found:?}");
    }
}

#[test]
fn a_port_that_follows_another_is_of_its_commit() {
    let service = |port: u32| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: app, namespace: shop}}\nspec:\n  selector: {{app: app}}\n  ports: [{{name: http, port: {port}}}]\n"
        )
    };
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &[80, 81, 82].map(service));
    let mut live: Value = serde_yaml::from_str(&service(80)).unwrap();
    live["spec"]["ports"][0]["targetPort"] = json!(80);
    live["spec"]["ports"][0]["protocol"] = json!("TCP");
    let found = histories_of(&repository, &[written(live, 1)], &[]);
    let wanted = format!("not-deployed {} {} 3", commits[0], commits[1]);
    let paths = [
        "app:spec.ports[name=http].port",
        "app:spec.ports[name=http].targetPort",
    ];
    assert_eq!(found, paths.map(|path| (path.to_owned(), wanted.clone())));
}

#[test]
fn an_item_with_another_name_in_an_older_version_is_the_same_item() {
    let service = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: app, namespace: shop}}\nspec:\n  selector: {{app: app}}\n  ports: [{{name: {name}, port: 80, protocol: TCP, targetPort: 80}}]\n"
        )
    };
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &["a", "b", "c"].map(service));
    let live: Value = serde_yaml::from_str(&service("a")).unwrap();
    let found = histories_of(&repository, &[written(live, 1)], &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].1,
        format!("not-deployed {} {} 3", commits[0], commits[1])
    );
}

/// A Service's manifest with these ports.
fn service(ports: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: app, namespace: shop}}\nspec:\n  selector: {{app: app}}\n  ports: [{ports}]\n"
    )
}

/// What its live object is, as far as it is declared.
fn live_service(ports: &str) -> Value {
    written(serde_yaml::from_str(&service(ports)).unwrap(), 1)
}

#[test]
fn an_item_that_had_another_key_is_of_no_version_that_has_it() {
    // Renamed in Git, and taken out of the cluster.
    let port = |name: &str, port: u32| {
        format!("{{name: {name}, port: {port}, protocol: TCP, targetPort: 80}}")
    };
    let repository = Repository::new();
    let of =
        |name: &str, number: u32| service(&format!("{}, {}", port("first", 1), port(name, number)));
    repository.commits("app.yaml", &[of("web", 81), of("http", 80)]);
    let wanted = expected("app:spec.ports[name=http]", &["not-found", "-", "-", "2"]);
    let live = live_service(&port("first", 1));
    assert_eq!(histories_of(&repository, &[live], &[]), wanted);
    // An owner is told by its uid or by its name, here by another of both.
    let owner = |name: &str, uid: &str| {
        config_map("app", &[("k", "1")]).replace(
            "namespace: shop}",
            &format!("namespace: shop, ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: {name}, uid: {uid}}}]}}"),
        )
    };
    let repository = Repository::new();
    repository.commits("app.yaml", &[owner("a", "u1"), owner("b", "u1")]);
    let live = written(serde_yaml::from_str(&owner("a", "u2")).unwrap(), 1);
    let wanted = expected(
        "app:metadata.ownerReferences[name=b]",
        &["not-found", "-", "-", "2"],
    );
    assert_eq!(histories_of(&repository, &[live], &[]), wanted);
}

#[test]
fn an_item_that_no_version_before_had_is_of_the_commit_before_it() {
    let repository = Repository::new();
    let (a, b) = (
        "{name: a, port: 1, protocol: TCP, targetPort: 1}",
        "{name: b, port: 2}",
    );
    let both = format!("{a}, {b}");
    let commits = repository.commits("app.yaml", &[service(a), service(&both)]);
    let wanted = format!("not-deployed {} {} 2", commits[0], commits[1]);
    assert_eq!(
        histories_of(&repository, &[live_service(a)], &[]),
        [("app:spec.ports[name=b]".to_owned(), wanted)]
    );
}

#[test]
fn a_value_of_an_item_that_another_version_takes_for_another_item_is_not_of_that_version() {
    let port = |name: &str, port: u32, target: u32| {
        format!("{{name: {name}, port: {port}, protocol: TCP, targetPort: {target}}}")
    };
    let repository = Repository::new();
    repository.commits(
        "app.yaml",
        &[service(&port("b", 81, 1)), service(&port("b", 80, 1))],
    );
    // What is declared today is the first of these by its number, and what was declared before is the second.
    let live = live_service(&format!("{}, {}", port("x", 80, 2), port("y", 81, 1)));
    let wanted = |field: &str| {
        let words = "not-found - - 2".to_owned();
        (format!("app:spec.ports[name=b].{field}"), words)
    };
    assert_eq!(
        histories_of(&repository, &[live], &[]),
        [wanted("name"), wanted("targetPort")]
    );
}

#[test]
fn an_order_is_of_no_version_that_has_not_all_of_the_items() {
    let repository = Repository::new();
    let pod = |names: &[&str]| {
        let items: Vec<String> = names
            .iter()
            .map(|n| format!("{{name: {n}, image: {n}:1}}"))
            .collect();
        format!(
            "{{initContainers: [{}], containers: [{{name: app, image: app:1}}]}}",
            items.join(", ")
        )
    };
    let versions = [&["a", "b"][..], &["a"], &["b", "a"]];
    let versions = versions.map(|names| deployment(&pod(names)));
    let commits = repository.commits("app.yaml", &versions);
    let live = live_deployment(&pod(&["a", "b"]), 1);
    let wanted = format!("not-deployed {} {} 3", commits[0], commits[1]);
    assert_eq!(
        histories_of(&repository, &[live], &[]),
        [("app:spec.template.spec.initContainers".to_owned(), wanted)]
    );
}

#[test]
fn what_is_ignored_today_is_ignored_in_older_versions() {
    let repository = Repository::new();
    let version = |k: &str, l: &str| config_map("app", &[("k", k), ("l", l)]);
    let ignoring = version("2", "3").replace(
        "namespace: shop}",
        "namespace: shop, annotations: {drift.gitops.io/ignore-fields: data.l}}",
    );
    let commits = repository.commits(
        "app.yaml",
        &[version("1", "1"), version("1", "2"), ignoring],
    );
    let found = histories_of(
        &repository,
        &[live_config_map("app", &[("k", "1"), ("l", "x")], 2)],
        &[],
    );
    assert_eq!(
        found,
        expected(
            "app:data.k",
            &["not-deployed", &commits[1], &commits[2], "2"]
        )
    );
}

#[test]
fn repositories_worktrees_submodules_and_folders_each_have_their_own_commits() {
    let repository = Repository::new();
    let commits = repository.commits("deploy/app.yaml", &versions(&["1", "2"]));
    let live = [live_config_map("app", &[("k", "1")], 1)];
    let wanted = expected(
        "app:data.k",
        &["not-deployed", &commits[0], &commits[1], "2"],
    );
    let found = |folder: &Path, from: &Path| {
        let live = repository.live(&live);
        let output = program()
            .current_dir(from)
            .args(["-f", text(folder), "--live", &live, "-o", "json"])
            .output()
            .unwrap();
        histories(&Run::of(&output).json())
    };
    let (root, outside) = (repository.root(), repository.folder.path().to_owned());
    assert_eq!(found(Path::new("."), &root.join("deploy")), wanted);
    assert_eq!(found(Path::new("work/deploy/app.yaml"), &outside), wanted);
    assert_eq!(found(&root, Path::new("/")), wanted);
    let tree = outside.join("tree");
    repository.git(&["worktree", "add", "-q", "--detach", text(&tree), "HEAD"]);
    assert_eq!(found(&tree, &outside), wanted);
    #[cfg(unix)]
    {
        let link = outside.join("link.yaml");
        std::os::unix::fs::symlink(root.join("deploy/app.yaml"), &link).unwrap();
        assert_eq!(found(&link, &outside), wanted);
    }
    let parent = Repository::new();
    parent.git(&["submodule", "--quiet", "add", text(&root), "sub"]);
    parent.write("other.yaml", &config_map("other", &[("k", "1")]));
    let first = parent.commit(1, "One");
    parent.write("other.yaml", &config_map("other", &[("k", "2")]));
    let second = parent.commit(2, "Two");
    let both = [live[0].clone(), live_config_map("other", &[("k", "1")], 1)];
    let of_other = (
        "other:data.k".to_owned(),
        format!("not-deployed {first} {second} 2"),
    );
    assert_eq!(
        histories_of(&parent, &both, &[]),
        [wanted[0].clone(), of_other.clone()]
    );
    // Two repositories in one run.
    let (one, two) = (root.join("deploy"), parent.root().join("other.yaml"));
    let args = ["-f", text(&one), "-f", text(&two)];
    assert_eq!(
        histories_of(&repository, &both, &args),
        [wanted[0].clone(), of_other]
    );
}

#[test]
fn without_a_version_in_git_there_is_no_verdict_and_one_notice() {
    let live = [live_config_map("app", &[("k", "1")], 1)];
    let none = expected("app:data.k", &["-", "-", "-", "-"]);
    let check = |repository: &Repository| {
        let run = repository.run(&live, &["-o", "json"]);
        assert_eq!(histories(&run.json()), none);
        let notices = run.stderr.matches("no history of 1 field(s)").count();
        assert_eq!(notices, 1, "{}", run.stderr);
        assert_eq!(run.complaints(), [""; 0]);
    };
    let repository = Repository::new();
    repository.write("app.yaml", &versions(&["2"])[0]);
    // No commit at all, not this file, a file that is ignored, no repository.
    check(&repository);
    repository.write("notes.txt", "x");
    repository.git(&["add", "notes.txt"]);
    repository.git(&["commit", "-q", "-m", "Notes"]);
    check(&repository);
    repository.write(".gitignore", "app.yaml\n");
    repository.commit(1, "Ignore");
    check(&repository);
    let missing = histories_of(
        &repository,
        &[live_config_map("other", &[("k", "1")], 1)],
        &[],
    );
    assert_eq!(missing, expected("app:<resource>", &["-", "-", "-", "-"]));
    fs::remove_dir_all(repository.root().join(".git")).unwrap();
    check(&repository);
    let live = repository.live(&live);
    let manifest = versions(&["2"])[0].clone();
    let run = run_with_input(
        &["-f", "-", "--live", &live, "-o", "json"],
        manifest.as_bytes(),
    );
    assert_eq!(histories(&run.json()), none);
    assert!(
        run.stderr.contains("no history of 1 field(s)"),
        "{}",
        run.stderr
    );
}

#[cfg(unix)]
#[test]
fn no_code_that_a_repository_names_is_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = Repository::new();
    let commits = repository.commits("app.yaml", &versions(&["1", "2"]));
    let ran = repository.folder.path().join("ran");
    let script = repository.folder.path().join("script");
    fs::write(
        &script,
        format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", text(&ran)),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "diff.external",
        "diff.x.textconv",
        "diff.x.command",
        "gpg.program",
        "core.sshCommand",
    ] {
        repository.git(&["config", key, text(&script)]);
    }
    repository.git(&["config", "log.showSignature", "true"]);
    repository.git(&["config", "log.follow", "true"]);
    repository.git(&["config", "color.ui", "always"]);
    fs::write(
        repository.root().join(".git/info/attributes"),
        "*.yaml diff=x\n",
    )
    .unwrap();
    let before = fs::read(repository.root().join(".git/index")).unwrap();
    assert_history(
        &repository,
        ("1", 1),
        &["not-deployed", &commits[0], &commits[1], "2"],
    );
    assert!(!ran.exists(), "{}", fs::read_to_string(&ran).unwrap());
    assert_eq!(
        before,
        fs::read(repository.root().join(".git/index")).unwrap()
    );
}

#[cfg(unix)]
#[test]
fn git_is_not_asked_for_history_where_nothing_has_drifted() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = Repository::new();
    repository.commits("app.yaml", &versions(&["1", "2"]));
    let (asked, fake) = (
        repository.folder.path().join("asked"),
        repository.folder.path().join("bin"),
    );
    fs::create_dir(&fake).unwrap();
    fs::write(
        fake.join("git"),
        format!("#!/bin/sh\necho \"$*\" >> {}\nexit 1\n", text(&asked)),
    )
    .unwrap();
    fs::set_permissions(fake.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |k: &str| {
        let live = repository.live(&[live_config_map("app", &[("k", k)], 1)]);
        let path = format!("{}:/usr/bin:/bin", text(&fake));
        let output = program()
            .current_dir(repository.root())
            .env("PATH", path)
            .args(["-f", ".", "--live", &live])
            .output()
            .unwrap();
        Run::of(&output).exits(0);
        let asked = fs::read_to_string(&asked).unwrap();
        asked
            .lines()
            .map(|line| {
                line.split_whitespace()
                    .nth(8)
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run("2"), ["status"]);
    assert_eq!(run("1"), ["status", "status", "rev-parse"]);
}

#[test]
fn every_form_of_the_report_says_it() {
    let repository = Repository::new();
    let version = |k: &str, l: &str| config_map("app", &[("k", k), ("l", l)]);
    let commits = repository.commits("app.yaml", &[version("1", "1"), version("2", "2")]);
    let (first, second) = (&commits[0][..7], &commits[1][..7]);
    let live = |k: &str, l: &str| [live_config_map("app", &[("k", k), ("l", l)], 1)];
    // Once, where all fields have the same.
    let text = repository.run(&live("1", "1"), &[]).stdout;
    let sentence = format!(
        "  Git    : live as of {first}; last written before {second} ({DAY}, Ana, \"Version 2\"): not deployed yet\n"
    );
    assert_eq!(text.matches(&sentence).count(), 1, "{text}");
    assert!(!text.contains("      git "), "{text}");
    assert!(
        text.contains(&format!("\nCause: 2 not deployed yet ({second})\n")),
        "{text}"
    );
    let text = repository.run(&live("1", "x"), &[]).stdout;
    let sentence = "      git     : in none of this file's 2 commits: changed in the cluster, or by another branch\n";
    assert!(text.contains(sentence), "{text}");
    assert!(
        text.contains(&format!(
            "\nCause: 1 not deployed yet ({second}), 1 changed in the cluster\n"
        )),
        "{text}"
    );
    let limited = repository.run(&live("2", "x"), &["--history", "1"]).stdout;
    assert!(
        limited.contains("      git     : not in this file's last commit: changed in the cluster"),
        "{limited}"
    );
    let brief = repository.run(&live("1", "x"), &["-o", "brief"]).stdout;
    assert!(
        brief.contains(&format!("; not deployed yet: {second})\n")),
        "{brief}"
    );
    assert!(brief.contains("; changed in the cluster)\n"), "{brief}");
    let markdown = repository.run(&live("1", "x"), &["-o", "markdown"]).stdout;
    assert!(
        markdown.contains(&format!("; not deployed yet: {second}")),
        "{markdown}"
    );
    let json = repository.run(&live("1", "x"), &["-o", "json"]).json();
    assert_eq!(json["summary"]["notDeployed"], 1);
    let history = &json["resources"][0]["fields"][0]["history"];
    let next = json!({ "commit": commits[1], "time": format!("{DAY}T02:00:00Z"), "author": "Ana", "subject": "Version 2" });
    let wanted = json!({ "verdict": "not-deployed", "commit": commits[0], "time": format!("{DAY}T01:00:00Z"), "author": "Ana", "subject": "Version 1", "next": next, "searched": 2 });
    assert_eq!(history, &wanted);
    let later = repository
        .run(&[live_config_map("app", &[("k", "1"), ("l", "2")], 2)], &[])
        .stdout;
    let sentence = format!(
        "live as of {first}, but written after {second} ({DAY}, Ana, \"Version 2\"): set back, or deployed from an older commit\n"
    );
    assert!(later.contains(&sentence), "{later}");
    repository.write("app.yaml", &version("3", "2"));
    let dirty = repository.run(&live("2", "2"), &[]).stdout;
    assert!(
        dirty.contains(&format!(
            "live as of {second}; the manifest's change is not committed\n"
        )),
        "{dirty}"
    );
    assert!(dirty.contains("\nCause: 1 not committed\n"), "{dirty}");
}

#[test]
fn a_repository_of_another_user_has_no_history_and_both_notices_say_so() {
    let repository = Repository::new();
    repository.commits("app.yaml", &versions(&["1", "2"]));
    let live = repository.live(&[live_config_map("app", &[("k", "1")], 1)]);
    let run = |owner: &str| {
        let output = program()
            .current_dir(repository.root())
            .env("GIT_TEST_ASSUME_DIFFERENT_OWNER", owner)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-f", ".", "--live", &live, "-o", "json"])
            .output()
            .unwrap();
        Run::of(&output)
    };
    let refused = run("1").exits(0);
    let none = expected("app:data.k", &["-", "-", "-", "-"]);
    assert_eq!(histories(&refused.json()), none);
    assert!(
        refused.json()["revision"] == "unknown",
        "{}",
        refused.stdout
    );
    for notice in [
        "`git config --global --add safe.directory ",
        "no history of 1 field(s): Git cannot read their repository",
    ] {
        let count = refused.stderr.matches(notice).count();
        assert_eq!(count, 1, "{}", refused.stderr);
    }
    assert_ne!(histories(&run("0").json()), none);
}

/// A `git` that runs this script of the shell before it passes the command on.
#[cfg(unix)]
fn path_with_git(repository: &Repository, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let found = std::env::var_os("PATH").unwrap();
    let mut folders = std::env::split_paths(&found);
    let git = folders.find(|folder| folder.join("git").exists()).unwrap();
    let bin = repository.folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let script = format!("#!/bin/sh\n{script}\nexec {}/git \"$@\"\n", text(&git));
    fs::write(bin.join("git"), script).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", text(&bin), found.to_str().unwrap())
}

#[cfg(unix)]
#[test]
fn a_git_that_does_not_answer_costs_the_history_and_not_the_report() {
    let repository = Repository::new();
    repository.commits("app.yaml", &versions(&["1", "2"]));
    let live = repository.live(&[live_config_map("app", &[("k", "1")], 1)]);
    let run = |script: &str| {
        let output = program()
            .current_dir(repository.root())
            .env("PATH", path_with_git(&repository, script))
            .args(["-f", ".", "--live", &live, "-o", "json"])
            .output()
            .unwrap();
        let run = Run::of(&output).exits(0);
        let found = histories(&run.json());
        assert_eq!(found, expected("app:data.k", &["-", "-", "-", "-"]));
        run.stderr
    };
    let late = run("case \" $* \" in *\" diff-tree --stdin \"*) exec sleep 600 ;; esac");
    assert!(
        late.contains("history: 1 field(s) were not found within 10 s"),
        "{late}"
    );
    // One that fails half way is no proof that there is nothing more.
    for command in [" diff-tree --stdin ", " rev-list "] {
        let failed = run(&format!(
            "case \" $* \" in *\"{command}\"*) exit 128 ;; esac"
        ));
        assert!(
            failed.contains("no history of 1 field(s): Git cannot read their repository"),
            "{failed}"
        );
    }
}

#[test]
#[ignore = "needs the control plane"]
fn the_report_of_a_repair_still_says_which_commit_was_live() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let repository = Repository::new();
    let version = |k: &str| config_map("app", &[("k", k)]).replace("shop", &namespace);
    repository.write("app.yaml", &version("1"));
    let first = repository.commit_at("2026-01-01T00:00:00Z", "First");
    plane.kubectl_with(&["apply", "-f", "-"], &version("1"));
    repository.write("app.yaml", &version("2"));
    // Later than any time at which the server can have written.
    let second = repository.commit_at("2037-01-01T00:00:00Z", "Second");
    let folder = repository.root();
    let args = ["-f", text(&folder), "--once", "-o", "json", "--remediate"];
    let report = plane.run_as("writer", &args).exits(0).json();
    assert_eq!(report["resources"][0]["action"], "remediated");
    let wanted = ["not-deployed", &first, &second, "2"];
    assert_eq!(histories(&report), expected("app:data.k", &wanted));
    let live = plane.get("configmap", &namespace, "app");
    assert_eq!(live["data"]["k"], "2");
}
