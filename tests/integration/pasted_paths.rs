//! A printed path can be pasted into an ignore rule, and then hides exactly its field.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Map, Value, json};

use crate::random_patches::{change_object, random, unpacked};
use crate::support::{folder, run, text};

/// The fields of each resource, by path.
type Fields = BTreeMap<String, BTreeMap<String, Found>>;

#[derive(Clone, PartialEq, Debug)]
struct Found {
    /// The path of what it is a default of.
    default_of: Option<String>,
    /// Whether a side has it, which is not said of defaults.
    is_there: bool,
}

fn fields(report: &Value) -> Fields {
    let mut all = Fields::new();
    for resource in report["resources"].as_array().unwrap() {
        let text = |key: &str| resource[key].as_str().unwrap();
        let id = [text("kind"), text("namespace"), text("name")].join("/");
        let of_it = all.entry(id.replace("//", "/")).or_default();
        for field in resource["fields"].as_array().unwrap() {
            let path = field["path"].as_str().unwrap().to_owned();
            let found = Found {
                default_of: field["defaultOf"].as_str().map(str::to_owned),
                is_there: field["pointer"] != json!({}) && field["defaulted"] == false,
            };
            let other = of_it.insert(path.clone(), found);
            assert!(other.is_none(), "{id}: {path} twice");
        }
    }
    all
}

/// The fields that are neither at a path nor below it, nor follow from what is.
fn without(fields: &BTreeMap<String, Found>, path: &str) -> BTreeMap<String, Found> {
    let is_within = |other: &str| {
        let below = other.strip_prefix(path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let mut left = fields.clone();
    left.retain(|path, found| {
        !is_within(path) && !found.default_of.as_deref().is_some_and(is_within)
    });
    left
}

/// So many fields of each resource are tried.
const TURNS: usize = 10;

/// Pastes the paths of a report into rules for their resources, one of each resource at a time, and some into rules for
/// all. Returns how many there were.
fn paste_each(desired: &str, live: &str, more: &[&str]) -> usize {
    let files = folder(&[("desired.yaml", desired), ("live.yaml", live)]);
    let file = |name: &str| text(files.path()).to_owned() + "/" + name;
    let (desired, live, rules) = (file("desired.yaml"), file("live.yaml"), file("rules"));
    let args = [
        "-f",
        &desired,
        "-n",
        "created",
        "--live",
        &live,
        "--history",
        "0",
        "-o",
        "json",
    ];
    let report = |rules: &[&str]| run(&[&args[..], more, rules].concat());
    let all = fields(&report(&[]).json());
    let (mut tried, mut wrong) = (0, Vec::new());
    for turn in 0..TURNS {
        let chosen = |id: &String| {
            let step = all[id].len().div_ceil(TURNS);
            all[id].keys().nth(turn * step)
        };
        let lines = all.keys().filter_map(|id| Some((id, chosen(id)?)));
        let lines: Vec<String> = lines.map(|(id, path)| format!("{id}:{path}")).collect();
        fs::write(&rules, lines.join("\n")).unwrap();
        let run = report(&["--ignore-fields-from", &rules]);
        let found = fields(&run.json());
        for (id, fields) in &all {
            let left = chosen(id).map_or_else(|| fields.clone(), |path| without(fields, path));
            tried += usize::from(chosen(id).is_some());
            if let Some(path) = chosen(id).filter(|path| fields[*path].is_there) {
                let unused = format!("`{id}:{path}` matched no resource");
                assert!(!run.stderr.contains(&unused), "{unused}");
            }
            if found.get(id) != Some(&left).filter(|left| !left.is_empty()) {
                wrong.push(format!("{id}:{:?} leaves {:#?}", chosen(id), found.get(id)));
            }
        }
    }
    let paths: BTreeSet<&String> = all.values().flat_map(BTreeMap::keys).collect();
    for path in paths.iter().step_by(paths.len().div_ceil(8)) {
        let found = fields(&report(&["--ignore-fields", path]).json());
        for (id, fields) in all.iter().filter(|(_, fields)| fields.contains_key(*path)) {
            let left = without(fields, path);
            if found.get(id) != Some(&left).filter(|left| !left.is_empty()) {
                wrong.push(format!("{path} leaves {id} {:#?}", found.get(id)));
            }
        }
    }
    let count = wrong.len();
    assert_eq!(count, 0, "of {tried}: {}", wrong[..count.min(5)].join("\n"));
    tried
}

#[test]
fn each_path_of_a_random_change_hides_its_field_and_no_other() {
    let mut seed = 14;
    let desired = unpacked("tests/cases/servers/manifests.yaml.gz");
    let desired: Vec<&str> = desired.split("\n---\n").step_by(3).collect();
    let desired = desired.join("\n---\n");
    let answers = unpacked("tests/cases/servers/v1.37/answers.json.gz");
    let answers: Value = serde_json::from_str(&answers).unwrap();
    let of = |way: &str| answers[way]["items"].as_array().unwrap().clone();
    let objects = [of("created"), of("namespaces")].concat();
    for (more, least) in [(&[][..], 60), (&["--strict"], 90)] {
        let mut objects = objects.clone();
        for object in &mut objects {
            for _ in 0..random(&mut seed, 9) {
                change_object(object, &mut seed);
            }
        }
        let tried = paste_each(&desired, &list(&objects), more);
        assert!(tried > least, "{tried} with {more:?}");
    }
}

fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Keys that a manifest may have.
const KEYS: &[&str] = &["a", "a.b", "a.b/c", "b", "a_b", "A-1"];

/// Keys and names that could be misread.
const ODD: &[&str] = &[
    "a.b",
    "a.b/c",
    "*",
    "x[0]",
    "x]y",
    "[*]",
    "q\"uote",
    "it's",
    "ü.ñ",
    "a b",
    " ",
    "",
    "a:b/c",
    "a/b:c",
    "Deployment/web:x",
    "#x",
    "a #x",
    "k=v",
    "k,v",
    "back\\slash",
    "line\nbreak",
    "<resource>",
    "-",
    "$x",
    "0",
    "{a}",
];

fn one_of<'t>(texts: &[&'t str], seed: &mut u64) -> &'t str {
    texts[random(seed, texts.len())]
}

