//! Refuting any one of several claims takes more than refuting a single one: Holm over those that gate.

use shared::claim::ClaimSeverity;
use shared::run_report::Verdict;

use super::Ruling;
use crate::level::Level;

/// Keeps the refutations of gating claims that stand among all of them; the others become inconclusive.
///
/// Holm's step-down procedure (Holm 1979) without p-values: as long as one more is refuted at α/(k − those kept), it is kept.
/// Since being refuted at a stricter level includes being refuted at a laxer one, the order does not matter. Claims that are
/// invalid are none of the k: nothing was tested.
pub(super) fn keep(rulings: &mut [Ruling<'_>], level: Level) {
    let is_tested = |ruling: &&mut Ruling<'_>| {
        ruling.claim.severity == ClaimSeverity::Gate && ruling.decision.verdict != Verdict::Invalid
    };
    let mut tested: Vec<&mut Ruling<'_>> = rulings.iter_mut().filter(is_tested).collect();
    let claims = tested.len();
    let mut kept = vec![false; claims];
    loop {
        let of_one = level.split(claims - kept.iter().filter(|is_kept| **is_kept).count());
        let refuted = |ruling: &Ruling<'_>| ruling.is_refuted_at.as_ref().is_some_and(|at| at(of_one));
        let more: Vec<usize> = (0..claims).filter(|place| !kept[*place] && refuted(tested[*place])).collect();
        if more.is_empty() {
            break;
        }
        more.into_iter().for_each(|place| kept[place] = true);
    }
    for (ruling, is_kept) in tested.iter_mut().zip(kept) {
        if ruling.decision.verdict == Verdict::Refuted && !is_kept {
            ruling.decision.verdict = Verdict::Inconclusive;
            ruling.decision.more_trials_needed = Some(1);
            ruling.decision.reason.push_str(&format!(
                "; by itself that would be refuted, but one of {claims} claims may look so by chance (Holm), so more trials would have to tell"
            ));
        }
    }
}
