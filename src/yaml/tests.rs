//! Tests of the public interface: values, positions, problems, limits.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Document, MAX_DEPTH, Node, Severity, Stream, Value, read, resolve};

fn stream(text: &str) -> Stream {
    read(text.as_bytes().to_vec())
}

fn documents(text: &str) -> Vec<Json> {
    values(&stream(text))
}

fn values(stream: &Stream) -> Vec<Json> {
    let value = |document: &Document| stream.tree.node(document.root).to_json();
    stream.documents.iter().map(value).collect()
}

/// The problems as `line:column message`, errors with a leading `!`.
fn problems(text: &str) -> Vec<String> {
    let shown = |problem: &super::Diagnostic| {
        let mark = match problem.severity {
            Severity::Error => "! ",
            Severity::Warning => "",
        };
        format!("{mark}{} {}", problem.position, problem.message)
    };
    stream(text).problems.iter().map(shown).collect()
}

fn root(stream: &Stream) -> Node<'_> {
    stream.tree.node(stream.documents[0].root)
}

/// The node at a path of keys and indices.
fn find<'a>(stream: &'a Stream, path: &str) -> Node<'a> {
    path.split('/')
        .fold(root(stream), |node, step| match step.parse() {
            Ok(index) => node.items().nth(index).expect("an item"),
            Err(_) => node.get(step).expect("a key"),
        })
}

fn place(node: Node<'_>) -> String {
    match node.definition() {
        Some(definition) => format!("{} from {definition}", node.position()),
        None => node.position().to_string(),
    }
}

#[test]
fn values_have_positions() {
    let text = "# comment\nkind: Deployment\nspec:\n  replicas: 3\n  args: [a, \"b\"]\n  é: 'ü' # ä\n  text: |\n    x\nlast:\n";
    let stream = stream(text);
    for (path, line, column) in [
        ("kind", 2, 7),
        ("spec", 4, 3),
        ("spec/replicas", 4, 13),
        ("spec/args", 5, 9),
        ("spec/args/1", 5, 13),
        ("spec/é", 6, 6),
        ("spec/text", 7, 9),
        ("last", 9, 6),
    ] {
        let position = find(&stream, path).position();
        assert_eq!((position.line, position.column), (line, column), "{path}");
    }
    let keys = root(&stream)
        .entries()
        .map(|entry| format!("{} {}", entry.key, entry.key_position()));
    assert_eq!(
        keys.collect::<Vec<_>>(),
        ["kind 2:1", "spec 3:1", "last 9:1"]
    );
}

#[test]
fn positions_count_from_the_start_of_the_file_in_any_encoding() {
    let text = "a: 1\n---\nä: {b: 2}\n";
    let marked = format!("\u{FEFF}{text}");
    let units =
        |order: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for bytes in [
        text.as_bytes().to_vec(),
        text.replace('\n', "\r\n").into_bytes(),
        marked.clone().into_bytes(),
        units(u16::to_le_bytes),
        units(u16::to_be_bytes),
    ] {
        let stream = read(bytes);
        assert_eq!(values(&stream), [json!({"a": 1}), json!({"ä": {"b": 2}})]);
        assert_eq!(root(&stream).position().to_string(), "1:1");
        let second = stream.tree.node(stream.documents[1].root);
        let b = second.get("ä").and_then(|map| map.get("b")).expect("b");
        assert_eq!(b.position().to_string(), "3:8");
    }
}

#[test]
fn an_aliased_value_has_two_positions() {
    let text = "base: &b\n  x: [1]\nuse: *b\nlist:\n- *b\nmerged:\n  <<: *b\n  z: 1\n";
    let stream = stream(text);
    assert_eq!(place(find(&stream, "base/x")), "2:6");
    assert_eq!(place(find(&stream, "use")), "3:6 from 1:7");
    assert_eq!(place(find(&stream, "use/x")), "3:6 from 2:6");
    assert_eq!(place(find(&stream, "use/x/0")), "3:6 from 2:7");
    assert_eq!(place(find(&stream, "list/0/x/0")), "5:3 from 2:7");
    assert_eq!(place(find(&stream, "merged/x/0")), "2:7");
    let inner = find(&stream, "use/x/0");
    assert_eq!(place(stream.tree.node(inner.id())), place(inner));
}

