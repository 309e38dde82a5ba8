//! Fuzzes the readers of configurations and of files of secrets.

#![no_main]

#[path = "../properties/configuration.rs"]
mod configuration;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| configuration::holds(bytes));