fn some(most: usize, seed: &mut u64, mut item: impl FnMut(&mut u64) -> Value) -> Value {
    (0..random(seed, most + 1)).map(|_| item(seed)).collect()
}

fn map(keys: &[&str], seed: &mut u64) -> Value {
    let entry = |seed: &mut u64| {
        (
            one_of(keys, seed).to_owned(),
            one_of(&["1", "2"], seed).into(),
        )
    };
    let count = random(seed, 5);
    Value::Object((0..count).map(|_| entry(seed)).collect::<Map<_, _>>())
}

/// A container, whose items have names and keys several times, on one side or on both.
fn container(name: &str, seed: &mut u64) -> Value {
    let env = some(5, seed, |seed| {
        let names = [&["A", "A", "B"], ODD].concat();
        json!({"name": one_of(&names, seed), "value": one_of(&["1", "2", "3"], seed)})
    });
    let ports = some(3, seed, |seed| {
        let mut port = json!({"containerPort": 80 + random(seed, 2)});
        for (key, values) in [("name", ["", "p", "q"]), ("protocol", ["", "TCP", "UDP"])] {
            let value = one_of(&values, seed);
            if !value.is_empty() {
                port[key] = value.into();
            }
        }
        port
    });
    let mounts = some(3, seed, |seed| {
        let path = one_of(&["/a", "/b.conf", "/c:d"], seed);
        json!({"name": one_of(&["v", "w"], seed), "mountPath": path, "readOnly": random(seed, 2) == 1})
    });
    json!({"name": name, "image": one_of(&["web:1", "web:2"], seed), "env": env, "ports": ports, "volumeMounts": mounts,
        "args": some(2, seed, |seed| one_of(&["-a", "-b"], seed).into())})
}

fn deployment(name: &str, keys: &[&str], seed: &mut u64) -> Value {
    let secrets = some(
        3,
        seed,
        |seed| json!({"name": one_of(&["s", "t", "u.v"], seed)}),
    );
    let aliases = some(
        3,
        seed,
        |seed| json!({"ip": one_of(&["1.1.1.1", "::1"], seed), "hostnames": [one_of(&["x", "y"], seed)]}),
    );
    let containers = [container("web", seed), container("api", seed)];
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "created"}, "spec": {
        "replicas": random(seed, 3), "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}, "annotations": map(keys, seed)},
            "spec": {"containers": containers, "imagePullSecrets": secrets, "hostAliases": aliases}}}})
}

fn config_map(name: &str, keys: &[&str], seed: &mut u64) -> Value {
    let data = keys
        .iter()
        .filter(|key| !KEYS.contains(key) || !key.contains('/'));
    let data: Vec<&str> = data.copied().collect();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "created",
        "labels": map(keys, seed), "annotations": map(keys, seed)}, "data": map(&data, seed)})
}

#[test]
fn each_path_of_doubled_items_and_odd_names_hides_its_field_and_no_other() {
    let mut seed = 7;
    let mut side = |keys: &[&str]| {
        let objects = (0..20).flat_map(|n| {
            let map = config_map(&format!("map-{n}"), keys, &mut seed);
            [deployment(&format!("web-{n}"), keys, &mut seed), map]
        });
        list(&objects.collect::<Vec<_>>())
    };
    let desired = side(KEYS);
    let live = side(&[KEYS, ODD].concat());
    for (more, least) in [(&[][..], 150), (&["--strict"], 300)] {
        let tried = paste_each(&desired, &live, more);
        assert!(tried > least, "{tried} with {more:?}");
    }
}
