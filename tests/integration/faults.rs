//! Repairs of an object that somebody deletes, recreates or repairs meanwhile, and writes without an answer: a server
//! that does on purpose what a real one does rarely.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::repair::action;
use crate::scripted::{self, Reply, kubeconfig};
use crate::support::{config_map, deployment, folder, program, run, text};

/// What the server answers: a status and a body, where a string is sent as plain text; nothing, to break the connection
/// off.
type Answer = Option<(u16, Value)>;

type Step = Box<dyn FnMut(&mut Script, &str, usize) -> Answer + Send>;

/// What the server does, step by step.
struct Script {
    /// The object as it is.
    live: Option<Value>,
    /// The first request has been answered: the one by which the cycle learns of the drift.
    is_compared: bool,
    /// What it says to be.
    version: Answer,
    /// How often that was asked.
    versions: usize,
    /// The requests since: `GET`, `PUT` or `POST`.
    seen: Vec<String>,
    /// Makes the answer to a request for the object: the n-th of its method, counted from 1.
    step: Step,
    /// The manifests.
    folder: PathBuf,
}

/// A ConfigMap of that identity and value.
fn live(uid: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": "default", "uid": uid, "resourceVersion": "1"},
        "data": {"k": value},
    })
}

#[allow(clippy::unnecessary_wraps, reason = "it is an answer like the others")]
fn status(code: u16, reason: &str) -> Answer {
    Some((code, status_body(code, reason)))
}

fn status_body(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
        "message": reason, "details": {"name": "web"}})
}

/// Answers to a write that do not tell whether it happened.
fn no_answers() -> Vec<Answer> {
    vec![
        None,
        Some((503, json!("upstream connect error"))),
        Some((500, status_body(500, "etcdserver: request timed out"))),
        Some((504, status_body(504, "Timeout"))),
        Some((502, json!("<html>Bad Gateway</html>"))),
        Some((404, json!("default backend - 404"))),
        Some((409, json!("conflict"))),
        Some((200, json!("<html>Please log in</html>"))),
        Some((302, json!(""))),
    ]
}

impl Script {
    /// What a real server would answer to a GET.
    fn get(&self) -> Answer {
        match &self.live {
            Some(live) => Some((200, live.clone())),
            None => status(404, "NotFound"),
        }
    }

    /// Takes the write.
    fn take(&mut self) -> Answer {
        self.live = Some(live("u1", "v"));
        self.get()
    }

    fn answer(&mut self, method: &str, path: &str) -> Answer {
        if path == "/version" {
            self.versions += 1;
            return self.version.clone();
        }
        // Asked for where everything in it is missing, to give a hint.
        if path == "/api/v1/namespaces/default" {
            let namespace =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
            return Some((200, namespace));
        }
        if !std::mem::replace(&mut self.is_compared, true) {
            return self.get();
        }
        self.seen.push(method.to_owned());
        let count = self.seen.iter().filter(|seen| *seen == method).count();
        let mut step = std::mem::replace(&mut self.step, Box::new(|_, _, _| None));
        let answer = step(self, method, count);
        self.step = step;
        answer
    }
}

/// Runs a repair against a server that goes by this script. Gives the report, the exit code and the requests.
fn against(
    before: Option<Value>,
    step: impl FnMut(&mut Script, &str, usize) -> Answer + Send + 'static,
) -> (Value, i32, Vec<String>) {
    against_with(&config_map("web", "k", "v"), before, step)
}

/// The same with this manifest.
fn against_with(
    manifest: &str,
    before: Option<Value>,
    step: impl FnMut(&mut Script, &str, usize) -> Answer + Send + 'static,
) -> (Value, i32, Vec<String>) {
    let server = Server::start(manifest, before, step);
    let args = server.args();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    args.push("--once");
    let run = run(&args);
    (run.json(), run.exit, server.seen())
}

/// A server that goes by a script.
struct Server {
    script: Arc<Mutex<Script>>,
    manifests: TempDir,
    config: TempDir,
}

