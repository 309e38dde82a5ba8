//! Fuzzes the readers of what servers send where messages of gRPC are awaited.

#![no_main]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| agent::workload::grpc::properties::holds(bytes));

// Without a fuzzer's flags the room is closed, and there is nothing to run.
#[cfg(not(fuzzing))]
libfuzzer_sys::fuzz_target!(|_bytes: &[u8]| {});
