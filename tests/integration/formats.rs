//! The formats of the report: each is what its readers take it for, whatever stands in the values.

use std::fs;

use serde_json::Value;

use crate::support::{Run, folder, run, run_with_input, text};

const FORMATS: [&str; 7] = [
    "text", "brief", "json", "markdown", "github", "sarif", "junit",
];

fn of_examples(format: &str) -> String {
    let paths = ["-f", "examples/desired", "--live", "examples/live"];
    run(&[&paths[..], &["-o", format]].concat()).exits(0).stdout
}

/// The schema of a file in the repository. A strict one takes no key that it does not name.
pub(crate) fn schema(file: &str, strict: bool) -> jsonschema::Validator {
    fn close(schema: &mut Value) {
        if let Some(map) = schema.as_object_mut() {
            if map.get("properties").is_some_and(Value::is_object) && map.contains_key("type") {
                map.insert("additionalProperties".to_owned(), false.into());
            }
            map.values_mut().for_each(close);
        }
    }
    let file = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    // The pattern of a language in the schema of SARIF has a bracket too many.
    let text = fs::read_to_string(file).unwrap().replace("{2}]?$", "{2}?$");
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    if strict {
        close(&mut schema);
    }
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
pub(crate) fn assert_valid(schema: &jsonschema::Validator, document: &str) {
    let document: Value = serde_json::from_str(document).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new(), "{document:#}");
}

/// Reports with everything that can be in one without a server.
fn reports(format: &str) -> Vec<String> {
    let examples = of_examples(format);
    let manifests = "\
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-config}\ndata: {LOG_LEVEL: debug, NEW: x, PASSWORD: y}\n---
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gone}\n---
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: skipped, annotations: {drift.gitops.io/skip: \"true\"}}\n---
apiVersion: v1\nkind: Secret\nmetadata: {name: other}\n---
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndata: {k: 1}\n---
- no object\n";
    let folder = folder(&[("all.yaml", manifests)]);
    let args = ["--live", "examples/live", "--strict", "-o", format, "-f"];
    let all = [text(folder.path()), "--show-suppressed"];
    let all = run(&[&args[..], &all].concat()).exits(2);
    let failed = run(&[&args[..], &["/nonexistent"]].concat()).exits(2);
    vec![examples, all.stdout, failed.stdout]
}

#[test]
fn json_is_what_its_schema_says() {
    let schema = schema("report.schema.json", true);
    for report in reports("json") {
        assert_valid(&schema, &report);
    }
    let usage = run(&["-o", "json"]).exits(2);
    assert_valid(&schema, &usage.stdout);
}

#[test]
fn sarif_is_what_the_standard_says() {
    let schema = schema("tests/cases/schemas/sarif-2.1.0.json", false);
    for report in reports("sarif") {
        assert_valid(&schema, &report);
    }
    let report: Value = serde_json::from_str(&of_examples("sarif")).unwrap();
    let first = &report["runs"][0]["results"][0];
    let location = &first["locations"][0]["physicalLocation"];
    assert_eq!(
        location["artifactLocation"]["uri"],
        "examples/desired/configmap.yaml"
    );
    assert_eq!(location["region"]["startLine"], 6);
    assert_eq!(
        first["partialFingerprints"]["primaryLocationLineHash"],
        "79c4818a39df4701"
    );
}

#[track_caller]
pub(crate) fn assert_junit(report: &str) {
    let read = quick_junit::Report::deserialize_from_str(report);
    read.unwrap_or_else(|e| panic!("{e}: {report}"));
}

#[test]
fn junit_has_one_case_for_each_compared_resource() {
    for report in reports("junit") {
        assert_junit(&report);
    }
    let junit = |args: &[&str]| -> quick_junit::Report {
        let paths = [
            "-f",
            "examples/desired",
            "--live",
            "examples/live",
            "-o",
            "junit",
        ];
        let run = run(&[&paths[..], args].concat()).exits(0);
        quick_junit::Report::deserialize_from_str(&run.stdout).unwrap()
    };
    let report = junit(&[]);
    assert_eq!((report.tests, report.failures, report.errors), (6, 5, 0));
    let cases = &report.test_suites[0].test_cases;
    let names: Vec<(&str, &str)> = cases
        .iter()
        .map(|case| {
            (
                case.classname.as_ref().unwrap().as_str(),
                case.name.as_str(),
            )
        })
        .collect();
    assert_eq!(
        names[..2],
        [("Namespace", "demo"), ("default.ConfigMap", "app-config")]
    );
    // What is in sync is a case too.
    let report = junit(&["--ignore-fields", "data,spec"]);
    assert_eq!((report.tests, report.failures), (6, 2));
}