impl Server {
    fn start(
        manifest: &str,
        before: Option<Value>,
        step: impl FnMut(&mut Script, &str, usize) -> Answer + Send + 'static,
    ) -> Self {
        let manifests = folder(&[("m.yaml", manifest)]);
        let script = Arc::new(Mutex::new(Script {
            live: before,
            is_compared: false,
            version: status(500, "InternalError"),
            versions: 0,
            seen: Vec::new(),
            step: Box::new(step),
            folder: manifests.path().to_owned(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Arc::clone(&script);
        scripted::serve(listener, move |request| {
            let (method, path) = request.split_once(' ').unwrap();
            match served.lock().unwrap().answer(method, path) {
                Some((status, Value::String(text))) => Reply::Answer(status, text),
                Some((status, body)) => Reply::Answer(status, body.to_string()),
                None => Reply::Hangup,
            }
        });
        let config = folder(&[("config", &kubeconfig(port, "{}"))]);
        Self {
            script,
            manifests,
            config,
        }
    }

    /// The arguments of a run that repairs.
    fn args(&self) -> Vec<String> {
        let config = self.config.path().join("config");
        let args = [
            "--kubeconfig",
            text(&config),
            "-f",
            text(self.manifests.path()),
        ];
        let args = args.into_iter().chain(["--remediate", "--output", "json"]);
        args.map(str::to_owned).collect()
    }

    fn seen(&self) -> Vec<String> {
        self.script.lock().unwrap().seen.clone()
    }

    /// Runs the loop until its last report is like this, and gives all its reports.
    fn reports_until(&self, is_last: impl FnMut(&Value) -> bool) -> Vec<Value> {
        self.run_until(&[], is_last).0
    }

    /// The same with more arguments, and what was said on standard error.
    fn run_until(
        &self,
        more: &[&str],
        mut is_last: impl FnMut(&Value) -> bool,
    ) -> (Vec<Value>, String) {
        let mut running = program()
            .args(self.args())
            .args(["--interval", "1"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut reports: Vec<Value> = Vec::new();
        for line in BufReader::new(running.stdout.take().unwrap())
            .lines()
            .take(60)
        {
            reports.push(serde_json::from_str(&line.unwrap()).unwrap());
            if is_last(reports.last().unwrap()) {
                break;
            }
        }
        running.kill().unwrap();
        let output = running.wait_with_output().unwrap();
        (reports, String::from_utf8(output.stderr).unwrap())
    }
}

#[track_caller]
fn failed(report: &Value, exit: i32, reason: &str) {
    assert_eq!(exit, 2, "{report:#}");
    assert_eq!(
        action(report),
        ("remediation-failed".to_owned(), reason.to_owned())
    );
}

#[test]
fn a_stale_version_is_planned_again() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, count| {
        match (method, count) {
            ("PUT", 1 | 2) => status(409, "Conflict"),
            ("PUT", _) => script.take(),
            _ => script.get(),
        }
    });
    assert_eq!((action(&report).0.as_str(), exit), ("remediated", 0));
    assert_eq!(seen, ["GET", "PUT", "GET", "PUT", "GET", "PUT"]);
}

#[test]
fn others_who_never_stop_are_given_way_to() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, _| match method {
        "PUT" => status(409, "Conflict"),
        _ => script.get(),
    });
    let reason =
        "others kept changing the object while it was being repaired; gave up after 5 tries";
    failed(&report, exit, reason);
    assert_eq!(seen.iter().filter(|method| *method == "PUT").count(), 5);
}

#[test]
fn a_recreated_object_is_not_written() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, _| match method {
        "PUT" => {
            script.live = Some(live("u2", "w"));
            status(409, "Conflict")
        }
        _ => script.get(),
    });
    failed(&report, exit, "it was deleted and created again meanwhile");
    assert_eq!(seen, ["GET", "PUT", "GET"]);
}

#[test]
fn an_object_deleted_meanwhile_is_not_recreated() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, _| match method {
        "PUT" => {
            script.live = None;
            status(409, "Conflict")
        }
        _ => script.get(),
    });
    failed(&report, exit, "it was deleted meanwhile");
    assert_eq!(seen, ["GET", "PUT", "GET"]);
}

#[test]
fn a_deletion_that_begins_meanwhile_is_respected() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, _, _| {
        let mut object = script.live.clone().unwrap();
        object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        script.live = Some(object);
        script.get()
    });
    failed(&report, exit, "being deleted");
    assert_eq!(seen, ["GET"]);
}

