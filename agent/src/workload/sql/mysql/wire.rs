//! Packets over a connection: three bytes of length, one that counts, and what they announce.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::{Buf, BytesMut};
use shared::interval::ErrorKind;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::workload::connection::failure::{Failure, closed};
use crate::workload::connection::tls::Tls;
use crate::workload::sql::counted::{Counted, Traffic};

/// Bytes before each packet.
const HEADER_BYTES: usize = 4;
/// A packet of this length goes on in the next one.
const PART_BYTES_MAX: usize = 0xff_ffff;
/// Longest packet that is kept as a whole: greetings, errors, descriptions of columns. Rows are not kept.
const KEPT_BYTES_MAX: usize = 1024 * 1024;
/// Room for what is read at once.
const READ_BYTES: usize = 16 * 1024;

/// A connection in the clear, or within TLS.
type Channel = Either<Counted, Box<TlsStream<Counted>>>;

/// A connection that packets are sent over.
pub(super) struct Wire {
    channel: Channel,
    traffic: Rc<Traffic>,
    read: BytesMut,
    /// What is sent next; used over and over.
    outgoing: Vec<u8>,
    /// The number of the packet that is sent or comes next.
    sequence: u8,
    pub(super) is_encrypted: bool,
}

/// One packet of an answer whose rows are not kept.
pub(super) enum Packet {
    /// A row, which was passed over.
    Row,
    /// Anything else.
    Kept(Vec<u8>),
}

impl Wire {
    /// Over a fresh connection.
    pub(super) fn new(stream: Counted, traffic: Rc<Traffic>) -> Self {
        Self {
            channel: Either::Left(stream),
            traffic,
            read: BytesMut::new(),
            outgoing: Vec::new(),
            sequence: 0,
            is_encrypted: false,
        }
    }

    /// The same, encrypted from here on.
    pub(super) async fn encrypted(self, tls: &Tls) -> Result<Self, Failure> {
        let Either::Left(stream) = self.channel else { return Ok(self) };
        // Anybody on the way could have put in what is read before the change, and it would pass for the server's own.
        if !self.read.is_empty() {
            let message = "the server goes on in the clear where TLS is to begin";
            return Err(Failure::protocol(message.to_owned()));
        }
        let shaken = tls.encrypt(stream).await;
        let stream = shaken.map_err(|error| {
            Failure::new(ErrorKind::Tls, format!("no connection to the database: {error}"))
        })?;
        Ok(Self { channel: Either::Right(Box::new(stream)), is_encrypted: true, ..self })
    }

    /// Bytes sent and received.
    pub(super) fn traffic(&self) -> (u64, u64) {
        (self.traffic.sent.get(), self.traffic.received.get())
    }

    /// Begins something new with the server.
    pub(super) fn begin(&mut self) {
        self.sequence = 0;
    }

    /// Sends one packet, in as many parts as it takes.
    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.outgoing.clear();
        let mut rest = payload;
        loop {
            let (part, after) = rest.split_at(rest.len().min(PART_BYTES_MAX));
            let length = u32::try_from(part.len()).expect("a part is shorter than three bytes can say");
            self.outgoing.extend_from_slice(&length.to_le_bytes()[..3]);
            self.outgoing.push(self.sequence);
            self.outgoing.extend_from_slice(part);
            self.sequence = self.sequence.wrapping_add(1);
            rest = after;
            if part.len() < PART_BYTES_MAX {
                break;
            }
        }
        let sent = self.channel.write_all(&self.outgoing).await;
        let sent = match sent {
            Ok(()) => self.channel.flush().await,
            Err(error) => Err(error),
        };
        sent.map_err(|error| Failure::ended("the connection ended while the statement was sent", &error))
    }

    /// Awaits one packet, all of it.
    pub(super) async fn packet(&mut self) -> Result<Vec<u8>, Failure> {
        let length = self.header().await?;
        self.kept(length).await
    }

    /// Awaits one packet of an answer that may be a row.
    pub(super) async fn row(&mut self) -> Result<Packet, Failure> {
        let length = self.header().await?;
        if length == 0 {
            return Ok(Packet::Row);
        }
        self.fill(1).await?;
        // An error, or the end, which is never as long as a row whose first value needs nine bytes to tell its length.
        if self.read[0] == 0xff || (self.read[0] == 0xfe && length < PART_BYTES_MAX) {
            return self.kept(length).await.map(Packet::Kept);
        }
        let mut part = length;
        loop {
            self.pass_over(part).await?;
            if part < PART_BYTES_MAX {
                return Ok(Packet::Row);
            }
            part = self.header().await?;
        }
    }

    /// Whether nothing came while nobody looked: neither its end nor the server's last words.
    pub(super) async fn is_silent(&mut self) -> bool {
        let channel = &mut self.channel;
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        self.read.is_empty()
            && poll_fn(|context| {
                Poll::Ready(Pin::new(&mut *channel).poll_read(context, &mut buffer).is_pending())
            })
            .await
    }

    /// Closes it in good order.
    pub(super) async fn shut_down(mut self) {
        // It is over, however it ends.
        let _over = self.channel.shutdown().await;
    }

    async fn kept(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        if length > KEPT_BYTES_MAX {
            return Err(Failure::protocol(format!(
                "the server sends a packet of {length} bytes where at most {KEPT_BYTES_MAX} make sense"
            )));
        }
        self.fill(length).await?;
        Ok(self.read.split_to(length).to_vec())
    }

    async fn header(&mut self) -> Result<usize, Failure> {
        self.fill(HEADER_BYTES).await?;
        let header = self.read.split_to(HEADER_BYTES);
        if header[3] != self.sequence {
            return Err(Failure::protocol(format!(
                "the server sends packet {} where {} is due: this is no MySQL or MariaDB, or it lost its place",
                header[3], self.sequence
            )));
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize)
    }

    async fn pass_over(&mut self, mut length: usize) -> Result<(), Failure> {
        loop {
            let here = length.min(self.read.len());
            self.read.advance(here);
            length -= here;
            if length == 0 {
                return Ok(());
            }
            self.fill(1).await?;
        }
    }

    /// Reads until so many bytes are there.
    async fn fill(&mut self, wanted: usize) -> Result<(), Failure> {
        let ended = |error| Failure::ended("the connection ended within the statement", &error);
        while self.read.len() < wanted {
            self.read.reserve(READ_BYTES.max(wanted - self.read.len()));
            match self.channel.read_buf(&mut self.read).await {
                Ok(0) => return Err(ended(closed())),
                Ok(_) => {}
                Err(error) => return Err(ended(error)),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wire").field("is_encrypted", &self.is_encrypted).finish_non_exhaustive()
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// A packet that is not what is due.
#[derive(Debug)]
pub(super) struct Unreadable(String);

impl From<Unreadable> for Failure {
    fn from(Unreadable(what): Unreadable) -> Self {
        Failure::protocol(format!("the server sends what is no packet of MySQL's protocol: {what}"))
    }
}
