//! A server without TLS that answers as a test says, for what a real one does rarely.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to a request.
pub(crate) enum Reply {
    /// It is answered with this status and body.
    Answer(u16, String),
    /// It waits until the other side has gone.
    Silence,
    /// The connection is broken off.
    Hangup,
    /// The same, and the server is gone: nobody listens any more.
    Leave,
}

/// Answers requests, each by its method and path, until the test ends.
pub(crate) fn serve(listener: TcpListener, reply: impl FnMut(&str) -> Reply + Send + 'static) {
    let reply = Arc::new(Mutex::new(reply));
    let address = listener.local_addr().unwrap();
    let is_gone = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for stream in listener.incoming() {
            if is_gone.load(Ordering::SeqCst) {
                return;
            }
            let (reply, is_gone) = (Arc::clone(&reply), Arc::clone(&is_gone));
            thread::spawn(move || {
                if serve_connection(&stream.unwrap(), &*reply) {
                    is_gone.store(true, Ordering::SeqCst);
                    // Wakes the listener.
                    let _ = TcpStream::connect(address);
                }
            });
        }
    });
}

/// Says whether the server is to leave.
fn serve_connection(mut stream: &TcpStream, reply: &Mutex<impl FnMut(&str) -> Reply>) -> bool {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let reply = reply.lock().unwrap()(&request);
        let (status, body) = match reply {
            Reply::Answer(status, body) => (status, body),
            Reply::Silence => {
                let _ = reader.read(&mut [0]);
                return false;
            }
            Reply::Hangup => return false,
            Reply::Leave => return true,
        };
        let head = "content-type: application/json\r\ncontent-length:";
        let text = format!("HTTP/1.1 {status} X\r\n{head} {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).is_err() {
            return false;
        }
    }
    false
}

/// The method and path of the next request, read together with its body.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if first.is_empty() {
            line.trim_end_matches(" HTTP/1.1\r\n")
                .clone_into(&mut first);
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    Some(first)
}

/// A kubeconfig for a server at this port, with these lines for its user.
pub(crate) fn kubeconfig(port: u16, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\n\
         users: [{{name: u, user: {user}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
    )
}
