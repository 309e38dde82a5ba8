//! What must hold of whatever a program writes where lines of the protocol are awaited: for a fuzzer, and for tests.

use super::conversation::Conversation;
use super::protocol::read;

/// Panics unless every line is refused with words, or taken in by a conversation that asked for nothing.
pub fn holds(bytes: &[u8]) {
    let conversation = Conversation::new(vec!["read".to_owned()]);
    for line in bytes.split(|byte| *byte == b'\n') {
        let heard = read(line).and_then(|heard| conversation.hear(heard, 1_000));
        if let Err(problem) = heard {
            assert!(!problem.is_empty() && problem.len() < 16 * 1024, "{problem}");
        }
    }
    assert!(conversation.take_due().is_none(), "nothing was asked for");
}

#[cfg(test)]
mod tests {
    use crate::workload::driver;

    #[test]
    fn no_line_of_a_program_is_too_odd() {
        driver::try_all("process", super::holds);
    }
}
