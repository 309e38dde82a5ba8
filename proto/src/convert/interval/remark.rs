//! Remarks of programs on the wire: bounded in number and length.

use shared::interval::{REMARKS_MAX, Remark, RemarkKind};

use crate::convert::ConvertError;

/// A remark as it travels.
pub(super) fn written(remark: &Remark) -> crate::Remark {
    crate::Remark { kind: remark.kind.as_str().to_owned(), text: remark.text.clone() }
}

/// Reads the remarks of one operation.
///
/// # Errors
/// When there are too many, or one is of no known kind.
pub(super) fn remarks(remarks: Vec<crate::Remark>) -> Result<Vec<Remark>, ConvertError> {
    if remarks.len() > REMARKS_MAX {
        return Err(ConvertError::new("remarks", format!("{} are more than {REMARKS_MAX}", remarks.len())));
    }
    remarks.into_iter().map(read).collect()
}

fn read(remark: crate::Remark) -> Result<Remark, ConvertError> {
    let kind = RemarkKind::ALL.into_iter().find(|kind| kind.as_str() == remark.kind);
    let kind = kind.ok_or_else(|| ConvertError::new("remarks", format!("{:?} is no kind", remark.kind)))?;
    Ok(Remark::new(kind, remark.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_survives_the_wire_and_a_strangers_is_bounded() {
        let remark = Remark::new(RemarkKind::LastWords, "1 failed");
        assert_eq!(remarks(vec![written(&remark)]), Ok(vec![remark.clone()]));
        let long = crate::Remark { text: "x".repeat(10_000), ..written(&remark) };
        assert!(remarks(vec![long]).is_ok_and(|read| read[0].text.len() <= 512));
        assert!(remarks(vec![written(&remark); REMARKS_MAX + 1]).is_err());
        assert!(remarks(vec![crate::Remark { kind: "gossip".to_owned(), ..written(&remark) }]).is_err());
    }
}
