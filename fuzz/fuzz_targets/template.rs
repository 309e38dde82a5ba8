//! Fuzzes templates, which are split, written out and rendered.

#![no_main]

#[path = "../properties/template.rs"]
mod template;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| template::holds(bytes));
