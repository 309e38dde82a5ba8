//! Accounts that servers run as, which Debian's packages made.

use std::fs;

/// The numbers of an account: its user, and its group.
///
/// # Panics
/// When there is none of that name.
pub fn ids(name: &str) -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("the system's users");
    let mut line = users.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let mut fields = line.next().expect("the package's account").split(':').skip(1);
    let mut number = || fields.next().and_then(|field| field.parse().ok()).expect("a number");
    (number(), number())
}
