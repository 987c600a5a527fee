//! Tests of a server that misbehaves.

use std::time::{Duration, Instant};

use serde_json::json;

use super::fake::{Answer, Fake, Then, answer, connect, nothing, ok, status};
use super::{fetch, id, list, map, object, texts};
use crate::cluster::Error;
use crate::cluster::client::LARGEST;
use crate::schema::Kind;

#[tokio::test]
async fn a_request_that_the_server_rejects_for_now_is_retried() {
    let fake = Fake::start(|number, _| match number {
        0 => status(503, "ServiceUnavailable"),
        1 => answer("502 Bad Gateway", "", "<html>"),
        _ => ok(&object("a")),
    });
    fake.cluster(5.0).await.get(&map("a")).await.unwrap();
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn a_retry_waits_as_long_as_the_server_asks() {
    let fake = Fake::start(|number, _| match number {
        0 => answer("429 Too Many Requests", "retry-after: 1\r\n", "slow down"),
        _ => ok(&object("a")),
    });
    let start = Instant::now();
    fake.cluster(5.0).await.get(&map("a")).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));

    // A pause beyond the timeout is not waited for.
    let fake =
        Fake::start(|_, _| answer("429 Too Many Requests", "retry-after: 100\r\n", "slow down"));
    let start = Instant::now();
    let error = fake.cluster(50.0).await.get(&map("a")).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(20));
    let wanted = "no result within 50 s, the last try: get configmaps \"a\" in namespace \"n\": 429 Too Many Requests: slow down (asks for 100 s of pause)";
    assert!(
        error.is_about_connection() && error.to_string().ends_with(wanted),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_respond_is_given_up_for_all_requests() {
    let fake = Fake::start(|_, _| nothing(Then::Hang));
    // Thirteen requests, of which six run at a time.
    let in_each = |kind| (0..6).map(move |number| id(kind, &format!("{kind}{number}"), "a"));
    let ids: Vec<_> = in_each(Kind::Service)
        .chain(in_each(Kind::Deployment))
        .chain([map("a"), map("b")])
        .collect();
    let answers = fetch(&fake.cluster(0.5).await, &ids).await;
    assert!(
        answers
            .values()
            .all(|text| text.ends_with("no result within 0.5 s")),
        "{answers:?}"
    );
    assert!(fake.asked().len() <= 6, "{:?}", fake.asked());
}

#[tokio::test]
async fn a_request_that_hangs_affects_only_its_own_objects() {
    let fake = Fake::start(|_, request| {
        if request.contains("/services") {
            nothing(Then::Hang)
        } else {
            list(&["a", "b"], "")
        }
    });
    let ids = [map("a"), map("b"), id(Kind::Service, "n", "s")];
    let answers = fetch(&fake.cluster(2.0).await, &ids).await;
    let late = "get services \"s\" in namespace \"n\": no result within 2 s";
    assert_eq!(
        texts(&answers),
        [("n/a", "live"), ("n/b", "live"), ("n/s", late)]
    );
}

#[tokio::test]
async fn a_response_that_breaks_off_is_requested_again() {
    for close in [true, false] {
        let fake = Fake::start(move |number, _| {
            let mut answer = list(&["a", "b", "x"], "");
            match (number, close) {
                (0, true) => answer.text.truncate(answer.text.len() - 20),
                // As long as it says, and yet not whole.
                (0, false) => {
                    // As long as it says, and yet not whole.
                    let body = answer.text.split_once("\r\n\r\n").unwrap().1;
                    answer = ok(body.strip_suffix("]}").unwrap());
                }
                _ => return answer,
            }
            answer.then = Then::Close;
            answer
        });
        let answers = fetch(&fake.cluster(5.0).await, &[map("a"), map("b"), map("c")]).await;
        assert_eq!(
            texts(&answers),
            [("n/a", "live"), ("n/b", "live"), ("n/c", "absent")]
        );
        assert_eq!(fake.asked().len(), 2);
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_gets_a_result_too() {
    let fake = Fake::start(|_, _| {
        let broken = r#"{"metadata":{"name":"b","namespace":"n"},"data":{,}}"#;
        ok(&list(&["a", "x"], "")
            .text
            .split_once("\r\n\r\n")
            .unwrap()
            .1
            .replace(",{", &format!(",{broken},{{")))
    });
    let answers = fetch(&fake.cluster(5.0).await, &[map("a"), map("b"), map("c")]).await;
    assert_eq!(answers["n/a"], "live");
    assert!(
        answers["n/b"].ends_with("a list with an item of another kind"),
        "{answers:?}"
    );
    assert_eq!(answers["n/b"], answers["n/c"]);
}

#[tokio::test]
async fn a_connection_that_keeps_breaking_is_given_up() {
    let fake = Fake::start(|_, _| nothing(Then::Close));
    let error = fake.cluster(60.0).await.get(&map("a")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_not_tried_twice() {
    let fake = Fake::start(|_, _| ok(""));
    let mut target = fake.target();
    target.server = "http://127.0.0.1:1".into();
    let start = Instant::now();
    let error = connect(target, 60.0).await.version().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot reach http://127.0.0.1:1: connection refused"
    );
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_response_in_small_pieces_is_assembled() {
    let fake = Fake::start(|_, _| Answer {
        drip: Duration::from_millis(2),
        ..list(&["a", "b"], "")
    });
    let answers = fetch(&fake.cluster(10.0).await, &[map("a"), map("b")]).await;
    assert_eq!(texts(&answers), [("n/a", "live"), ("n/b", "live")]);
}

#[tokio::test]
async fn a_write_is_repeated_only_where_it_did_not_happen() {
    let body = json!({"metadata": {"name": "a"}});
    let turned_away = Fake::start(|number, _| match number {
        0 => status(503, "ServiceUnavailable"),
        1 => status(429, "TooManyRequests"),
        _ => ok(&object("a")),
    });
    turned_away
        .cluster(5.0)
        .await
        .replace(&map("a"), &body)
        .await
        .unwrap();
    let path =
        "PUT /api/v1/namespaces/n/configmaps/a?fieldManager=gitops-drift&fieldValidation=Strict";
    assert_eq!(turned_away.asked(), [path, path, path]);
    assert!(turned_away.headers()[0].ends_with(r#"{"metadata":{"name":"a"}}"#));

    let unknown = [
        Fake::start(|_, _| nothing(Then::Close)),
        Fake::start(|_, _| nothing(Then::Hang)),
        Fake::start(|_, _| status(504, "Timeout")),
    ];
    for fake in unknown {
        let error = fake
            .cluster(2.0)
            .await
            .create(&map("a"), &body)
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::OutcomeUnknown { .. }) && !error.is_about_connection(),
            "{error}"
        );
        assert_eq!(fake.asked().len(), 1);
    }

    let nobody = Fake::start(|_, _| ok(""));
    let mut target = nobody.target();
    target.server = "http://127.0.0.1:1".into();
    let error = connect(target, 5.0)
        .await
        .replace(&map("a"), &body)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn refusals_of_a_write_are_distinguished() {
    for (code, reason) in [
        (409, "Conflict"),
        (409, "AlreadyExists"),
        (422, "Invalid"),
        (404, "NotFound"),
        (400, "BadRequest"),
    ] {
        let fake = Fake::start(move |_, _| status(code, reason));
        let error = fake
            .cluster(5.0)
            .await
            .replace(&map("a"), &json!({}))
            .await
            .unwrap_err();
        let fits = match &error {
            Error::Conflict(_) => reason == "Conflict",
            Error::AlreadyExists(_) => reason == "AlreadyExists",
            Error::Invalid { .. } => reason == "Invalid",
            Error::NotFound(_) => reason == "NotFound",
            Error::Api { code: 400, .. } => reason == "BadRequest",
            _ => false,
        };
        assert!(fits, "{reason} {error}");
        assert_eq!(fake.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_response_of_another_server_is_recognised() {
    let page = "<!DOCTYPE html><title>Log in</title>";
    let cases = [
        (
            page,
            "the response is not from a Kubernetes API server: an HTML page",
        ),
        (
            "{}",
            "the response is not from a Kubernetes API server: no ConfigMap",
        ),
        (
            "hello",
            "the response is not from a Kubernetes API server: no ConfigMap",
        ),
    ];
    for (body, wanted) in cases {
        let fake = Fake::start(move |_, _| ok(body));
        let cluster = fake.cluster(5.0).await;
        let error = cluster.get(&map("a")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("get configmaps \"a\" in namespace \"n\": {wanted}")
        );
        let answers = fetch(&cluster, &[map("a"), map("b")]).await;
        assert!(
            answers["n/a"]
                .starts_with("list configmaps in namespace \"n\": the response is not from"),
            "{answers:?}"
        );
        assert!(cluster.version().await.is_err());
    }
}

#[tokio::test]
async fn requests_are_cancelled_when_their_results_are_dropped() {
    let fake = Fake::start(|_, request| {
        if request.contains("/version") {
            ok(r#"{"gitVersion":"v1.37.2"}"#)
        } else {
            nothing(Then::Hang)
        }
    });
    let cluster = fake.cluster(60.0).await;
    let ids: Vec<_> = (0..6)
        .map(|number| id(Kind::Service, &format!("n{number}"), "a"))
        .collect();
    let mut fetching = cluster.fetch(&ids, &[]);
    while fake.asked().len() < 6 {
        let nothing_yet = tokio::time::timeout(Duration::from_millis(20), fetching.next()).await;
        assert!(nothing_yet.is_err());
    }
    drop(fetching);
    assert_eq!(cluster.version().await.unwrap().to_string(), "v1.37.2");
}

#[tokio::test]
async fn an_endless_response_is_cut_off() {
    let long = "x".repeat(LARGEST + 1);
    let frame = ok(&format!(r#"{{"kind":"ConfigMapList","odd":"{long}"#)).text;
    let start = r#"{"kind":"ConfigMapList","metadata":{},"items":[{"odd":""#;
    let item = ok(&format!("{start}{long}")).text;
    let page = answer("503 Service Unavailable", "", &long).text;
    let whole = ok(&long).text;
    let fake = Fake::start(move |number, _| Answer {
        text: [&frame, &item, &page, &whole, &whole][number].clone(),
        then: Then::Stay,
        drip: Duration::ZERO,
    });
    let cluster = fake.cluster(60.0).await;
    let message = "the response is not from a Kubernetes API server: more than 64 MiB";
    for _ in 0..2 {
        let answers = fetch(&cluster, &[map("a"), map("b")]).await;
        assert!(
            answers.values().all(|text| text.ends_with(message)),
            "{answers:?}"
        );
    }
    for _ in 0..2 {
        let error = cluster.get(&map("a")).await.unwrap_err();
        assert!(error.to_string().ends_with(message), "{error}");
    }
    // After a write, the outcome is unknown.
    let error = cluster.replace(&map("a"), &json!({})).await.unwrap_err();
    assert!(
        matches!(error, Error::OutcomeUnknown { .. }) && error.to_string().ends_with(message),
        "{error}"
    );
}
