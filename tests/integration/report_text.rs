//! The text report of what is hard to see: in each case it shows what differs, and little else.

use crate::support::{folder, run, text};

/// The lines of the report's blocks, for a ConfigMap with this value declared and that one live.
fn of_values(declared: &str, live: &str) -> Vec<String> {
    let object = |value: &str| serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": value}});
    let files = folder(&[
        ("declared.json", &object(declared).to_string()),
        ("live.json", &object(live).to_string()),
    ]);
    let declared = files.path().join("declared.json");
    let live = files.path().join("live.json");
    let run = run(&["-f", text(&declared), "--live", text(&live)]).exits(0);
    let lines = run.stdout.lines().skip_while(|line| *line != "    data.k");
    let lines = lines.skip(1).take_while(|line| !line.contains("source  :"));
    lines.map(|line| line.trim_start().to_owned()).collect()
}

#[test]
fn three_changes_in_two_hundred_lines() {
    let lines: Vec<String> = (1..=200).map(|n| format!("key{n}: value{n}")).collect();
    let declared = lines.join("\n") + "\n";
    let live = declared
        .replace("key40: value40\n", "key40: other\n")
        .replace("key100: value100\n", "")
        .replace("key160: value160\n", "key160: value160 \n");
    let shown = of_values(&declared, &live);
    assert_eq!(
        shown[..3],
        [
            "desired : 200 lines",
            "live    : 199 lines, differs in 3 places",
            "[36 lines unchanged]"
        ]
    );
    for line in [
        "- key40: other",
        "+ key40: value40",
        "+ key100: value100",
        "- key160: value160·",
        "[37 lines unchanged]",
    ] {
        assert!(
            shown.iter().any(|shown| shown == line),
            "{line}: {shown:#?}"
        );
    }
    assert!(shown.len() < 32, "{shown:#?}");
}

#[test]
fn a_long_url_that_differs_at_its_end() {
    let url = format!("https://example.com/{}?version=", "path/".repeat(19));
    let shown = of_values(&format!("{url}1234"), &format!("{url}1235"));
    assert_eq!(shown.len(), 2);
    assert!(
        shown[0].starts_with("desired : …") && shown[0].contains("?version=1234 ("),
        "{shown:?}"
    );
    assert!(
        shown[1].starts_with("live    : …") && shown[1].contains("?version=1235 ("),
        "{shown:?}"
    );
}

#[test]
fn one_line_of_json_with_one_change() {
    let fields: Vec<String> = (0..300).map(|n| format!("\"key{n}\":{n}")).collect();
    let json = format!("{{{}}}", fields.join(","));
    let shown = of_values(&json, &json.replace(":150,", ":15,"));
    assert!(shown[0].contains("\"key150\":150,"), "{shown:?}");
    assert!(shown[1].contains("\"key150\":15,"), "{shown:?}");
}

#[test]
fn other_ends_of_lines() {
    let shown = of_values("a\nb\n", "a\r\nb\r\n");
    assert_eq!(
        shown,
        [
            "desired : 2 lines, all end in LF",
            "live    : 2 lines, all end in CRLF"
        ]
    );
}

#[test]
fn characters_that_do_not_show() {
    for (declared, live, expected) in [
        (
            "a b",
            "a\u{a0}b",
            ["desired : a b", "live    : \"a\\u00a0b\""],
        ),
        (
            "caf\u{e9}",
            "cafe\u{301}",
            ["desired : \"caf\\u00e9\"", "live    : \"cafe\\u0301\""],
        ),
        (
            "a",
            "a\u{1b}[31m\u{202e}",
            ["desired : a", "live    : \"a\\u001b[31m\\u202e\""],
        ),
        ("on", "on ", ["desired : on", "live    : \"on \""]),
    ] {
        assert_eq!(of_values(declared, live), expected);
    }
}

#[test]
fn three_hundred_equal_changes_are_one_block() {
    let deployment = |namespace: &str, n: usize, image: &str| {
        serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": format!("app{n:03}"), "namespace": namespace},
            "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}},
                "spec": {"containers": [{"name": format!("c{n}"), "image": image}]}}},
        })
    };
    let list = |image: &str| {
        let of = |n: usize| deployment(if n < 180 { "shop" } else { "pay" }, n, image);
        let items: Vec<serde_json::Value> = (0..300).map(of).collect();
        serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
    };
    let files = folder(&[("declared.json", &list("x:2")), ("live.json", &list("x:1"))]);
    let declared = files.path().join("declared.json");
    let live = files.path().join("live.json");
    let run = run(&["-f", text(&declared), "--live", text(&live)]).exits(0);
    let lines: Vec<&str> = run.stdout.lines().skip(4).collect();
    assert_eq!(lines[0], "Deployment/app180 (ns: pay) and 299 more alike");
    assert_eq!(
        lines[1],
        "  in     : shop 180, pay 120 (all: --output brief)"
    );
    assert_eq!(lines[4], "    spec.template.spec.containers[name=*].image");
    assert_eq!(lines[5..7], ["      desired : x:2", "      live    : x:1"]);
    assert_eq!(
        lines.last(),
        Some(&"Total: 300 resource(s) drifted, 300 field(s) changed")
    );
    assert!(lines.len() < 14, "{}", run.stdout);
}