#[test]
fn drift_that_somebody_else_mends_is_no_drift() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, _, _| script.take());
    assert_eq!(
        (report["resources"].as_array().unwrap().len(), exit),
        (0, 0)
    );
    assert_eq!(report["summary"]["inSync"], 1);
    assert_eq!(seen, ["GET"]);
}

#[test]
fn a_write_that_happened_without_an_answer_is_reported_as_a_repair() {
    for no_answer in no_answers() {
        let shown = format!("{no_answer:?}");
        let (report, exit, seen) =
            against(
                Some(live("u1", "w")),
                move |script, method, _| match method {
                    "PUT" => {
                        script.take();
                        no_answer.clone()
                    }
                    _ => script.get(),
                },
            );
        assert_eq!(
            (action(&report).0.as_str(), exit),
            ("remediated", 0),
            "{shown}: {report:#}"
        );
        assert_eq!(report["resources"][0]["fields"][0]["outcome"], "set");
        assert_eq!(seen, ["GET", "PUT", "GET"], "{shown}");
    }
}

#[test]
fn a_write_that_did_not_happen_and_gets_no_answer_is_made_twice_at_most() {
    for no_answer in no_answers() {
        let shown = format!("{no_answer:?}");
        let (report, exit, seen) =
            against(
                Some(live("u1", "w")),
                move |script, method, _| match method {
                    "PUT" => no_answer.clone(),
                    _ => script.get(),
                },
            );
        let (action, reason) = action(&report);
        assert_eq!(
            (action.as_str(), exit),
            ("remediation-failed", 2),
            "{shown}"
        );
        assert!(
            reason.starts_with(r#"update configmaps "web" in namespace "default": "#)
                && reason.ends_with("; read again, it was not written"),
            "{reason}"
        );
        assert_eq!(seen, ["GET", "PUT", "GET", "PUT", "GET"], "{shown}");
    }
}

#[test]
fn the_second_write_without_an_answer_is_looked_after_too() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, count| {
        if (method, count) == ("PUT", 2) {
            script.take();
        }
        match method {
            "PUT" => None,
            _ => script.get(),
        }
    });
    assert_eq!((action(&report).0.as_str(), exit), ("remediated", 0));
    assert_eq!(seen, ["GET", "PUT", "GET", "PUT", "GET"]);
}

#[test]
fn a_write_after_which_nothing_can_be_read_is_told_of() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, count| {
        match (method, count) {
            ("PUT", _) => status(500, "etcdserver: request timed out"),
            ("GET", 2) => status(500, "etcdserver: leader changed"),
            _ => script.get(),
        }
    });
    let reason = r#"update configmaps "web" in namespace "default": the object may or may not have been written: 500 Internal Server Error: etcdserver: request timed out; reading it again failed: get configmaps "web" in namespace "default": 500 Internal Server Error: etcdserver: leader changed"#;
    failed(&report, exit, reason);
    assert_eq!(seen, ["GET", "PUT", "GET"]);
}

#[test]
fn a_server_that_turns_a_write_away_is_asked_again() {
    for code in [429, 503] {
        let (report, exit, seen) = against(Some(live("u1", "w")), move |script, method, count| {
            match (method, count) {
                ("PUT", 1) => status(code, "TooManyRequests"),
                ("PUT", _) => script.take(),
                _ => script.get(),
            }
        });
        assert_eq!((action(&report).0.as_str(), exit), ("remediated", 0));
        assert_eq!(seen, ["GET", "PUT", "PUT"]);
    }
}

#[test]
fn a_creation_without_an_answer_is_looked_after() {
    for no_answer in no_answers() {
        let shown = format!("{no_answer:?}");
        let happened = no_answer.clone();
        let (report, exit, seen) = against(None, move |script, method, _| match method {
            "POST" => {
                script.take();
                happened.clone()
            }
            _ => script.get(),
        });
        assert_eq!(
            (action(&report).0.as_str(), exit),
            ("created", 0),
            "{shown}: {report:#}"
        );
        assert_eq!(seen, ["GET", "POST", "GET"], "{shown}");

        let (report, exit, seen) = against(None, move |script, method, _| match method {
            "POST" => no_answer.clone(),
            _ => script.get(),
        });
        let (action, reason) = action(&report);
        assert_eq!(
            (action.as_str(), exit),
            ("remediation-failed", 2),
            "{shown}"
        );
        assert!(
            reason.ends_with("; read again, it was not written"),
            "{reason}"
        );
        assert_eq!(seen, ["GET", "POST", "GET", "POST", "GET"], "{shown}");
    }
}

