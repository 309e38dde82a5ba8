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

/// The passwords in a URL that itself must not be told, as they stand there and percent-decoded: whoever it is sent to may tell them without
/// the rest of it. A text that is no URL has none.
pub fn passwords_within(url: &str) -> Vec<String> {
    let Some((_, rest)) = url.split_once("://") else { return Vec::new() };
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.split_once(':').map_or("", |(_, password)| password);
    let of_parameter = parameters.split('&').filter_map(|parameter| parameter.split_once('='));
    let of_parameters = of_parameter
        .filter(|(key, _)| CONFIDENTIAL_PARAMETERS.iter().any(|known| key.eq_ignore_ascii_case(known)))
        .map(|(_, value)| value);
    let written = std::iter::once(password).chain(of_parameters).filter(|password| !password.is_empty());
    let both = |password: &str| [Some(password.to_owned()), percent_decoded(password)];
    let mut passwords: Vec<String> = written.flat_map(both).flatten().collect();
    passwords.dedup();
    passwords
}

/// A part of a URL with its percent signs and digits as the bytes that they mean; `None`: they mean no text in UTF-8.
pub fn percent_decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = others;
            continue;
        }
        let digits = others.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        bytes.push(digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())?);
        rest = &others[2..];
    }
    String::from_utf8(bytes).ok()
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
    fn passwords_within_a_url_are_found_as_written_and_as_meant() {
        assert_eq!(passwords_within("redis://:hunter2@h:6379/0"), ["hunter2"]);
        assert_eq!(
            passwords_within("postgres://me:p%40ss@h/db?a=b&sslpassword=two"),
            ["p%40ss", "p@ss", "two"]
        );
        for without in ["redis://me@h", "redis://h/a:b@c", "no url", "", "postgres://me:@h"] {
            assert_eq!(passwords_within(without), [""; 0], "{without}");
        }
        assert_eq!((percent_decoded("a%2"), percent_decoded("%ff")), (None, None));
    }

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
