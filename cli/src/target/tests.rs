//! The server as a whole, over loopback.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use shared::delay::Delay;

use super::{Server, TargetOptions};

/// Starts a server that lives as long as the test's process.
fn start(set: impl FnOnce(&mut TargetOptions)) -> SocketAddr {
    let mut options = TargetOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        latency: Delay::ZERO,
        stall: None,
        errors: super::ErrorShare::default(),
        body: None,
        seed: 1,
        tcp_echo: None,
        grpc_echo: None,
        udp_echo: None,
        threads: None,
    };
    set(&mut options);
    let server = Server::start(&options).unwrap();
    let address = server.address;
    thread::spawn(move || server.accept());
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    // A server that does not answer must fail the test and not hang it.
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends bytes on a new connection and reads until the server closes it.
fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Sends one keep-alive request and reads its answer, which ends with `ok`; how long that took.
fn time_one(stream: &mut TcpStream, path: &str) -> Duration {
    let begin = Instant::now();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.ends_with(b"\r\n\r\nok") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the server closed a keep-alive connection");
        answer.extend_from_slice(&buffer[..count]);
    }
    begin.elapsed()
}

/// Delays of 500 requests over 20 keep-alive connections, sorted.
fn delays_of_500(address: SocketAddr) -> Vec<Duration> {
    let clients: Vec<_> = (0..20)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = connect(address);
                (0..25).map(|_| time_one(&mut stream, "/")).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut delays: Vec<Duration> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    delays.sort();
    delays
}

#[test]
fn no_answer_is_early_and_few_are_late() {
    const LATENCY: Duration = Duration::from_millis(5);
    const LATE_P99_MAX: Duration = Duration::from_millis(5);
    let address = start(|options| options.latency = Delay::Fixed(LATENCY));
    // Other programs may spoil one round or two (what the clients see includes their own wake-ups), but a
    // server that is late by itself spoils all.
    let is_punctual = (0..5).any(|_| {
        let delays = delays_of_500(address);
        assert_eq!(delays.len(), 500);
        assert!(delays[0] >= LATENCY, "an answer came after {:?}", delays[0]);
        let late_p99 = delays[494] - LATENCY;
        println!("p99 lateness as the clients see it: {late_p99:?}");
        late_p99 < LATE_P99_MAX
    });
    assert!(is_punctual, "late by more than {LATE_P99_MAX:?} at p99 in every round");
}

#[test]
fn health_is_not_delayed() {
    let address = start(|options| options.latency = "1h".parse().unwrap());
    assert!(time_one(&mut connect(address), "/health") < Duration::from_secs(5));
}

#[test]
fn the_count_is_of_all_other_requests_whichever_loop_took_them() {
    let address = start(|_| {});
    for _ in 0..7 {
        time_one(&mut connect(address), "/");
    }
    let answer = exchange(address, b"GET /count HTTP/1.1\r\nconnection: close\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 20"), "{head}");
    assert_eq!(body.trim().parse(), Ok(7));
}

#[test]
fn a_freeze_stops_health_as_well() {
    // Frozen for all but 50 ms of each half second; asking without pause for two periods meets a freeze.
    let address = start(|options| options.stall = Some("every=500ms,for=450ms".parse().unwrap()));
    let mut stream = connect(address);
    let begin = Instant::now();
    let mut slowest = Duration::ZERO;
    while begin.elapsed() < Duration::from_millis(1_100) {
        slowest = slowest.max(time_one(&mut stream, "/health"));
    }
    assert!(slowest > Duration::from_millis(400), "the slowest of them took {slowest:?}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let address = start(|options| options.latency = "30ms".parse().unwrap());
    let answer = exchange(
        address,
        b"GET /slow HTTP/1.1\r\n\r\nHEAD /health HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\nconnection: close\r\n\r\n",
    );
    let heads: Vec<&str> = answer.split("HTTP/1.1 200 OK\r\n").skip(1).collect();
    assert_eq!(heads.len(), 3);
    assert!(heads[0].ends_with("\r\n\r\nok"));
    assert!(heads[1].ends_with("content-length: 2\r\n\r\n"));
    assert!(heads[2].contains("connection: close"));
}

#[test]
fn a_deep_pipeline_is_answered_whole() {
    let address = start(|_| {});
    let mut requests = b"GET / HTTP/1.1\r\n\r\n".repeat(9_999);
    requests.extend_from_slice(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n");
    let mut stream = connect(address);
    let mut reading = stream.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut answers = String::new();
        reading.read_to_string(&mut answers).unwrap();
        answers
    });
    stream.write_all(&requests).unwrap();
    assert_eq!(reader.join().unwrap().matches("HTTP/1.1 200 OK").count(), 10_000);
}

#[test]
fn a_client_that_ends_its_side_still_gets_its_answer() {
    let address = start(|options| options.latency = "30ms".parse().unwrap());
    let mut stream = connect(address);
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\nok"));
}

#[test]
fn malformed_requests_are_refused_and_the_connection_closed() {
    let address = start(|options| options.latency = "1h".parse().unwrap());
    // What follows the malformed request is still on its way when the connection is closed.
    let garbage = b"nonsense\x00\r\n\r\n".repeat(5_000);
    assert!(exchange(address, &garbage).starts_with("HTTP/1.1 400 Bad Request\r\n"));
    assert!(exchange(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").starts_with("HTTP/1.1 505 "));
    let endless = [&b"GET / HTTP/1.1\r\nx: "[..], &vec![b'x'; 20_000]].concat();
    assert!(exchange(address, &endless).starts_with("HTTP/1.1 431 "));
    let huge = b"POST / HTTP/1.1\r\ncontent-length: 67108865\r\n\r\n";
    assert!(exchange(address, huge).starts_with("HTTP/1.1 413 "));
}

#[test]
fn a_client_that_waits_is_told_to_send_its_body() {
    let mut stream = connect(start(|_| {}));
    stream.write_all(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n").unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abcGET / HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2);
}

#[test]
fn large_bodies_arrive_whole() {
    let address = start(|options| options.body = Some("8MiB".parse().unwrap()));
    let answer = exchange(address, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 8388608"));
    assert_eq!(body.len(), 8 * 1024 * 1024);
}

#[test]
fn clients_that_read_nothing_or_send_half_hurt_nobody() {
    let address = start(|options| options.body = Some("16MiB".parse().unwrap()));
    let mut hostile: Vec<TcpStream> = (0..20).map(|_| connect(address)).collect();
    for (index, stream) in hostile.iter_mut().enumerate() {
        let request: &[u8] = if index % 2 == 0 { b"GET / HTTP/1.1\r\n\r\n" } else { b"GET / HT" };
        stream.write_all(request).unwrap();
    }
    assert!(time_one(&mut connect(address), "/health") < Duration::from_secs(5));
}

#[test]
fn an_address_in_use_is_named() {
    let address = start(|_| {});
    let mut options = TargetOptions {
        listen: address.to_string().parse().unwrap(),
        latency: Delay::ZERO,
        stall: None,
        errors: super::ErrorShare::default(),
        body: None,
        seed: 1,
        tcp_echo: None,
        grpc_echo: None,
        udp_echo: None,
        threads: None,
    };
    let message = |options: &TargetOptions| format!("{:#}", Server::start(options).err().unwrap());
    let in_use = message(&options);
    assert!(in_use.contains(&address.to_string()) && in_use.contains("choose another port"), "{in_use}");
    options.listen = "192.0.2.1:0".parse().unwrap();
    assert!(message(&options).contains("failed to listen on 192.0.2.1:0"));
}
