//! Reports of what only a server can do, as they are recorded. The server is a scripted one, so that each run is the same.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::goldens::{Golden, WIDTHS, with_instants};
use crate::loops::Running;
use crate::scripted::{self, Reply, kubeconfig};
use crate::support::{folder, program};

/// The names of the cases.
pub(crate) const CASES: [&str; 6] = [
    "no-rights",
    "signed-out",
    "no-current-context",
    "repair",
    "fight-with-an-autoscaler",
    "server-away-and-back",
];

fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": message,
    });
    Reply::Answer(code, body.to_string())
}

fn answer(body: &Value) -> Reply {
    Reply::Answer(200, body.to_string())
}

/// Begins a server, and gives its address.
fn serve(reply: impl FnMut(&str) -> Reply + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    scripted::serve(listener, reply);
    address
}

fn files(manifests: &str, address: SocketAddr) -> TempDir {
    let config = kubeconfig(address.port(), "{}");
    folder(&[("desired.yaml", manifests), ("config", &config)])
}

const ARGS: [&str; 4] = ["-f", "desired.yaml", "--kubeconfig", "config"];

/// One cycle against this server, at both widths and in all formats.
#[track_caller]
fn one_cycle_is_as_recorded<S, R>(
    name: &str,
    manifests: &str,
    exit: i32,
    more: &[&str],
    mut server: S,
) where
    S: FnMut() -> R,
    R: FnMut(&str) -> Reply + Send + 'static,
{
    let mut golden = Golden::new(name);
    for width in WIDTHS {
        let files = files(manifests, serve(server()));
        let args = [&ARGS[..], &["--once"], more].concat();
        let run = golden.run(&files, &args, width).exits(exit);
        golden.is_run(&args, &run);
    }
    golden.assert();
}

#[test]
fn reports_of_five_hundred_objects_without_rights_are_as_recorded() {
    let object = |n: usize| {
        let kind = ["ConfigMap", "Service"][n % 2];
        format!(
            "---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: app-{n:03}, namespace: shop}}\n"
        )
    };
    let manifests: String = (0..500).map(object).collect();
    let manifests = manifests.replace(
        "kind: Service\n",
        "kind: Service\nspec: {ports: [{port: 80}]}\n",
    );
    one_cycle_is_as_recorded("no-rights", &manifests, 2, &[], || {
        |request: &str| {
            let path = request
                .split(' ')
                .nth(1)
                .unwrap()
                .split('?')
                .next()
                .unwrap();
            let parts: Vec<&str> = path.split('/').collect();
            let (resource, name) = (parts.get(5).unwrap_or(&"x"), parts.get(6));
            let user = "User \"ana@example.com\" cannot";
            let place =
                format!("resource \"{resource}\" in API group \"\" in the namespace \"shop\"");
            let message = match name {
                Some(name) => format!("{resource} \"{name}\" is forbidden: {user} get {place}"),
                None => format!("{resource} is forbidden: {user} list {place}"),
            };
            status(403, "Forbidden", &message)
        }
    });
}

#[test]
fn reports_of_credentials_that_have_expired_are_as_recorded() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: shop}\n";
    one_cycle_is_as_recorded("signed-out", manifest, 2, &[], || {
        |_: &str| status(401, "Unauthorized", "Unauthorized")
    });
}

#[test]
fn reports_of_a_kubeconfig_without_a_context_are_as_recorded() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: shop}\n";
    let mut golden = Golden::new("no-current-context");
    let files = files(manifest, SocketAddr::from(([127, 0, 0, 1], 1)));
    let config = files.path().join("config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("current-context: c\n", "")).unwrap();
    for width in WIDTHS {
        let args = [&ARGS[..], &["--once"]].concat();
        let run = golden.run(&files, &args, width).exits(2);
        golden.is_run(&args, &run);
    }
    golden.assert();
}

fn deployment(image: &str, replicas: u64, selector: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 1},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": selector}},
            "template": {
                "metadata": {"labels": {"app": "web", "old": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web, old: web}
    spec:
      containers:
      - name: web
        image: web:2
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: app
  namespace: shop
data:
  LEVEL: info
  SIZE: \"10\"
";

fn config_map(level: &str, size: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "app", "namespace": "shop", "uid": "c", "resourceVersion": "1"},
        "data": {"LEVEL": level, "SIZE": size},
    })
}

