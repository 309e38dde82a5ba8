//! Fuzzes the parser of job files.

#![no_main]

#[path = "../properties/job.rs"]
mod job;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| job::holds(bytes));
