//! Repairs of an object that somebody deletes, makes anew or repairs meanwhile, and writes without an answer: a server
//! that does on purpose what a real one does rarely.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::repair::action;
use crate::support::{config_map, folder, run, text};

/// What the server answers: a status and a body; nothing, to break the connection off.
type Answer = Option<(u16, Value)>;

/// What the server does, step by step.
struct Script {
    /// The object as it is.
    live: Option<Value>,
    /// The first request has been answered: the one by which the cycle learns of the drift.
    is_compared: bool,
    /// The requests since: `GET`, `PUT` or `POST`.
    seen: Vec<String>,
    /// Makes the answer to a request for the object: the n-th of its method, counted from 1.
    step: fn(&mut Self, &str, usize) -> Answer,
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

fn status(code: u16, reason: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
        "message": reason, "details": {"name": "web"}});
    Some((code, body))
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

    fn answer(&mut self, method: &str) -> Answer {
        if !std::mem::replace(&mut self.is_compared, true) {
            return self.get();
        }
        self.seen.push(method.to_owned());
        let count = self.seen.iter().filter(|seen| *seen == method).count();
        (self.step)(self, method, count)
    }
}

/// Runs a repair against a server that goes by this script. Gives the report, the exit code and the requests.
fn against(
    before: Option<Value>,
    step: fn(&mut Script, &str, usize) -> Answer,
) -> (Value, i32, Vec<String>) {
    let manifests = folder(&[("m.yaml", &config_map("web", "k", "v"))]);
    let script = Arc::new(Mutex::new(Script {
        live: before,
        is_compared: false,
        seen: Vec::new(),
        step,
        folder: manifests.path().to_owned(),
    }));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Arc::clone(&script);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let script = Arc::clone(&served);
            thread::spawn(move || serve(&stream.unwrap(), &script));
        }
    });
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\n\
         users: [{{name: c, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n"
    );
    let config = folder(&[("config", &config)]);
    let config = config.path().join("config");
    let args = [
        "--kubeconfig",
        text(&config),
        "-f",
        text(manifests.path()),
        "--once",
        "--remediate",
        "--output",
        "json",
    ];
    let run = run(&args);
    let seen = script.lock().unwrap().seen.clone();
    (run.json(), run.exit, seen)
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, script: &Mutex<Script>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line);
        }
        let length = head.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().unwrap())
        });
        reader
            .read_exact(&mut vec![0; length.unwrap_or(0)])
            .unwrap();
        let mut words = head[0].split(' ');
        let method = words.next().unwrap();
        let Some((code, body)) = script.lock().unwrap().answer(method) else {
            return;
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if { stream }.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
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
fn a_stale_version_is_planned_anew() {
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
fn an_object_made_anew_is_not_written() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, _| match method {
        "PUT" => {
            script.live = Some(live("u2", "w"));
            status(409, "Conflict")
        }
        _ => script.get(),
    });
    failed(&report, exit, "it was deleted and created anew meanwhile");
    assert_eq!(seen, ["GET", "PUT", "GET"]);
}

#[test]
fn an_object_deleted_meanwhile_is_not_made_anew() {
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
    failed(&report, exit, "it is being deleted");
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
fn a_write_without_an_answer_is_looked_after() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, _| match method {
        "PUT" => {
            script.take();
            None
        }
        _ => script.get(),
    });
    assert_eq!(
        (action(&report).0.as_str(), exit),
        ("remediated", 0),
        "{report:#}"
    );
    assert_eq!(report["resources"][0]["fields"][0]["outcome"], "set");
    assert_eq!(seen, ["GET", "PUT", "GET"]);
}

#[test]
fn a_creation_without_an_answer_is_looked_after() {
    let (report, exit, seen) = against(None, |script, method, _| match method {
        "POST" => {
            script.take();
            None
        }
        _ => script.get(),
    });
    assert_eq!(
        (action(&report).0.as_str(), exit),
        ("created", 0),
        "{report:#}"
    );
    assert_eq!(seen, ["GET", "POST", "GET"]);
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
    let reason =
        "its manifest has changed since this cycle began; the next cycle goes by the new one";
    failed(&report, exit, reason);
    assert_eq!(seen, ["GET"]);
}

#[test]
fn a_refusal_is_narrowed_down() {
    let (report, exit, seen) = against(Some(live("u1", "w")), |script, method, _| match method {
        "PUT" => status(422, "Invalid"),
        _ => script.get(),
    });
    failed(&report, exit, "0 of 1 fields repaired; data.k: Invalid");
    assert_eq!(seen, ["GET", "PUT", "GET"]);
}
