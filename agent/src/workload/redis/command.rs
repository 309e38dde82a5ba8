//! Commands made ready to be sent, in RESP: an array of texts, each behind its length.

use crate::values::worker::put_number;
use crate::values::{RenderError, Rendering, Values};

/// Most words of one command: more than any takes that is sent again and again.
const WORDS_MAX: usize = 100_000;
/// Commands that read one value, whose reply says whether it was there.
const READS_ONE: &[&[u8]] = &[b"GET", b"GETEX", b"GETDEL", b"GETSET", b"HGET"];
/// Commands that read several values, and how many of their words are no keys.
const READS_SEVERAL: &[(&[u8], usize)] = &[(b"MGET", 1), (b"HMGET", 2)];

/// Commands that belong to a transaction, which is the connection's that they come over.
const OF_TRANSACTIONS: &[&str] = &["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"];

/// One command.
#[derive(Debug)]
pub(super) struct Command {
    parts: Vec<Part>,
    values_read: usize,
    /// Its name, if it belongs to a transaction.
    of_transaction: Option<&'static str>,
}

/// A piece of a command on the wire.
#[derive(Debug)]
enum Part {
    /// The same each time, lengths included.
    Static(Vec<u8>),
    /// A word that differs.
    Word(Rendering),
}

/// A text that is no command.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Its name changes.
    #[error("begins with a name that changes from one operation to the next: write the command's name")]
    Name,
    /// It would change what replies mean.
    #[error(
        "is {0}, which changes what a connection answers to everything after it: it cannot be measured here"
    )]
    Mode(String),
    /// Too many words.
    #[error("has more than {WORDS_MAX} words")]
    Words,
}

/// The commands of one operation.
#[derive(Debug)]
pub(super) struct Batch {
    commands: Vec<Command>,
    repeats: usize,
    /// All of it, if it is always the same.
    rendered: Option<Vec<u8>>,
}

impl Command {
    /// A command out of at least one word.
    pub(super) fn new(words: Vec<Rendering>) -> Result<Self, CommandError> {
        if words.len() > WORDS_MAX {
            return Err(CommandError::Words);
        }
        let name = words.first().and_then(Rendering::as_static).ok_or(CommandError::Name)?;
        let name = name.to_ascii_uppercase();
        // Replies would no longer belong to commands one by one.
        const MODES: &[&[u8]] =
            &[b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE", b"MONITOR", b"HELLO", b"CLIENT", b"QUIT", b"RESET"];
        if MODES.contains(&name.as_slice()) {
            return Err(CommandError::Mode(String::from_utf8_lossy(&name).into_owned()));
        }
        let of_transaction = OF_TRANSACTIONS.iter().copied().find(|known| known.as_bytes() == name);
        let several = READS_SEVERAL.iter().find(|(several, _)| *several == name);
        let values_read = match several {
            Some((_, others)) => words.len().saturating_sub(*others),
            None => usize::from(READS_ONE.contains(&name.as_slice())),
        };
        let mut parts = Vec::new();
        let mut fixed = Vec::new();
        fixed.push(b'*');
        put_number(words.len(), &mut fixed);
        fixed.extend_from_slice(b"\r\n");
        for word in words {
            match word.as_static() {
                Some(bytes) => put_word(bytes, &mut fixed),
                None => {
                    parts.push(Part::Static(std::mem::take(&mut fixed)));
                    parts.push(Part::Word(word));
                }
            }
        }
        if !fixed.is_empty() {
            parts.push(Part::Static(fixed));
        }
        Ok(Self { parts, values_read, of_transaction })
    }

    /// A command out of words that never change.
    pub(super) fn of_words(words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![b'*'];
        put_number(words.len(), &mut bytes);
        bytes.extend_from_slice(b"\r\n");
        words.iter().for_each(|word| put_word(word, &mut bytes));
        bytes
    }

    /// How many values it reads that may be there or not.
    pub(super) fn values_read(&self) -> usize {
        self.values_read
    }

    /// Its name, if it begins, ends or guards a transaction.
    pub(super) fn of_transaction(&self) -> Option<&'static str> {
        self.of_transaction
    }

