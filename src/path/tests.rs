//! Tests of paths and patterns: printing, parsing, errors and matching.

use super::*;
use serde_json::json;

fn path(segments: &[Segment]) -> String {
    Path(segments.to_vec()).to_string()
}

fn key(name: &str) -> Segment {
    Segment::Key(name.to_owned())
}

fn item(keys: &[(&str, &str)]) -> Segment {
    turn_of(keys, None)
}

fn turn_of(keys: &[(&str, &str)], turn: Option<usize>) -> Segment {
    let fields = keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Segment::Item(ItemSelector {
        fields: fields.collect(),
        turn,
    })
}

#[test]
fn paths_are_printed_with_quotes_where_needed() {
    for (segments, expected) in [
        (vec![key("spec"), key("replicas")], "spec.replicas"),
        (
            vec![
                key("metadata"),
                key("labels"),
                key("app.kubernetes.io/name"),
            ],
            "metadata.labels[\"app.kubernetes.io/name\"]",
        ),
        (vec![key("data"), key("")], "data[\"\"]"),
        (vec![key("data"), key("*")], "data[\"*\"]"),
        (vec![key("data"), key("a\"b\n")], "data[\"a\\\"b\\n\"]"),
        (
            vec![key("ports"), item(&[("port", "80"), ("protocol", "TCP")])],
            "ports[port=80,protocol=TCP]",
        ),
        (
            vec![
                key("volumeMounts"),
                item(&[("mountPath", "/a/b.conf")]),
                key("name"),
            ],
            "volumeMounts[mountPath=\"/a/b.conf\"].name",
        ),
        (
            vec![key("env"), Segment::Index(3), key("value")],
            "env[3].value",
        ),
        (
            vec![key("env"), turn_of(&[("name", "A")], Some(1)), key("value")],
            "env[name=A,1].value",
        ),
        (vec![key("data"), key("a/b:c=d")], "data[\"a/b:c=d\"]"),
        (
            vec![key("hostAliases"), item(&[("ip", "::1")])],
            "hostAliases[ip=::1]",
        ),
    ] {
        assert_eq!(path(&segments), expected);
    }
    assert_eq!(Path::resource().to_string(), "<resource>");
}

#[test]
fn a_printed_path_can_be_parsed() {
    let segments = [
        vec![
            key("data"),
            key("a.b[0],\"c\" d"),
            item(&[("name", "x]=,\""), ("b", "")]),
            key("e"),
            turn_of(&[("name", "a.b'\\")], Some(12)),
            key("*"),
        ],
        vec![key("<resource>")],
    ];
    for segments in segments {
        let pattern = Pattern::parse(&path(&segments)).unwrap();
        let back: Vec<Segment> = pattern
            .steps
            .into_iter()
            .map(|step| match step {
                PatternStep::Key { name, .. } => Segment::Key(name),
                PatternStep::Item(selector) => Segment::Item(selector),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(back, segments);
    }
}

#[test]
fn an_invalid_path_is_refused_with_a_reason() {
    for (text, cause) in [
        ("", "the path is empty"),
        ("a..b", "expected a key after `.`"),
        ("a.", "expected a key after `.`"),
        (".a", "expected a key at the start, as in `spec.replicas`"),
        ("$.a", "expected a key at the start, as in `spec.replicas`"),
        (
            "/spec/replicas",
            "expected keys joined by dots, as in `spec.replicas`, found a JSON pointer",
        ),
        ("a[name=x", "expected a closing `]`"),
        (
            "a[]",
            "expected `key=value`, a position, `*` or a quoted key in brackets",
        ),
        (
            "a[name]",
            "expected `key=value`, a position, `*` or a quoted key in brackets",
        ),
        ("a[name=x,]", "expected `key=value` or a position after `,`"),
        ("a[0]b", "expected `.` or `[`, found `b`"),
        (
            "a]",
            "unexpected `]`: write a key with such characters as `[\"key\"]`",
        ),
        ("a[\"b]", "expected a closing `\"`"),
        (
            "a[99999999999999999999999]",
            "the index `99999999999999999999999` is too large",
        ),
    ] {
        assert_eq!(
            Pattern::parse(text).unwrap_err().to_string(),
            format!("bad field path `{text}`: {cause}")
        );
    }
}

#[test]
fn lists_split_outside_of_brackets_and_quotes() {
    let patterns = Pattern::parse_list(" spec.replicas,, a[x=1,y=2].b ,data[\"a,b\"],").unwrap();
    let texts: Vec<&str> = patterns.iter().map(Pattern::text).collect();
    assert_eq!(texts, ["spec.replicas", "a[x=1,y=2].b", "data[\"a,b\"]"]);
    assert!(Pattern::parse_list(" , ").unwrap().is_empty());
}

#[test]
fn patterns_match_fields_of_an_object() {
    let object = json!({
        "metadata": {"labels": {"app.kubernetes.io/name": "web"}},
        "spec": {"ports": [{"port": 80, "name": "http"}, {"port": 81}]},
    });
    for (pattern, found) in [
        ("metadata.labels[\"app.kubernetes.io/name\"]", true),
        ("metadata.labels.app.kubernetes.io/name", true),
        ("metadata.labels.app", false),
        ("metadata.*", true),
        ("*.ports[*].name", true),
        ("spec.ports[port=80].name", true),
        ("spec.ports[port=81].name", false),
        // The server fills in what is not there.
        ("spec.ports[port=80,protocol=TCP]", true),
        ("spec.ports[port=82,protocol=TCP]", false),
        ("spec.ports[prot=80]", false),
        ("spec.ports[name=\"\"].port", true),
        ("spec.ports[port=80,0]", true),
        ("spec.ports[1]", true),
        ("spec.ports[2]", false),
        ("spec.ports.name", false),
    ] {
        assert_eq!(
            Pattern::parse(pattern).unwrap().finds(&object),
            found,
            "{pattern}"
        );
    }
}

#[test]
fn rules_follow_a_walk_down_an_object() {
    let patterns =
        Pattern::parse_list("metadata.labels.a.b, metadata.annotations, spec.ports[name=x].port")
            .unwrap();
    let root = Ignore::new(&patterns);
    assert!(!root.here());
    assert!(root.key("metadata").key("labels").key("a.b").here());
    assert!(root.key("metadata").key("labels").key("a").key("b").here());
    assert!(!root.key("metadata").key("labels").key("a").here());
    assert!(root.key("metadata").key("annotations").here());
    assert!(root.key("spec").key("replicas").is_empty());
    let ports = root.key("spec").key("ports");
    let x = ports.item(|_| false, |selector| selector.fields[0].1 == "x");
    assert!(!x.here() && x.key("port").here());
    assert!(ports.item(|_| false, |_| false).is_empty());
}

#[test]
fn items_of_a_list_can_be_ignored() {
    let mut path = Path::root().key("spec").key("ports");
    path.push(item(&[("name", "a.b")]));
    let path = path.key("x.y");
    assert_eq!(path.of_any_item().to_string(), "spec.ports[*][\"x.y\"]");
    assert_eq!(path.to_string(), "spec.ports[name=\"a.b\"][\"x.y\"]");
}
