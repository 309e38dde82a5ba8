//! Further measures of one operation: most operations have none, and then clearing and reading them costs next to nothing.

use std::ops::Deref;

/// Most further measures a kind may have.
pub const OUTCOME_MEASURES_MAX: usize = 8;

/// One value for each line of the kind's `schema.measures`, in its order and unit; `None`: none. Reads as an array.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Measures {
    /// Whether any was noted since they were cleared.
    are_noted: bool,
    values: [Option<u64>; OUTCOME_MEASURES_MAX],
}

impl Measures {
    /// Notes the value at a place, below [`OUTCOME_MEASURES_MAX`].
    pub fn note(&mut self, place: usize, value: Option<u64>) {
        self.are_noted = true;
        self.values[place] = value;
    }

    /// Those that have a value, with their places.
    #[inline]
    pub fn noted(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let values = if self.are_noted { &self.values[..] } else { &[] };
        values.iter().enumerate().filter_map(|(place, value)| value.map(|value| (place, value)))
    }

    /// Takes all values out.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.are_noted {
            *self = Self::default();
        }
    }
}

impl Deref for Measures {
    type Target = [Option<u64>; OUTCOME_MEASURES_MAX];

    fn deref(&self) -> &Self::Target {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_told_until_it_is_cleared() {
        let mut measures = Measures::default();
        assert_eq!(measures.noted().next(), None);
        measures.note(1, Some(300));
        measures.note(2, None);
        assert_eq!(measures.noted().collect::<Vec<_>>(), [(1, 300)]);
        assert_eq!(measures[..3], [None, Some(300), None]);
        measures.clear();
        assert_eq!(measures, Measures::default());
    }
}
