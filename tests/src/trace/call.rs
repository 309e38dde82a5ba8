//! System calls out of strace's lines.
//!
//! ```text
//! 7007  fsync(15<\x2f\x74>) = 0
//! 7005  recvfrom(16<\x73>,  <unfinished ...>
//! 7006  writev(16<\x73>, [{iov_base="\x00\x00", iov_len=2}], 1) = 2
//! 7005  <... recvfrom resumed>"\x50\x52", 24, 0, NULL, NULL) = 2
//! ```

use std::collections::HashMap;

use super::Moment;

/// A call that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// What its descriptor is: a path, or `socket:[…]`.
    pub file: String,
    /// What it read or wrote, as far as it did; nothing if it only looked at what is there to be read.
    pub bytes: Vec<u8>,
    /// When it began.
    pub began: Moment,
    /// When it ended.
    pub ended: Moment,
    /// What it returned; -1: it failed.
    pub returned: i64,
}

/// Reads a trace. Calls stand in the order in which they ended; those that never ended are left out.
///
/// # Panics
/// When strace has cut a string: then it was started with too small a bound.
pub fn calls(trace: &str) -> Vec<Call> {
    let mut found = Vec::new();
    let mut begun: HashMap<&str, (Moment, String)> = HashMap::new();
    for (moment, line) in trace.lines().enumerate() {
        assert!(!line.contains("\"..."), "strace has cut a string: {}", &line[..line.len().min(80)]);
        let Some((thread, text)) = line.split_once(char::is_whitespace) else { continue };
        let text = text.trim_start();
        if let Some(beginning) = text.strip_suffix("<unfinished ...>") {
            begun.insert(thread, (moment, beginning.to_owned()));
        } else if let Some(resumed) = text.strip_prefix("<... ") {
            let rest = resumed.split_once(" resumed>").map(|(_, rest)| rest);
            if let (Some((began, beginning)), Some(rest)) = (begun.remove(thread), rest) {
                found.extend(call(&(beginning + rest), began, moment));
            }
        } else {
            found.extend(call(text, moment, moment));
        }
    }
    found
}

fn call(text: &str, began: Moment, ended: Moment) -> Option<Call> {
    let (arguments, outcome) = text.rsplit_once(" = ")?;
    let (name, arguments) = arguments.split_once('(')?;
    let returned: i64 = outcome.split_whitespace().next()?.parse().ok()?;
    let (_, described) = arguments.split_once('<')?;
    let (file, arguments) = described.split_once('>')?;
    let mut bytes: Vec<u8> = arguments.split('"').skip(1).step_by(2).flat_map(unescaped).collect();
    let passed = if arguments.contains("MSG_PEEK") { 0 } else { usize::try_from(returned).unwrap_or(0) };
    bytes.truncate(passed);
    let file = String::from_utf8_lossy(&unescaped(file)).into_owned();
    Some(Call { name: name.to_owned(), file, bytes, began, ended, returned })
}

/// `\x2f\x74` as bytes; what is not escaped stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(digits);
        bytes.extend(part.bytes().skip(2));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_whole_or_in_two_parts() {
        let trace = r#"7007  fsync(15<\x2f\x74>) = 0
7005  recvfrom(16<\x73\x6f>,  <unfinished ...>
7006  writev(17<\x73>, [{iov_base="\x00\x01", iov_len=2}, {iov_base="\x02\x03", iov_len=2}], 2) = 3
7005  <... recvfrom resumed>"\x50\x52", 24, 0, NULL, NULL) = 2
7005  recvfrom(16<\x73\x6f>, 0x7f, 24, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)
7005  recvfrom(16<\x73\x6f>, "\x50", 1, MSG_PEEK, NULL, NULL) = 1
7009  +++ exited with 0 +++
"#;
        let call = |name: &str, file: &str, bytes: &[u8], began, ended, returned| Call {
            name: name.to_owned(),
            file: file.to_owned(),
            bytes: bytes.to_vec(),
            began,
            ended,
            returned,
        };
        let expected = [
            call("fsync", "/t", &[], 0, 0, 0),
            call("writev", "s", &[0, 1, 2], 2, 2, 3),
            call("recvfrom", "so", b"PR", 1, 3, 2),
            call("recvfrom", "so", &[], 4, 4, -1),
            call("recvfrom", "so", &[], 5, 5, 1),
        ];
        assert_eq!(calls(trace), expected);
    }
}
