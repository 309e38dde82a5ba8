//! A line as small as a word: how something went lately, with no axes; the number beside it says how much.

use std::fmt::Write;

use maud::{Markup, html};

use super::sheet::Px;

const WIDTH: f64 = 96.0;
const HEIGHT: f64 = 20.0;

/// Draws shares of 1, oldest first; `says` tells what they are.
pub fn chart(shares: &[f64], says: &str) -> Markup {
    let step = WIDTH / (shares.len().saturating_sub(1).max(1)) as f64;
    let mut path = String::new();
    for (place, share) in shares.iter().enumerate() {
        let letter = if place == 0 { 'M' } else { 'L' };
        let up = HEIGHT - 1.0 - share.clamp(0.0, 1.0) * (HEIGHT - 2.0);
        // A string takes all that is written.
        let _ = write!(path, "{letter}{} {}", Px(place as f64 * step), Px(up));
    }
    html! {
        svg.spark viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) width=(WIDTH) height=(HEIGHT) role="img" aria-label=(says) {
            title { (says) }
            path.grid d=(format!("M0 {}H{WIDTH}", HEIGHT - 1.0)) {}
            path.line d=(path) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_stay_within_the_picture() {
        let text = chart(&[0.0, 0.5, 7.0, f64::NAN], "CPU <now>").into_string();
        assert!(text.contains("M0 19L32 10L64 1") && text.contains("CPU &lt;now&gt;"), "{text}");
    }
}