/// What wrote the image, and who scaled it.
fn with_writers(mut object: Value) -> Value {
    let entry = |manager: &str, subresource: &str, fields: Value| {
        json!({
            "manager": manager, "operation": "Update", "subresource": subresource, "apiVersion": "apps/v1",
            "time": with_instants("2026-11-22T10:04:11Z"), "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    };
    let image = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}});
    object["metadata"]["managedFields"] = json!([
        entry("kubectl-set", "", image),
        entry(
            "kube-controller-manager",
            "scale",
            json!({"f:spec": {"f:replicas": {}}})
        ),
    ]);
    object
}

/// The server's objects, by path.
type Objects = HashMap<&'static str, Value>;

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/shop/deployments/web";
const CONFIG_MAP: &str = "/api/v1/namespaces/shop/configmaps/app";

/// Answers a request for one of these objects; a write makes of it what `write` says.
fn answer_for(objects: &mut Objects, request: &str, written: &Objects) -> Reply {
    let (method, path) = request.split_once(' ').unwrap();
    let path = path.split('?').next().unwrap();
    if path == "/version" {
        return answer(&json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2"}));
    }
    let Some((path, _)) = objects.get_key_value(path) else {
        return status(404, "NotFound", "not found");
    };
    let path = *path;
    if method == "PUT" {
        objects.insert(path, written[path].clone());
    }
    answer(&objects[path])
}

#[test]
fn reports_of_a_repair_that_leaves_out_an_immutable_field_are_as_recorded() {
    one_cycle_is_as_recorded("repair", MANIFEST, 2, &["--remediate"], || {
        let live = with_writers(deployment("web:1", 2, "old"));
        let mut objects =
            Objects::from([(DEPLOYMENT, live), (CONFIG_MAP, config_map("debug", "20"))]);
        let repaired = deployment("web:2", 2, "old");
        let written = Objects::from([
            (DEPLOYMENT, repaired),
            (CONFIG_MAP, config_map("info", "10")),
        ]);
        move |request: &str| answer_for(&mut objects, request, &written)
    });
}

/// A loop at both widths: its text, what it says beside it, and the last report in the other formats of loops. `watch`
/// waits for what is to happen before it is ended.
#[track_caller]
fn loop_is_as_recorded(
    name: &str,
    more: &[&str],
    exit: i32,
    mut watch: impl FnMut(SocketAddr, &mut Running),
    mut serve: impl FnMut() -> SocketAddr,
) {
    let mut golden = Golden::new(name);
    golden.is("desired.yaml", MANIFEST);
    for width in WIDTHS {
        let address = serve();
        let files = files(MANIFEST, address);
        let args = [&ARGS[..], &["--interval", "1"], more].concat();
        let mut command = program();
        command
            .current_dir(files.path())
            .env("COLUMNS", width.to_string());
        command
            .args(&args)
            .args(["-o", "text", "-o", "brief=brief", "-o", "json=json"]);
        let mut running = Running::of(&mut command);
        watch(address, &mut running);
        running.signal("TERM");
        let run = running.end().exits(exit);
        golden.is_text(width, &run.stdout);
        golden.is_run(&args, &run);
        for (file, name) in [("brief", "report.brief.txt"), ("json", "report.json")] {
            golden.is(name, &fs::read_to_string(files.path().join(file)).unwrap());
        }
    }
    golden.assert();
}

#[test]
fn reports_of_a_fight_with_an_autoscaler_are_as_recorded() {
    let server = || {
        let scaled = with_writers(deployment("web:2", 5, "web"));
        let settings = config_map("info", "10");
        let mut objects = Objects::from([(DEPLOYMENT, scaled.clone()), (CONFIG_MAP, settings)]);
        let written = Objects::from([(DEPLOYMENT, deployment("web:2", 2, "web"))]);
        serve(move |request: &str| {
            let reply = answer_for(&mut objects, request, &written);
            // The autoscaler sets it back at once.
            objects.insert(DEPLOYMENT, scaled.clone());
            reply
        })
    };
    let watch = |_, running: &mut Running| drop(running.wait_for("unchanged since"));
    loop_is_as_recorded(
        "fight-with-an-autoscaler",
        &["--remediate"],
        2,
        watch,
        server,
    );
}

#[test]
fn reports_of_a_server_that_goes_away_and_comes_back_are_as_recorded() {
    fn objects() -> Objects {
        let scaled = with_writers(deployment("web:1", 2, "web"));
        Objects::from([(DEPLOYMENT, scaled), (CONFIG_MAP, config_map("info", "10"))])
    }
    let server = || {
        let (mut objects, mut seen) = (objects(), HashSet::new());
        serve(move |request: &str| {
            // It leaves when something is asked for again, and for good.
            if seen.contains("left") || !seen.insert(request.to_owned()) {
                seen.insert("left".to_owned());
                return Reply::Leave;
            }
            answer_for(&mut objects, request, &Objects::new())
        })
    };
    let watch = |address, running: &mut Running| {
        running.wait_for(", try 2, next ");
        let mut objects = objects();
        let listener = TcpListener::bind(address).unwrap();
        scripted::serve(listener, move |request| {
            answer_for(&mut objects, request, &Objects::new())
        });
        running.wait_for("unchanged since");
    };
    loop_is_as_recorded("server-away-and-back", &[], 0, watch, server);
}

/// Three hundred Deployments of one image, one of which is scaled.
fn scaled_list(image: &str, replicas: u64) -> Value {
    let item = |n: usize| {
        let mut object = deployment(image, if n == 7 { replicas } else { 2 }, "web");
        object["metadata"]["name"] = json!(format!("app-{n:03}"));
        object
    };
    let items: Vec<Value> = (0..300).map(item).collect();
    json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": {"resourceVersion": "1"}, "items": items})
}

/// Three hundred Deployments whose image has drifted; an autoscaler moves the replicas of one of them.
#[test]
fn a_loop_prints_one_block_for_each_move_of_one_field() {
    let declared = serde_json::to_string(&scaled_list("app:2", 2)).unwrap();
    let declared = declared
        .replace("\"DeploymentList\"", "\"List\"")
        .replacen("apps/v1", "v1", 1);
    for format in ["text", "brief"] {
        let mut cycle = 0;
        let address = serve(move |request: &str| {
            if !request.contains("/deployments?") {
                return status(404, "NotFound", "not found");
            }
            cycle += 1;
            // In every third cycle it is moved.
            answer(&scaled_list("app:1", 2 + (cycle - 1) / 3))
        });
        let files = files(&declared, address);
        let mut command = program();
        command.current_dir(files.path()).args(ARGS).args([
            "--interval",
            "1",
            "--history",
            "0",
            "-o",
            format,
        ]);
        let mut running = Running::of(&mut command);
        for _ in 0..6 {
            running.wait_for("unchanged since");
        }
        running.signal("TERM");
        let run = running.end().exits(0);
        // One line for each cycle without a change, and nothing else once it goes round.
        let lines = run.stderr.lines().filter(|line| !line.is_empty());
        let mut unchanged = lines.skip_while(|line| !line.contains("unchanged"));
        let is_expected =
            |line: &str| line.contains("INFO unchanged since ") || line.ends_with("INFO stopping");
        assert!(unchanged.all(is_expected), "{}", run.stderr);
        let totals = run
            .stdout
            .matches("Total: 300 resource(s) drifted, ")
            .count();
        let (blocks, moves) = match format {
            "text" => ("  Action : ", "spec.replicas\n"),
            _ => (": changed ", "app-007 spec.replicas: live "),
        };
        // Nine cycles: the first report, and two moves.
        assert!((3..=4).contains(&totals), "{}", run.stdout);
        let first = if format == "text" { 1 } else { 300 };
        let each = if format == "text" { 1 } else { 2 };
        assert_eq!(
            run.stdout.matches(blocks).count(),
            first + each * (totals - 1),
            "{}",
            run.stdout
        );
        assert_eq!(
            run.stdout.matches(moves).count(),
            totals - 1,
            "{}",
            run.stdout
        );
    }
}
