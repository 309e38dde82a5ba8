//! `fleetmark login`: a token becomes this person's credentials for a coordinator.

use trust::certificate::HolderName;

use crate::args::LoginArgs;
use crate::exit_code::{DONE, Failure, USAGE};
use crate::identity;
use crate::output;
use crate::rpc::enrol;

pub(super) async fn run(args: LoginArgs) -> anyhow::Result<u8> {
    let url = args.coordinator.unwrap_or_else(|| args.join.url.clone());
    if !url.starts_with("https://") {
        return Err(Failure::with_code(
            USAGE,
            format!("{url:?} is no coordinator to log in to: name it with --coordinator https://host:7411"),
        ));
    }
    let name = match args.name {
        Some(name) => name,
        None => usual_name()?,
    };
    let context = args.context.unwrap_or_else(|| host_of(&url).to_owned());
    let credentials = enrol(&url, &args.join, name).await?;
    let folder = identity::keep(&context, &url, &credentials)?;
    let holder = credentials.holder();
    output::print(&format!(
        "you are the {} {} at {url}: ask it with --context {context} or --coordinator {url}\n",
        holder.role, holder.name
    ))?;
    eprintln!("your credentials are in {}", folder.display());
    Ok(DONE)
}

/// The user and the host.
fn usual_name() -> anyhow::Result<HolderName> {
    let user =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "user".to_owned());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_allowed = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let name: String = format!("{user}-{host}").chars().filter(is_allowed).take(64).collect();
    HolderName::new(name)
        .map_err(|error| Failure::with_code(USAGE, format!("failed to {error}; say who you are with --name")))
}

fn host_of(url: &str) -> &str {
    let host = url.trim_start_matches("https://").trim_end_matches('/');
    host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_called_after_the_host() {
        assert_eq!(host_of("https://bench.example:7411"), "bench.example");
        assert_eq!(host_of("https://10.0.0.1:7411/"), "10.0.0.1");
        assert_eq!(host_of("https://bench"), "bench");
    }
}
