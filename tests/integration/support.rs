//! Runs the binary, and one control plane for all tests of a run.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tempfile::TempDir;

/// What a run of the program gave.
pub(crate) struct Run {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(
            self.exit, exit,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// The report as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.stdout, self.stderr))
    }

    /// What was said on standard error, without the lines that only inform.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter(|line| !line.trim_start().starts_with("INFO"))
            .collect()
    }
}

/// The program, in the repository's folder, without the user's kubeconfig.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitops-drift"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    for name in [
        "KUBECONFIG",
        "HTTPS_PROXY",
        "https_proxy",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", "/nonexistent");
    command
}

pub(crate) fn run(args: &[&str]) -> Run {
    Run::of(&program().args(args).output().unwrap())
}

pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Run {
    let mut command = program();
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Run::of(&child.wait_with_output().unwrap())
}

/// Runs Git in this folder; it must succeed.
#[track_caller]
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ana", "-c", "user.email=ana@example.com"])
        .arg("-C")
        .arg(folder)
        .args(args)
        .output();
    Run::of(&output.unwrap()).exits(0).stdout
}

/// The texts of a list.
pub(crate) fn strings(list: &[Value]) -> Vec<&str> {
    list.iter().map(|item| item.as_str().unwrap()).collect()
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The API server, kubectl and the files of `tests/controlplane`.
pub(crate) struct ControlPlane {
    binary: PathBuf,
    folder: PathBuf,
    // Its end closes the server's standard input, which ends it.
    _server: Child,
    _stdout: BufReader<ChildStdout>,
    _temporary: TempDir,
}

impl ControlPlane {
    /// The control plane of this run, started at the first call. Tests that use it are ignored unless they are asked
    /// for, since it needs Go.
    pub(crate) fn running() -> &'static Self {
        static RUNNING: OnceLock<ControlPlane> = OnceLock::new();
        RUNNING.get_or_init(|| Self::start(&[]))
    }

    /// A control plane for this test alone: for objects that can be there only once, such as a fixed node port.
    pub(crate) fn alone() -> Self {
        Self::start(&[])
    }

    /// A control plane of another minor version of Kubernetes, such as 1.33, for this test alone.
    pub(crate) fn of_version(version: &str) -> Self {
        Self::start_version(Some(version), &[])
    }

    /// A control plane for this test alone, with the controllers of Deployments, ReplicaSets, namespaces, ServiceAccounts
    /// and `kube-root-ca.crt` at work.
    pub(crate) fn with_controllers() -> (Self, Controllers) {
        let plane = Self::start(&[]);
        let kubeconfig = plane.kubeconfig("admin");
        let controllers = Command::new(&plane.binary)
            .args(["controller-manager", "--stdin", "--", "--leader-elect=false", "--secure-port=0"])
            .args(["--kubeconfig", &kubeconfig, "--authentication-kubeconfig", &kubeconfig])
            .args(["--authorization-kubeconfig", &kubeconfig, "--controllers"])
            .arg(
                "deployment-controller,replicaset-controller,namespace-controller,serviceaccount-controller,\
                 root-ca-certificate-publisher-controller",
            )
            .arg("--root-ca-file")
            .arg(plane.folder.join("ca.crt"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        (plane, Controllers { child: controllers })
    }

    /// A control plane for this test alone, whose Services have IPv4 and IPv6 addresses.
    pub(crate) fn dual_stack() -> Self {
        Self::start(&["--service-cluster-ip-range", "10.96.0.0/16,fd00:96::/112"])
    }

    fn start(options: &[&str]) -> Self {
        Self::start_version(None, options)
    }

    fn start_version(version: Option<&str>, options: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Command::new("bash")
            .arg(root.join("tests/controlplane/build.sh"))
            .args(version)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "the control plane could not be built"
        );
        let binary = PathBuf::from(String::from_utf8(built.stdout).unwrap().trim());
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let mut server = Command::new(&binary)
            .args(["serve", "--stdin", "--dir"])
            .arg(&folder)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(server.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        let log = || fs::read_to_string(folder.join("server.log")).unwrap_or_default();
        assert!(
            ready.starts_with("ready "),
            "the control plane did not start:\n{}",
            log()
        );
        Self {
            binary,
            folder,
            _server: server,
            _stdout: stdout,
            _temporary: temporary,
        }
    }

    /// The kubeconfig of `admin`, `reader`, `writer` or `nobody`.
    pub(crate) fn kubeconfig(&self, user: &str) -> String {
        text(&self.folder.join(format!("{user}.kubeconfig"))).to_owned()
    }

    /// The control plane's program, which is kubectl too.
    pub(crate) fn program(&self) -> &Path {
        &self.binary
    }

    /// Runs a command of the control plane's program.
    pub(crate) fn command(&self, args: &[&str]) -> Run {
        Run::of(
            &Command::new(&self.binary)
                .args(args)
                .stdin(Stdio::null())
                .output()
                .unwrap(),
        )
    }

    /// Runs kubectl as the admin; it must succeed.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let kubeconfig = self.kubeconfig("admin");
        let run = self.command(&[&["kubectl", "--kubeconfig", &kubeconfig], args].concat());
        assert_eq!(run.exit, 0, "kubectl {args:?}: {}", run.stderr);
        run.stdout
    }

    /// Runs kubectl as the admin with this standard input; it must succeed.
    #[track_caller]
    pub(crate) fn kubectl_with(&self, args: &[&str], input: &str) -> String {
        let mut child = Command::new(&self.binary)
            .args(["kubectl", "--kubeconfig", &self.kubeconfig("admin")])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let run = Run::of(&child.wait_with_output().unwrap());
        assert_eq!(run.exit, 0, "kubectl {args:?}: {}", run.stderr);
        run.stdout
    }

    /// Runs `kubectl edit` with a script of sed for an editor; it must succeed.
    #[track_caller]
    pub(crate) fn kubectl_edit(&self, args: &[&str], script: &str) {
        let output = Command::new(&self.binary)
            .args(["kubectl", "--kubeconfig", &self.kubeconfig("admin"), "edit"])
            .args(args)
            .env("KUBE_EDITOR", format!("sed -i '{script}'"))
            .output()
            .unwrap();
        Run::of(&output).exits(0);
    }

    /// The live object.
    #[track_caller]
    pub(crate) fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", kind, name, "-n", namespace, "-o", "json"]))
            .unwrap()
    }

    /// All live objects of a kind in a namespace.
    #[track_caller]
    pub(crate) fn get_all(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let list = self.kubectl(&["get", kind, "-n", namespace, "-o", "json"]);
        let list: Value = serde_json::from_str(&list).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// A namespace that no other test has.
    pub(crate) fn namespace(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]);
        name
    }

    /// Runs the program as this user.
    pub(crate) fn run_as(&self, user: &str, args: &[&str]) -> Run {
        run(&[&["--kubeconfig", &self.kubeconfig(user)], args].concat())
    }

    /// The lines of the audit log that this program made as this user in this namespace.
    pub(crate) fn audit(&self, user: &str, namespace: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.join("audit.log")).unwrap();
        log.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| {
                let agent = line["userAgent"].as_str().unwrap_or_default();
                agent.starts_with("gitops-drift/") && line["user"]["username"] == user
            })
            .filter(|line| {
                let of = line["objectRef"]["namespace"].as_str().unwrap_or_default();
                of == namespace || namespace.is_empty()
            })
            .collect()
    }
}

