//! Fuzzes what lies in a store, and the reader of exports.

#![no_main]

#[path = "../properties/store.rs"]
mod store;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| store::holds(bytes));
