//! A server of gRPC that others wrote, within the test: the echo of `examples/grpc`, with reflection of either version or none.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Where the definition of the echo is.
const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/grpc");

/// How a server tells what it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reflection {
    /// `grpc.reflection.v1`.
    V1,
    /// `grpc.reflection.v1alpha`, as older servers have it.
    V1Alpha,
}

/// A message of the echo.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Note {
    /// Its text; `never` is never answered.
    #[prost(string, tag = "1")]
    pub text: String,
    /// Its number.
    #[prost(int64, tag = "2")]
    pub number: i64,
}

/// A server that runs; it ends when dropped.
#[derive(Debug)]
pub struct GrpcServer {
    /// Where it listens.
    pub address: SocketAddr,
    calls: Arc<AtomicU64>,
    runtime: Option<Runtime>,
}

impl GrpcServer {
    /// Starts one on a free port of loopback.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(reflection: Reflection) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for the server");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let calls = Arc::new(AtomicU64::new(0));
        let files = protox::compile(["echo.proto"], [PROTO]).expect("the example compiles");
        let files = files.encode_to_vec();
        let builder =
            tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(&files);
        let mut routes = Routes::builder();
        routes.add_service(Echo { calls: Arc::clone(&calls) });
        match reflection {
            Reflection::V1 => routes.add_service(builder.build_v1().expect("the files are whole")),
            Reflection::V1Alpha => routes.add_service(builder.build_v1alpha().expect("the files are whole")),
        };
        let serve = tonic::transport::Server::builder()
            .add_routes(routes.routes())
            .serve_with_incoming(TcpListenerStream::new(listener));
        runtime.spawn(serve);
        Self { address, calls, runtime: Some(runtime) }
    }

    /// How many calls of the echo were begun.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for GrpcServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The echo: its method `Say`.
#[derive(Debug, Clone)]
struct Echo {
    calls: Arc<AtomicU64>,
}

impl NamedService for Echo {
    const NAME: &'static str = "fleetmark.echo.Echo";
}

type Answering<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Service<HttpRequest<Body>> for Echo {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Answering<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let is_known = request.uri().path().ends_with("/Say");
        Box::pin(async move {
            if !is_known {
                return Ok(Status::unimplemented("the echo has no such method").into_http());
            }
            Ok(Grpc::new(ProstCodec::<Note, Note>::default()).unary(Say, request).await)
        })
    }
}

struct Say;

impl UnaryService<Note> for Say {
    type Response = Note;
    type Future = Answering<Result<Response<Note>, Status>>;

    fn call(&mut self, request: Request<Note>) -> Self::Future {
        let note = request.into_inner();
        match note.text.as_str() {
            "never" => Box::pin(std::future::pending()),
            "refuse" => settled(Err(Status::permission_denied("not you"))),
            _ => settled(Ok(Response::new(note))),
        }
    }
}

fn settled<T: Send + 'static>(result: T) -> Answering<T> {
    let settled: Ready<T> = ready(result);
    Box::pin(settled)
}
