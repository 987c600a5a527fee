//! The loop: signals at every stage, a server that goes away, what a terminal is told, the file for probes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::scripted::{self, Reply, kubeconfig};
use crate::support::{Run, config_map, folder, program, run, run_with_input, text};

/// Answers a request by its method and path: a status and a body; nothing, to let it wait for ever.
type Answer = Box<dyn FnMut(&str) -> Option<(u16, String)> + Send>;

/// A server without TLS.
struct Server {
    port: u16,
    /// The method and path of each request, as it comes.
    requests: Receiver<String>,
}

impl Server {
    fn start(listener: TcpListener, mut answer: Answer) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (tell, requests) = channel();
        scripted::serve(listener, move |request| {
            let answer = answer(request);
            let _ = tell.send(request.to_owned());
            answer.map_or(Reply::Silence, |(status, body)| Reply::Answer(status, body))
        });
        Self { port, requests }
    }

    fn new(answer: Answer) -> Self {
        Self::start(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    /// Waits for a request that begins like this.
    fn wait_for(&self, start: &str) {
        while !self.requests.recv().unwrap().starts_with(start) {}
    }
}

/// The answer to a request for an object that does not exist.
#[allow(clippy::unnecessary_wraps, reason = "it is an answer like the others")]
fn not_found() -> Option<(u16, String)> {
    let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"gone","details":{"name":"web"}}"#;
    Some((404, body.to_owned()))
}

/// The manifest of `ConfigMap/web` and a kubeconfig for a server at this port, with these lines for its user.
fn files(port: u16, user: &str) -> TempDir {
    folder(&[
        ("m.yaml", &config_map("web", "k", "v")),
        ("config", &kubeconfig(port, user)),
    ])
}

/// A run of the program, whose standard error is read as it comes.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    fn start(files: &TempDir, args: &[&str]) -> Self {
        let config = files.path().join("config");
        Self::of(program().args(["--kubeconfig", text(&config)]).args(args))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            stderr,
            said: String::new(),
        }
    }

    /// Waits for a line on standard error that has this text, and gives it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "`{text}` was not said:\n{}", self.said);
            self.said += &line;
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn end(mut self) -> Run {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut stdout = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut stdout)
            .unwrap();
        Run {
            exit: self.child.wait().unwrap().code().unwrap_or(-1),
            stdout,
            stderr: self.said,
        }
    }
}

const EARLY: &str = "stopped by a signal before anything was compared";

#[test]
fn a_signal_is_obeyed_while_standard_input_is_waited_for() {
    let files = files(1, "{}");
    let mut run = Running::start(&files, &["-f", "-", "--once"]);
    run.wait_for("cluster http");
    run.signal("INT");
    let run = run.end().exits(2);
    assert!(run.stderr.contains(EARLY), "{}", run.stderr);
}

#[test]
fn a_signal_is_obeyed_while_a_file_is_waited_for() {
    let files = files(1, "{}");
    let pipe = pipe(&files, "pipe");
    let mut run = Running::start(&files, &["-f", text(&pipe), "--output", "json"]);
    run.wait_for("cluster http");
    run.signal("TERM");
    let run = run.end().exits(2);
    assert_eq!(run.json()["errors"][0]["message"], EARLY);
}

#[test]
fn a_signal_is_obeyed_while_a_kubeconfig_or_a_token_is_waited_for() {
    let whole = files(1, "{}");
    fs::remove_file(whole.path().join("config")).unwrap();
    let config = pipe(&whole, "config");
    let with_token = files(1, "{tokenFile: token}");
    let token = pipe(&with_token, "token");
    for (files, pipe) in [(&whole, &config), (&with_token, &token)] {
        let manifest = files.path().join("m.yaml");
        let run = Running::start(files, &["-f", text(&manifest), "--once"]);
        // This waits until the program reads from it, and holds it open.
        let _writer = fs::File::create(pipe).unwrap();
        run.signal("TERM");
        let run = run.end().exits(2);
        assert!(run.stderr.contains(EARLY), "{}", run.stderr);
    }
}

fn pipe(files: &TempDir, name: &str) -> PathBuf {
    let pipe = files.path().join(name);
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    pipe
}

