//! Which word of a command decides which server of a cluster it goes to: its first key, as far as commands tell it by their place.

/// Commands that run a script or function: behind its name stands how many keys follow.
const SCRIPTS: &[&[u8]] = &[b"EVAL", b"EVAL_RO", b"EVALSHA", b"EVALSHA_RO", b"FCALL", b"FCALL_RO"];
/// Commands whose first argument says what is done, and whose second is the key.
const CONTAINERS: &[&[u8]] = &[b"OBJECT", b"MEMORY", b"XINFO", b"XGROUP"];

/// The key of a command on the wire: its first argument, unless it is known to stand elsewhere. `None`: it has none, so that any
/// server will do.
pub(super) fn key(command: &[u8]) -> Option<&[u8]> {
    let mut words = words(command)?;
    let name = words.next()?;
    let is_among = |names: &[&[u8]]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is_among(SCRIPTS) {
        let keys: u64 = str::from_utf8(words.nth(1)?).ok()?.parse().ok()?;
        return words.next().filter(|_| keys > 0);
    }
    words.nth(usize::from(is_among(CONTAINERS)))
}

/// The words of a command, each behind its length.
fn words(command: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let (_count, mut rest) = split_line(command)?;
    Some(std::iter::from_fn(move || {
        let (word, behind) = split_word(rest)?;
        rest = behind;
        Some(word)
    }))
}

fn split_word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = split_line(bytes)?;
    let length: usize = str::from_utf8(length.strip_prefix(b"$")?).ok()?.parse().ok()?;
    let (word, rest) = rest.split_at_checked(length)?;
    Some((word, rest.strip_prefix(b"\r\n")?))
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes[..end].strip_suffix(b"\r")?, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::super::command::Command;
    use super::*;

    #[test]
    fn the_key_stands_where_the_command_has_it() {
        for (words, expected) in [
            ("SET a 1", Some("a")),
            ("PING", None),
            ("EVAL script 2 a b", Some("a")),
            ("evalsha digest 1 a", Some("a")),
            ("FCALL function 0 argument", None),
            ("EVAL script many a", None),
            ("EVAL script", None),
            ("OBJECT ENCODING a", Some("a")),
            ("memory usage a", Some("a")),
            ("MEMORY STATS", None),
            ("XINFO STREAM a", Some("a")),
            ("XGROUP CREATE a group $", Some("a")),
        ] {
            let split: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
            assert_eq!(key(&Command::of_words(&split)), expected.map(str::as_bytes), "{words}");
        }
    }
}
