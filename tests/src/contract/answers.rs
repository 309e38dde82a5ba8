//! What sweeps and searches answer, and what profilers wrote, as the JSON report has it.

use super::Kind::{self, Boolean, Count, Interval, List, Number, OneOf, OrAbsent, OrNull, Table, Text};
use super::PAIR;

pub(super) const PROFILE: &[(&str, Kind)] = &[
    ("number", Count),
    ("variant", Text),
    ("attempt", Count),
    ("agent", OrNull(&Text)),
    ("name", Text),
    ("size_bytes", OrNull(&Count)),
    ("sha256", OrNull(&Text)),
    ("problem", OrNull(&Text)),
];

pub(super) const SEARCH: &[(&str, Kind)] = &[
    ("vary", Text),
    ("keep", Text),
    ("metric", Text),
    ("unit", Text),
    ("resolution", Number),
    ("between", Interval),
    ("alpha", Number),
    ("steps", List(&Table(SEARCHED))),
    ("answer", Table(ANSWER)),
];

const SEARCHED: &[(&str, Kind)] = &[
    ("value", Number),
    ("variant", Text),
    ("verdict", OneOf(&["supported", "refuted", "inconclusive", "invalid"])),
    ("n", Count),
    ("measured", OrNull(&Number)),
    ("ci95", OrNull(&Interval)),
    ("reason", Text),
];

const ANSWER: &[(&str, Kind)] = &[
    ("at_least", OrNull(&Number)),
    ("below", OrNull(&Number)),
    ("unit", Text),
    ("verdict", OneOf(&["supported", "refuted", "inconclusive", "invalid"])),
    ("reason", Text),
];

pub(super) const SWEEP: &[(&str, Kind)] = &[
    ("path", Text),
    ("variant", Text),
    ("metric", Text),
    ("unit", Text),
    ("agent", OrAbsent(&Text)),
    ("pair", OrAbsent(&Table(PAIR))),
    ("values", List(&Table(SWEPT))),
    ("best", OrNull(&Number)),
    ("not_told_apart", List(&Number)),
    ("worse_than_least", List(&Number)),
    ("more_trials_needed", OrNull(&Count)),
    ("spread_assumed", Boolean),
    ("law", OrNull(&Table(LAW))),
    ("answer", Text),
];

const SWEPT: &[(&str, Kind)] = &[
    ("value", Number),
    ("variant", Text),
    ("n", Count),
    ("mean", OrNull(&Number)),
    ("ci95", OrNull(&Interval)),
    ("against_best", OrNull(&Table(CONTRAST))),
    ("against_least", OrNull(&Table(CONTRAST))),
];

const CONTRAST: &[(&str, Kind)] = &[
    ("n", Count),
    ("ratio", OrNull(&Number)),
    ("interval", OrNull(&Interval)),
    ("says", OneOf(&["faster", "slower", "same", "inconclusive"])),
    ("direction", OrNull(&OneOf(&["worse", "better"]))),
    ("more_trials_needed", OrNull(&Count)),
];

const LAW: &[(&str, Kind)] = &[
    ("of_one", Number),
    ("contention", Number),
    ("coherence", Number),
    ("peak", OrNull(&Number)),
    ("misfit", Number),
];
