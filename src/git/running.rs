//! A running `git` whose output is read as it arrives. It is killed when it is dropped.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::process::{Command, Stdio};

use tokio::io::{AsyncRead as _, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// The number of bytes that are read at a time.
const CHUNK: usize = 64 * 1024;

/// A process and its output.
pub(super) struct Running {
    child: Child,
    stdout: ChildStdout,
    /// The bytes that have been read; those before `at` have been returned.
    buffer: Vec<u8>,
    at: usize,
}

impl Running {
    /// Starts it. Returns its standard input, too.
    pub(super) fn start(command: Command) -> io::Result<(Self, ChildStdin)> {
        let mut child = tokio::process::Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (stdin, stdout) = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .ok_or(io::ErrorKind::BrokenPipe)?;
        let running = Self {
            child,
            stdout,
            buffer: Vec::new(),
            at: 0,
        };
        Ok((running, stdin))
    }

    /// The bytes before the next byte of this value, which is consumed too. `None` at the end of the output.
    pub(super) async fn until(&mut self, end: u8) -> Option<Vec<u8>> {
        let mut searched = self.at;
        loop {
            if let Some(found) = memchr::memchr(end, &self.buffer[searched..]) {
                let taken = self.buffer[self.at..searched + found].to_vec();
                self.at = searched + found + 1;
                return Some(taken);
            }
            searched = self.buffer.len();
            let before = self.at;
            self.fill().await?;
            searched -= before - self.at;
        }
    }

    /// The next bytes. `None` if there are fewer.
    pub(super) async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() - self.at < count {
            self.fill().await?;
        }
        let taken = self.buffer[self.at..self.at + count].to_vec();
        self.at += count;
        Some(taken)
    }

    /// Whether it ends without an error. Its output must have been read.
    pub(super) async fn ended_well(mut self) -> bool {
        self.child.wait().await.is_ok_and(|status| status.success())
    }

    /// Reads more. `None` at the end of the output.
    async fn fill(&mut self) -> Option<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + CHUNK, 0);
        let stdout = &mut self.stdout;
        let room = &mut self.buffer[length..];
        let read = poll_fn(|context| {
            let mut room = ReadBuf::new(room);
            let reading = Pin::new(&mut *stdout).poll_read(context, &mut room);
            reading.map_ok(|()| room.filled().len())
        });
        let read = read.await.unwrap_or(0);
        self.buffer.truncate(length + read);
        (read > 0).then_some(())
    }
}

/// Writes all of these bytes.
pub(super) async fn write(stdin: &mut ChildStdin, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|context| Pin::new(&mut *stdin).poll_write(context, bytes)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    poll_fn(|context| Pin::new(&mut *stdin).poll_flush(context)).await
}
