//! What a trial was told in confidence, hidden in the samples of its errors.

use std::sync::Arc;

use shared::interval::{ErrorSample, Remark};
use shared::secret::mask::Mask;

use crate::workload::Outcome;

/// What no sample of a trial may tell.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<Mask>);

impl Secrets {
    /// What this mask hides.
    pub fn under(mask: Arc<Mask>) -> Self {
        Self(mask)
    }

    /// Masks what an operation's sample and remarks tell.
    #[inline]
    pub fn hide_in(&self, outcome: &mut Outcome) {
        if self.0.is_empty() {
            return;
        }
        if let Some(sample) = &mut outcome.sample {
            *sample = ErrorSample::new(sample.kind, self.mask(std::mem::take(&mut sample.message)));
        }
        for remark in &mut outcome.remarks {
            *remark = Remark::new(remark.kind, self.mask(std::mem::take(&mut remark.text)));
        }
    }

    /// A message with everything confidential replaced by its name.
    pub fn mask(&self, message: String) -> String {
        self.0.hide(message)
    }
}

#[cfg(test)]
mod tests {
    use shared::interval::{ErrorKind, RemarkKind};

    use super::*;

    #[test]
    fn a_sample_tells_the_name_instead_of_the_value() {
        let secrets = Secrets::under(Arc::new(Mask::over([("<key>".to_owned(), "correct horse")])));
        let mut outcome = Outcome::default();
        outcome.clear(0, true);
        outcome.fail(ErrorKind::Body, || "got correct horse".to_owned());
        outcome.remarks.push(Remark::new(RemarkKind::LastWords, "bye, correct horse"));
        secrets.hide_in(&mut outcome);
        assert_eq!(outcome.sample.unwrap().message, "got <key>");
        assert_eq!(outcome.remarks[0].text, "bye, <key>");
    }
}
