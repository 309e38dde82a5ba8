//! A statement with its values, made ready to be sent.

use crate::values::{RenderError, Rendering, Values};

/// A statement of the job. Its text is the same each time; its values differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// The text, with `$1` where a value belongs.
    pub(super) text: String,
    /// Its values.
    pub(super) values: Vec<Rendering>,
}

/// The values of the statements of one operation, filled in; used over and over.
#[derive(Debug, Default)]
pub(super) struct Filled {
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`.
    ends: Vec<usize>,
    /// Where the values of each statement end in `ends`.
    statements: Vec<usize>,
}

impl Filled {
    /// Fills in the values of all statements.
    pub(super) fn fill_in(
        &mut self,
        statements: &[Statement],
        values: &mut Values,
    ) -> Result<(), RenderError> {
        self.bytes.clear();
        self.ends.clear();
        self.statements.clear();
        for statement in statements {
            for value in &statement.values {
                value.render(values, &mut self.bytes)?;
                self.ends.push(self.bytes.len());
            }
            self.statements.push(self.ends.len());
        }
        Ok(())
    }

    /// The values of a statement, by its place.
    pub(super) fn of(&self, statement: usize) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let first = if statement == 0 { 0 } else { self.statements[statement - 1] };
        let begins = move |place: usize| if place == 0 { 0 } else { self.ends[place - 1] };
        (first..self.statements[statement]).map(move |place| &self.bytes[begins(place)..self.ends[place]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Place;
    use crate::values::names::tests::{names, values};

    #[test]
    fn each_statement_has_its_own_values() {
        let names = names(&["a"]);
        let value = |text: &str| Rendering::compile(text, &names, Place::Anywhere).unwrap();
        let statement = |texts: &[&str]| Statement {
            text: String::new(),
            values: texts.iter().map(|text| value(text)).collect(),
        };
        let mut filled = Filled::default();
        let statements = [statement(&["{{word}}", ""]), statement(&[]), statement(&["x"])];
        filled.fill_in(&statements, &mut values(&names)).unwrap();
        let of = |place| filled.of(place).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(of(0), [b"a".to_vec(), Vec::new()]);
        assert_eq!((of(1), of(2)), (Vec::new(), vec![b"x".to_vec()]));
    }
}