#[test]
fn several_formats_are_written_in_one_run() {
    let files = folder(&[("old.json", "yesterday's")]);
    let file = |name: &str| text(files.path()).to_owned() + "/" + name;
    let json = format!("json={}", file("old.json"));
    let junit = format!("junit={}", file("new.xml"));
    let paths = ["-f", "examples/desired", "--live", "examples/live"];
    let with = |more: &[&str]| -> Run { run(&[&paths[..], more].concat()) };
    let run = with(&["-o", &json, "-o", "brief", "--output", &junit]).exits(0);
    assert_eq!(run.stdout, of_examples("brief"));
    let json_file = fs::read_to_string(file("old.json")).unwrap();
    assert!(
        json_file.starts_with("{\n  \"schemaVersion\": \"1\""),
        "{json_file}"
    );
    assert!(
        fs::read_to_string(file("new.xml"))
            .unwrap()
            .starts_with("<?xml")
    );
    assert_eq!(
        fs::read_dir(files.path()).unwrap().count(),
        2,
        "nothing is left behind"
    );
    // Text is for standard output where nothing else is.
    assert!(
        with(&["-o", &json])
            .exits(0)
            .stdout
            .starts_with("Drift Report")
    );
    // A failed run leaves no report of an earlier one behind.
    let broken = folder(&[("live.yaml", "a: [")]);
    let args = [
        "-f",
        "examples/desired",
        "--live",
        text(broken.path()),
        "-o",
        &json,
    ];
    crate::support::run(&args).exits(2);
    let json_file = fs::read_to_string(file("old.json")).unwrap();
    let report: Value = serde_json::from_str(&json_file).unwrap();
    assert_eq!(report["errors"].as_array().unwrap().len(), 1);
}

#[test]
fn outputs_that_make_no_sense_are_refused() {
    for (args, message) in [
        (
            &["-o", "text", "-o", "json"][..],
            "only one --output can go to standard output; write the others as FORMAT=FILE",
        ),
        (
            &["-o", "json=a", "-o", "sarif=a"],
            "--output: a is given twice",
        ),
        (
            &["-o", "json=nowhere/a"],
            "--output: no such directory: nowhere",
        ),
        (
            &["-o", "yaml"],
            "the formats are text, brief, json, markdown, github, sarif, junit",
        ),
        (&["-o", "json="], "a file is missing after `=`"),
        (
            &["-f", "-", "-o", "sarif"],
            "`--output sarif` points to files: it cannot be used with `-f -`",
        ),
    ] {
        let run = run(&[&["-f", ".", "--live", "examples/live"], args].concat()).exits(2);
        assert!(run.stderr.contains(message), "{message}: {}", run.stderr);
    }
    let run = run(&["-f", ".", "-o", "junit"]).exits(2);
    let message = "`--output junit` needs --once; in a loop there are text, brief and json";
    assert!(run.stderr.contains(message), "{}", run.stderr);
}

/// Each would end what it stands in, in one of the formats.
const HOSTILE: [&str; 15] = [
    "\u{1b}[31mred\u{1b}[0m\u{7}",
    "a\n::error file=x,line=1::owned",
    "\r\n::error::owned",
    "::set-output name=x::owned%0A::error::owned",
    "]]><script>alert(1)</script>",
    "a | b | c \\| d \\\\| e",
    "`code` ``` ~~~ \n```\n</details><h1>owned</h1>",
    "\u{202e}evil\u{2066}\u{200f}\u{feff}",
    "</failure></testcase><testcase name=\"owned\"/>",
    "\" onload=\"x\" '&amp;<!-- -->",
    "**bold** [link](https://example.com) ![i](x) @someone #1 <b>",
    "\u{0}\u{85}\u{2028}\u{2029}\u{fffe}",
    "  trailing \t ",
    "owned.yaml:1: changed Deployment/x y: live a, desired b",
    "fine ##[error]owned ::error::owned",
];

