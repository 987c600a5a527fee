//! A scripted server for tests, which records its requests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::cluster::proxy::ProxyVariables;
use crate::cluster::target::ConfigOrigin;
use crate::cluster::{Cluster, ConnectOptions, Target};

/// What happens after the text of an answer has been sent.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// The connection stays open for the next request.
    Stay,
    /// The connection is closed.
    Close,
    /// The connection stays open, and no more bytes are sent.
    Hang,
}

/// An answer, byte for byte.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) then: Then,
    /// The pause before each few bytes.
    pub(super) drip: Duration,
}

/// An answer with this status line, these further header lines, and a body.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
    Answer {
        text,
        then: Then::Stay,
        drip: Duration::ZERO,
    }
}

/// A success with this body.
pub(super) fn ok(body: &str) -> Answer {
    answer("200 OK", "content-type: application/json\r\n", body)
}

/// A failure with a Kubernetes `Status` as its body.
pub(super) fn status(code: u16, reason: &str) -> Answer {
    let body = format!(
        r#"{{"kind":"Status","message":"this is {reason}","reason":"{reason}","code":{code},"details":{{"name":"x"}}}}"#
    );
    answer(&format!("{code} {reason}"), "", &body)
}

/// No answer at all.
pub(super) fn nothing(then: Then) -> Answer {
    Answer {
        text: String::new(),
        then,
        drip: Duration::ZERO,
    }
}

/// The scripted server.
pub(super) struct Fake {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Starts a server that answers with `script`, which gets the number of the request, from 0, and its text.
    pub(super) fn start(script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, kept) = (Arc::new(script), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, kept) = (script.clone(), kept.clone());
                thread::spawn(move || serve(stream, &*script, &kept));
            }
        });
        Self { url, requests }
    }

    /// Its requests in order, each as `GET /path`.
    pub(super) fn asked(&self) -> Vec<String> {
        let first_line = |text: &String| {
            text.split(" HTTP/1.1")
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(first_line)
            .collect()
    }

    /// Its requests with their headers, in lower case.
    pub(super) fn headers(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|text| text.to_lowercase())
            .collect()
    }

    /// A target with the address of this server.
    pub(super) fn target(&self) -> Target {
        Target {
            origin: ConfigOrigin::InCluster,
            context: None,
            server: self.url.clone(),
            namespace: None,
            cluster: kube::config::Cluster::default(),
            user: kube::config::AuthInfo::default(),
            proxies: ProxyVariables::default(),
        }
    }

    /// A connection to it that gives each request this many seconds.
    pub(super) async fn cluster(&self, seconds: f64) -> Cluster {
        connect(self.target(), seconds).await
    }
}

/// A connection to `target` that gives each request this many seconds.
pub(super) async fn connect(target: Target, seconds: f64) -> Cluster {
    let request_timeout = Duration::from_secs_f64(seconds);
    Cluster::connect(
        target,
        ConnectOptions {
            request_timeout,
            stdin_is_taken: true,
        },
    )
    .await
    .unwrap()
}

fn serve(
    stream: TcpStream,
    script: &impl Fn(usize, &str) -> Answer,
    requests: &Mutex<Vec<String>>,
) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream) {
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let answer = script(number, &request);
        let size = if answer.drip.is_zero() { usize::MAX } else { 7 };
        for piece in answer.text.as_bytes().chunks(size) {
            thread::sleep(answer.drip);
            if stream.get_mut().write_all(piece).is_err() {
                return;
            }
        }
        match answer.then {
            Then::Stay => {}
            Then::Close => return,
            Then::Hang => thread::sleep(Duration::MAX),
        }
    }
}

fn read_request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}