#[test]
fn what_somebody_else_creates_meanwhile_is_compared() {
    let (report, exit, seen) = against(None, |script, method, _| match method {
        "POST" => {
            script.live = Some(live("u1", "w"));
            status(409, "AlreadyExists")
        }
        "PUT" => script.take(),
        _ => script.get(),
    });
    assert_eq!(
        (action(&report).0.as_str(), exit),
        ("remediated", 0),
        "{report:#}"
    );
    assert_eq!(report["resources"][0]["fields"][0]["path"], "data.k");
    assert_eq!(seen, ["GET", "POST", "GET", "PUT"]);
}

#[test]
fn a_manifest_that_says_alert_by_now_is_respected() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, _, _| {
        let path = script.folder.join("m.yaml");
        let alert = "{name: web, annotations: {drift.gitops.io/remediation-policy: alert}}";
        let manifest = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, manifest.replace("{name: web}", alert)).unwrap();
        script.get()
    });
    let reason = "its manifest has changed since this cycle began; the next cycle uses the new one";
    failed(&report, exit, reason);
    assert_eq!(seen, ["GET"]);
}

/// A ConfigMap with drift in its data and its labels, against a server that answers each write with the next of these
/// causes, and takes it when there is none left. Gives the report, the exit code and the requests.
fn refused(causes: &[&[(&str, &str)]]) -> (Value, i32, Vec<String>) {
    let manifest =
        config_map("web", "k", "v").replace("{name: web}", "{name: web, labels: {a: b}}");
    let mut causes: Vec<Vec<Value>> = causes
        .iter()
        .map(|causes| {
            let cause =
                |(field, message): &(&str, &str)| json!({"field": field, "message": message});
            causes.iter().map(cause).collect()
        })
        .collect();
    against_with(
        &manifest,
        Some(live("u1", "w")),
        move |script, method, _| {
            if method == "GET" {
                return script.get();
            }
            if causes.is_empty() {
                // Everything but the refused data.
                let mut object = live("u1", "w");
                object["metadata"]["labels"] = json!({"a": "b"});
                script.live = Some(object);
                return script.get();
            }
            let mut body = status_body(422, "Invalid");
            body["details"]["causes"] = causes.remove(0).into();
            Some((422, body))
        },
    )
}

#[test]
fn what_the_server_calls_immutable_is_left_out_and_the_rest_written() {
    let (report, exit, seen) = refused(&[&[("data", "Forbidden: field is immutable when x")]]);
    let reason = "1 of 2 fields repaired; data.k: Forbidden: field is immutable when x: \
                  delete and recreate the object, or change the manifest";
    failed(&report, exit, reason);
    assert_eq!(seen, ["GET", "PUT", "GET", "PUT"]);
    let outcomes: Vec<&Value> = report["resources"][0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| &field["outcome"])
        .collect();
    assert_eq!(outcomes, ["refused", "set"]);
}

#[test]
fn after_any_other_refusal_nothing_of_the_object_is_written() {
    let immutable = ("data", "field is immutable");
    for causes in [
        &[][..],
        &[("data.k", "Unsupported value")],
        &[immutable, ("metadata.labels", "Invalid value")],
        &[immutable, ("spec.elsewhere", "field is immutable")],
        &[("", "field is immutable")],
    ] {
        let (report, exit, seen) = refused(&[causes]);
        failed(&report, exit, "Invalid");
        assert_eq!(seen, ["GET", "PUT"], "{causes:?}");
    }
}

#[test]
fn nothing_is_written_when_the_rest_is_refused_for_another_reason() {
    let (report, exit, seen) = refused(&[
        &[("data.k", "may not change once set")],
        &[("metadata.labels", "Invalid value")],
    ]);
    failed(&report, exit, "Invalid");
    assert_eq!(seen, ["GET", "PUT", "GET", "PUT"]);
}

