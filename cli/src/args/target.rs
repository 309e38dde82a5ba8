//! What the command line may ask of `fleetmark target`.

use clap::Args;
use shared::delay::Delay;

use crate::target;

/// How the target behaves.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: target::ListenAddress,
    /// How long answers take: 5ms, uniform(1ms,9ms), lognormal(5ms,0.5), or exponential(5ms)
    #[arg(long, value_name = "D")]
    pub(crate) latency: Option<Delay>,
    /// Freeze the whole server: every=10s,for=1s
    #[arg(long, value_name = "every=D,for=D")]
    pub(crate) stall: Option<target::Stall>,
    /// The share of answers that are errors (status 500): 0.01 or 1%
    #[arg(long, value_name = "R")]
    pub(crate) errors: Option<target::ErrorShare>,
    /// The length of bodies, such as 1KiB
    #[arg(long, value_name = "SIZE")]
    pub(crate) body: Option<target::BodySize>,
    /// Also send back what comes over TCP here
    #[arg(long, value_name = "ADDR")]
    pub(crate) tcp_echo: Option<target::ListenAddress>,
    /// Also serve calls of gRPC here, which send messages back (fleetmark.echo.Echo)
    #[arg(long, value_name = "ADDR")]
    pub(crate) grpc_echo: Option<target::ListenAddress>,
    /// Also send back what comes over UDP here
    #[arg(long, value_name = "ADDR")]
    pub(crate) udp_echo: Option<target::ListenAddress>,
    /// Seed of delays and errors
    #[arg(long, value_name = "N", default_value_t = target::SEED_DEFAULT)]
    pub(crate) seed: u64,
}
