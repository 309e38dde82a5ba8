//! What one worker has drawn and taken out of answers.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use shared::secret::mask::Mask;
use uuid::fmt::Hyphenated;

use super::names::Sources;
use super::rendering::{Place, RenderError};
use super::{ExtractedIndex, Term};
use crate::workload::Seat;

/// The stream of the worker's random numbers that values are drawn from; another one chooses the operations.
const VALUE_STREAM: u64 = 1;

/// The values of one worker. Lives on one thread with it.
#[derive(Debug)]
pub struct Values {
    sources: Arc<Sources>,
    worker: u32,
    random: ChaCha8Rng,
    /// The row that this iteration drew, for each deal of rows.
    rows: Box<[Option<u64>]>,
    /// The number that this iteration drew.
    sequence: Option<u64>,
    extracted: Box<[Extracted]>,
}

/// A value taken out of an answer; its memory is kept when it is forgotten.
#[derive(Debug, Default)]
struct Extracted {
    text: Vec<u8>,
    is_there: bool,
}

impl Values {
    /// A worker's values before its first iteration.
    pub(super) fn new(sources: Arc<Sources>, seat: Seat) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seat.seed);
        random.set_stream(VALUE_STREAM);
        let rows = vec![None; sources.deals.len()].into();
        let extracted = sources.extracted.iter().map(|_| Extracted::default()).collect();
        Self { sources, worker: seat.worker, random, rows, sequence: None, extracted }
    }

    /// Forgets what an iteration drew: an operation, or one pass of a scenario.
    pub fn begin_iteration(&mut self) {
        self.rows.fill(None);
        self.sequence = None;
    }

    /// Forgets what was taken out of answers, as a new pass of a scenario does.
    pub fn forget_extracted(&mut self) {
        self.extracted.iter_mut().for_each(|extracted| extracted.is_there = false);
    }

    /// A text with the values that were taken out of answers replaced by their names: a session's token may be among them.
    pub fn hide_extracted(&self, text: String) -> String {
        let known =
            self.sources.extracted.iter().zip(&self.extracted).filter(|(_, extracted)| extracted.is_there);
        let texts = known
            .map(|(name, extracted)| (format!("{{{{{name}}}}}"), String::from_utf8_lossy(&extracted.text)));
        let texts: Vec<_> = texts.collect();
        Mask::over(texts.iter().map(|(shown, text)| (shown.clone(), text.as_ref()))).hide(text)
    }

    /// Keeps a value taken out of an answer, in place of the one before.
    pub fn keep(&mut self, index: ExtractedIndex, text: &[u8]) {
        let extracted = &mut self.extracted[index.0];
        extracted.text.clear();
        extracted.text.extend_from_slice(text);
        extracted.is_there = true;
    }

    /// Appends a value as it may stand in its place.
    pub(super) fn write(&mut self, term: Term, place: Place, into: &mut Vec<u8>) -> Result<(), RenderError> {
        match term {
            Term::Column(index) => {
                let column = &self.sources.columns[index.0];
                let (deal, random) = (&self.sources.deals[column.deal], &mut self.random);
                let row = *self.rows[column.deal].get_or_insert_with(|| deal.next(random));
                return column.write(row, place, into);
            }
            Term::Extracted(index) => {
                let (name, extracted) = (&self.sources.extracted[index.0], &self.extracted[index.0]);
                if !extracted.is_there {
                    return Err(RenderError::NotExtracted(name.clone()));
                }
                return place.put(&extracted.text, name, into);
            }
            Term::RandomInteger { first, last } => put_number(self.random.random_range(first..=last), into),
            Term::RandomUuid => {
                let mut bytes = [0; 16];
                self.random.fill_bytes(&mut bytes);
                let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
                let mut text = [0; Hyphenated::LENGTH];
                into.extend_from_slice(uuid.hyphenated().encode_lower(&mut text).as_bytes());
            }
            Term::Sequence => {
                put_number(*self.sequence.get_or_insert_with(|| self.sources.sequence.next()), into);
            }
            Term::Worker => put_number(self.worker, into),
            Term::Now => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                put_number(since.as_millis(), into);
            }
        }
        Ok(())
    }
}

/// Appends a number's digits, which may stand anywhere.
pub(crate) fn put_number(number: impl itoa::Integer, into: &mut Vec<u8>) {
    into.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Rendering;
    use crate::values::names::tests::{names, values};

    fn texts(text: &str, iterations: usize) -> Vec<String> {
        let names = names(&["a", "b", "c"]);
        let rendering = Rendering::compile(text, &names, Place::Anywhere).unwrap();
        let mut values = values(&names);
        let render = |_| {
            let mut into = Vec::new();
            values.begin_iteration();
            rendering.render(&mut values, &mut into).unwrap();
            String::from_utf8(into).unwrap()
        };
        (0..iterations).map(render).collect()
    }

    #[test]
    fn data_and_sequence_are_drawn_once_per_iteration() {
        let expected = ["a a 1 0 0", "b b 2 1 1", "c c 3 2 2", "a a 1 3 3"];
        assert_eq!(texts("{{word}} {{word}} {{number}} {{sequence}} {{sequence}}", 4), expected);
    }

    #[test]
    fn random_numbers_are_drawn_at_each_occurrence_and_keep_their_bounds() {
        let mut seen = [0; 3];
        for text in texts("{{random.int(-1,1)}} {{random.int(-1, 1)}}", 300) {
            let numbers: Vec<i64> = text.split(' ').map(|number| number.parse().unwrap()).collect();
            numbers.iter().for_each(|number| seen[(number + 1) as usize] += 1);
        }
        assert!(seen.iter().all(|count| *count > 120), "{seen:?}");
        assert_eq!(texts("{{random.int(5,5)}}", 1), ["5"]);
        let extremes = format!("{{{{random.int({},{})}}}}", i64::MIN, i64::MAX);
        assert!(texts(&extremes, 1)[0].parse::<i64>().is_ok());
    }

    #[test]
    fn a_uuid_is_random_and_the_same_for_the_same_seed() {
        let drawn = texts("{{random.uuid}}", 2);
        assert_ne!(drawn[0], drawn[1]);
        assert!(drawn.iter().all(|text| uuid::Uuid::parse_str(text).unwrap().get_version_num() == 4));
        assert_eq!(texts("{{random.uuid}}", 2), drawn);
    }

    #[test]
    fn what_was_extracted_lasts_until_it_is_forgotten() {
        let names = names(&["x"]);
        let rendering = Rendering::compile("{{token}}", &names, Place::Anywhere).unwrap();
        let mut values = values(&names);
        let render = |values: &mut Values| {
            let mut into = Vec::new();
            rendering.render(values, &mut into).map(|()| String::from_utf8(into).unwrap())
        };
        let missing = Err(RenderError::NotExtracted("token".into()));
        assert_eq!(render(&mut values), missing);
        values.keep(ExtractedIndex(0), b"one");
        values.keep(ExtractedIndex(0), b"two");
        values.begin_iteration();
        assert_eq!(render(&mut values), Ok("two".into()));
        values.keep(ExtractedIndex(0), b"session-1");
        assert_eq!(values.hide_extracted("GET /?t=session-1".to_owned()), "GET /?t={{token}}");
        values.forget_extracted();
        assert_eq!(render(&mut values), missing);
    }

    #[test]
    fn now_is_the_unix_time_in_milliseconds() {
        let now: u128 = texts("{{now}}", 1)[0].parse().unwrap();
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        assert!(now <= clock && now + 60_000 > clock, "{now}");
    }
}
