//! Fuzzes every reader of messages of the wire.

#![no_main]

#[path = "../properties/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire::holds(bytes));
