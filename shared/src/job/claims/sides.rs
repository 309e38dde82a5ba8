//! What a claim compares with what: variants that there are, a baseline, or the values of a sweep.

use super::super::error::{Findings, proposal, quoted};
use super::super::node::Node;
use super::super::variants;
use super::{BOUNDS, COMPARISONS, contradiction};

/// Checks the sides of one claim.
pub(super) fn check(root: &Node<'_>, claim: &Node<'_>, findings: &mut Findings) {
    check_keys(claim, findings);
    check_variants(root, claim, findings);
    if let Some(scales) = claim.child("scales_over") {
        check_sweep(root, claim, &scales, findings);
    }
}

fn check_keys(claim: &Node<'_>, findings: &mut Findings) {
    let has = |keys: &[&str]| keys.iter().any(|key| claim.child(key).is_some());
    let (than, baseline) = (claim.child("than"), claim.child("baseline"));
    if has(&COMPARISONS) && than.is_none() && baseline.is_none() {
        let error = claim.error("the claim compares with nothing");
        findings.push(error.with_help("give than = \"a variant\" or baseline = \"a name\""));
    }
    if let (Some(than), Some(baseline)) = (&than, &baseline) {
        findings.push(contradiction(baseline, than));
    }
    if let (Some(than), None) = (&than, claim.child("variant")) {
        findings.push(than.key_error("\"than\" needs \"variant\": the side that is compared with it"));
    }
    for other in [&than, &baseline].into_iter().flatten().filter(|_| has(&BOUNDS)) {
        let key = if than.is_some() { "than" } else { "baseline" };
        let message = format!("{key:?} contradicts a bound: below and above look at one side alone");
        findings.push(other.key_error(message));
    }
    for key in ["variant", "than", "baseline"] {
        if let (Some(other), true) = (claim.child(key), claim.child("scales_over").is_some()) {
            let message =
                format!("{key:?} contradicts \"scales_over\", which looks at every value of the sweep");
            findings.push(other.key_error(message));
        }
    }
}

/// Both sides must be variants of the job, and not the same one.
fn check_variants(root: &Node<'_>, claim: &Node<'_>, findings: &mut Findings) {
    let (variant, than) = (claim.child("variant"), claim.child("than"));
    let known = variants::names(root);
    let meant = |side: &Node<'_>| variants::meant(&known, side.text()?).cloned();
    if let (Some(variant), Some(than)) = (&variant, &than)
        && (variant.text() == than.text() || (meant(variant).is_some() && meant(variant) == meant(than)))
    {
        let message = format!("{} is compared with itself", quoted(than.text().unwrap_or_default()));
        findings.push(than.error(message).with_help("name another variant"));
    }
    if known.is_empty() {
        return;
    }
    for side in [variant, than].into_iter().flatten() {
        let Some(name) = side.text().filter(|_| meant(&side).is_none()) else { continue };
        let error = side.error(format!("there is no variant {}", quoted(name)));
        let help = proposal(name, known.iter().map(String::as_str));
        findings.push(super::JobError { help, ..error });
    }
}

/// Scaling needs a sweep over two or more different numbers above zero.
fn check_sweep(root: &Node<'_>, claim: &Node<'_>, scales: &Node<'_>, findings: &mut Findings) {
    if claim.child("efficiency").is_none() {
        findings.push(scales.key_error("\"scales_over\" needs \"efficiency\", a share such as 0.9"));
    }
    if let Some(zero) = claim.child("efficiency").filter(|efficiency| efficiency.share() == Some(0.0)) {
        findings.push(zero.error("expected a share above zero, such as 0.9: every efficiency reaches 0"));
    }
    let Some(path) = scales.text() else { return };
    let sweep = root.child("sweep");
    let swept = sweep.iter().flat_map(Node::entries).find(|(key, _)| *key == path);
    let Some((_, values)) = swept else {
        let error = scales.error(format!("{} is not swept", quoted(path)));
        let known: Vec<&str> = sweep.iter().flat_map(Node::entries).map(|(key, _)| key).collect();
        let help = proposal(path, known.into_iter())
            .unwrap_or_else(|| format!("add [sweep] with {} = [1, 2, 4]", quoted(path)));
        findings.push(error.with_help(help));
        return;
    };
    let mut numbers: Vec<f64> = values.items().filter_map(|value| value.number()).collect();
    let is_all_numbers = numbers.len() == values.items().count();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    if !is_all_numbers || numbers.len() < 2 || numbers.first().is_some_and(|least| *least <= 0.0) {
        let message = format!("{} is not swept over two or more numbers above zero", quoted(path));
        findings.push(scales.error(message));
    }
}
