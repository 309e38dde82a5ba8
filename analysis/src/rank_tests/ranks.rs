//! Mid-ranks: equal values share the mean of the ranks that they take up.

/// The mid-rank of each value, doubled so that it is whole, in the order of the values, none of which is NaN.
pub(crate) fn doubled_mid_ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, other| values[*one].total_cmp(&values[*other]));
    let mut doubled = vec![0; values.len()];
    let mut below = 0;
    // By ==, so that the two zeros are one value.
    for tied in order.chunk_by(|one, other| values[*one] == values[*other]) {
        // The ranks below+1 to below+size have the mean below + (size+1)/2.
        tied.iter().for_each(|place| doubled[*place] = 2 * below + tied.len() + 1);
        below += tied.len();
    }
    doubled
}

/// How many values are equal to each other, for each group of such.
pub(crate) fn tie_sizes(values: &[f64]) -> impl Iterator<Item = usize> + use<> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let sizes: Vec<usize> = sorted.chunk_by(|one, other| one == other).map(<[f64]>::len).collect();
    sizes.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_their_ranks() {
        assert_eq!(doubled_mid_ranks(&[3.0, 1.0, 3.0, 2.0]), [7, 2, 7, 4]);
        assert_eq!(doubled_mid_ranks(&[0.0, -0.0, 1.0]), [3, 3, 6]);
        assert_eq!(tie_sizes(&[3.0, 1.0, 3.0, 2.0]).collect::<Vec<_>>(), [1, 1, 2]);
    }
}
