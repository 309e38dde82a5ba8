//! What a trial was told in confidence, hidden in the samples of its errors.

use std::sync::Arc;

use shared::interval::ErrorSample;
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

    /// Masks what an operation's sample tells.
    #[inline]
    pub fn hide_in(&self, outcome: &mut Outcome) {
        if self.0.is_empty() {
            return;
        }
        if let Some(sample) = &mut outcome.sample {
            *sample = ErrorSample::new(sample.kind, self.mask(std::mem::take(&mut sample.message)));
        }
    }

    /// A message with everything confidential replaced by its name.
    pub fn mask(&self, message: String) -> String {
        self.0.hide(message)
    }
}

#[cfg(test)]
mod tests {
    use shared::interval::ErrorKind;

    use super::*;

    #[test]
    fn a_sample_tells_the_name_instead_of_the_value() {
        let secrets = Secrets::under(Arc::new(Mask::over([("<key>".to_owned(), "correct horse")])));
        let mut outcome = Outcome::default();
        outcome.clear(0, true);
        outcome.fail(ErrorKind::Body, || "got correct horse".to_owned());
        secrets.hide_in(&mut outcome);
        assert_eq!(outcome.sample.unwrap().message, "got <key>");
    }
}
