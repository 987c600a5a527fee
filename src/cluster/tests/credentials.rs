//! Tests of refused and renewed credentials.

use super::fake::{Fake, answer, connect, ok, status};
use super::{fetch, id, map, object};
use crate::cluster::{Arrival, Error};
use crate::schema::Kind;

#[tokio::test]
async fn refused_credentials_end_all_requests() {
    let fake = Fake::start(|_, _| answer("401 Unauthorized", "", r#"{"kind":"Status"}"#));
    let ids: Vec<_> = (0..40)
        .map(|number| {
            id(
                Kind::Service,
                &format!("n{}", number % 6),
                &format!("s{number}"),
            )
        })
        .chain([map("a")])
        .collect();
    let answers = fetch(&fake.cluster(5.0).await, &ids).await;
    assert!(
        answers
            .values()
            .all(|text| text.contains("does not accept the credentials (401 Unauthorized)"))
    );
    assert!(fake.asked().len() <= 6);
}

#[tokio::test]
async fn a_replaced_token_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "old\n").unwrap();
    let fake = Fake::start(|_, request| {
        if request.contains("Bearer new\r\n") {
            ok(&object("a"))
        } else {
            status(401, "Unauthorized")
        }
    });
    let mut target = fake.target();
    target.user.token_file = Some(file.display().to_string());
    let cluster = connect(target, 5.0).await;
    assert!(matches!(
        cluster.get(&map("a")).await,
        Err(Error::Unauthorized { .. })
    ));
    assert_eq!(fake.asked().len(), 1, "the same token is not sent twice");
    std::fs::write(&file, "new\n").unwrap();
    cluster.get(&map("a")).await.unwrap();
    assert!(fake.headers()[2].contains(concat!(
        "user-agent: gitops-drift/",
        env!("CARGO_PKG_VERSION")
    )));
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin_runs_once_and_again_when_its_token_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs").display().to_string();
    let script =
        format!(r#"echo run >> {runs}; echo "{{status: {{token: 't$(wc -l < {runs})'}}}}""#);
    let fake = Fake::start(|number, request| {
        let token = if number < 30 {
            "Bearer t1"
        } else {
            "Bearer t2"
        };
        if request.contains(token) {
            ok(&object("a"))
        } else {
            status(401, "Unauthorized")
        }
    });
    let mut target = fake.target();
    target.user.exec = Some(kube::config::ExecConfig {
        command: Some("/bin/sh".into()),
        args: Some(vec!["-c".into(), script]),
        ..Default::default()
    });
    let cluster = connect(target, 5.0).await;
    let count = || std::fs::read_to_string(&runs).unwrap().lines().count();
    for _ in 0..30 {
        cluster.get(&map("a")).await.unwrap();
    }
    assert_eq!(count(), 1);

    // Six requests are refused at once, and one of them renews the token for all.
    let in_each = (0..6).map(|number| id(Kind::ConfigMap, &format!("n{number}"), "a"));
    let mut fetching = cluster.fetch(&in_each.collect::<Vec<_>>(), &[]);
    while let Some(batch) = fetching.next().await {
        let is_ok = |arrival: &Arrival| matches!(arrival, Arrival::Requested(fetched) if fetched.result.is_ok());
        assert!(batch.iter().all(is_ok), "{batch:?}");
    }
    assert_eq!(count(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin_does_not_run_for_each_refused_request() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs").display().to_string();
    let fake = Fake::start(|_, _| status(401, "Unauthorized"));
    let mut target = fake.target();
    let script = format!("echo run >> {runs}; echo '{{status: {{token: same}}}}'");
    target.user.exec = Some(kube::config::ExecConfig {
        command: Some("/bin/sh".into()),
        args: Some(vec!["-c".into(), script]),
        ..Default::default()
    });
    let cluster = connect(target, 5.0).await;
    let ids: Vec<_> = (0..6)
        .map(|number| id(Kind::Service, &format!("n{number}"), "a"))
        .collect();
    let answers = fetch(&cluster, &ids).await;
    assert!(
        answers
            .values()
            .all(|text| text.contains("401 Unauthorized"))
    );
    assert_eq!(std::fs::read_to_string(&runs).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_proxy_is_used_with_its_credentials() {
    let proxy = Fake::start(|_, _| answer("407 Proxy Authentication Required", "", ""));
    let mut target = proxy.target();
    target.proxies.https = proxy.target().server.replace("://", "://me:p%40ss@");
    target.server = "https://k.example.invalid:6443".into();
    let error = connect(target.clone(), 5.0)
        .await
        .version()
        .await
        .unwrap_err();
    let server = format!(
        "https://k.example.invalid:6443 through the proxy {}",
        proxy.target().server
    );
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot reach {server}: ")),
        "{error}"
    );
    assert_eq!(proxy.asked(), ["CONNECT k.example.invalid:6443"]);
    assert!(proxy.headers()[0].contains("proxy-authorization: basic bwu6cebzcw=="));

    target.proxies.exceptions = "example.invalid,".into();
    assert!(connect(target, 5.0).await.version().await.is_err());
    assert_eq!(proxy.asked().len(), 1);
}
