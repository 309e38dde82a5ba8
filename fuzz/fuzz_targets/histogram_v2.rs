//! Fuzzes the decoder of the wire's histograms: whatever bytes come, they are refused or mean what they count.

#![no_main]

extern crate shared as fleetmark_shared;

#[path = "../properties/histogram_v2.rs"]
mod histogram_v2;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| histogram_v2::holds(bytes));
