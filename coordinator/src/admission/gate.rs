//! Connections: accepted, greeted, and handed on with what they proved. Whoever says nothing in time, or not what is spoken
//! here, is turned away with a reason in the record.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{CertificateError, Error as TlsError};
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;
use trust::certificate::Holder;

use super::audit::{Audit, Deed};
use super::peer::{Peer, Who};
use super::registrar::{CONNECTIONS_OF_ONE_MAX, Registrar, Standing};
use super::waiting_room::{Seat, WaitingRoom};

/// How long a caller may take to say who it is.
const GREETING_WITHIN: Duration = Duration::from_secs(10);
/// How long a newcomer may stay: long enough to be given a certificate, with which it calls again.
const NEWCOMER_STAYS: Duration = Duration::from_secs(30);
/// How long a caller that was refused may take to leave, and how many kibibytes it may still say.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);
const UNREAD_MAX: usize = 64;
/// How long to wait when the system has no room for a connection, before the next is accepted.
const BREATHER: Duration = Duration::from_millis(50);
/// Greeted connections that may wait to be served.
const GREETED_MAX: usize = 64;
/// What the first record of TLS begins with: handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A connection that was greeted.
pub(crate) struct Guarded {
    stream: Plain,
    peer: Peer,
    /// Comes when the connection is to be closed from here.
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _standing: Option<Standing>,
    /// A newcomer keeps its place in the waiting room, and gives it up when it is needed.
    _seat: Option<Seat>,
}

enum Plain {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Accepts, greets, and hands on, until the stream is dropped.
pub(crate) fn incoming(
    listener: TcpListener,
    registrar: Option<Arc<Registrar>>,
    audit: Audit,
) -> impl Stream<Item = io::Result<Guarded>> {
    let (greeted, stream) = mpsc::channel(GREETED_MAX);
    tokio::spawn(async move {
        let room = WaitingRoom::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = greeted.closed() => return,
            };
            let (connection, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(BREATHER).await;
                    continue;
                }
            };
            let (seat, registrar) = (room.enter(), registrar.clone());
            let (audit, greeted) = (audit.clone(), greeted.clone());
            tokio::spawn(async move {
                match welcome(connection, from, registrar.as_deref(), seat).await {
                    Ok(guarded) => {
                        let _nobody_serves_any_more = greeted.send(Ok(guarded)).await;
                    }
                    Err(Some(reason)) => {
                        let peer = Peer { from, who: Who::Newcomer };
                        tracing::debug!(%from, reason, "a caller was turned away");
                        audit.refused(Deed::Connect, &peer, "a connection", reason).await;
                    }
                    Err(None) => {}
                }
            });
        }
    });
    ReceiverStream::new(stream)
}

/// Greets one caller. `Err(None)`: it left again.
async fn welcome(
    connection: TcpStream,
    from: SocketAddr,
    registrar: Option<&Registrar>,
    seat: Seat,
) -> Result<Guarded, Option<String>> {
    let is_needed = seat.is_needed.clone();
    let greeting = async {
        let _it_is_only_slower = connection.set_nodelay(true);
        let mut first = [0];
        match connection.peek(&mut first).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Err(None),
        }
        match registrar {
            None if first[0] == TLS_HANDSHAKE => {
                Err(Some("it spoke TLS, and this coordinator does not: call it by http://".to_owned()))
            }
            None => Ok(unasked(connection, from)),
            Some(_) if first[0] != TLS_HANDSHAKE => {
                Err(Some("it did not speak TLS: call this coordinator by https://".to_owned()))
            }
            Some(registrar) => greet(connection, from, registrar, seat).await.map_err(Some),
        }
    };
    tokio::select! {
        greeted = tokio::time::timeout(GREETING_WITHIN, greeting) => greeted.unwrap_or_else(|_| {
            Err(Some(format!("it did not say who it is within {} s", GREETING_WITHIN.as_secs())))
        }),
        () = is_needed.cancelled() => Err(Some("too many callers said nothing; it had waited longest".to_owned())),
    }
}

