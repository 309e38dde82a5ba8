//! Holds the table of roles against every call, before anything else of it is read.

use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::roles;
use crate::admission::audit::{Audit, Deed};
use crate::admission::needs::Denial;
use crate::admission::peer::Peer;

/// Stands before the services.
#[derive(Debug, Clone)]
pub(crate) struct Doorkeeper {
    audit: Audit,
}

/// The services behind it.
#[derive(Debug, Clone)]
pub(crate) struct Behind<S> {
    inner: S,
    audit: Audit,
}

impl Doorkeeper {
    /// One that tells of whom it turned away.
    pub(crate) fn new(audit: Audit) -> Self {
        Self { audit }
    }
}

impl<S> Layer<S> for Doorkeeper {
    type Service = Behind<S>;

    fn layer(&self, inner: S) -> Behind<S> {
        Behind { inner, audit: self.audit.clone() }
    }
}

impl<S, B> Service<Request<B>> for Behind<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = request.uri().path();
        // Every connection has a peer; one that had none could not be asked.
        let Some(peer) = request.extensions().get::<Peer>() else {
            return refusal(Status::internal("the connection does not say whose it is"));
        };
        match roles::check(&peer.who, call) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(Denial::NoSuchCall) => refusal(Status::unimplemented(Denial::NoSuchCall.to_string())),
            Err(denial) => {
                let (audit, peer, call) = (self.audit.clone(), peer.clone(), call.to_owned());
                let reason = denial.to_string();
                let status = match denial {
                    Denial::Unknown => Status::unauthenticated(reason.clone()),
                    _ => Status::permission_denied(reason.clone()),
                };
                tokio::spawn(async move { audit.refused(Deed::Call, &peer, call, reason).await });
                refusal(status)
            }
        }
    }
}

fn refusal<F, E>(status: Status) -> Either<F, Ready<Result<Response<Body>, E>>> {
    Either::Right(ready(Ok(status.into_http())))
}
