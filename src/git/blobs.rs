//! The content of files in Git, all by one process.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;

use tokio::process::ChildStdin;

use super::running::{Running, write};

/// A `git cat-file` that answers one question after another.
pub(crate) struct Blobs {
    running: Running,
    stdin: ChildStdin,
    /// The names of the objects that it has been asked for and whose answers have not been read.
    asked: VecDeque<String>,
    /// The answers that have been read and not been returned.
    answered: HashMap<String, Option<Vec<u8>>>,
}

impl Blobs {
    /// The most objects to ask for ahead: their names fit into the smallest pipe.
    pub(crate) const MOST_AHEAD: usize = 32;

    /// Fails if `git` cannot be started.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let mut command = super::command(root);
        command.args(["cat-file", "--batch"]);
        let (running, stdin) = Running::start(command)?;
        Ok(Self {
            running,
            stdin,
            asked: VecDeque::new(),
            answered: HashMap::new(),
        })
    }

    /// Asks for up to `MOST_AHEAD` objects that are probably read next, so that `git` need not be waited for at each.
    /// What was asked for before is forgotten.
    pub(crate) async fn ask_ahead(&mut self, ids: impl Iterator<Item = &str>) {
        while !self.asked.is_empty() && self.answer().await.is_some() {}
        self.answered.clear();
        self.ask(ids.map(str::to_owned).collect()).await;
    }

    /// The content of the object with this name. `None` if the repository does not have it, as in a partial clone.
    pub(crate) async fn read(&mut self, id: &str) -> Option<Vec<u8>> {
        if let Some(content) = self.answered.remove(id) {
            return content;
        }
        if !self.asked.iter().any(|asked| asked == id) {
            self.ask(vec![id.to_owned()]).await;
        }
        loop {
            let (asked, content) = self.answer().await?;
            if asked == id {
                return content;
            }
            self.answered.insert(asked, content);
        }
    }

    async fn ask(&mut self, ids: Vec<String>) {
        let names: String = ids.iter().flat_map(|id| [id.as_str(), "\n"]).collect();
        // Where it has ended, there is no answer.
        let _ = write(&mut self.stdin, names.as_bytes()).await;
        self.asked.extend(ids);
    }

    /// The next answer, and what it is about. `None` if it has ended.
    async fn answer(&mut self) -> Option<(String, Option<Vec<u8>>)> {
        let head = self.running.until(b'\n').await?;
        let id = self.asked.pop_front()?;
        let head = String::from_utf8_lossy(&head);
        // `NAME blob SIZE`, or `NAME missing`.
        let size = head.rsplit(' ').next().and_then(|size| size.parse().ok());
        let Some(size) = size else {
            return Some((id, None));
        };
        let content = self.running.take(size).await?;
        self.running.until(b'\n').await?;
        Some((id, Some(content)))
    }
}