#[test]
fn the_outermost_alias_is_the_position() {
    let stream = stream("a: &a 1\nb: &b {c: *a}\nd: *b\n");
    assert_eq!(place(find(&stream, "b/c")), "2:11 from 1:4");
    assert_eq!(place(find(&stream, "d/c")), "3:4 from 1:4");
}

#[test]
fn merge_keys_take_effect_in_their_order() {
    for (text, expected) in [
        ("{<<: {x: 1, y0: 2}, x: 3}", json!({"x": 3, "y0": 2})),
        ("{x: 3, <<: {x: 1}}", json!({"x": 1})),
        ("<<: [{x: 1}, {x: 2, z: 3}]", json!({"x": 1, "z": 3})),
        (
            "a: &a {x: 1}\nb: &b {<<: *a, z: 2}\nc: {<<: *b}",
            json!({"a": {"x": 1}, "b": {"x": 1, "z": 2}, "c": {"x": 1, "z": 2}}),
        ),
        ("\"<<\": {x: 1}", json!({"<<": {"x": 1}})),
    ] {
        assert_eq!(documents(text), [expected], "{text}");
    }
    let stream = stream("a: 0\n<<: {b: 1, c: 2}\nd: 3\nb: 4\n");
    let keys = root(&stream)
        .entries()
        .map(|entry| entry.key)
        .collect::<String>();
    assert_eq!(keys, "acdb");
    assert_eq!(root(&stream).len(), 4);
}

#[test]
fn an_alias_of_a_key_has_the_value_from_before_it_became_a_string() {
    let text = "&a 010: &b 1\nx: *a\n*b : 2\n&c yes: 3\nz: {*c : *c}\n";
    assert_eq!(
        documents(text),
        [json!({"8": 1, "x": 8, "1": 2, "true": 3, "z": {"true": true}})]
    );
}

#[test]
fn the_source_text_of_unquoted_scalars_is_available() {
    let stream = stream("a: 0644\nb: \"0644\"\nc: yes\nd:\ne: a\n  b\nf: !!str 1\ng: [x]\nh: ~\n");
    for (key, raw) in [
        ("a", Some("0644")),
        ("b", None),
        ("c", Some("yes")),
        ("d", Some("")),
        ("e", Some("a b")),
        ("f", None),
        ("g", None),
        ("h", Some("~")),
    ] {
        assert_eq!(find(&stream, key).raw(), raw, "{key}");
        assert_eq!(find(&stream, key).is_plain(), raw.is_some(), "{key}");
    }
    assert_eq!(find(&stream, "a").value(), Value::Int(420));
}

#[test]
fn numbers_are_converted_through_json() {
    for (text, value) in [
        ("1", Value::Int(1)),
        ("3.0", Value::Int(3)),
        ("1e3", Value::Int(1000)),
        ("-0.0", Value::Int(0)),
        ("0.5", Value::Float(0.5)),
        ("1e21", Value::Float(1e21)),
        ("9223372036854775807", Value::Int(i64::MAX)),
        ("9223372036854775808", Value::Uint(1 << 63)),
        (
            "18446744073709551616",
            Value::Float(18_446_744_073_709_551_616.0),
        ),
        (
            "1152921504606846976.0",
            Value::Int(1_152_921_504_606_847_000),
        ),
        (
            "!!float 9007199254740993",
            Value::Int(9_007_199_254_740_992),
        ),
        ("1e400", Value::String("1e400")),
    ] {
        assert_eq!(
            find(&stream(&format!("a: {text}\n")), "a").value(),
            value,
            "{text}"
        );
    }
    let stream = stream("{\"a\": [1.0, 1e3, -0, 1e300, 18446744073709551615]}");
    let items: Vec<_> = find(&stream, "a").items().map(Node::value).collect();
    let expected = [
        Value::Int(1),
        Value::Int(1000),
        Value::Int(0),
        Value::Float(1e300),
        Value::Uint(u64::MAX),
    ];
    assert_eq!(items, expected);
}

