//! Memory modules, as the firmware lists them: SMBIOS structures of type 17, of which neither serial nor asset numbers are read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::source::Source;

const TABLE: &str = "sys/firmware/dmi/tables/DMI";
/// Most structures that are looked at: firmware lists some hundred.
const STRUCTURES_MAX: usize = 4_096;
/// A structure begins with its type, its length and two bytes of a handle.
const HEADER_BYTES: usize = 4;
const MEMORY_DEVICE: u8 = 17;
/// In a memory device: size in MiB (word), type (byte), configured speed in MT/s (word).
const SIZE_AT: usize = 0x0c;
const TYPE_AT: usize = 0x12;
const SPEED_AT: usize = 0x20;
/// Types by their number in the standard (table 78 of SMBIOS 3.6).
const TYPES: [(u8, &str); 7] = [
    (0x18, "DDR3"),
    (0x1a, "DDR4"),
    (0x1e, "LPDDR4"),
    (0x20, "HBM"),
    (0x21, "HBM2"),
    (0x22, "DDR5"),
    (0x23, "LPDDR5"),
];

/// How many modules there are of each size, type and speed.
///
/// # Errors
/// Why they cannot be told: only root may read the firmware's table, and virtual machines may have none.
pub(super) fn modules(source: &Source) -> Result<Value, String> {
    let table = source.bytes(TABLE)?;
    let mut counts: BTreeMap<(String, Option<u16>, u16), u32> = BTreeMap::new();
    for module in structures(&table).filter_map(module) {
        *counts.entry(module).or_default() += 1;
    }
    if counts.is_empty() {
        return Err(format!("absent: /{TABLE} lists no memory module"));
    }
    let told = counts.into_iter().map(|((kind, speed, size), count)| {
        json!({ "count": count, "type": kind, "mega_transfers_per_s": speed, "mib": size })
    });
    Ok(told.collect::<Vec<_>>().into())
}

/// Each structure without the texts behind it, which end with two zero bytes.
fn structures(table: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = table;
    let next = move || {
        let length = usize::from(*rest.get(1)?);
        let (structure, texts) = (length >= HEADER_BYTES).then(|| rest.split_at_checked(length))??;
        let end = texts.windows(2).position(|pair| pair == [0, 0])?;
        rest = &texts[end + 2..];
        Some(structure)
    };
    std::iter::from_fn(next).take(STRUCTURES_MAX)
}

/// Type, speed and size of a module; `None`: it is another structure, or an empty slot.
fn module(structure: &[u8]) -> Option<(String, Option<u16>, u16)> {
    let word = |at: usize| Some(u16::from_le_bytes([*structure.get(at)?, *structure.get(at + 1)?]));
    let size = word(SIZE_AT).filter(|size| (1..u16::MAX).contains(size))?;
    let number = *structure.get(TYPE_AT)?;
    let name = TYPES.iter().find(|(known, _)| *known == number).map_or("other", |(_, name)| name);
    let speed = word(SPEED_AT).filter(|speed| (1..u16::MAX).contains(speed));
    (structure.first() == Some(&MEMORY_DEVICE)).then(|| (name.to_owned(), speed, size))
}

#[cfg(test)]
mod tests {
    use super::super::super::source::tests::root_with;
    use super::*;

    fn device(size: u16, kind: u8, speed: u16) -> Vec<u8> {
        let mut structure = vec![0; 0x28];
        structure[..2].copy_from_slice(&[MEMORY_DEVICE, 0x28]);
        structure[SIZE_AT..SIZE_AT + 2].copy_from_slice(&size.to_le_bytes());
        structure[TYPE_AT] = kind;
        structure[SPEED_AT..SPEED_AT + 2].copy_from_slice(&speed.to_le_bytes());
        structure.extend(b"DIMM 0\0secret serial\0\0");
        structure
    }

    fn modules_of(table: &[u8]) -> Result<Value, String> {
        let root = root_with(&[(TABLE, "")]);
        std::fs::write(root.path().join(TABLE), table).unwrap();
        modules(&Source::under(root.path()))
    }

    #[test]
    fn modules_that_are_alike_are_counted() {
        let bios = [0, 4, 0, 0, 0, 0].to_vec();
        let table =
            [bios, device(16_384, 0x1a, 3_200), device(0, 2, 0), device(16_384, 0x1a, 3_200)].concat();
        let told = modules_of(&table).unwrap();
        assert_eq!(told, json!([{ "count": 2, "type": "DDR4", "mega_transfers_per_s": 3200, "mib": 16384 }]));
    }

    #[test]
    fn a_broken_table_lists_nothing() {
        for broken in [vec![], vec![17], vec![17, 0, 0, 0], vec![17, 255, 0, 0], vec![17, 4, 0, 0, 1]] {
            assert!(modules_of(&broken).unwrap_err().starts_with("absent: "), "{broken:?}");
        }
    }
}
