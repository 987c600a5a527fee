//! The content of files in Git, all by one process.

use std::io;
use std::path::Path;

use tokio::process::ChildStdin;

use super::running::{Running, write};

/// A `git cat-file` that answers one question after another.
pub(crate) struct Blobs {
    running: Running,
    stdin: ChildStdin,
}

impl Blobs {
    /// Fails if `git` cannot be started.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let mut command = super::command(root);
        command.args(["cat-file", "--batch"]);
        let (running, stdin) = Running::start(command)?;
        Ok(Self { running, stdin })
    }

    /// The content of the object with this name. `None` if the repository does not have it, as in a partial clone.
    pub(crate) async fn read(&mut self, id: &str) -> Option<Vec<u8>> {
        write(&mut self.stdin, format!("{id}\n").as_bytes())
            .await
            .ok()?;
        let head = self.running.until(b'\n').await?;
        let head = String::from_utf8_lossy(&head);
        let (_, size) = head.rsplit_once(' ')?;
        let size: usize = size.parse().ok()?;
        let content = self.running.take(size).await?;
        self.running.until(b'\n').await?;
        Some(content)
    }
}
