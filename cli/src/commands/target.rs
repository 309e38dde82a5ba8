//! `fleetmark target`: a small HTTP server whose behaviour is known, or the other side of the workload `network`.

use crate::args::TargetArgs;
use crate::exit_code::{DONE, Failure, UNREACHABLE};
use crate::target::{self, TargetOptions};

pub(super) fn run(args: TargetArgs) -> anyhow::Result<u8> {
    if args.network {
        target::serve_network(&args.listen)
            .map_err(|error| Failure::with_code(UNREACHABLE, format!("{error:#}")))?;
        return Ok(DONE);
    }
    let options = TargetOptions {
        listen: args.listen,
        latency: args.latency.unwrap_or_default(),
        stall: args.stall,
        errors: args.errors.unwrap_or_default(),
        body: args.body,
        seed: args.seed,
        tcp_echo: args.tcp_echo,
        grpc_echo: args.grpc_echo,
        udp_echo: args.udp_echo,
        threads: None,
    };
    target::run(options).map_err(|error| Failure::with_code(UNREACHABLE, format!("{error:#}")))?;
    Ok(DONE)
}
