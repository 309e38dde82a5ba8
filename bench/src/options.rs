//! What a program is told on its command line: a few numbers, each with a default.

use std::io;
use std::str::FromStr;

/// The words of the command line, taken in order.
#[derive(Debug)]
pub struct Options {
    words: std::iter::Skip<std::env::Args>,
}

impl Options {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        Self { words: std::env::args().skip(1) }
    }

    /// The next word as a number, or the default when there is none left.
    ///
    /// # Errors
    /// When it is not a number; `name` says which.
    pub fn next<T: FromStr>(&mut self, name: &str, default: T) -> io::Result<T> {
        let Some(word) = self.words.next() else { return Ok(default) };
        word.parse().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is a number, not {word:?}"))
        })
    }
}
