//! Before anything of a request is looked at: is it meant for us? And after: what every answer carries.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use http::{Request, Response, StatusCode};
use tower_service::Service;

use super::presence::Presence;
use super::{Site, answer};

/// Where a request came in.
#[derive(Debug)]
pub(super) struct Connection {
    /// From where.
    pub(super) from: SocketAddr,
    /// At which of our addresses.
    pub(super) local: IpAddr,
    /// What it may still take its time for.
    pub(super) presence: Arc<Presence>,
}

/// What serves the requests of one connection.
#[derive(Clone)]
pub(super) struct Entrance {
    site: Arc<Site>,
    router: Router,
    connection: Arc<Connection>,
}

impl Entrance {
    /// The entrance of one connection.
    pub(super) fn new(site: Arc<Site>, router: Router, connection: Arc<Connection>) -> Self {
        Self { site, router, connection }
    }
}

impl<B> Service<Request<B>> for Entrance
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.connection.presence.heard();
        // A page of another name that resolves to this address (DNS rebinding) would be of one origin with us.
        if !self.site.names.are_meant_by(&request, self.connection.local) {
            let problem = answer::problem(
                StatusCode::MISDIRECTED_REQUEST,
                "misdirected",
                "this coordinator does not answer under that name",
                Some(
                    "ask it under the name or address that `fleetmark web-login` prints; --advertise adds one",
                ),
            );
            return Box::pin(async { Ok(answer::sealed(problem)) });
        }
        request.extensions_mut().insert(self.connection.clone());
        let answering = self.router.call(request);
        Box::pin(async { answering.await.map(answer::sealed) })
    }
}
