//! The suite of facts that every provider passes. A provider's tests say `conformance!(ItsFixture)`.
//!
//! Rooms: [`runs`], [`intervals`], [`lists`], [`baselines`] (and figures), [`profiles`].

mod baselines;
mod intervals;
mod lists;
mod profiles;
mod runs;

use super::ResultStore;
use super::samples::{self, run_id};

pub(crate) use baselines::*;
pub(crate) use intervals::*;
pub(crate) use lists::*;
pub(crate) use profiles::*;
pub(crate) use runs::*;

/// A provider under test.
pub(crate) trait Fixture {
    /// An empty store.
    fn new() -> Self;
    /// The store.
    fn store(&mut self) -> &mut dyn ResultStore;
    /// What the next start finds after the process was killed at this moment.
    fn crash(&mut self);
}

/// Makes a test of each fact.
macro_rules! conformance {
    ($fixture:ty) => {
        $crate::store::conformance::conformance!($fixture:
            a_new_run_reads_back_whole,
            a_saved_record_replaces_the_one_before,
            a_finished_run_reads_back_whole,
            a_finished_run_does_not_change,
            intervals_come_in_key_order_each_once,
            a_visit_ends_where_it_is_broken_off,
            a_trial_shows_its_own_intervals_only,
            an_interval_of_another_length_replaces_the_one_before,
            of_two_intervals_with_one_address_in_a_batch_the_later_stays,
            committed_intervals_survive_a_crash,
            any_sequence_of_appends_commits_and_crashes_keeps_all_committed,
            unknown_runs_and_files_are_said_to_be_unknown,
            a_run_is_created_once,
            files_must_be_those_of_the_record,
            an_interval_that_is_too_large_is_refused_with_its_whole_batch,
            other_intervals_can_take_the_place_of_a_finished_run_s,
            what_a_profiler_wrote_is_stored_and_moved_with_its_run,
            a_file_of_an_unknown_run_is_refused,
            a_removed_run_is_gone,
            a_removed_run_can_be_created_again,
            lists_show_the_newest_first_and_what_the_filter_admits,
            runs_are_found_by_prefix_and_as_the_latest,
            unfinished_runs_are_told_apart,
            a_report_can_be_made_again,
            a_store_that_is_whole_checks_clean,
            compacting_keeps_everything,
            figures_read_back_and_go_with_their_run,
            a_baseline_reads_back_whole_after_a_crash,
            a_baseline_takes_the_place_of_the_one_before,
            a_removed_baseline_is_gone_and_its_runs_stay,
            compacting_keeps_baselines_and_figures,
            an_export_carries_baselines,
            an_export_imports_to_the_same,
            an_empty_store_is_empty
        );
    };
    ($fixture:ty: $($fact:ident),+) => {
        $(
            #[test]
            fn $fact() {
                $crate::store::conformance::$fact::<$fixture>();
            }
        )+
    };
}
pub(crate) use conformance;

/// Asserts that a finished sample run reads back as it was written.
pub(crate) fn assert_whole(store: &dyn ResultStore, number: u64, interval_count: u64) {
    let run = run_id(number);
    assert_eq!(store.run(run).unwrap(), Some(samples::finished_record(number)));
    assert_eq!(store.file(run, samples::FILE).unwrap(), samples::file_content(number));
    assert_eq!(store.report(run).unwrap(), Some(samples::report(number)));
    let expected = samples::sorted(samples::intervals(number, interval_count));
    assert_eq!(samples::read_intervals(store, run).unwrap(), expected);
}