#[test]
fn no_value_breaks_out_of_any_format() {
    for (number, hostile) in HOSTILE.into_iter().enumerate() {
        let map = |value: &str| {
            let quoted = Value::from(value).to_string();
            let key = "k".repeat(number + 1);
            serde_json::json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "c", "namespace": "default", "annotations": {"a": value}},
                "data": {key: value, "other": quoted},
            })
            .to_string()
        };
        let files = folder(&[
            ("desired/c.json", &map("fine")),
            ("live/c.json", &map(hostile)),
        ]);
        let (desired, live) = (files.path().join("desired"), files.path().join("live"));
        let swapped = ["-f", text(&live), "--live", text(&desired)];
        let straight = ["-f", text(&desired), "--live", text(&live)];
        for paths in [straight, swapped] {
            for format in FORMATS {
                let run = run(&[&paths[..], &["-o", format]].concat()).exits(0);
                assert_contained(format, hostile, &run.stdout);
            }
        }
    }
}

#[track_caller]
fn assert_contained(format: &str, hostile: &str, report: &str) {
    let hint = || format!("{format} of {hostile:?}:\n{report}");
    assert_unbroken(format, hostile, report);
    match format {
        "json" | "sarif" => {
            let report: Value = serde_json::from_str(report).unwrap();
            let count = match format {
                "json" => report["resources"].as_array().unwrap().len(),
                _ => report["runs"].as_array().unwrap().len(),
            };
            assert_eq!(count, 1, "{}", hint());
        }
        "junit" => {
            let report = quick_junit::Report::deserialize_from_str(report).unwrap();
            assert_eq!((report.tests, report.failures), (1, 1), "{}", hint());
            assert_eq!(report.test_suites[0].test_cases.len(), 1, "{}", hint());
        }
        // Three fields, and the total.
        "brief" | "github" => {
            assert_eq!(report.lines().count(), 4, "{}", hint());
            let begins = if format == "github" {
                "::error file="
            } else {
                "/"
            };
            let mut lines = report.lines().take(3);
            assert!(lines.all(|line| line.starts_with(begins)), "{}", hint());
        }
        "markdown" => {
            let cells = |line: &str| {
                let escaped = line.replace("\\\\", "").replace("\\|", "");
                escaped.matches('|').count()
            };
            let rows: Vec<&str> = report
                .lines()
                .filter(|line| line.starts_with("| "))
                .collect();
            assert_eq!(rows.len(), 4, "{}", hint());
            assert!(rows.iter().all(|row| cells(row) == 7), "{}", hint());
        }
        _ => {}
    }
}

/// A report of whatever has only what its format makes of it.
#[track_caller]
fn assert_unbroken(format: &str, hostile: &str, report: &str) {
    let hint = || format!("{format} of {hostile:?}:\n{report}");
    let raw = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    match format {
        "json" | "sarif" => drop(serde_json::from_str::<Value>(report).unwrap()),
        _ => {
            assert!(!report.contains(raw), "{}", hint());
            // A command of GitHub Actions, wherever it stands in a line of a log.
            assert!(!report.contains("##["), "{}", hint());
        }
    }
    match format {
        "junit" => assert_junit(report),
        "text" | "brief" => {
            let mut lines = report.lines();
            assert!(
                lines.all(|line| !line.trim_start().starts_with("::")),
                "{}",
                hint()
            );
        }
        "github" => {
            let commands = report
                .lines()
                .filter(|line| line.trim_start().starts_with("::"));
            let known = ["::error ", "::warning ", "::notice "];
            let is_known = |line: &str| known.iter().any(|start| line.starts_with(start));
            assert!(commands.into_iter().all(is_known), "{}", hint());
        }
        "markdown" => {
            let outside = without_code(report);
            for tag in ["<h1>", "<b>", "<script>", "@someone", "](", "::error"] {
                assert!(!outside.contains(tag), "{tag}: {outside}\n{}", hint());
            }
            let opened = outside.matches("<details>").count();
            assert_eq!(opened, outside.matches("</details>").count(), "{}", hint());
        }
        _ => {}
    }
}

