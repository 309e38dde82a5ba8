//! A plain client of gRPC: tonic as its users have it, a channel to each worker, and a call after the other.

use std::io;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, LocalSet};
use tonic::Request;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// Workers, each with a connection of its own.
pub const WORKERS: u32 = 8;
/// What is called.
pub const SOURCE: &str = include_str!("../../examples/grpc/echo.proto");
/// The text of every message.
pub const TEXT: &str = "a message as calls have them";
/// The number of every message.
pub const NUMBER: i64 = 42;
const SAY: &str = "/fleetmark.echo.Echo/Say";

/// A message of `examples/grpc/echo.proto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Note {
    /// Its text.
    #[prost(string, tag = "1")]
    pub text: String,
    /// Its number.
    #[prost(int64, tag = "2")]
    pub number: i64,
}

/// Makes so many calls on one thread, and gives the median of their latency.
///
/// # Errors
/// When a call fails.
pub fn run(url: &str, calls: u64) -> io::Result<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let working = async {
        let mut workers = JoinSet::new();
        for worker in 0..u64::from(WORKERS) {
            let share = calls / u64::from(WORKERS) + u64::from(worker < calls % u64::from(WORKERS));
            let url = url.to_owned();
            workers.spawn_local(async move { work(&url, share).await.map_err(io::Error::other) });
        }
        let mut took = Vec::new();
        while let Some(worker) = workers.join_next().await {
            took.extend(worker.map_err(io::Error::other)??);
        }
        Ok::<_, io::Error>(took)
    };
    let mut took = LocalSet::new().block_on(&runtime, working)?;
    took.sort_unstable();
    Ok(took.get(took.len() / 2).copied().unwrap_or_default())
}

async fn work(url: &str, calls: u64) -> Result<Vec<Duration>, Box<dyn std::error::Error + Send + Sync>> {
    let channel: Channel = Endpoint::from_shared(url.to_owned())?.tcp_nodelay(true).connect().await?;
    let mut client = Grpc::new(channel);
    let mut took = Vec::new();
    for _ in 0..calls {
        let begun = Instant::now();
        client.ready().await?;
        let note = Request::new(Note { text: TEXT.to_owned(), number: NUMBER });
        let codec = ProstCodec::<Note, Note>::default();
        client.unary(note, PathAndQuery::from_static(SAY), codec).await?;
        took.push(begun.elapsed());
    }
    Ok(took)
}
