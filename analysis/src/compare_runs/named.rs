//! A side as a person names it: a run or a baseline, and which of its variants.

use shared::run_figures::RunFigures;

use super::Side;

/// A side as it is named: `RUN`, `BASELINE`, or either with `:VARIANT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// All of it.
    pub text: &'a str,
    /// A run or a baseline.
    pub runs: &'a str,
    /// The variant; `None`: the only one.
    pub variant: Option<&'a str>,
}

/// Which variant is meant is not said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{runs} has several variants: name one of {known}")]
pub struct SeveralVariants {
    /// The run or the baseline.
    pub runs: String,
    /// How each is named.
    pub known: String,
}

impl<'a> Named<'a> {
    /// Takes it apart. Neither ids nor names of baselines hold a colon.
    pub fn read(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((runs, variant)) => Self { text, runs, variant: Some(variant) },
            None => Self { text, runs: text, variant: None },
        }
    }

    /// The side, with the figures of its runs. Without a variant it is about the only one.
    ///
    /// # Errors
    /// When there are several variants and none was named.
    pub fn side(&self, is_baseline: bool, runs: Vec<RunFigures>) -> Result<Side, SeveralVariants> {
        let variants: Vec<&str> =
            runs.iter().flat_map(|run| &run.variants).map(|it| it.name.as_str()).collect();
        let variant = match (self.variant, variants.as_slice()) {
            (Some(variant), _) => variant.to_owned(),
            (None, [only, others @ ..]) if others.iter().all(|other| other == only) => (*only).to_owned(),
            (None, _) => {
                let known: Vec<String> = runs.first().map_or_else(Vec::new, |run| {
                    run.variants.iter().map(|variant| format!("{}:{}", self.runs, variant.name)).collect()
                });
                return Err(SeveralVariants { runs: self.runs.to_owned(), known: known.join(", ") });
            }
        };
        Ok(Side { name: self.text.to_owned(), is_baseline, variant, runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_stands_behind_the_first_colon() {
        let named = Named::read("main:load.workers=8");
        assert_eq!((named.runs, named.variant), ("main", Some("load.workers=8")));
        assert_eq!(Named::read("latest").variant, None);
    }
}
