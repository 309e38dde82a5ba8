//! Reading what is stored of a run only as far as it is wanted: the store's one thread waits meanwhile.

use std::ops::ControlFlow;

use shared::ids::RunId;

use super::{ResultStore, StoreError, StoredInterval};

/// Who is shown intervals, and says whether they want the next.
pub type Visit<'a> = dyn FnMut(StoredInterval) -> ControlFlow<()> + 'a;

/// The bytes of all intervals of a run; `None`: there are more than so many, and the rest was not read.
///
/// # Errors
/// As [`ResultStore::intervals`].
pub(crate) fn intervals_up_to(
    store: &dyn ResultStore,
    run: RunId,
    size_bytes_max: usize,
) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
    let (mut stored, mut size_bytes) = (Vec::new(), 0);
    store.intervals(run, &mut |interval| {
        size_bytes += interval.bytes.len();
        if size_bytes > size_bytes_max {
            return ControlFlow::Break(());
        }
        stored.push(interval.bytes);
        ControlFlow::Continue(())
    })?;
    Ok((size_bytes <= size_bytes_max).then_some(stored))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::samples;

    #[test]
    fn a_run_within_the_bound_is_read_whole_and_one_beyond_it_not_at_all() {
        let mut store = MemoryStore::new();
        samples::finish(&mut store, 1, 40);
        let whole: Vec<Vec<u8>> = samples::read_intervals(&store, samples::run_id(1))
            .unwrap()
            .into_iter()
            .map(|interval| interval.bytes)
            .collect();
        let size_bytes = whole.iter().map(Vec::len).sum();
        let read = |size_bytes_max| intervals_up_to(&store, samples::run_id(1), size_bytes_max).unwrap();
        assert_eq!(read(size_bytes - 1), None);
        assert_eq!(read(size_bytes), Some(whole));
    }
}
