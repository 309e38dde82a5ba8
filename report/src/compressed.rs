//! Histograms in HdrHistogram's V2 compressed form, the one that its logs and tools exchange.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use shared::histogram::EncodedHistogram;

/// `V2CompressedEncodingCookieBase` with the word size of HdrHistogram's own writer.
const COOKIE: u32 = 0x1c84_9304 | 0x10;
const HEADER_BYTES: usize = 8;

/// The base64 of a histogram's compressed form: a cookie, a length, and the V2 form through zlib.
///
/// # Errors
/// None in practice: it writes to memory only.
pub fn compressed_base64(histogram: &EncodedHistogram) -> io::Result<String> {
    let mut encoder = ZlibEncoder::new(vec![0; HEADER_BYTES], Compression::default());
    encoder.write_all(histogram.as_bytes())?;
    let mut bytes = encoder.finish()?;
    let payload_bytes = (bytes.len() - HEADER_BYTES) as u32;
    bytes[..4].copy_from_slice(&COOKIE.to_be_bytes());
    bytes[4..HEADER_BYTES].copy_from_slice(&payload_bytes.to_be_bytes());
    Ok(STANDARD.encode(bytes))
}