/// What became of the only resource in each report; `unread` where it was not compared.
fn actions(reports: &[Value]) -> Vec<&str> {
    reports
        .iter()
        .map(|report| {
            report["resources"][0]["action"]
                .as_str()
                .unwrap_or("unread")
        })
        .collect()
}

#[test]
fn failed_reads_do_not_hide_a_fight() {
    // The first read after each write, which is the next cycle's, fails.
    let mut is_written = false;
    let server = Server::start(
        &config_map("web", "k", "v"),
        Some(live("u1", "w")),
        move |script, method, _| {
            if method == "PUT" {
                is_written = true;
                script.take();
                let answer = script.get();
                // The other writer.
                script.live = Some(live("u1", "w"));
                return answer;
            }
            if std::mem::take(&mut is_written) {
                return status(500, "InternalError");
            }
            script.get()
        },
    );
    let reports =
        server.reports_until(|report| report["resources"][0]["action"] == "remediation-paused");
    assert_eq!(
        actions(&reports),
        [
            "remediated",
            "unread",
            "remediated",
            "unread",
            "remediated",
            "unread",
            "remediation-paused"
        ]
    );
    let reason = action(reports.last().unwrap()).1;
    assert!(
        reason.starts_with("another writer is fighting for it"),
        "{reason}"
    );
}

#[test]
fn failed_reads_do_not_end_a_pause() {
    let mut gets = 0;
    let server = Server::start(
        &config_map("web", "k", "v"),
        Some(live("u1", "w")),
        move |script, method, _| {
            gets += u32::from(method == "GET");
            match method {
                "PUT" => status(403, "Forbidden"),
                // The first is that of the repair, the others are those of the cycles.
                _ if gets % 3 == 2 => status(500, "InternalError"),
                _ => script.get(),
            }
        },
    );
    let reports = server.reports_until(|report| {
        let reason = report["resources"][0]["reason"]
            .as_str()
            .unwrap_or_default();
        reason.starts_with("tried 3 time(s)")
    });
    let actions = actions(&reports);
    assert!(actions.contains(&"unread"), "{actions:?}");
}

#[test]
fn a_version_that_cannot_be_read_is_asked_for_once_in_a_cycle() {
    // Each has a field that only some servers store.
    let gated = |namespace: &str| {
        deployment("web", "nginx:1.25")
            .replace(
                "{name: web}",
                &format!("{{name: web, namespace: {namespace}}}"),
            )
            .replace("    spec:\n", "    spec:\n      hostnameOverride: x\n")
    };
    let manifest = [gated("a"), gated("b"), gated("c")].join("---\n");
    let live = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "uid": "u1", "resourceVersion": "1"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}]},
            },
        },
    });
    let server = Server::start(&manifest, Some(live.clone()), |script, _, _| script.get());
    let args = server.args();
    let args = args.iter().map(String::as_str).chain(["--once"]);
    run(&args.collect::<Vec<_>>());
    assert_eq!(server.script.lock().unwrap().versions, 1);

    // A loop asks again in the next cycle, until it is told.
    let server = Server::start(&manifest, Some(live), |script, _, _| script.get());
    let mut cycles = 0;
    server.reports_until(|_| {
        let mut script = server.script.lock().unwrap();
        script.version = Some((200, json!({"gitVersion": "v1.37.2"})));
        cycles += 1;
        cycles == 4
    });
    assert_eq!(server.script.lock().unwrap().versions, 2);
}

#[test]
fn what_the_tables_do_not_know_is_warned_about_once_in_a_run() {
    let manifest = config_map("web", "k", "v") + "novelty: declared\n";
    let mut object = live("u1", "v");
    object["otherNovelty"] = json!({"x": 1});
    let server = Server::start(&manifest, Some(object), |script, _, _| script.get());
    server.script.lock().unwrap().version = Some((200, json!({"gitVersion": "v1.99.0"})));
    let mut cycles = 0;
    let (_, stderr) = server.run_until(&["--strict"], |_| {
        cycles += 1;
        cycles == 3
    });
    for text in ["novelty", "ConfigMap has the field otherNovelty"] {
        let count = stderr.lines().filter(|line| line.contains(text)).count();
        assert_eq!(count, 1, "{text}: {stderr}");
    }
}