/// Names of files, of clients, of resources and of contexts, each of which ends up in reports and messages.
#[test]
fn no_name_breaks_out_of_any_format() {
    for hostile in HOSTILE {
        let object = |name: &str, kind: &str, value: &str| {
            serde_json::json!({
                "apiVersion": "v1", "kind": kind,
                "metadata": {
                    "name": name, "namespace": "default",
                    "managedFields": [{
                        "manager": hostile, "operation": "Update", "apiVersion": "v1", "time": "2026-11-22T10:04:11Z",
                        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:k": {}}},
                    }],
                },
                "data": {"k": value},
            })
            .to_string()
        };
        let file = hostile.replace(['/', '\0'], "-");
        let files = folder(&[
            (
                &format!("desired/{file}.json"),
                &object("c", "ConfigMap", "a"),
            ),
            ("desired/name.json", &object(hostile, "ConfigMap", "a")),
            ("desired/kind.json", &object("d", hostile, "a")),
            ("live/c.json", &object("c", "ConfigMap", "b")),
            ("config", &context(hostile)),
        ]);
        for live in [
            &["--live", "live"][..],
            &["--kubeconfig", "config", "--once"],
        ] {
            let mut command = crate::support::program();
            command.current_dir(files.path()).env("COLUMNS", "20");
            command
                .args(["-f", "desired", "--request-timeout", "1s"])
                .args(live);
            // All formats but text, which comes first, go to files.
            for format in &FORMATS[1..] {
                command.args(["-o", &format!("{format}={format}")]);
            }
            let run = Run::of(&command.output().unwrap()).exits(2);
            for format in &FORMATS[1..] {
                let report = fs::read_to_string(files.path().join(format)).unwrap();
                assert_unbroken(format, hostile, &report);
            }
            // What is said beside the reports is text, too.
            for text in [&run.stdout, &run.stderr] {
                assert_unbroken("text", hostile, text);
            }
        }
    }
}

/// A kubeconfig whose only context has this name, for a server that nobody is.
fn context(name: &str) -> String {
    serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
    })
    .to_string()
}

/// What is live ends up in a file of Git: as the value that it is, and nothing else.
#[test]
fn no_value_breaks_out_of_a_patch() {
    const MANIFEST: &str = "\
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  k: fine\n  other: fine\n";
    let mut patched = 0;
    for hostile in HOSTILE {
        let live = serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"},
            "data": {"k": hostile, "other": "fine"},
        });
        let live = live.to_string();
        let files = folder(&[("c.yaml", MANIFEST), ("live.json", &live)]);
        let mut command = crate::support::program();
        command.current_dir(files.path()).args([
            "-f",
            "c.yaml",
            "--live",
            "live.json",
            "-o",
            "patch",
        ]);
        let run = Run::of(&command.output().unwrap()).exits(0);
        fs::write(files.path().join("patch"), &run.stdout).unwrap();
        crate::support::git(files.path(), &["init", "-q"]);
        crate::support::git(files.path(), &["apply", "--allow-empty", "patch"]);
        let after = fs::read_to_string(files.path().join("c.yaml")).unwrap();
        let after: Value = serde_yaml::from_str(&after).unwrap();
        assert_eq!(after["data"]["other"], "fine");
        if run.stdout.is_empty() {
            // What has no exact form is left out, and named.
            assert!(run.stderr.contains("data.k"), "{hostile:?}: {}", run.stderr);
            assert_eq!(after["data"]["k"], "fine");
        } else {
            patched += 1;
            assert_eq!(after["data"]["k"], hostile, "{}", run.stdout);
        }
    }
    assert!(patched > 10, "{patched}");
}

