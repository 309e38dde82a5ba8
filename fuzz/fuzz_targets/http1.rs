//! Fuzzes the reader of HTTP/1.1 answers.

#![no_main]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| agent::workload::http::properties::http1_holds(bytes));

// Without a fuzzer's flags the room is closed, and there is nothing to run.
#[cfg(not(fuzzing))]
libfuzzer_sys::fuzz_target!(|_bytes: &[u8]| {});
