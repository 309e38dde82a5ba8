//! What one turn of a load thread asks goes out in one piece, whoever asks it.

use super::*;

/// Streams that share the connection.
const STREAMS: u32 = 4;
/// How long the header of a frame is.
const FRAME_HEADER_BYTES: usize = 9;

/// The kinds of the frames in what was read.
fn kinds(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [_, high, low, kind, ..] = *bytes {
        kinds.push(kind);
        bytes = &bytes[FRAME_HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]))..];
    }
    kinds
}

/// Answers what comes with 200, as many streams as there are; says what each read brought.
async fn answer_all(listener: TcpListener) -> Vec<Vec<u8>> {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let (mut reads, mut next) = (Vec::new(), 1_u8);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        reads.push(kinds(&buffer[..read]));
        let requests = reads.last().unwrap().iter().filter(|kind| **kind == 1).count();
        let answers = (0..requests).flat_map(|place| [0, 0, 1, 1, 5, 0, 0, 0, next + 2 * place as u8, 0x88]);
        stream.write_all(&answers.collect::<Vec<u8>>()).await.unwrap();
        next += 2 * requests as u8;
    }
    reads
}

#[tokio::test]
async fn what_workers_ask_in_one_turn_arrives_in_one_piece() {
    const ROUNDS: usize = 3;
    LocalSet::new()
        .run_until(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let answering = tokio::task::spawn_local(answer_all(listener));
            let http = http2(address, json!({}), |load| load.streams_per_connection = STREAMS);
            let desk = http.desk();
            let mut joins = Vec::new();
            let mut first = http.worker(&desk, Seat { worker: 0, seed: 0 });
            first.ready().await;
            let others = (1..STREAMS).map(|worker| http.worker(&desk, Seat { worker, seed: 0 }));
            for mut worker in std::iter::once(first).chain(others) {
                joins.push(tokio::task::spawn_local(async move {
                    for _ in 0..ROUNDS {
                        let outcome = run(&mut worker).await;
                        assert_eq!(outcome.error, None, "{}", message(&outcome));
                    }
                }));
            }
            for join in joins {
                join.await.unwrap();
            }
            drop(desk);
            let reads = answering.await.unwrap();
            let requests = reads.iter().filter(|kinds| kinds.contains(&1));
            let together: Vec<usize> =
                requests.map(|kinds| kinds.iter().filter(|kind| **kind == 1).count()).collect();
            assert_eq!(together, [STREAMS as usize; ROUNDS], "{reads:?}");
            assert_eq!(reads.last().unwrap(), &[7], "it says goodbye when nobody needs it");
        })
        .await;
}