/// Markdown without its fenced blocks and code spans, by the rules of CommonMark.
fn without_code(markdown: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<usize> = None;
    for line in markdown.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if ticks >= open && line.trim_matches('`').is_empty() => fence = None,
            Some(_) => {}
            None if ticks >= 3 => fence = Some(ticks),
            None => {
                let mut parts = line.split('`');
                outside.extend(parts.by_ref().step_by(2).map(|part| part.to_owned() + " "));
                outside.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence is left open:\n{markdown}");
    outside
}

#[test]
fn markdown_stays_below_its_limit_and_says_what_it_leaves_out() {
    let long = "0123456789".repeat(8);
    let maps = |value: &dyn Fn(usize) -> String| -> String {
        let one = |i: usize| {
            let value = value(i);
            let lines = format!("a\\n{value}\\nb");
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}, namespace: default}}\ndata: {{k: \"{value}\", l: \"{lines}\"}}\n---\n"
            )
        };
        (0..600).map(one).collect()
    };
    let files = folder(&[
        ("desired/c.yaml", &maps(&|_| long.clone())),
        ("live/c.yaml", &maps(&|i| format!("other {i}"))),
    ]);
    let (desired, live) = (files.path().join("desired"), files.path().join("live"));
    let paths = [
        "-f",
        text(&desired),
        "--live",
        text(&live),
        "-o",
        "markdown",
    ];
    let report = run(&paths).exits(0).stdout;
    let count = report.chars().count();
    assert!((50_000..=60_000).contains(&count), "{count}");
    let last = report.lines().last().unwrap();
    assert!(
        last.starts_with("_Left out, to stay within 60000 characters: "),
        "{last}"
    );
    assert!(last.contains(" field(s), 600 detail(s). "), "{last}");
}

#[test]
fn paths_count_from_the_repository_and_standard_input_has_none() {
    // The program runs in a folder of the repository.
    let output = crate::support::program()
        .current_dir(format!("{}/examples", env!("CARGO_MANIFEST_DIR")))
        .args(["-f", "desired/redis.yaml", "--live", "live", "-o", "github"])
        .output()
        .unwrap();
    let run = Run::of(&output).exits(0);
    assert!(
        run.stdout
            .starts_with("::error file=examples/desired/redis.yaml,line=19,col=18,title="),
        "{}",
        run.stdout
    );
    let manifest = fs::read(format!(
        "{}/examples/desired/redis.yaml",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    let run = run_with_input(
        &["-f", "-", "--live", "examples/live", "-o", "github"],
        &manifest,
    )
    .exits(0);
    assert!(run.stdout.starts_with("::error title="), "{}", run.stdout);
}

/// The commands of RUNBOOK's recipes, which read `drift.json`.
fn recipes() -> Vec<String> {
    let runbook = fs::read_to_string(format!("{}/RUNBOOK.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let section = runbook.split("### Recipes").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let commands = section.lines().filter(|line| line.starts_with("jq "));
    commands.map(str::to_owned).collect()
}

/// What the recipes make of a report.
fn made_by_recipes(report: &str) -> Vec<String> {
    let files = folder(&[("drift.json", report)]);
    let made = recipes().into_iter().map(|recipe| {
        let mut command = std::process::Command::new("sh");
        command.current_dir(files.path()).args(["-c", &recipe]);
        Run::of(&command.output().unwrap()).exits(0).stdout
    });
    made.collect()
}

#[test]
fn the_recipes_of_the_runbook_work() {
    let [who, count] = &made_by_recipes(&of_examples("json"))[..] else {
        panic!("two recipes");
    };
    assert!(
        who.contains("Deployment/redis spec.template.spec.containers[name=redis].image: unknown\n")
    );
    assert_eq!(count, ": 1\ndefault: 4\n");
    let case = format!(
        "{}/tests/cases/reports/writers/report.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let [who, count] = &made_by_recipes(&fs::read_to_string(case).unwrap())[..] else {
        panic!("two recipes");
    };
    for line in [
        "ConfigMap/app data.a: kubectl-edit\n",
        "Deployment/web spec.replicas: kube-controller-manager\n",
        "Deployment/web spec.template.spec.containers[name=web].image: kubectl-set\n",
    ] {
        assert!(who.contains(line), "{who}");
    }
    assert_eq!(count, "shop: 2\n");
}