    /// Appends it with a worker's values.
    pub(super) fn render(
        &self,
        values: &mut Values,
        word: &mut Vec<u8>,
        into: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        for part in &self.parts {
            match part {
                Part::Static(bytes) => into.extend_from_slice(bytes),
                Part::Word(rendering) => {
                    word.clear();
                    rendering.render(values, word)?;
                    put_word(word, into);
                }
            }
        }
        Ok(())
    }

    fn is_static(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Static(_)))
    }
}

impl Batch {
    /// Commands that are written at once, all of them so many times.
    pub(super) fn new(commands: Vec<Command>, repeats: usize) -> Self {
        let mut batch = Self { commands, repeats, rendered: None };
        if batch.commands.iter().all(Command::is_static) {
            let mut bytes = Vec::new();
            let parts = batch.in_order().flat_map(|command| &command.parts);
            for part in parts {
                if let Part::Static(fixed) = part {
                    bytes.extend_from_slice(fixed);
                }
            }
            batch.rendered = Some(bytes);
        }
        batch
    }

    /// How many replies there will be.
    pub(super) fn len(&self) -> usize {
        self.commands.len() * self.repeats
    }

    /// The command of a reply.
    #[inline]
    pub(super) fn at(&self, place: usize) -> &Command {
        &self.commands[place % self.commands.len()]
    }

    /// All commands in the order in which they are written.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Command> {
        (0..self.len()).map(|place| self.at(place))
    }

    /// Its bytes, if they are always the same.
    #[inline]
    pub(super) fn as_static(&self) -> Option<&[u8]> {
        self.rendered.as_deref()
    }

    /// Whether a command begins another repetition, with values of its own.
    pub(super) fn begins_anew(&self, place: usize) -> bool {
        place.is_multiple_of(self.commands.len())
    }
}

fn put_word(word: &[u8], into: &mut Vec<u8>) {
    into.push(b'$');
    put_number(word.len(), into);
    into.extend_from_slice(b"\r\n");
    into.extend_from_slice(word);
    into.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Place;
    use crate::values::names::tests::{names, values};

    fn command(words: &[&str]) -> Result<Command, CommandError> {
        let names = names(&["one", "three"]);
        let compile = |word: &&str| Rendering::compile(word, &names, Place::Anywhere).unwrap();
        Command::new(words.iter().map(compile).collect())
    }

    #[test]
    fn a_command_is_an_array_of_texts_behind_their_lengths() {
        let set = command(&["SET", "key:{{word}}", "ü"]).unwrap();
        let mut bytes = Vec::new();
        set.render(&mut values(&names(&["one", "three"])), &mut Vec::new(), &mut bytes).unwrap();
        assert_eq!(
            bytes.escape_ascii().to_string(),
            r"*3\r\n$3\r\nSET\r\n$7\r\nkey:one\r\n$2\r\n\xc3\xbc\r\n"
        );
        assert_eq!(Command::of_words(&[b"PING"]), b"*1\r\n$4\r\nPING\r\n");
    }

    #[test]
    fn what_never_changes_is_rendered_once() {
        let batch = |words: &[&str]| Batch::new(vec![command(words).unwrap()], 2);
        assert_eq!(batch(&["PING"]).as_static(), Some(&b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n"[..]));
        assert_eq!(batch(&["GET", "{{word}}"]).as_static(), None);
        assert_eq!(batch(&["PING"]).len(), 2);
    }

    #[test]
    fn commands_that_read_say_how_many_values() {
        let read = |words: &[&str]| command(words).unwrap().values_read();
        assert_eq!([read(&["get", "a"]), read(&["MGET", "a", "b"]), read(&["HMGET", "h", "a"])], [1, 2, 1]);
        assert_eq!([read(&["SET", "a", "b"]), read(&["DEL", "a"])], [0, 0]);
    }

    #[test]
    fn commands_that_change_what_replies_mean_are_refused() {
        assert!(matches!(command(&["subscribe", "a"]), Err(CommandError::Mode(_))));
        assert!(matches!(command(&["{{word}}"]), Err(CommandError::Name)));
    }
}
