//! Heads as a server packs them that others wrote: with tables and with Huffman codes.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Builder;

use super::*;

/// Names and values of a head.
type Headers = Vec<(String, String)>;

/// More than what both sides say in a test.
const PIPE_BYTES: usize = 1024 * 1024;

/// Few names and values, so that they come again, and some that are new.
fn heads() -> impl Strategy<Value = Vec<Headers>> {
    // None that begins with an n speaks of a connection.
    let name = prop_oneof!["x-[abc]", "n[a-z]{0,11}", Just("set-cookie".to_owned()), Just("etag".to_owned())];
    let value = prop_oneof!["[ab]{1,3}", "[!-~]([ -~]{0,80}[!-~])?", "[x]{1000,3000}"];
    proptest::collection::vec(proptest::collection::vec((name, value), 0..6), 1..12)
}

/// Answers each request with the next of the heads.
async fn serve(stream: DuplexStream, heads: Vec<Headers>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let mut heads = heads.into_iter();
    while let Some(Ok((_, mut responder))) = connection.accept().await {
        let mut response = Response::new(());
        for (name, value) in heads.next().unwrap() {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            response.headers_mut().append(name, HeaderValue::from_str(&value).unwrap());
        }
        let mut body = responder.send_response(response, false).unwrap();
        body.send_data(Bytes::from_static(b"ok"), true).unwrap();
    }
}

/// Asks so often on one connection, one after another, and says what was answered.
async fn asked(mut stream: DuplexStream, times: usize) -> Vec<Headers> {
    let mut talk = Talk { connection: Connection::new(2) };
    let (mut rest, mut piece, mut answers) = (Vec::new(), vec![0; 4096], Vec::new());
    for _ in 0..times {
        let exchange = talk.get();
        let mut headers = Headers::new();
        loop {
            talk.connection.pump();
            stream.write_all(talk.connection.unsent()).await.unwrap();
            talk.connection.wrote(talk.connection.unsent().len());
            let read = stream.read(&mut piece).await.unwrap();
            assert_ne!(read, 0, "the server is gone");
            rest.extend_from_slice(&piece[..read]);
            let taken = talk.connection.take_in(&rest).unwrap();
            rest.drain(..taken);
            let mut looking = exchange.borrow_mut();
            let Poll::Ready(news) = looking.poll_news(&mut Context::from_waker(Waker::noop())) else {
                continue;
            };
            if let Some(head) = &news.head {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                head.each(|name, value| headers.push((text(name), text(value))));
            }
            let end = news.end.take();
            looking.looked();
            if let Some(end) = end {
                end.unwrap();
                break;
            }
        }
        answers.push(headers);
    }
    answers
}

/// In the order of names, those of one name as they came: its map keeps no other order.
fn sorted(mut heads: Vec<Headers>) -> Vec<Headers> {
    heads.iter_mut().for_each(|headers| headers.sort_by(|one, other| one.0.cmp(&other.0)));
    heads
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_a_server_of_others_says_is_understood(heads in heads()) {
        let runtime = Builder::new_current_thread().build().unwrap();
        let answers = runtime.block_on(async {
            let (ours, theirs) = duplex(PIPE_BYTES);
            let serving = tokio::spawn(serve(theirs, heads.clone()));
            let answers = asked(ours, heads.len()).await;
            serving.await.unwrap();
            answers
        });
        prop_assert_eq!(sorted(answers), sorted(heads));
    }
}
