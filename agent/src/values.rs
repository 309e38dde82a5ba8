//! Values that differ from one operation to the next: what `{{names}}` stand for on this agent.
//!
//! Rooms: [`names`] (which names there are, found once when a trial is prepared), [`rendering`] (a text made ready to
//! be filled in), [`worker`] (what one worker has drawn), [`deal`] (who takes which row of the data), `permutation`
//! (a random order that needs no memory), [`confided`] (values that must never be told), [`secrets`] (samples of
//! errors without them).
//!
//! Nothing here allocates once every buffer has reached its size: texts are rendered into memory that is used
//! over and over, numbers are written in place, and rows are looked up, never copied.

pub mod confided;
pub mod deal;
pub mod names;
mod permutation;
pub mod rendering;
pub mod secrets;
pub mod worker;

pub use confided::Confided;
pub use names::{Names, NamesError};
pub use rendering::{Place, RenderError, Rendering, percent_encoded};
pub use secrets::Secrets;
pub use worker::Values;

/// A column of data, by its place among the assignment's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnIndex(pub usize);

/// An extracted value, by its place among the names that a workload extracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtractedIndex(pub usize);

/// What a name stands for when it has no value before an operation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// A column's value in the row that this iteration drew.
    Column(ColumnIndex),
    /// What this worker last took out of an answer.
    Extracted(ExtractedIndex),
    /// A whole number from the first to the last, drawn anew at each occurrence.
    RandomInteger {
        /// Lowest that may come.
        first: i64,
        /// Highest that may come.
        last: i64,
    },
    /// A version 4 UUID, drawn anew at each occurrence.
    RandomUuid,
    /// A number that no other iteration of the trial has.
    Sequence,
    /// The worker's number within this agent.
    Worker,
    /// Unix time in milliseconds.
    Now,
}
