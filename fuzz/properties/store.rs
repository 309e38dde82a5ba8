//! What must hold of any bytes that lie where the store keeps things, or that say they are an export.

use coordinator::store::envelope;
use coordinator::store::ledger::line::{self, Line};
use coordinator::store::memory::MemoryStore;
use coordinator::store::transfer;

/// No run takes fewer bytes of an export.
const PART_BYTES_MIN: usize = 9;

/// Panics unless the bytes are refused, or are what they say they are and read the same when they are written anew.
pub fn holds(bytes: &[u8]) {
    let (key, value) = bytes.split_at(bytes.len().min(16));
    if let Ok(payload) = envelope::open(key, value) {
        assert!(payload.len() <= envelope::PAYLOAD_BYTES_MAX);
        assert_eq!(envelope::open(key, &envelope::seal(key, &payload)), Ok(payload));
    }
    for written in bytes.split(|byte| *byte == b'\n') {
        let _a_guess_is_all = line::guess_run(written);
        let again = match line::read(written) {
            Ok(Line::Run(run, event)) => line::write(run, &event),
            Ok(Line::Baseline(name, event)) => line::write_baseline(&name, &event),
            Err(_) => continue,
        };
        assert_eq!(again.trim_end().as_bytes(), written, "lines are written in one way");
    }
    // A store of its own: what does not come whole leaves nothing behind.
    let mut arrived = MemoryStore::new();
    match transfer::import(&mut arrived, &mut &bytes[..]) {
        Ok(imported) => assert!(imported.runs.len() * PART_BYTES_MIN <= bytes.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
