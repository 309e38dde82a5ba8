//! Whatever comes, a connection neither panics nor grows, and says the same however its bytes are cut.

use proptest::prelude::*;

use super::*;

/// Most bytes that may be unsent after what any of these servers send at once.
const UNSENT_BYTES_MAX: usize = 160 * 1024;

/// Frames as a server sends them, and as none does.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(OK.to_vec()),
        Just(b"\x88\x40\x01a\x01b".to_vec()),
        Just(b"\x00\x00\x00\x08".to_vec()),
        Just(b"\x00\x03\x00\x00\x00\x01".to_vec()),
        Just(b"\x00\x04\x00\x00\x10\x00".to_vec()),
    ];
    let stream = prop_oneof![0..8_u32, any::<u32>()];
    (0..12_u8, any::<u8>(), stream, payload)
        .prop_map(|(kind, flags, stream, payload)| frame(Kind(kind), flags, stream, &payload))
}

/// Feeds bytes in pieces to a connection with three requests; says how each ended, and how the connection did.
fn fed(bytes: &[u8], pieces: usize) -> (Vec<String>, Option<Breach>) {
    let mut talk = Talk::new();
    let exchanges = [talk.get(), talk.ask(GET, b"body"), talk.ask(GET, &[b'x'; 70_000])];
    let mut rest = Vec::new();
    let mut broken = None;
    for piece in bytes.chunks(pieces) {
        rest.extend_from_slice(piece);
        match talk.connection.take_in(&rest) {
            Ok(taken) => drop(rest.drain(..taken)),
            Err(breach) => {
                talk.connection.condemn(breach);
                broken = Some(breach);
                break;
            }
        }
        talk.connection.pump();
        assert!(talk.connection.unsent().len() < UNSENT_BYTES_MAX);
        assert!(talk.connection.streams.len() + talk.connection.waiting.len() <= exchanges.len());
    }
    let ends = exchanges.iter().map(|exchange| {
        let heard = talk.look(exchange);
        format!("{:?} {:?} {:?}", heard.status, heard.body, heard.end)
    });
    (ends.collect(), broken)
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        fed(&bytes, 4000);
    }

    #[test]
    fn no_frames_are_too_odd(frames in proptest::collection::vec(frames(), 0..60), pieces in 1..200_usize) {
        let bytes = frames.concat();
        prop_assert_eq!(fed(&bytes, pieces), fed(&bytes, usize::MAX));
    }
}
