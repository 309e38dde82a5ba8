//! Columns of values that workers take turns with.

use std::collections::BTreeMap;

use shared::job::data::{DATA_COLUMNS_MAX, DATA_VALUES_MAX, ZIPF_EXPONENT_MAX};
use shared::job::{DataColumn, DataOrder, DataSource, ZipfExponent};

use super::ConvertError;
use crate::data_column::Source;

/// Reads columns whose files must be among `files`.
pub(super) fn columns(
    data: BTreeMap<String, crate::DataColumn>,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, DataColumn>, ConvertError> {
    if data.len() > DATA_COLUMNS_MAX {
        return Err(ConvertError::new(
            "data",
            format!("{} columns are more than {DATA_COLUMNS_MAX}", data.len()),
        ));
    }
    let columns = data.into_iter().map(|(name, column)| {
        let column = DataColumn::try_from(column)?;
        match &column.source {
            DataSource::Csv { file, .. } if !files.contains_key(file) => {
                Err(ConvertError::new("data", format!("the file {file:?} of {name:?} did not come with it")))
            }
            _ => Ok((name, column)),
        }
    });
    columns.collect()
}

impl From<DataColumn> for crate::DataColumn {
    fn from(column: DataColumn) -> Self {
        Self {
            source: Some(match column.source {
                DataSource::Range { first, last } => Source::Range(crate::DataRange { first, last }),
                DataSource::Values(values) => Source::Values(crate::DataValues { values }),
                DataSource::Csv { file, column } => Source::Csv(crate::DataCsv { file, column }),
            }),
            is_random: column.order == DataOrder::Random,
            zipf_exponent: match column.order {
                DataOrder::Zipf(exponent) => exponent.value(),
                DataOrder::Sequential | DataOrder::Random => 0.0,
            },
        }
    }
}

impl TryFrom<crate::DataColumn> for DataColumn {
    type Error = ConvertError;

    fn try_from(column: crate::DataColumn) -> Result<Self, ConvertError> {
        let source = match column.source.ok_or(ConvertError::missing("source"))? {
            Source::Range(range)
                if range
                    .last
                    .checked_sub(range.first)
                    .is_none_or(|count| !(0..i64::MAX).contains(&count)) =>
            {
                let problem = format!("{} to {} are not 1 to 2^63 - 1 numbers", range.first, range.last);
                return Err(ConvertError::new("range", problem));
            }
            Source::Range(range) => DataSource::Range { first: range.first, last: range.last },
            Source::Values(list) if list.values.is_empty() || list.values.len() > DATA_VALUES_MAX => {
                let problem = format!("{} are not 1 to {DATA_VALUES_MAX}", list.values.len());
                return Err(ConvertError::new("values", problem));
            }
            Source::Values(list) => DataSource::Values(list.values),
            Source::Csv(csv) => DataSource::Csv { file: csv.file, column: csv.column },
        };
        let order = match (column.is_random, column.zipf_exponent) {
            (false, 0.0) => DataOrder::Sequential,
            (true, 0.0) => DataOrder::Random,
            (false, exponent) => ZipfExponent::new(exponent).map(DataOrder::Zipf).ok_or_else(|| {
                ConvertError::new(
                    "zipf_exponent",
                    format!("{exponent} is not above 0 and at most {ZIPF_EXPONENT_MAX}"),
                )
            })?,
            (true, _) => return Err(ConvertError::new("zipf_exponent", "stands beside another order")),
        };
        Ok(Self { source, order })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_survives_the_wire() {
        let sources = [
            DataSource::Range { first: -1, last: i64::MAX - 2 },
            DataSource::Values(vec![String::new(), "b".to_owned()]),
            DataSource::Csv { file: "a.csv".to_owned(), column: "id".to_owned() },
        ];
        for source in sources {
            let zipf = DataOrder::parse("zipf(1.1)").unwrap();
            for order in [DataOrder::Sequential, DataOrder::Random, zipf] {
                let column = DataColumn { source: source.clone(), order };
                assert_eq!(crate::DataColumn::from(column.clone()).try_into(), Ok(column));
            }
        }
    }

    #[test]
    fn a_column_that_makes_no_sense_is_refused() {
        let refused = |source: Option<Source>| {
            let column = crate::DataColumn { source, ..Default::default() };
            DataColumn::try_from(column).map_err(|error| error.field).unwrap_err()
        };
        assert_eq!(refused(None), "source");
        assert_eq!(refused(Some(Source::Range(crate::DataRange { first: 2, last: 1 }))), "range");
        assert_eq!(refused(Some(Source::Range(crate::DataRange { first: -1, last: i64::MAX }))), "range");
        assert_eq!(refused(Some(Source::Values(crate::DataValues::default()))), "values");
        for (is_random, zipf_exponent) in [(false, -1.0), (false, f64::NAN), (true, 1.0)] {
            let source = Some(Source::Range(crate::DataRange { first: 1, last: 2 }));
            let column = crate::DataColumn { source, is_random, zipf_exponent };
            assert_eq!(DataColumn::try_from(column).unwrap_err().field, "zipf_exponent");
        }
    }

    #[test]
    fn a_file_of_a_column_must_have_come_with_it() {
        let csv = Source::Csv(crate::DataCsv { file: "a.csv".to_owned(), column: "id".to_owned() });
        let data = || {
            BTreeMap::from([(
                "id".to_owned(),
                crate::DataColumn { source: Some(csv.clone()), ..Default::default() },
            )])
        };
        assert_eq!(columns(data(), &BTreeMap::new()).map_err(|error| error.field), Err("data"));
        assert!(columns(data(), &[("a.csv".to_owned(), Vec::new())].into()).is_ok());
    }
}
