//! The inputs of recorded reports that are too long to be kept.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::repository::git;

fn config_map(data: &Value) -> String {
    let metadata = json!({"name": "app", "namespace": "shop"});
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
    serde_yaml::to_string(&object).unwrap()
}

/// 200 lines of settings, with one changed, one missing and one that has a blank at its end.
pub(crate) fn long_text() -> [String; 2] {
    let lines: Vec<String> = (1..=200)
        .map(|n| format!("setting.{n} = value {n}"))
        .collect();
    let desired = lines.join("\n") + "\n";
    let live = desired
        .replace("setting.40 = value 40\n", "setting.40 = another value\n")
        .replace("setting.100 = value 100\n", "")
        .replace("setting.160 = value 160\n", "setting.160 = value 160 \n");
    [desired, live].map(|text| config_map(&json!({"app.properties": text})))
}

fn deployment(namespace: &str, name: &str, containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}},
        },
    })
}

/// A container with forty arguments, one of which differs.
pub(crate) fn forty_arguments() -> [String; 2] {
    ["info", "debug"].map(|level| {
        let mut args: Vec<String> = (1..=40)
            .map(|n| format!("--option-{n}=value-{n}"))
            .collect();
        args[22] = format!("--log-level={level}");
        let containers =
            json!([{"name": "server", "image": "registry.example/server:1.4", "args": args}]);
        serde_yaml::to_string(&deployment("shop", "server", &containers)).unwrap()
    })
}

/// 4 kB of JSON in a line: one value of it differs, or two that are far apart.
pub(crate) fn json_in_one_line() -> [String; 2] {
    let fields: Vec<String> = (0..200)
        .map(|n| format!("\"option{n:03}\":{}", n * 791_900))
        .collect();
    let text = format!("{{{}}}", fields.join(","));
    assert!(text.len() > 4000);
    let one = text.replace("\"option150\":118785000", "\"option150\":118785001");
    let two = one.replace("\"option005\":3959500", "\"option005\":null");
    let data = [
        json!({"one.json": text, "two.json": text}),
        json!({"one.json": one, "two.json": two}),
    ];
    data.map(|data| config_map(&data))
}

/// An image that is an older one in 300 Deployments of two namespaces.
pub(crate) fn three_hundred_deployments() -> [String; 2] {
    ["2.0", "1.9"].map(|version| {
        let mut documents = String::new();
        for n in 0..300 {
            let namespace = if n < 180 { "shop" } else { "pay" };
            let image = format!("registry.example/app:{version}");
            let containers = json!([{"name": format!("app-{n:03}"), "image": image}]);
            let object = deployment(namespace, &format!("app-{n:03}"), &containers);
            let _ = write!(
                documents,
                "---\n{}",
                serde_yaml::to_string(&object).unwrap()
            );
        }
        documents
    })
}

/// Two ways to differ among twelve Deployments, and a third that only two have.
pub(crate) fn equal_groups() -> [String; 2] {
    [true, false].map(|is_desired| {
        let mut documents = String::new();
        for n in 0..14 {
            let namespace = ["shop", "pay", "search"][n % 3];
            let mut container =
                json!({"name": "app", "image": "app:2", "args": ["--fast"], "command": ["app"]});
            match (is_desired, n) {
                (true, _) => {}
                (false, 0..6) => container["image"] = json!("app:1"),
                (false, 6..12) => {
                    container["image"] = json!("app:1");
                    container["args"] = json!(["--debug"]);
                }
                (false, _) => container["command"] = json!(["sleep", "infinity"]),
            }
            let mut object = deployment(namespace, &format!("app-{n:02}"), &json!([container]));
            if !is_desired {
                let manager = if n % 4 == 0 { "kubectl-edit" } else { "kubectl-set" };
                object["metadata"]["managedFields"] = json!([{
                    "manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                    "time": format!("2026-11-{:02}T10:04:11Z", 10 + n),
                    "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {
                        ".": {}, "f:args": {}, "f:command": {}, "f:image": {}, "f:name": {},
                    }}}}}},
                }]);
            }
            let _ = write!(documents, "---\n{}", serde_yaml::to_string(&object).unwrap());
        }
        documents
    })
}

/// Values that are cut or left out, unless all is asked for.
pub(crate) fn whole_values() -> [String; 2] {
    let lines: Vec<String> = (1..=30).map(|n| format!("line {n}")).collect();
    let text = lines.join("\n") + "\n";
    let url = format!("https://registry.example/{}", "path/".repeat(60));
    let desired = json!({"text": text, "new": text, "url": format!("{url}a")});
    let live = json!({"text": text.replace("line 15", "line fifteen"), "url": format!("{url}b")});
    [desired, live].map(|data| config_map(&data))
}

/// Two commits: the first is live in one field, the second in another, and none in a third. The last change is not
/// committed. All of it is to come, so that no report says how long ago it was.
pub(crate) fn commit_history(folder: &Path) {
    let file = folder.join("desired.yaml");
    let last = fs::read_to_string(&file).unwrap();
    let second = last.replace("replicas: 4", "replicas: 3");
    let first = second
        .replace("web:1.25", "web:1.19")
        .replace("name: cache", "name: other-cache");
    git(
        folder,
        &["init", "-q", "-b", "main"],
        "2040-11-01T09:00:00Z",
    );
    for (day, text, subject) in [
        (2, &first, "Begin"),
        (
            12,
            &second,
            "Bump the web server to 1.25 and rename the cache",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let time = format!("2040-11-{day:02}T09:00:00Z");
        git(folder, &["add", "desired.yaml"], &time);
        git(folder, &["commit", "-q", "-m", subject], &time);
    }
    fs::write(&file, &last).unwrap();
}
