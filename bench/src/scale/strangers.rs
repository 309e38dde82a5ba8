//! Strangers who connect and never say who they are: they come back whenever they are turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What a greeting of TLS begins with; the rest never comes.
const GREETING: &[u8] =
    &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
/// Time between two bytes of a slow greeting.
const BYTE_EVERY: Duration = Duration::from_millis(500);
/// How long one who was turned away waits before it comes back: so that a crowd of them is a nuisance and no flood.
const BACK_AFTER: Duration = Duration::from_secs(1);

/// Strangers at work; they are gone when this is dropped.
#[derive(Debug)]
pub struct Strangers {
    tasks: JoinSet<()>,
    visits: Arc<(AtomicU64, AtomicU64)>,
}

/// How often strangers came, and how often they were turned away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visits {
    /// Connections that were accepted.
    pub connected: u64,
    /// Of these, those that the coordinator closed.
    pub turned_away: u64,
}

impl Strangers {
    /// So many set out, silent ones and slow ones.
    pub fn gather(url: &str, silent: u32, slow: u32) -> Self {
        let address = url.rsplit('/').next().unwrap_or_default().to_owned();
        let visits = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for number in 0..silent + slow {
            let (address, visits) = (address.clone(), Arc::clone(&visits));
            tasks.spawn(async move {
                loop {
                    if let Ok(connection) = TcpStream::connect(&address).await {
                        visits.0.fetch_add(1, Ordering::Relaxed);
                        stay(connection, number >= silent).await;
                        visits.1.fetch_add(1, Ordering::Relaxed);
                    }
                    sleep(BACK_AFTER).await;
                }
            });
        }
        Self { tasks, visits }
    }

    /// Lets them go, and says how they fared.
    pub fn disperse(mut self) -> Visits {
        self.tasks.abort_all();
        Visits {
            connected: self.visits.0.load(Ordering::Relaxed),
            turned_away: self.visits.1.load(Ordering::Relaxed),
        }
    }
}

/// Stays until it is turned away.
async fn stay(mut connection: TcpStream, is_slow: bool) {
    if is_slow {
        for byte in GREETING {
            if connection.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(BYTE_EVERY).await;
        }
    }
    let _either_way_it_is_over = connection.read(&mut [0; 64]).await;
}
