//! Those who look at a run's page as browsers do: an event stream each, and the moving part of the page with each event.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long one waits who found no run yet, or whose stream ended.
const BACK_AFTER: Duration = Duration::from_millis(200);

/// Watchers at work; they are gone when this is dropped.
#[derive(Debug, Default)]
pub struct Watchers {
    tasks: JoinSet<()>,
    seen: Arc<(AtomicU64, AtomicU64)>,
}

/// What watchers saw together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Events.
    pub events: u64,
    /// Moving parts of pages.
    pub pages: u64,
}

impl Watchers {
    /// So many open the page of whichever run comes, at the coordinator over a store.
    ///
    /// # Errors
    /// When that coordinator serves no pages.
    pub fn gather(store: &Path, count: u32) -> io::Result<Self> {
        let mut watchers = Self::default();
        if count == 0 {
            return Ok(watchers);
        }
        let url = std::fs::read_to_string(store.join("coordinator.http"))?;
        let address = url.trim().rsplit('/').next().unwrap_or_default().to_owned();
        for _ in 0..count {
            let (address, seen) = (address.clone(), Arc::clone(&watchers.seen));
            watchers.tasks.spawn(async move {
                loop {
                    // It comes back, as a browser does, whatever broke.
                    let _either_way_it_comes_back = watch(&address, &seen).await;
                    sleep(BACK_AFTER).await;
                }
            });
        }
        Ok(watchers)
    }

    /// Lets them go, and says what they saw.
    pub fn disperse(mut self) -> Seen {
        self.tasks.abort_all();
        Seen { events: self.seen.0.load(Ordering::Relaxed), pages: self.seen.1.load(Ordering::Relaxed) }
    }
}

/// Watches until the stream ends.
async fn watch(address: &str, seen: &(AtomicU64, AtomicU64)) -> io::Result<()> {
    let mut stream = BufReader::new(ask(address, "/api/v1/runs/latest/events").await?);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        if line.starts_with("data: ") {
            seen.0.fetch_add(1, Ordering::Relaxed);
            let mut page = Vec::new();
            ask(address, "/runs/latest/live").await?.read_to_end(&mut page).await?;
            if page.starts_with(b"HTTP/1.1 200") {
                seen.1.fetch_add(1, Ordering::Relaxed);
            }
        }
        line.clear();
    }
    Ok(())
}

async fn ask(address: &str, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}
