//! Repairs while others write the same objects, and while a signal comes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::repair::repair;
use crate::support::{ControlPlane, Run, config_map, deployment, folder, program, text};

/// How long the race lasts, unless the environment says otherwise.
const RACE_SECONDS: u64 = 10;

/// A writer with optimistic locking: reads, adds one, replaces, and counts what the server took.
struct Writer {
    url: String,
    /// Where its counter is, and how a number is written there.
    counter: &'static str,
    as_text: bool,
    /// What it also writes, which the tool then puts back.
    drift: (&'static str, Value),
}

impl Writer {
    async fn run(&self, client: &kube::Client, stop: &AtomicBool, taken: &AtomicU64) {
        while !stop.load(Ordering::Relaxed) {
            if self.once(client).await {
                taken.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn once(&self, client: &kube::Client) -> bool {
        let get = http::Request::get(&self.url).body(Vec::new()).unwrap();
        let mut object: Value = client.request(get).await.unwrap();
        let next = self.count(&object) + 1;
        let value = if self.as_text {
            Value::from(next.to_string())
        } else {
            Value::from(next)
        };
        *object.pointer_mut(self.counter).unwrap() = value;
        if next.is_multiple_of(3) {
            let (at, value) = &self.drift;
            *object.pointer_mut(at).unwrap() = value.clone();
        }
        let put = http::Request::put(format!("{}?fieldManager=counter", self.url))
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes())
            .unwrap();
        match client.request::<Value>(put).await {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.code == 409 => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn count(&self, object: &Value) -> u64 {
        match object.pointer(self.counter) {
            Some(Value::String(text)) => text.parse().unwrap(),
            Some(Value::Number(number)) => number.as_u64().unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// Four writers of one Deployment and one ConfigMap.
fn writers(namespace: &str) -> [Writer; 4] {
    let deployment = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let settings = format!("/api/v1/namespaces/{namespace}/configmaps/settings");
    let image = "/spec/template/spec/containers/0/image";
    let writer = |url: &String, counter, as_text, drift| Writer {
        url: url.clone(),
        counter,
        as_text,
        drift,
    };
    [
        writer(
            &deployment,
            "/metadata/annotations/count",
            true,
            (image, json!("nginx:1.1")),
        ),
        writer(
            &deployment,
            "/metadata/labels/count",
            true,
            (image, json!("nginx:1.2")),
        ),
        writer(
            &deployment,
            "/spec/replicas",
            false,
            ("/spec/minReadySeconds", json!(9)),
        ),
        writer(&settings, "/data/count", true, ("/data/k", json!("w"))),
    ]
}

#[test]
#[ignore = "needs the control plane"]
fn nobodys_write_is_lost() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = deployment("web", "nginx:1.25").replace(
        "spec:\n  selector",
        "spec:\n  minReadySeconds: 3\n  selector",
    ) + "---\n"
        + &config_map("settings", "k", "v");
    let counted = manifest
        .replace("{name: web}\nspec:\n", "{name: web, labels: {count: \"1\"}, annotations: {count: \"1\"}}\nspec:\n  replicas: 1\n")
        .replace("\ndata: {", "\ndata: {count: \"1\", ");
    plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], &counted);
    let seconds = std::env::var("DRIFT_RACE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(RACE_SECONDS));
    let writers = writers(&namespace);
    let (stop, taken) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; 4]);
    let kubeconfig = plane.kubeconfig("admin");
    let manifests = folder(&[("m.yaml", &manifest)]);
    let mut runs = [0_u32; 3];
    thread::scope(|scope| {
        scope.spawn(|| write_until(&stop, &kubeconfig, &writers, &taken));
        let args = [
            "-f",
            text(manifests.path()),
            "-n",
            &namespace,
            "--once",
            "--remediate",
        ];
        while Instant::now() < end {
            let run = plane.run_as("writer", &args);
            assert!(
                run.exit == 0 || run.exit == 2,
                "{}{}",
                run.stdout,
                run.stderr
            );
            runs[usize::try_from(run.exit).unwrap()] += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    repair(plane, &namespace, &manifest, &[], 0);
    let live = [
        plane.get("deployment", &namespace, "web"),
        plane.get("configmap", &namespace, "settings"),
    ];
    for (writer, taken) in writers.iter().zip(&taken) {
        let object = &live[usize::from(writer.url.ends_with("settings"))];
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken > 0);
        assert_eq!(writer.count(object), 1 + taken, "{}", writer.counter);
    }
    assert_eq!(live[0]["spec"]["minReadySeconds"], 3);
    assert_eq!(
        live[0].pointer("/spec/template/spec/containers/0/image"),
        Some(&json!("nginx:1.25"))
    );
    assert_eq!(live[1]["data"]["k"], "v");
    let lines = plane.audit("writer", &namespace);
    let answered = |code: u16| {
        let is_write =
            |line: &&Value| line["verb"] == "update" && line["responseStatus"]["code"] == code;
        lines.iter().filter(is_write).count()
    };
    println!(
        "race: {:?} increments taken, {} runs (in {} of them others came first too often), {} repairs written, {} turned away by 409",
        taken.each_ref().map(|taken| taken.load(Ordering::Relaxed)),
        runs[0] + runs[2],
        runs[2],
        answered(200),
        answered(409)
    );
    assert!(answered(200) > 0);
}

fn write_until(stop: &AtomicBool, kubeconfig: &str, writers: &[Writer; 4], taken: &[AtomicU64; 4]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let run = |i: usize| writers[i].run(&client, stop, &taken[i]);
        tokio::join!(run(0), run(1), run(2), run(3));
    });
}

/// The program, running until it is told to stop.
struct Running(Child);

impl Running {
    fn start(plane: &ControlPlane, args: &[&str]) -> Self {
        let kubeconfig = plane.kubeconfig("writer");
        let mut command = program();
        command.args([
            "--kubeconfig",
            &kubeconfig,
            "--remediate",
            "--output",
            "json",
        ]);
        command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Sends SIGTERM, and waits for the end.
    fn stop(self) -> Run {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        Run::of(&self.0.wait_with_output().unwrap())
    }
}

fn updates(plane: &ControlPlane, namespace: &str) -> Vec<Value> {
    let mut lines = plane.audit("writer", namespace);
    lines.retain(|line| line["verb"] == "update");
    lines
}

#[test]
#[ignore = "needs the control plane"]
fn after_a_signal_the_write_under_way_is_the_last() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let all = |value: &str| {
        let each = |i: u32| config_map(&format!("c{i:03}"), "k", value);
        (0..300).map(each).collect::<Vec<_>>().join("---\n")
    };
    plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], &all("w"));
    let manifests = folder(&[("m.yaml", &all("v"))]);
    let args = ["-f", text(manifests.path()), "-n", &namespace, "--once"];
    let running = Running::start(plane, &args);
    let end = Instant::now() + Duration::from_secs(60);
    while updates(plane, &namespace).len() < 3 {
        assert!(Instant::now() < end);
        thread::sleep(Duration::from_millis(2));
    }
    let run = running.stop().exits(2);
    let report = run.json();
    let written = updates(plane, &namespace);
    assert!(
        written.len() < 300,
        "the signal came too late to show anything"
    );
    assert!(
        written
            .iter()
            .all(|line| line["responseStatus"]["code"] == 200)
    );
    let mut names: Vec<&str> = written
        .iter()
        .map(|line| line["objectRef"]["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let resources = report["resources"].as_array().unwrap();
    let remediated: Vec<&str> = resources
        .iter()
        .filter(|resource| resource["action"] == "remediated")
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    assert_eq!(remediated, names);
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 300 - names.len());
    assert_eq!(
        errors[0]["message"],
        "not reached: the run was stopped by a signal"
    );
}

#[test]
#[ignore = "needs the control plane"]
fn a_fight_is_given_up() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["create", "-n", &namespace, "-f", "-"],
        &config_map("web", "k", "w"),
    );
    let manifests = folder(&[("m.yaml", &config_map("web", "k", "v"))]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--interval",
        "2",
    ];
    let running = Running::start(plane, &args);
    let end = Instant::now() + Duration::from_secs(60);
    let mut seen = 0;
    while seen < 3 {
        assert!(Instant::now() < end);
        let written = updates(plane, &namespace).len();
        if written > seen {
            seen = written;
            let back = [
                "patch",
                "configmap",
                "web",
                "-p",
                "{\"data\":{\"k\":\"w\"}}",
            ];
            plane.kubectl(&[&back[..], &["-n", &namespace]].concat());
        }
        thread::sleep(Duration::from_millis(50));
    }
    // Long enough for two cycles more.
    thread::sleep(Duration::from_secs(6));
    let run = running.stop().exits(2);
    assert_eq!(updates(plane, &namespace).len(), 3);
    assert_eq!(plane.get("configmap", &namespace, "web")["data"]["k"], "w");
    let reports: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let actions: Vec<&str> = reports
        .iter()
        .map(|report| report["resources"][0]["action"].as_str().unwrap())
        .collect();
    assert!(actions.len() >= 5, "{actions:?}");
    assert_eq!(actions[..3], ["remediated"; 3]);
    assert!(
        actions[3..]
            .iter()
            .all(|action| *action == "remediation-paused"),
        "{actions:?}"
    );
    let reason = &reports[3]["resources"][0]["reason"];
    assert!(
        reason.as_str().unwrap().starts_with(
            "another writer is fighting for it: in each of three cycles after a repair this had changed again: \
             data.k by kubectl-patch (Update); left alone until the declared value changes, or until "
        ),
        "{reason}"
    );
    // It stays the same, so that a loop prints it once.
    assert_eq!(reports.last().unwrap()["resources"][0]["reason"], *reason);
}

#[test]
#[ignore = "needs the control plane"]
fn a_fight_with_an_autoscaler_is_named_as_such() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = deployment("web", "nginx:1.25")
        .replace("spec:\n  selector", "spec:\n  replicas: 2\n  selector");
    plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], &manifest);
    let scale = || {
        plane.kubectl(&[
            "scale",
            "deployment",
            "web",
            "--replicas=5",
            "-n",
            &namespace,
        ]);
    };
    scale();
    let manifests = folder(&[("m.yaml", &manifest)]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--interval",
        "1",
    ];
    let mut running = Running::start(plane, &args);
    let lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut reason = String::new();
    for line in lines.take(60) {
        let report: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if report["resources"][0]["action"] == "remediation-paused" {
            reason = report["resources"][0]["reason"]
                .as_str()
                .unwrap()
                .to_owned();
            break;
        }
        scale();
    }
    running.stop();
    assert!(
        reason.contains(
            "spec.replicas by kubectl (Update through scale), probably an autoscaler: take replicas out of the manifest, \
             or ignore spec.replicas; left alone"
        ),
        "{reason}"
    );
}

#[test]
#[ignore = "needs the control plane"]
fn what_cannot_be_repaired_is_not_tried_in_every_cycle() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = config_map("web", "k", "v").replace("\ndata:", "\nimmutable: true\ndata:");
    plane.kubectl_with(
        &["create", "-n", &namespace, "-f", "-"],
        &manifest.replace("\"v\"", "\"w\""),
    );
    let manifests = folder(&[("m.yaml", &manifest)]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--interval",
        "1",
    ];
    let running = Running::start(plane, &args);
    thread::sleep(Duration::from_millis(5500));
    let run = running.stop().exits(2);
    let reports: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let actions: Vec<&str> = reports
        .iter()
        .map(|report| report["resources"][0]["action"].as_str().unwrap())
        .collect();
    let tries = actions
        .iter()
        .filter(|action| **action == "remediation-failed")
        .count();
    assert!(
        actions.len() >= 4 && (2..=3).contains(&tries),
        "{actions:?}"
    );
    assert_eq!(actions[..2], ["remediation-failed", "remediation-paused"]);
}
