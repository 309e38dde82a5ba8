//! Fuzzes the readers of kept credentials and of certificates.

#![no_main]

#[path = "../properties/credentials.rs"]
mod credentials;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| credentials::holds(bytes));