#[test]
fn an_unreadable_document_does_not_affect_the_others() {
    let text = "a: 1\n---\nb: [\n---\n# nothing\n---\nc: d: e\n--- f\ng: 1\n---\nh: 2\n";
    let stream = stream(text);
    assert_eq!(values(&stream), [json!({"a": 1}), json!({"h": 2})]);
    assert_eq!(
        stream.documents.iter().map(|d| d.index).collect::<Vec<_>>(),
        [0, 5]
    );
    let errors: Vec<_> = stream
        .problems
        .iter()
        .map(|p| (p.document, p.position.line))
        .collect();
    assert_eq!(errors, [(1, 4), (3, 7), (4, 8)]);
}

#[test]
fn an_unreadable_document_leaves_no_nodes_behind() {
    let good = "k: [1, 2]\n";
    let broken = "\"a\\n\": {<<: {b: 1}, b: 2, b: 3}\nc: *d\n---\n";
    let alone = stream(good);
    let after = stream(&format!("{broken}{good}"));
    assert_eq!(after.tree.arena.nodes.len(), alone.tree.arena.nodes.len());
    assert_eq!(after.tree.arena.entries.len(), 0);
    assert_eq!(after.tree.arena.scratch, "");
    assert_eq!(after.problems.len(), 1);
}

#[test]
fn empty_documents_are_left_out() {
    for text in [
        "",
        "\n",
        "# c\n",
        "---\n",
        "---\n---\n# c\n---\n",
        "~\n",
        "null",
        "\u{FEFF}",
        "{} null",
    ] {
        let empty = stream(text).documents.len() == usize::from(text.starts_with('{'));
        assert!(empty && problems(text).is_empty(), "{text:?}");
    }
}

#[test]
fn json_may_be_followed_by_yaml() {
    for (text, expected) in [
        (
            "{\"a\": 1}{\"a\": 2}",
            vec![json!({"a": 1}), json!({"a": 2})],
        ),
        (
            "{\"a\": 1}\n---\nb: 2\n---\n{c: 3}\n",
            vec![json!({"a": 1}), json!({"b": 2}), json!({"c": 3})],
        ),
        ("{\"a\": 1,}\n", vec![json!({"a": 1})]),
        ("{a: yes}\n", vec![json!({"a": true})]),
        (
            "{\"a\": \"\\ud83d\\ude00\\/\\ud800\"}",
            vec![json!({"a": "😀/\u{FFFD}"})],
        ),
    ] {
        assert_eq!(documents(text), expected, "{text}");
    }
    assert_eq!(
        problems("{\"a\":1}{\"b\":2}\n---\nc: 3\n"),
        ["! 2:2 expected a digit, found `-`"]
    );
    assert_eq!(
        problems("{\"a\": 1 \"b\": 2}\n"),
        ["! 1:9 expected `,` or `}`, found `\"`"]
    );
    assert_eq!(
        problems("{\"a\": 1,}\n---\nb: @\n"),
        ["! 3:4 a value cannot begin with `@`: put it in quotes"]
    );
}

#[test]
fn ambiguous_input_gives_a_warning() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3\n",
            "3:1 duplicate key \"a\": first on line 1; this value is used",
        ),
        (
            "{\"a\": 1,\n\"a\": 2}",
            "2:1 duplicate key \"a\": first on line 1; this value is used",
        ),
        (
            "a: 1\n<<: {a: 2}\n",
            "2:1 `<<` overrides the key \"a\" of line 1, because it comes after it: put `<<` first",
        ),
        (
            "on: 1\n",
            "1:1 the key `on` is read as \"true\": quote it if it is text",
        ),
        (
            "010: 1\n",
            "1:1 the key `010` is read as \"8\": quote it if it is text",
        ),
        (
            "a: 1\n...\nb: 2\n",
            "3:1 text after the end of the document is ignored: the next document must begin with `---`",
        ),
        (
            "  a: 1\nb: 2\n",
            "2:1 text after the end of the document is ignored: the next document must begin with `---`",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
    let bytes = b"a: \xFF\n".to_vec();
    assert_eq!(
        read(bytes).problems[0].message,
        "invalid UTF-8: this byte is read as U+FFFD"
    );
    let many = "a: 1\n".repeat(1000);
    let problems = problems(&many);
    assert_eq!(problems.len(), 101);
    assert_eq!(
        problems[100],
        "1001:1 899 more warnings about this file are not shown"
    );
}

