//! A request as a person reads it: without what is confidential, and without what would move a cursor.

use crate::values::Secrets;
use crate::workload::readable::{masked, printable};

/// Headers whose values let their reader in.
const CONFIDENTIAL: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"];

/// The text of a request.
pub(super) fn readable(request: &[u8], secrets: &Secrets) -> String {
    let text = masked(request, secrets);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut shown: Vec<String> = head.split("\r\n").map(without_credentials).collect();
    if !body.is_empty() {
        shown.extend([String::new(), body.to_owned()]);
    }
    printable(&shown.join("\n"))
}

fn without_credentials(line: &str) -> String {
    match line.split_once(':') {
        Some((name, _)) if CONFIDENTIAL.iter().any(|known| name.eq_ignore_ascii_case(known)) => {
            format!("{name}: <masked>")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::secret::mask::Mask;

    use super::*;

    #[test]
    fn secrets_and_credentials_are_masked_and_the_rest_is_shown() {
        let secrets = Secrets::under(Arc::new(Mask::over([("<key>".to_owned(), "correct horse")])));
        let request = b"POST /a?k=1 HTTP/1.1\r\nhost: x\r\nAuthorization: Basic abc\r\nCookie: s=1\r\n\r\n{\"k\":\"correct horse\"}\x1b";
        assert_eq!(
            readable(request, &secrets),
            "POST /a?k=1 HTTP/1.1\nhost: x\nAuthorization: <masked>\nCookie: <masked>\n\n{\"k\":\"<key>\"} "
        );
    }
}
