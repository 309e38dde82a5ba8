//! Passwords in URLs of servers: a job names them, and never holds them.

/// Ways to name a value that is known on the agent alone.
const NAMED: [&str; 2] = ["{{env:", "{{secret:"];
/// Parameters of a URL that hold what must not be told.
const CONFIDENTIAL_PARAMETERS: [&str; 3] = ["password", "sslpassword", "passfile"];

/// Whether a URL as a job has it keeps its password to itself. What comes before the last `@` holds it, behind a colon.
///
/// # Errors
/// When the password itself stands there; the message shows nothing of it.
pub fn check_password(written: &str) -> Result<(), String> {
    let Some((_, rest)) = written.split_once("://") else { return Ok(()) };
    let (before_parameters, parameters) = match rest.rsplit_once('?') {
        Some((before, parameters)) if !parameters.contains('@') => (before, parameters),
        _ => (rest, ""),
    };
    let user = before_parameters.rsplit_once('@').map_or("", |(user, _)| user);
    // A colon within a name's braces separates nothing.
    let password = match user.find(':') {
        Some(at) if user[..at].contains("{{") => user.split_once("}}:").map_or("", |(_, password)| password),
        Some(at) => &user[at + 1..],
        None => "",
    };
    let of_parameter = parameters.split('&').filter_map(|parameter| parameter.split_once('='));
    let of_parameters = of_parameter
        .filter(|(key, _)| CONFIDENTIAL_PARAMETERS.iter().any(|known| key.eq_ignore_ascii_case(known)))
        .map(|(_, value)| value);
    match std::iter::once(password).chain(of_parameters).all(is_named) {
        true => Ok(()),
        false => {
            Err("holds a password, which would be stored and shown with the run: write {{env:NAME}} or \
             {{secret:NAME}} in its place"
                .to_owned())
        }
    }
}

fn is_named(password: &str) -> bool {
    let name = NAMED.iter().find_map(|start| password.strip_prefix(start));
    password.is_empty()
        || name.and_then(|rest| rest.strip_suffix("}}")).is_some_and(|name| !name.contains(['{', '}']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_named_and_never_written() {
        for fine in [
            "redis://h",
            "redis://h:6379/0",
            "redis://:{{env:PASSWORD}}@h",
            "postgres://me:{{secret:KEY}}@h/db?sslmode=require",
            "postgres://{{env:USER}}:{{env:PASSWORD}}@h/db",
            "postgres://{{env:USER}}@h/db",
            "postgres://me@h/db",
            "mysql://me:@h/db",
            "{{env:URL}}",
            "sqlite:///tmp/a@b.db",
        ] {
            assert_eq!(check_password(fine), Ok(()), "{fine}");
        }
        for told in [
            "redis://:hunter2@h",
            "redis://:hun/ter2@h",
            "redis://:hun@ter2@h",
            "redis://:hun?ter2@h",
            "redis://:x{{env:PASSWORD}}@h",
            "redis://:{{env:A}}hunter2{{env:B}}@h",
            "redis://{{env:USER}}:hunter2@h",
            "redis://:{{password}}@h",
            "postgres://me@h/db?password=hunter2",
            "postgres://me@h/db?a=b&PASSWORD=hunter2",
        ] {
            let error = check_password(told).unwrap_err();
            assert!(error.contains("{{env:NAME}}") && !error.contains("ter2"), "{told}: {error}");
        }
    }
}
