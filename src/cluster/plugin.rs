//! Runs the credential plugin that a kubeconfig names under `exec`, once for each set of credentials.
//!
//! kube would run it three times for one client and block the async runtime, and its errors show the plugin's
//! environment. So the plugin is run here, and kube gets only its result.

use std::io::IsTerminal as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{Cluster, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::error::{Error, quoted, root_cause};
use super::kubeconfig::describe;

/// The result of a plugin: a token, or a certificate and its key, or both.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Issued {
    pub(super) token: Option<String>,
    pub(super) client_certificate_data: Option<String>,
    pub(super) client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

impl Issued {
    /// When the credentials expire, if the plugin reports it.
    pub(super) fn expiry(&self) -> Option<Timestamp> {
        self.expiration_timestamp.as_ref()?.parse().ok()
    }
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Issued>,
}

/// A plugin and its input.
pub(super) struct Plugin {
    config: ExecConfig,
    cluster: Cluster,
    /// Whether standard input is used already.
    stdin_is_taken: bool,
    /// The time limit of a plugin that is not interactive.
    limit: Duration,
}

impl Plugin {
    pub(super) fn new(
        config: ExecConfig,
        cluster: Cluster,
        stdin_is_taken: bool,
        limit: Duration,
    ) -> Self {
        Self {
            config,
            cluster,
            stdin_is_taken,
            limit,
        }
    }

    /// Runs the plugin. Errors name the command, but never its arguments or environment.
    pub(super) async fn run(&self) -> Result<Issued, Error> {
        let Some(command) = self.config.command.as_deref() else {
            return Err(Error::Config(
                "the kubeconfig's exec section has no command".to_owned(),
            ));
        };
        let interactive = self.is_interactive(command)?;
        let mut process = self.process(command, interactive)?;
        let child = process
            .spawn()
            .map_err(|error| self.not_started(command, &error))?;
        let waiting = child.wait_with_output();
        let output = if interactive {
            waiting.await
        } else {
            let late = || {
                Error::Config(format!(
                    "the credential plugin {command} did not finish within {} s",
                    self.limit.as_secs_f64()
                ))
            };
            tokio::time::timeout(self.limit, waiting)
                .await
                .map_err(|_| late())?
        };
        let output = output.map_err(|error| self.not_started(command, &error))?;
        issued(command, &output)
    }

    fn is_interactive(&self, command: &str) -> Result<bool, Error> {
        let possible = !self.stdin_is_taken && std::io::stdin().is_terminal();
        match self.config.interactive_mode {
            Some(ExecInteractiveMode::Never) => Ok(false),
            Some(ExecInteractiveMode::Always) if !possible => Err(Error::Config(format!(
                "the credential plugin {command} is interactive, but standard input is not an unused terminal"
            ))),
            _ => Ok(possible),
        }
    }

    fn process(&self, command: &str, interactive: bool) -> Result<Command, Error> {
        let mut process = Command::new(command);
        process.args(self.config.args.iter().flatten());
        for variable in self.config.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                process.env(name, value);
            }
        }
        process.env("KUBERNETES_EXEC_INFO", self.exec_info(interactive)?);
        // A question, or the address of a login page, must reach the user.
        let (stdin, stderr) = if interactive {
            (Stdio::inherit(), Stdio::inherit())
        } else {
            (Stdio::null(), Stdio::piped())
        };
        process
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true);
        Ok(process)
    }

    fn exec_info(&self, interactive: bool) -> Result<String, Error> {
        let mut spec = json!({ "interactive": interactive });
        if self.config.provide_cluster_info {
            let cluster =
                ExecAuthCluster::try_from(&self.cluster).map_err(|error| describe(&error))?;
            spec["cluster"] = json!(cluster);
        }
        Ok(json!({ "kind": "ExecCredential", "apiVersion": self.config.api_version, "spec": spec }).to_string())
    }

    fn not_started(&self, command: &str, error: &std::io::Error) -> Error {
        let hint = self
            .config
            .install_hint
            .as_deref()
            .map_or_else(String::new, |hint| format!("; {}", quoted(hint)));
        Error::Config(format!(
            "cannot run the credential plugin {command}: {}{hint}",
            root_cause(error)
        ))
    }
}

fn issued(command: &str, output: &Output) -> Result<Issued, Error> {
    if !output.status.success() {
        let said = quoted(&String::from_utf8_lossy(&output.stderr));
        let said = if said.is_empty() {
            said
        } else {
            format!(": {said}")
        };
        return Err(Error::Config(format!(
            "the credential plugin {command} failed ({}){said}",
            output.status
        )));
    }
    // Some plugins print YAML, which includes JSON. The message of a decoding error could show a token.
    let answer: Option<Answer> = serde_yaml::from_slice(&output.stdout).ok();
    match answer.and_then(|answer| answer.status) {
        Some(issued) if issued.token.is_some() || issued.client_certificate_data.is_some() => {
            Ok(issued)
        }
        _ => Err(Error::Config(format!(
            "the credential plugin {command} printed no ExecCredential with a token or a certificate"
        ))),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn shell(script: &str) -> Plugin {
        let config = ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".into()),
            command: Some("/bin/sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            env: Some(vec![HashMap::from([
                ("name".into(), "HIDDEN".into()),
                ("value".into(), "s3cr3t".into()),
            ])]),
            install_hint: Some("get it\nfrom there".into()),
            provide_cluster_info: true,
            ..ExecConfig::default()
        };
        let cluster = Cluster {
            server: Some("https://k".into()),
            ..Cluster::default()
        };
        Plugin::new(config, cluster, true, Duration::from_secs(1))
    }

    async fn refusal(plugin: &Plugin) -> String {
        plugin.run().await.err().expect("this fails").to_string()
    }

    #[tokio::test]
    async fn it_gets_the_cluster_and_its_token_is_read() {
        let script = r#"echo "{status: {token: '$HIDDEN', expirationTimestamp: '2030-01-01T00:00:00Z'}}"
            test "$KUBERNETES_EXEC_INFO" = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":{"server":"https://k"},"interactive":false}}'"#;
        let issued = shell(script)
            .run()
            .await
            .map_err(|error| error.to_string())
            .unwrap();
        assert_eq!(issued.token.as_deref(), Some("s3cr3t"));
        assert_eq!(
            issued.expiry(),
            Some("2030-01-01T00:00:00Z".parse().unwrap())
        );
    }

    #[tokio::test]
    async fn errors_name_the_command_and_no_secret() {
        let cases = [
            (
                "echo no >&2; echo login >&2; exit 3",
                "the credential plugin /bin/sh failed (exit status: 3): no login",
            ),
            (
                "exit 1",
                "the credential plugin /bin/sh failed (exit status: 1)",
            ),
            (
                "echo $HIDDEN",
                "the credential plugin /bin/sh printed no ExecCredential with a token or a certificate",
            ),
            (
                "echo '{\"status\": {}}'",
                "the credential plugin /bin/sh printed no ExecCredential with a token or a certificate",
            ),
            (
                "exec sleep 60",
                "the credential plugin /bin/sh did not finish within 1 s",
            ),
        ];
        for (script, wanted) in cases {
            assert_eq!(refusal(&shell(script)).await, wanted);
        }
        let mut absent = shell("");
        absent.config.command = Some("no-such-plugin".into());
        assert_eq!(
            refusal(&absent).await,
            "cannot run the credential plugin no-such-plugin: no such file or directory; get it from there",
        );
        let mut asking = shell("");
        asking.config.interactive_mode = Some(ExecInteractiveMode::Always);
        assert!(refusal(&asking).await.contains("is interactive"));
    }
}
