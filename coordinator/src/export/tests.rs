//! What is written is what was counted, and what becomes of it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use serde_json::{Map, Value, json};
use shared::ids::RunId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::otlp::{Data, ExportRequest, Number};
use super::remote_write::WriteRequest;
use super::*;
use crate::live::counted::{BOUNDS_NS, CountedOperation, CountedRun};
use crate::live::told::{Names, ToldRun};
use crate::secrets::SecretStore;

fn sampled() -> Sampled {
    let mut buckets = [0; BOUNDS_NS.len() + 1];
    (buckets[4], buckets[16]) = (7, 1);
    let errors = BTreeMap::from([("timeout", 2)]);
    let counts = CountedOperation { buckets, latency_ns: 20_000_000_000, errors };
    let counted = CountedRun { operations: BTreeMap::from([(0, counts)]) };
    let names = Arc::new(Names { job: "status".to_owned(), operations: vec!["read".to_owned()] });
    Sampled { began_ms: 5, at_ms: 1_000, runs: vec![ToldRun { run: RunId::new(1, [0; 10]), names, counted }] }
}

fn table(value: Value) -> Map<String, Value> {
    let Value::Object(table) = value else { panic!("it is a table") };
    table
}

fn to(url: &str) -> Destination {
    let table = table(
        json!({ "prometheus": { "url": url, "headers": { "authorization": "Bearer token-of-ours" } } }),
    );
    settings::read(&table, std::path::Path::new(""), &SecretStore::default()).unwrap().remove(0)
}

#[test]
fn remote_write_has_every_series_with_its_labels_in_order() {
    let bytes = snap::raw::Decoder::new().decompress_vec(&remote_write::encode(&sampled())).unwrap();
    let request = WriteRequest::decode(bytes.as_slice()).unwrap();
    let told: Vec<(String, f64, i64)> = request
        .timeseries
        .iter()
        .map(|series| {
            assert!(series.labels.is_sorted_by_key(|label| label.name.as_str()), "{series:?}");
            let labels = series.labels.iter().filter(|label| label.name != "run");
            let labels: Vec<&str> = labels.map(|label| label.value.as_str()).collect();
            (labels.join(" "), series.samples[0].value, series.samples[0].timestamp)
        })
        .collect();
    assert_eq!(told.len(), 1 + 1 + BOUNDS_NS.len() + 1 + 2);
    for (labels, value) in [
        ("fleetmark_run_operations_total status read", 10.0),
        ("fleetmark_run_errors_total timeout status read", 2.0),
        ("fleetmark_run_latency_seconds_bucket 0.0025 status read", 7.0),
        ("fleetmark_run_latency_seconds_bucket +Inf status read", 8.0),
        ("fleetmark_run_latency_seconds_sum status read", 20.0),
    ] {
        assert!(told.contains(&(labels.to_owned(), value, 1_000)), "{labels} is not in {told:?}");
    }
}

#[test]
fn otlp_has_counters_and_a_histogram_since_counting_began() {
    let request = ExportRequest::decode(otlp::encode(&sampled()).as_slice()).unwrap();
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let names: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["fleetmark.run.operations", "fleetmark.run.errors", "fleetmark.run.latency"]);
    let Some(Data::Sum(operations)) = &metrics[0].data else { panic!("{metrics:?}") };
    let point = &operations.data_points[0];
    assert_eq!((point.value, point.start_time_unix_nano), (Some(Number::Whole(10)), 5_000_000));
    assert!(operations.is_monotonic);
    let Some(Data::Histogram(latency)) = &metrics[2].data else { panic!("{metrics:?}") };
    let point = &latency.data_points[0];
    assert_eq!((point.count, point.sum, point.time_unix_nano), (8, Some(20.0), 1_000_000_000));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
}