fn unasked(connection: TcpStream, from: SocketAddr) -> Guarded {
    Guarded {
        stream: Plain::Tcp(connection),
        peer: Peer { from, who: Who::Unasked },
        cut: Box::pin(CancellationToken::new().cancelled_owned()),
        _standing: None,
        _seat: None,
    }
}

async fn greet(
    connection: TcpStream,
    from: SocketAddr,
    registrar: &Registrar,
    seat: Seat,
) -> Result<Guarded, String> {
    let acceptor = TlsAcceptor::from(registrar.tls());
    let stream = match acceptor.accept(connection).into_fallible().await {
        Ok(stream) => stream,
        Err((error, connection)) => {
            farewell(connection).await;
            return Err(reason(&error));
        }
    };
    let shown = stream.get_ref().1.peer_certificates().and_then(|shown| shown.first());
    let Some(shown) = shown else {
        let leaves = seat.is_needed.clone();
        let cut = Box::pin(leaves.clone().cancelled_owned());
        tokio::spawn(async move {
            tokio::time::sleep(NEWCOMER_STAYS).await;
            leaves.cancel();
        });
        let peer = Peer { from, who: Who::Newcomer };
        return Ok(Guarded {
            stream: Plain::Tls(Box::new(stream)),
            peer,
            cut,
            _standing: None,
            _seat: Some(seat),
        });
    };
    let holder = Arc::new(Holder::of(shown).map_err(|error| error.to_string())?);
    let standing = registrar.stand(holder.serial);
    let standing = standing
        .ok_or_else(|| format!("its certificate has {CONNECTIONS_OF_ONE_MAX} connections already"))?;
    let cut = Box::pin(standing.cut.clone().cancelled_owned());
    // It may have been revoked between the greeting and its standing here.
    if !registrar.is_valid(holder.serial) {
        return Err("its certificate was revoked".to_owned());
    }
    let peer = Peer { from, who: Who::Known(holder) };
    Ok(Guarded { stream: Plain::Tls(Box::new(stream)), peer, cut, _standing: Some(standing), _seat: None })
}

/// Lets a caller that was refused read why: a connection that is closed with something unread is reset, and what was
/// said last is lost.
async fn farewell(mut connection: TcpStream) {
    let _either_way_it_is_over = connection.shutdown().await;
    let mut unread = [0; 1_024];
    let reading = async {
        for _ in 0..UNREAD_MAX {
            if !matches!(connection.read(&mut unread).await, Ok(1..)) {
                return;
            }
        }
    };
    let _whoever_goes_on_is_cut_off = tokio::time::timeout(FAREWELL_WITHIN, reading).await;
}

/// Why a handshake failed, as one would say it.
fn reason(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match tls {
        Some(TlsError::InvalidCertificate(problem)) => match problem {
            CertificateError::Revoked => "its certificate was revoked, or is not known here".to_owned(),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has run out".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet: one of the two clocks is wrong".to_owned()
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is of another authority".to_owned()
            }
            other => format!("its certificate is not accepted: {other:?}"),
        },
        Some(TlsError::PeerIncompatible(_)) => {
            "it speaks no TLS 1.3, which is the only one spoken here".to_owned()
        }
        Some(TlsError::AlertReceived(alert)) => format!("it did not want to go on: {alert:?}"),
        Some(other) => format!("TLS failed: {other}"),
        None => format!("TLS failed: {error}"),
    }
}

impl Connected for Guarded {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl Guarded {
    fn poll_cut(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_cut(context)?;
        match &mut self.stream {
            Plain::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Plain::Tls(stream) => Pin::new(&mut **stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_cut(context)?;
        match &mut self.stream {
            Plain::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Plain::Tls(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_cut(context)?;
        match &mut self.stream {
            Plain::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Plain::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Plain::Tcp(stream) => stream.is_write_vectored(),
            Plain::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Plain::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Plain::Tls(stream) => Pin::new(&mut **stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Plain::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Plain::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(context),
        }
    }
}
