//! What is said on a fresh connection before any command: who we are, and which database is meant.

use super::command::Command;
use crate::workload::connection::server_url::ServerUrl;

/// The bytes of a greeting. Holds a password, and is therefore never printed.
pub(super) struct Greeting {
    bytes: Vec<u8>,
    /// How many replies it has.
    replies: usize,
}

impl Greeting {
    /// The greeting that a URL asks for.
    pub(super) fn new(url: &ServerUrl, database: Option<u32>) -> Self {
        let mut greeting = Self { bytes: Vec::new(), replies: 0 };
        match (&url.user, &url.password) {
            (Some(user), Some(password)) => greeting.say(&[b"AUTH", user.as_bytes(), password.as_bytes()]),
            (None, Some(password)) => greeting.say(&[b"AUTH", password.as_bytes()]),
            // Without a password a server has nothing to know a user by.
            (_, None) => {}
        }
        // A fresh connection is in the first database.
        if let Some(database) = database.filter(|database| *database > 0) {
            greeting.say(&[b"SELECT", database.to_string().as_bytes()]);
        }
        greeting
    }

    /// What is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many replies it has; 0: there is nothing to say.
    pub(super) fn replies(&self) -> usize {
        self.replies
    }

    fn say(&mut self, words: &[&[u8]]) {
        self.bytes.extend(Command::of_words(words));
        self.replies += 1;
    }
}

impl std::fmt::Debug for Greeting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Greeting").field("replies", &self.replies).finish_non_exhaustive()
    }
}
