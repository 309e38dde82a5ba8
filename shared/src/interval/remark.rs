//! What a measured program said beside its figures, and a person should read.

use serde::{Deserialize, Serialize};

use super::{ERROR_SAMPLE_BYTES_MAX, cut};

/// Longest text of a plan: the statements of an operation, each with some twenty steps.
pub const PLAN_BYTES_MAX: usize = 4096;

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemarkKind {
    /// The program's own description of its machine is another than its agent's.
    OtherMachine,
    /// The end of what a program said that reported figures: told when some of those that were expected lack.
    LastWords,
    /// What was measured is memory, or memory as well, where a disk was asked for.
    PageCache,
    /// What was done before the trial or the run could not be undone.
    TeardownFailed,
    /// How a database means to do the statements of an operation.
    Plan,
}

impl RemarkKind {
    /// Every kind.
    pub const ALL: [RemarkKind; 5] = [
        RemarkKind::OtherMachine,
        RemarkKind::LastWords,
        RemarkKind::PageCache,
        RemarkKind::TeardownFailed,
        RemarkKind::Plan,
    ];

    /// How long its text may be, in bytes: a plan is a page, all else a sentence.
    const fn text_bytes_max(self) -> usize {
        match self {
            RemarkKind::Plan => PLAN_BYTES_MAX,
            _ => ERROR_SAMPLE_BYTES_MAX,
        }
    }

    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            RemarkKind::OtherMachine => "other_machine",
            RemarkKind::LastWords => "last_words",
            RemarkKind::PageCache => "page_cache",
            RemarkKind::TeardownFailed => "teardown_failed",
            RemarkKind::Plan => "plan",
        }
    }
}

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What it is about.
    pub kind: RemarkKind,
    /// What was said, at most as long as the sample of an error, of a plan [`PLAN_BYTES_MAX`].
    pub text: String,
}

impl Remark {
    /// Keeps a remark, cut at a character to what its kind may take.
    pub fn new(kind: RemarkKind, text: impl Into<String>) -> Self {
        Self { kind, text: cut(text.into(), kind.text_bytes_max()) }
    }
}
