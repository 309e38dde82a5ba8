//! The connections of one event loop, by tokens that outlive them harmlessly.

use super::connection::Connection;

/// Names a connection in the epoll set and among the deadlines: its slot, and how often the slot was reused,
/// so that an event or deadline of a closed connection reaches nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token(pub(super) u64);

impl Token {
    fn new(slot: usize, generation: u32) -> Self {
        let slot = u32::try_from(slot).expect("connections are bounded far below 32 bits");
        Self(u64::from(generation) << 32 | u64::from(slot))
    }

    fn slot(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }

    fn generation(self) -> u64 {
        self.0 >> 32
    }
}

/// Connections in slots that are used again.
#[derive(Debug, Default)]
pub(super) struct Connections {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

impl Connections {
    /// Takes in a connection.
    pub(super) fn insert(&mut self, connection: Connection) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.connection = Some(connection);
        Token::new(index, slot.generation)
    }

    /// Closes a connection; its token is void from now on.
    pub(super) fn remove(&mut self, token: Token) {
        if self.of(token).is_some() {
            self.vacate(token.slot());
        }
    }

    /// Closes all connections for which `is_kept` says no.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(&mut Connection) -> bool) {
        for index in 0..self.slots.len() {
            if self.slots[index].connection.as_mut().is_some_and(|connection| !is_kept(connection)) {
                self.vacate(index);
            }
        }
    }

    /// The connection of a token; `None`: it is closed.
    pub(super) fn of(&mut self, token: Token) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(token.slot())?;
        slot.connection.as_mut().filter(|_| u64::from(slot.generation) == token.generation())
    }

    /// Whether the connection of a token is open.
    pub(super) fn is_live(&self, token: Token) -> bool {
        self.slots
            .get(token.slot())
            .is_some_and(|slot| slot.connection.is_some() && u64::from(slot.generation) == token.generation())
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn vacate(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.connection = None;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::super::permits::Permits;
    use super::*;

    fn connection(permits: &Permits) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Connection::new(stream, permits.take().unwrap())
    }

    #[test]
    fn a_token_of_a_closed_connection_reaches_nobody() {
        let permits = Permits::new(2);
        let mut connections = Connections::default();
        let old = connections.insert(connection(&permits));
        connections.remove(old);
        let new = connections.insert(connection(&permits));
        assert_eq!(old.slot(), new.slot());
        assert!(connections.of(old).is_none() && !connections.is_live(old));
        connections.remove(old);
        assert!(connections.of(new).is_some() && connections.is_live(new));
        assert_eq!(connections.len(), 1);
    }

    #[test]
    fn what_is_not_kept_is_closed() {
        let permits = Permits::new(3);
        let mut connections = Connections::default();
        let tokens: Vec<Token> = (0..3).map(|_| connections.insert(connection(&permits))).collect();
        let mut answers = [true, false, true].into_iter();
        connections.retain(|_| answers.next().unwrap());
        let live: Vec<bool> = tokens.iter().map(|token| connections.is_live(*token)).collect();
        assert_eq!(live, [true, false, true]);
        assert_eq!((connections.len(), permits.taken()), (2, 2));
    }
}
