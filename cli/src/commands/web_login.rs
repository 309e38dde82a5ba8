//! `fleetmark web-login`: a link that signs one browser in, or a token for programs.

use serde_json::json;

use super::ca::moment;
use crate::args::WebLoginArgs;
use crate::client;
use crate::exit_code::{DONE, Failure, USAGE};
use crate::output;

/// The shortest a token may count, seconds: 0 asks for a link.
const TTL_S_MIN: u64 = 1;

pub(super) async fn run(args: WebLoginArgs) -> anyhow::Result<u8> {
    let mut client = client::connect(&args.ask.place).await?;
    let ttl_s = if args.bearer { args.ttl.as_secs().max(TTL_S_MIN) } else { 0 };
    let given = client.web_token(ttl_s).await?;
    let Some(token) = given.token else {
        if args.bearer {
            let problem = format!("{} asks nobody who they are: no token is needed there", given.url);
            return Err(Failure::with_code(USAGE, problem));
        }
        return say(
            &args,
            &format!("{}/", given.url),
            json!({ "url": format!("{}/", given.url) }),
            "nobody has to sign in there",
        );
    };
    let (until, who) = (moment(given.until_s), format!("{}, {}", given.name, given.role));
    let about = json!({ "name": given.name, "role": given.role, "until": until });
    if args.bearer {
        let answer = json!({ "token": token, "url": given.url, "about": about });
        return say(&args, &token, answer, &format!("speaks as {who}, until {until}, at {}", given.url));
    }
    let link = format!("{}/login/{token}", given.url);
    let answer = json!({ "link": link, "url": given.url, "about": about });
    say(&args, &link, answer, &format!("signs one browser in as {who}, once, until {until}"))
}

fn say(args: &WebLoginArgs, line: &str, answer: serde_json::Value, about: &str) -> anyhow::Result<u8> {
    if args.ask.json {
        output::print(&format!("{answer:#}\n"))?;
    } else {
        output::print(&format!("{line}\n"))?;
        eprintln!("{about}");
    }
    Ok(DONE)
}