#[test]
fn what_cannot_be_meant_is_named_and_no_header_is_shown() {
    let read = |value| {
        let read = settings::read(
            &table(json!({ "otlp": value })),
            std::path::Path::new("/etc"),
            &SecretStore::default(),
        );
        read.map(|read| read[0].clone()).map_err(|error| error.to_string())
    };
    for (value, named) in [
        (json!({ "url": "ftp://x/" }), "export.otlp.url: it begins with neither"),
        (json!({ "url": "http://me:word@x/" }), "give them in headers"),
        (json!({ "url": "http://x/", "headers": { "a b": "x" } }), "export.otlp.headers.a b"),
        (
            json!({ "url": "http://x/", "headers": { "a": "{{secret:none}}" } }),
            "the secret secret:none is not there",
        ),
        (json!({ "url": "http://x/", "headers": { "a": "{{env:HOME}}" } }), "no other name"),
    ] {
        let refused = read(value).unwrap_err();
        assert!(refused.contains(named), "{refused}");
    }
    let read =
        read(json!({ "url": "https://x/v1/metrics?a=1", "headers": { "a": "word" }, "ca_file": "ca.pem" }));
    let read = read.unwrap();
    assert_eq!(
        (read.to_string().as_str(), read.ca_file.clone()),
        ("https://x:443/v1/metrics?a=1", Some("/etc/ca.pem".into()))
    );
    assert!(!format!("{read:?}").contains("word"), "{read:?}");
}

/// Reads one request, whole, and answers it.
async fn answer(stream: &mut TcpStream, status: &str) -> String {
    let mut read = Vec::new();
    let head = loop {
        let mut more = [0; 4_096];
        let count = stream.read(&mut more).await.unwrap();
        assert!(count > 0, "it is no whole request");
        read.extend_from_slice(&more[..count]);
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut left = vec![0; end + 4 + length.parse::<usize>().unwrap() - read.len()];
            stream.read_exact(&mut left).await.unwrap();
            break head;
        }
    };
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    head
}

#[tokio::test]
async fn a_second_that_fails_is_sent_again_and_one_that_is_refused_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let destination = to(&format!("http://{}/api/v1/write", listener.local_addr().unwrap()));
    let tallies = Tallies::of([Protocol::RemoteWrite]);
    let (_, tally) = tallies.iter().next().unwrap();
    let (seconds, received) = broadcast::channel(SECONDS_KEPT);
    let courier = Courier::new(Post::to(destination).unwrap(), received, tally.clone());
    (0..3).for_each(|_| drop(seconds.send(Arc::new(sampled()))));
    drop(seconds);
    let carried = tokio::spawn(courier.run());
    let (mut first, _) = listener.accept().await.unwrap();
    let head = answer(&mut first, "503 Service Unavailable").await;
    assert!(head.starts_with("POST /api/v1/write HTTP/1.1"), "{head}");
    assert!(
        head.contains("authorization: Bearer token-of-ours") && head.contains("content-encoding: snappy"),
        "{head}"
    );
    let (mut second, _) = listener.accept().await.unwrap();
    for status in ["204 No Content", "400 Bad Request", "200 OK"] {
        answer(&mut second, status).await;
    }
    carried.await.unwrap();
    assert_eq!((tally.outcomes(), tally.failures()), ([("sent", 2), ("refused", 1), ("dropped", 0)], 1));
}

#[tokio::test]
async fn whoever_is_away_misses_the_oldest_seconds_which_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let destination = to(&format!("http://{}/", listener.local_addr().unwrap()));
    let tallies = Tallies::of([Protocol::RemoteWrite]);
    let (_, tally) = tallies.iter().next().unwrap();
    let (seconds, received) = broadcast::channel(4);
    (0..10).for_each(|_| drop(seconds.send(Arc::new(sampled()))));
    drop(seconds);
    let carried = tokio::spawn(Courier::new(Post::to(destination).unwrap(), received, tally.clone()).run());
    let (mut stream, _) = listener.accept().await.unwrap();
    for _ in 0..4 {
        answer(&mut stream, "204 No Content").await;
    }
    carried.await.unwrap();
    assert_eq!(tally.outcomes(), [("sent", 4), ("refused", 0), ("dropped", 6)]);
}