impl ControlPlane {
    /// What a pod of this ServiceAccount has: its token, the server's certificate, the server's address.
    pub(crate) fn pod(&self, namespace: &str, account: &str) -> Pod {
        let files = tempfile::tempdir().unwrap();
        let token = self.kubectl(&["create", "token", account, "-n", namespace]);
        fs::write(files.path().join("token"), token.trim()).unwrap();
        fs::write(files.path().join("namespace"), namespace).unwrap();
        fs::copy(self.folder.join("ca.crt"), files.path().join("ca.crt")).unwrap();
        let ready = fs::read_to_string(self.folder.join("ready")).unwrap();
        let (host, port) = ready
            .trim()
            .trim_start_matches("https://")
            .split_once(':')
            .unwrap();
        Pod {
            files,
            host: host.to_owned(),
            port: port.to_owned(),
        }
    }
}

/// The surroundings of a process in a pod.
pub(crate) struct Pod {
    files: TempDir,
    host: String,
    port: String,
}

impl Pod {
    /// Runs the program with the pod's files where a pod has them: in a mount namespace of its own.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let mount = "mount -t tmpfs none /run && mkdir -p /var/run/secrets/kubernetes.io \
            && cp -r \"$0\" /var/run/secrets/kubernetes.io/serviceaccount && echo mounted >&2 && exec \"$@\"";
        let program = program();
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", mount])
            .arg(self.files.path())
            .arg(program.get_program())
            .args(args)
            .env("HOME", "/nonexistent")
            .env_remove("KUBECONFIG")
            .env("KUBERNETES_SERVICE_HOST", &self.host)
            .env("KUBERNETES_SERVICE_PORT", &self.port)
            .output()
            .unwrap();
        let run = Run::of(&output);
        let is_mounted = run.stderr.contains("mounted");
        assert!(is_mounted, "no mount namespace: {}", run.stderr);
        run
    }
}