#[test]
fn a_signal_is_obeyed_while_a_credential_plugin_is_waited_for() {
    let marker = folder(&[]);
    let begun = marker.path().join("begun");
    let script = format!("touch {}; exec sleep 600", begun.display());
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, \"{script}\"], interactiveMode: Never}}}}"
    );
    let files = files(1, &user);
    let manifest = files.path().join("m.yaml");
    let run = Running::start(&files, &["-f", text(&manifest)]);
    while !begun.exists() {
        thread::sleep(Duration::from_millis(10));
    }
    run.signal("TERM");
    let run = run.end().exits(2);
    assert!(run.stderr.contains(EARLY), "{}", run.stderr);
}

#[test]
fn a_signal_is_obeyed_while_the_server_is_waited_for() {
    let server = Server::new(Box::new(|_| None));
    let files = files(server.port, "{}");
    let manifest = files.path().join("m.yaml");
    let run = Running::start(&files, &["-f", text(&manifest), "--output", "json"]);
    server.wait_for("GET /api/v1/");
    run.signal("TERM");
    let run = run.end().exits(2);
    let message = "not reached: the run was stopped by a signal";
    assert_eq!(run.json()["errors"][0]["message"], message);
}

#[test]
fn a_signal_is_obeyed_while_the_version_is_waited_for() {
    let server = Server::new(Box::new(|_| None));
    let files = files(server.port, "{}");
    let manifest = files.path().join("m.yaml");
    fs::write(&manifest, config_map("web", "k", "v") + "unheardOf: 1\n").unwrap();
    let run = Running::start(&files, &["-f", text(&manifest), "--once"]);
    server.wait_for("GET /version");
    run.signal("INT");
    let run = run.end().exits(2);
    assert!(
        run.stdout
            .contains("not reached: the run was stopped by a signal")
    );
}

#[test]
fn a_second_signal_ends_a_repair_at_once() {
    for (second, exit) in [("INT", 130), ("TERM", 143)] {
        let server = Server::new(Box::new(|request| {
            match request {
            put if put.starts_with("PUT ") => None,
            _ => Some((
                200,
                r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"k":"w"},
                    "metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"1"}}"#
                    .to_owned(),
            )),
        }
        }));
        let files = files(server.port, "{}");
        let manifest = files.path().join("m.yaml");
        let mut run = Running::start(&files, &["-f", text(&manifest), "--remediate"]);
        server.wait_for("PUT ");
        run.signal("TERM");
        run.wait_for("finishing the current object; interrupt again to quit now");
        run.signal(second);
        assert_eq!(run.end().exit, exit);
    }
}

#[test]
fn an_idle_loop_stops_without_talk_of_an_object_and_keeps_its_exit_code() {
    let server = Server::new(Box::new(|_| not_found()));
    let files = files(server.port, "{}");
    let manifest = files.path().join("m.yaml");
    let health = files.path().join("health");
    let args = [
        "-f",
        text(&manifest),
        "--fail-on-drift",
        "--health-file",
        text(&health),
    ];
    let mut run = Running::start(&files, &args);
    run.wait_for("sets the exit code only when a signal ends the run");
    while !health.exists() {
        thread::sleep(Duration::from_millis(10));
    }
    run.signal("TERM");
    let run = run.end().exits(1);
    let mut last = run.stderr.lines().rev();
    let reason = last.next().unwrap();
    assert!(reason.contains("exit code 1: "), "{}", run.stderr);
    let before = last.next().unwrap();
    assert!(before.ends_with("INFO stopping"), "{}", run.stderr);
    assert_eq!(run.stdout.matches("Drift Report").count(), 1);
}