#[test]
fn errors_say_what_was_expected_and_what_was_found() {
    for (text, expected) in [
        (
            "a: b: c\n",
            "1:5 found a second `: ` on this line: quote the value, or put the key on its own line",
        ),
        (
            "a: b\n c: d\n",
            "2:3 found a key in a line that continues the value above: check its indentation",
        ),
        (
            "a:\n  b: c\n d: e\n",
            "3:2 expected a key in column 1 like the rest of this map, found `d` in column 2",
        ),
        (
            "- a\nb: c\n",
            "2:1 expected `- ` like the rest of this list, found `b`",
        ),
        (
            "a:\n\tb: c\n",
            "2:1 expected spaces for the indentation, found a tab",
        ),
        (
            "a: @b\n",
            "1:4 a value cannot begin with `@`: put it in quotes",
        ),
        (
            "a: *b\n",
            "1:4 expected an anchor `&b` before this alias, found none",
        ),
        (
            "a: *.js\n",
            "1:4 expected a name of letters and digits for an alias (`*`), found `.`: quote values that begin like this",
        ),
        (
            "a: &a [*a]\n",
            "1:8 the value of the anchor `&a` contains itself",
        ),
        (
            "a: [b, c\nd: e\n",
            "2:2 expected `,` or `]` in the list that begins on line 1, found `:`",
        ),
        (
            "a: 'it's'\n",
            "1:8 expected the end of the line after this value, found `s`: put the whole value in quotes",
        ),
        ("a: \"b\nc: d\n", "1:4 this quoted string is never closed"),
        (
            "a: \"\\q\"\n",
            "1:5 expected a YAML escape after `\\`, found `q`",
        ),
        ("a: b\nfoo\nc: d\n", "2:1 expected `:` after the key `foo`"),
        (
            "a: {{ .Values.b }}\n",
            "1:5 expected a key, found a map (`{{` begins a template, which must be rendered first)",
        ),
        ("? [a]\n: b\n", "1:3 expected a key, found a list"),
        (
            "~: b\n",
            "1:1 expected a key, found null: quote it if it is text",
        ),
        (
            "a: .inf\n",
            "1:4 expected a number that JSON can represent, found `.inf`: quote it if it is text",
        ),
        (
            "a: !!int x\n",
            "1:4 expected an integer, as the tag requires, found `x`",
        ),
        (
            "<<: 1\n",
            "1:5 expected a map or a list of maps as the value of `<<`",
        ),
        (
            "a: \0\n",
            "1:4 found the control character U+0000, which YAML does not allow",
        ),
        (
            "a: |x\n",
            "1:5 expected the end of the line after `|` or `>`, found `x`",
        ),
    ] {
        assert_eq!(problems(text), [format!("! {expected}")], "{text}");
    }
    let long = format!("\"{}\\n\": 1\n", "x".repeat(1000)).repeat(2);
    assert!(problems(&long)[0].len() < 150);
}

#[test]
fn look_ups_in_large_maps_are_fast() {
    let mut yaml = String::new();
    let mut json = "{".to_owned();
    for n in 0..20_000 {
        let _ = writeln!(yaml, "key-{n}: {n}");
        let _ = write!(json, "{}\"key-{n}\": {n}", if n == 0 { "" } else { ", " });
    }
    yaml.push_str("key-7: again\n<<: {key-8: merged}\n");
    json.push('}');
    for (text, seven) in [(yaml, json!("again")), (json, json!(7))] {
        let stream = stream(&text);
        let map = root(&stream);
        assert_eq!(map.len(), 20_000);
        assert_eq!(map.entries().count(), 20_000);
        for entry in map.entries() {
            assert_eq!(map.get(entry.key).map(Node::id), Some(entry.value.id()));
        }
        assert_eq!(find(&stream, "key-7").to_json(), seven);
        assert!(map.get("key-20000").is_none());
    }
}