impl Pod {
    /// The program as this container of a pod: its arguments, its working folder without a user's files, the volumes
    /// where it mounts them, the files of the `ServiceAccount`, and a root file system that cannot be written.
    pub(crate) fn container(&self, container: &Value, volumes: &[(&str, &Path)]) -> Command {
        let enter = r#"
            set -e
            account=$1 program=$2 root=$(mktemp -d)
            mount -t tmpfs none "$root"
            for folder in bin lib lib64 usr etc dev proc; do
                if [ -e "/$folder" ]; then mkdir "$root/$folder"; mount --rbind "/$folder" "$root/$folder"; fi
            done
            mkdir -p "$root/tmp" "$root/var/run/secrets/kubernetes.io/serviceaccount"
            cp "$account"/* "$root/var/run/secrets/kubernetes.io/serviceaccount"
            cp "$program" "$root/gitops-drift"
            shift 2
            while [ "$1" != -- ]; do
                mkdir -p "$root$2"; mount --bind "$1" "$root$2"
                if [ "$3" = ro ]; then mount -o remount,bind,ro "$root$2"; fi
                shift 3
            done
            shift
            mount -o remount,ro "$root"
            echo mounted >&2
            exec chroot "$root" "$@"
        "#;
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", enter, "sh"])
            .arg(self.files.path())
            .arg(program().get_program());
        for mount in container["volumeMounts"].as_array().unwrap() {
            let volume = volumes.iter().find(|(name, _)| mount["name"] == *name);
            let (_, folder) = volume.unwrap_or_else(|| panic!("no volume for {mount}"));
            let is_read_only = mount["readOnly"] == true;
            command
                .arg(folder)
                .arg(mount["mountPath"].as_str().unwrap())
                .arg(if is_read_only { "ro" } else { "rw" });
        }
        command.arg("--");
        let entry = container["command"].as_array();
        let entry = entry.map_or(vec!["gitops-drift"], |words| strings(words));
        command
            .args(entry)
            .args(strings(container["args"].as_array().unwrap()));
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/")
            .env("KUBERNETES_SERVICE_HOST", &self.host)
            .env("KUBERNETES_SERVICE_PORT", &self.port)
            .stdin(Stdio::null());
        command
    }
}

/// kube-controller-manager, which ends with the test.
pub(crate) struct Controllers {
    child: Child,
}

impl Drop for Controllers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Deployment with one container.
pub(crate) fn deployment(name: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n      - name: web\n        image: {image}\n"
    )
}

/// A ConfigMap with one key.
pub(crate) fn config_map(name: &str, key: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{{key}: \"{value}\"}}\n"
    )
}

/// The paths of the only resource's fields.
pub(crate) fn paths(report: &Value) -> Vec<String> {
    let fields = report["resources"][0]["fields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    fields
        .iter()
        .map(|field| field["path"].as_str().unwrap().to_owned())
        .collect()
}