#[test]
fn a_server_that_goes_away_is_told_in_lines_until_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let files = files(address.port(), "{}");
    let (manifest, health) = (files.path().join("m.yaml"), files.path().join("health"));
    let old = SystemTime::UNIX_EPOCH;
    fs::File::create(&health)
        .unwrap()
        .set_modified(old)
        .unwrap();
    let args = [
        "-f",
        text(&manifest),
        "--interval",
        "1s",
        "--health-file",
        text(&health),
    ];
    let mut run = Running::start(&files, &args);
    let first = run.wait_for("down since");
    let cause = format!("cannot reach http://{address}: connection refused; down since ");
    assert!(
        first.contains(&cause) && first.trim_end().ends_with("never checked"),
        "{first}"
    );
    run.wait_for(", try 2, next ");
    assert!(fs::metadata(&health).unwrap().modified().unwrap() > old);
    let server = Server::start(
        TcpListener::bind(address).unwrap(),
        Box::new(|_| not_found()),
    );
    server.wait_for("GET ");
    run.wait_for("reachable again after ");
    run.signal("TERM");
    let run = run.end().exits(0);
    assert!(run.stdout.starts_with("Drift Report"), "{}", run.stdout);
    assert!(!run.stdout.contains("cannot reach"), "{}", run.stdout);
}

/// Runs the program on a terminal, up to a line that has this text; then Ctrl-C is pressed.
fn on_a_terminal(files: &TempDir, until: &str, variables: &[(&str, &str)], more: &str) -> String {
    let path = |name: &str| files.path().join(name).display().to_string();
    let (config, manifest) = (path("config"), path("m.yaml"));
    let command = format!(
        "{} --kubeconfig {config} -f {manifest} {more} >/dev/null",
        env!("CARGO_BIN_EXE_gitops-drift")
    );
    let mut terminal = Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(terminal.stdout.take().unwrap());
    let mut said = String::new();
    while lines.read_line(&mut said).unwrap() > 0 && !said.contains(until) {}
    terminal.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    lines.read_to_string(&mut said).unwrap();
    terminal.wait().unwrap();
    said
}

#[test]
#[ignore = "needs `script`, which makes a terminal"]
fn a_terminal_is_told_when_the_next_check_is() {
    let server = Server::new(Box::new(|_| not_found()));
    let files = files(server.port, "{}");
    let until = "next check in 60 s; Ctrl-C to stop";
    let said = on_a_terminal(&files, until, &[], "");
    assert!(said.contains(until) && said.contains("stopping"), "{said}");
}

#[test]
#[ignore = "needs `script`, which makes a terminal"]
fn messages_have_colors_on_a_terminal_only_and_only_where_they_are_wanted() {
    let server = Server::new(Box::new(|_| not_found()));
    let files = files(server.port, "{}");
    let has_colors = |variables: &[(&str, &str)], more: &str| {
        on_a_terminal(&files, "next check", variables, more).contains("\u{1b}[3")
    };
    assert!(has_colors(&[], ""));
    assert!(!has_colors(&[("NO_COLOR", "1")], ""));
    assert!(!has_colors(&[("TERM", "dumb")], ""));
    assert!(!has_colors(&[], "--color never"));
    assert!(has_colors(&[("NO_COLOR", "1")], "--color always"));
    let args = ["-f", "examples/sidecar", "--live", "nowhere"];
    assert!(!run(&args).stderr.contains('\u{1b}'));
    let always = run(&[&args[..], &["--color", "always"]].concat());
    assert!(always.stderr.contains('\u{1b}'), "{}", always.stderr);
}

#[test]
fn a_label_stands_for_the_revision_where_there_is_no_git() {
    let input = config_map("app-config", "k", "v");
    let label = ["--revision-label", "registry.example/deploy:2026-11-22-a"];
    let args = [&["-f", "-", "--live", "examples/live"][..], &label].concat();
    let run_of_input = run_with_input(&args, input.as_bytes());
    let line = run_of_input.stdout.lines().nth(1).unwrap().to_owned();
    assert_eq!(
        line,
        "  Git revision : registry.example/deploy:2026-11-22-a"
    );
}

#[test]
fn a_health_file_that_cannot_be_touched_is_a_warning() {
    let files = folder(&[("m.yaml", &config_map("app-config", "k", "v"))]);
    let args = [
        "-f",
        text(files.path()),
        "--live",
        "examples/live",
        "--health-file",
    ];
    let run = run(&[&args[..], &["/nonexistent/health"]].concat()).exits(0);
    assert!(
        run.stderr.contains("--health-file /nonexistent/health: "),
        "{}",
        run.stderr
    );
}
