//! The workload driven directly, against a side that keeps to the protocol and one that does not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use serde_json::{Map, Value, json};
use shared::ids::Name;
use shared::interval::ErrorKind;
use shared::job::OperationSpec;

use super::*;
use crate::policy::Policy;

/// The other side, as short as can be; it ends with the process.
fn other_side() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut message = [0; 8];
                if stream.read_exact(&mut message).is_err() {
                    return;
                }
                let length = usize::try_from(u64::from_le_bytes(message)).unwrap();
                let mut bytes = vec![0; length.max(1 << 16)];
                if length == 0 {
                    while stream.read(&mut bytes).is_ok_and(|read| read > 0) {}
                } else {
                    while stream.read_exact(&mut bytes[..length]).is_ok() {
                        stream.write_all(&bytes[..length]).unwrap();
                    }
                }
            });
        }
    });
    address
}

fn network(address: &str, operations: Value) -> Result<Network, String> {
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    assignment.settings = Map::from_iter([("address".to_owned(), json!(address))]);
    let spec = |(place, settings): (usize, &Value)| OperationSpec {
        name: Name::new(format!("k{place}")).unwrap(),
        weight: 1.0,
        settings: settings.as_object().cloned().unwrap(),
    };
    assignment.operations = operations.as_array().unwrap().iter().enumerate().map(spec).collect();
    let warden = Warden::new(Arc::new(Policy::unrestricted()));
    Network::under(&warden, &assignment).map_err(|error| error.to_string())
}

async fn outcome(worker: &mut NetworkWorker, operation: u16) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.clear(0, true);
    worker.run(OperationIndex(operation), &mut outcome).await;
    outcome
}

#[tokio::test]
async fn bytes_messages_and_connections_are_counted() {
    let operations = json!([
        { "kernel": "stream/1" },
        { "kernel": "round-trip/1", "size": "64KiB" },
        { "kernel": "round-trip/1" },
        { "kernel": "connect/1" },
    ]);
    let network = network(&other_side().to_string(), operations).unwrap();
    let mut worker = network.worker(&(), Seat { worker: 0, seed: 1 });
    worker.ready().await;
    let mut told = Vec::new();
    for operation in 0..4 {
        let outcome = outcome(&mut worker, operation).await;
        assert_eq!(outcome.sample, None, "{operation}");
        told.push((outcome.bytes_sent, outcome.bytes_received, outcome.connects));
    }
    assert_eq!(told, [(1 << 20, 0, 0), (65_536, 65_536, 0), (1, 1, 0), (0, 0, 1)]);
}

#[tokio::test]
async fn a_side_that_is_not_there_or_goes_away_is_an_error() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let round_trip = json!([{ "kernel": "round-trip/1" }]);
    let mut worker =
        network(&closed.to_string(), round_trip.clone()).unwrap().worker(&(), Seat { worker: 0, seed: 1 });
    assert_eq!(outcome(&mut worker, 0).await.error, Some(ErrorKind::Connect));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let rude = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let mut worker = network(&rude.to_string(), round_trip).unwrap().worker(&(), Seat { worker: 0, seed: 1 });
    assert_eq!(outcome(&mut worker, 0).await.error, Some(ErrorKind::Closed));
}

#[test]
fn an_answer_that_trickles_ends_with_the_operation() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Never silent for as long as an operation may take.
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let warden = Warden::new(Arc::new(Policy::unrestricted()));
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(200);
    let mut link = Link::open(&address, Exchange::RoundTrip(1 << 12), deadline, &warden).unwrap();
    assert_eq!(link.exchange(deadline).unwrap_err().kind(), ErrorKind::Timeout);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "all 4096 bytes take 40 s: {took:?}");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    for (address, operation, words) in [
        (
            "nowhere",
            json!({ "kernel": "stream/1" }),
            "write host:port, as in \"{{peer.host}}:{{target.port}}\"",
        ),
        ("a:1", json!({ "kernel": "stream/2" }), "no kernel \"stream/2\""),
        ("a:1", json!({ "kernel": "stream/1", "size": 5 }), "`size` is for round-trip/1 alone"),
        ("a:1", json!({ "kernel": "round-trip/1", "size": "1GiB" }), "must be from 1 to 1048576"),
    ] {
        let error = network(address, json!([operation])).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
