//! All that one process must not tell, whoever in it holds that: for its log, and for its last words.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::mask::Mask;

/// The masks of everybody who holds something confidential, each for as long as it is held.
#[derive(Debug, Default)]
pub struct Veil {
    masks: Mutex<Vec<Weak<Mask>>>,
}

impl Veil {
    /// Hides from now on what a mask hides, until the last of its holders lets go of it.
    pub fn cover(&self, mask: &Arc<Mask>) {
        if mask.is_empty() {
            return;
        }
        let mut masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        masks.retain(|mask| mask.strong_count() > 0);
        masks.push(Arc::downgrade(mask));
    }

    /// A text without anything that is covered now.
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let held: Vec<Arc<Mask>> = {
            let masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
            masks.iter().filter_map(Weak::upgrade).collect()
        };
        held.iter().fold(Cow::Borrowed(text), |text, mask| Cow::Owned(mask.hide(text.into_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_covered_and_no_longer() {
        let veil = Veil::default();
        let mask = |name: &str, value| Arc::new(Mask::over([(format!("<{name}>"), value)]));
        let (one, two) = (mask("one", "first secret"), mask("two", "second secret"));
        veil.cover(&one);
        veil.cover(&two);
        assert_eq!(veil.hide("first secret, second secret"), "<one>, <two>");
        drop(one);
        assert_eq!(veil.hide("first things, second secret"), "first things, <two>");
        veil.cover(&mask("three", "third secret"));
        assert_eq!(veil.masks.lock().unwrap().len(), 2, "what nobody holds any more is forgotten");
    }
}
