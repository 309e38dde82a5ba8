//! Commands as a person reads them: a line for each, instead of lengths and words.

use crate::values::Secrets;
use crate::workload::readable::{masked, printable};

/// Bytes of a batch that are read: as much as is looked at of anything that was sent.
const READ_BYTES: usize = 64 * 1024;

/// The commands of a batch as it was sent.
pub(super) fn commands(sent: &[u8], secrets: &Secrets) -> String {
    let mut rest = &sent[..sent.len().min(READ_BYTES)];
    let mut shown = Vec::new();
    while let Some(words) = count(&mut rest, b'*') {
        for place in 0..words {
            let Some(length) = count(&mut rest, b'$') else { break };
            // The last one may be cut.
            let (word, after) = rest.split_at(length.min(rest.len()));
            rest = after.strip_prefix(b"\r\n").unwrap_or_default();
            if place > 0 {
                shown.push(b' ');
            }
            shown.extend_from_slice(word);
        }
        shown.push(b'\n');
    }
    printable(masked(&shown, secrets).trim_end())
}

/// The number behind a sign, up to the end of its line.
fn count(rest: &mut &[u8], sign: u8) -> Option<usize> {
    let (first, line) = rest.split_first()?;
    let end = line.windows(2).position(|pair| pair == b"\r\n").filter(|_| *first == sign)?;
    let number = std::str::from_utf8(&line[..end]).ok()?.parse().ok()?;
    *rest = &line[end + 2..];
    Some(number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::secret::mask::Mask;

    use super::*;

    #[test]
    fn a_batch_is_shown_line_by_line_with_secrets_masked() {
        let secrets = Secrets::under(Arc::new(Mask::over([("<key>".to_owned(), "correct horse")])));
        let sent = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$13\r\ncorrect horse\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
        assert_eq!(commands(sent, &secrets), "SET a <key>\nGET a");
    }

    #[test]
    fn a_batch_that_is_cut_is_shown_as_far_as_it_goes() {
        let secrets = Secrets::under(Arc::new(Mask::default()));
        assert_eq!(commands(b"*2\r\n$3\r\nGET\r\n$100\r\nabc", &secrets), "GET abc");
        assert_eq!(commands(b"*2\r\n$x", &secrets), "");
    }
}