#[test]
fn nesting_has_a_limit() {
    let deep = |open: &str, close: &str, levels: usize| open.repeat(levels) + &close.repeat(levels);
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("{\"a\":", "}"), ("[a: ", "]")] {
        let inner = if close == "}" { "1" } else { "" };
        let text = |levels| {
            deep(open, close, levels).replacen(
                &format!("{open}{close}"),
                &format!("{open}{inner}{close}"),
                1,
            )
        };
        let levels = if open == "[a: " {
            MAX_DEPTH / 2
        } else {
            MAX_DEPTH
        };
        assert_eq!(problems(&text(levels)), [""; 0], "{open}");
        // Neither reading nor dropping it may overflow the 2 MB stack of a test.
        assert_eq!(documents(&text(levels)).len(), 1);
        assert!(
            problems(&text(levels + 1))[0].contains("nested deeper than"),
            "{open}"
        );
    }
    for text in [
        "[".repeat(100_000),
        "- ".repeat(100_000),
        "{\"a\":[".repeat(100_000),
        "{a: ".repeat(100_000),
    ] {
        assert!(problems(&text)[0].contains("nested deeper than"));
    }
    let half = MAX_DEPTH / 2;
    let through_alias = |levels| {
        format!(
            "a: &a {}\nb: {}*a{}\n",
            deep("[", "]", half),
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    assert_eq!(problems(&through_alias(half - 1)), [""; 0]);
    assert!(problems(&through_alias(half + 1))[0].contains("nested deeper than"));
}

#[test]
fn aliases_have_a_limit() {
    let mut bomb = "a0: &a0 x\n".to_owned();
    for level in 1..10 {
        let _ = writeln!(
            bomb,
            "a{level}: &a{level} [{}]",
            vec![format!("*a{}", level - 1); 9].join(",")
        );
    }
    let message = &problems(&bomb)[0];
    assert!(
        message.contains("too much of this document comes from aliases"),
        "{message}"
    );
    // Many documents, each with as many aliased values as one document may have.
    let document = format!(
        "c: [{}]\na: &a [{}]\nb: [{}]\n---\n",
        "1,".repeat(8_000),
        "1,".repeat(600),
        "*a,".repeat(600)
    );
    assert_eq!(problems(&document), [""; 0]);
    let message = &problems(&document.repeat(20))[0];
    assert!(
        message.contains("too much of this file comes from aliases"),
        "{message}"
    );
}

mod properties {
    use super::{Json, documents, resolve};
    use proptest::prelude::*;

    /// Any JSON value whose plain strings mean the same in YAML 1.1, which `serde_yaml` does not write.
    fn value() -> impl Strategy<Value = Json> {
        let text = "[ -~\n\u{e9}\u{1F600}]{0,12}".prop_filter("a string in YAML 1.1", |text| {
            text == text.trim() && resolve::plain(text) == resolve::ScalarValue::Str && text != "<<"
        });
        let key = text.clone();
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u32>().prop_map(|n| Json::from(f64::from(n) + 0.25)),
            text.prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 32, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::vec((key.clone(), inner), 0..5)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn output_of_serde_yaml_is_read_back(value in value()) {
            let text = serde_yaml::to_string(&value).expect("it writes any JSON");
            let expected = if value.is_null() { vec![] } else { vec![value] };
            prop_assert_eq!(documents(&text), expected, "{}", text);
        }

        #[test]
        fn json_is_read_as_serde_json_reads_it(value in value(), pretty: bool) {
            let value = serde_json::json!({"a": value});
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(documents(&text), vec![value.clone()]);
            // Without the brace at the start it is read as YAML.
            prop_assert_eq!(documents(&format!("# c\n{text}")), vec![value]);
        }

        #[test]
        fn no_input_makes_it_panic(text in "[-:?,\\[\\]{}#&*!|>'\"%@`a0 \n\t\r\\\\<~.\u{e9}\u{85}\u{2028}\u{feff}]{0,60}") {
            let stream = super::stream(&text);
            for value in super::values(&stream) {
                prop_assert!(!value.is_null());
            }
        }
    }
}
