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
    /// The process whose output it reads, if it is not this program that it answers.
    source: Option<Child>,
    stdout: ChildStdout,
    /// The bytes that have been read; those before `at` have been returned.
    buffer: Vec<u8>,
    at: usize,
}

impl Running {
    /// Starts it. Returns its standard input, too.
    pub(super) fn start(command: Command) -> io::Result<(Self, ChildStdin)> {
        let mut running = Self::of(spawned(command, Stdio::piped())?, None)?;
        let stdin = running.child.stdin.take();
        Ok((running, stdin.ok_or(io::ErrorKind::BrokenPipe)?))
    }

    /// Starts two, of which the second reads the output of the first.
    pub(super) fn piped(first: Command, second: Command) -> io::Result<Self> {
        let mut source = spawned(first, Stdio::null())?;
        let between = source.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let child = spawned(second, between.try_into()?)?;
        Self::of(child, Some(source))
    }

    fn of(mut child: Child, source: Option<Child>) -> io::Result<Self> {
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            child,
            source,
            stdout,
            buffer: Vec::new(),
            at: 0,
        })
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
        let is_well = async |child: &mut Child| child.wait().await.is_ok_and(|it| it.success());
        let is_source_well = match &mut self.source {
            Some(source) => is_well(source).await,
            None => true,
        };
        is_source_well && is_well(&mut self.child).await
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

fn spawned(command: Command, stdin: Stdio) -> io::Result<Child> {
    tokio::process::Command::from(command)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
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
