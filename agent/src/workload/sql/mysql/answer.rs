//! What comes back: an end with its state, or columns, rows and an end.

use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    CommonOkPacket, OkPacket, OkPacketDeserializer, OldEofPacket, ResultSetTerminator,
};

use mysql_common::misc::raw::RawBytes;
use mysql_common::misc::raw::bytes::LenEnc;

use super::refusal;
use super::wire::{Packet, Unreadable, Wire};
use crate::workload::connection::failure::Failure;

/// What begins the server's wish for a file of ours.
const WANTS_A_FILE: u8 = 0xfb;
/// Most columns of an answer: what the server allows, and more.
const COLUMNS_MAX: u64 = 65_535;

/// Reads an answer to its end, all of its results; says how many rows there were.
pub(super) async fn rows(wire: &mut Wire, capabilities: CapabilityFlags) -> Result<u64, Failure> {
    let mut rows = 0;
    loop {
        let first = wire.packet().await?;
        let status = match first.first() {
            Some(0x00) => ended(&first, capabilities)?,
            Some(&refusal::ERROR) => return Err(refusal::executing(&first)),
            Some(&WANTS_A_FILE) => {
                return Err(Failure::protocol(
                    "the server asks for a file of ours (LOAD DATA LOCAL), and is given none".to_owned(),
                ));
            }
            _ => {
                descriptions(wire, columns(&first)?, capabilities).await?;
                let (count, status) = result(wire, capabilities).await?;
                rows += count;
                status
            }
        };
        if !status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
            return Ok(rows);
        }
    }
}

/// Reads an answer of one column of text to its end.
pub(super) async fn text(wire: &mut Wire, capabilities: CapabilityFlags) -> Result<String, Failure> {
    let first = wire.packet().await?;
    if first.first() == Some(&refusal::ERROR) {
        return Err(refusal::executing(&first));
    }
    let columns = columns(&first)?;
    descriptions(wire, columns, capabilities).await?;
    let mut lines = Vec::new();
    loop {
        let packet = wire.packet().await?;
        match packet.first() {
            Some(&refusal::ERROR) => return Err(refusal::executing(&packet)),
            // A row that travels as numbers and not as text begins with a zero, and tells in bits which values are NULL.
            Some(0) => {
                let value = packet.get(1 + (columns as usize + 9) / 8..).unwrap_or_default();
                let value = ParseBuf(value).parse::<RawBytes<'_, LenEnc>>(()).map_err(Unreadable::from)?;
                lines.push(value.as_str().into_owned());
            }
            _ => return Ok(lines.join("\n")),
        }
    }
}

/// Passes over the descriptions of so many columns or values, if there are any.
pub(super) async fn descriptions(
    wire: &mut Wire,
    count: u64,
    capabilities: CapabilityFlags,
) -> Result<(), Failure> {
    if count == 0 {
        return Ok(());
    }
    let ends_visibly = !capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
    for _ in 0..count + u64::from(ends_visibly) {
        let packet = wire.packet().await?;
        if packet.first() == Some(&refusal::ERROR) {
            return Err(refusal::executing(&packet));
        }
    }
    Ok(())
}

/// Passes over rows to their end; says how many, and how the answer ended.
async fn result(wire: &mut Wire, capabilities: CapabilityFlags) -> Result<(u64, StatusFlags), Failure> {
    let mut count = 0;
    loop {
        match wire.row().await? {
            Packet::Row => count += 1,
            Packet::Kept(packet) if packet[0] == refusal::ERROR => return Err(refusal::executing(&packet)),
            Packet::Kept(packet) => {
                let buffer = &mut ParseBuf(&packet);
                let end: OkPacket<'_> = if capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
                    let end = buffer.parse::<OkPacketDeserializer<'_, ResultSetTerminator>>(capabilities);
                    end.map_err(Unreadable::from)?.into()
                } else {
                    let end = buffer.parse::<OkPacketDeserializer<'_, OldEofPacket>>(capabilities);
                    end.map_err(Unreadable::from)?.into()
                };
                return Ok((count, end.status_flags()));
            }
        }
    }
}

fn ended(packet: &[u8], capabilities: CapabilityFlags) -> Result<StatusFlags, Failure> {
    let end = ParseBuf(packet).parse::<OkPacketDeserializer<'_, CommonOkPacket>>(capabilities);
    let end: OkPacket<'_> = end.map_err(Unreadable::from)?.into();
    Ok(end.status_flags())
}

/// How many columns a packet announces: one byte, or after a mark two.
fn columns(packet: &[u8]) -> Result<u64, Failure> {
    let count = match packet {
        [count] if *count < WANTS_A_FILE => Some(u64::from(*count)),
        [0xfc, low, high] => Some(u64::from(u16::from_le_bytes([*low, *high]))),
        _ => None,
    };
    count.filter(|count| (1..=COLUMNS_MAX).contains(count)).ok_or_else(|| {
        Failure::protocol("the server sends an answer whose number of columns makes no sense".to_owned())
    })
}
