//! A sheet to draw on: axes, lines, bands and text in pixels, none of which leaves it.

use std::fmt::{self, Write};

use maud::{Markup, html};

use super::Width;
use super::scale::Scale;

/// Width of an average character of 12 px text.
const CHARACTER: f64 = 6.7;
/// Height of a line of text.
pub(crate) const LINE_HEIGHT: f64 = 16.0;
/// Room above the first panel, for the name of its axis.
const TOP: f64 = 26.0;
/// Room between a panel and the one below it, for the last label of the one and the name of the other.
const BETWEEN: f64 = 38.0;
/// How high above a panel the name of its axis stands: the topmost label reaches half its height above the panel.
const NAME_ABOVE: f64 = 13.0;
/// Room that one mark of the axis that goes up takes.
const PER_MARK: f64 = 40.0;
/// Room at the right, for half of the last label.
const RIGHT: f64 = 18.0;
/// Room at the left, for labels of the axis that goes up.
const LEFT: f64 = 62.0;
/// Points that the keyboard stops at, at most: with more of them nobody would get past the chart.
const STOPS_MAX: usize = 40;

/// A number of pixels, to a tenth; what is no number stands at 0, so that no drawing is broken by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Px(pub(crate) f64);

impl fmt::Display for Px {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = if self.0.is_finite() { (self.0 * 10.0).round() as i64 } else { 0 };
        if tenths % 10 == 0 {
            write!(formatter, "{}", tenths / 10)
        } else {
            let sign = if tenths < 0 { "-" } else { "" };
            write!(formatter, "{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
        }
    }
}

/// What is drawn, at one width.
#[derive(Debug)]
pub(crate) struct Sheet {
    width: f64,
    height: f64,
    marks: Vec<Markup>,
    stops: usize,
}

/// A rectangle of the sheet on which one thing is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    /// Its left and right edge.
    pub(crate) across: (f64, f64),
    /// Its bottom and its top: values go up.
    pub(crate) up: (f64, f64),
}

impl Panel {
    /// About how many marks the axis that goes up has room for.
    pub(crate) fn marks(&self) -> usize {
        ((self.up.0 - self.up.1) / PER_MARK).max(1.0) as usize
    }
}

/// Where a label stands beside its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn class(self) -> &'static str {
        match self {
            Anchor::Start => "at-start",
            Anchor::Middle => "at-middle",
            Anchor::End => "at-end",
        }
    }
}

impl Sheet {
    /// An empty sheet.
    pub(crate) fn new(width: Width) -> Self {
        Self { width: width.pixels(), height: 0.0, marks: Vec::new(), stops: 0 }
    }

    /// Adds a panel below what there is.
    pub(crate) fn panel(&mut self, height: f64) -> Panel {
        let top = self.height + if self.height > 0.0 { BETWEEN } else { TOP };
        self.height = top + height;
        Panel { across: (LEFT, self.width - RIGHT), up: (self.height, top) }
    }

    /// Adds room below what there is, and returns where it begins.
    pub(crate) fn room(&mut self, height: f64) -> f64 {
        let top = self.height;
        self.height += height;
        top
    }

    /// The axis that goes up: its name above, marks with lines across the panel.
    pub(crate) fn axis_up(
        &mut self,
        panel: &Panel,
        scale: &Scale,
        name: &str,
        label: impl Fn(f64) -> String,
    ) {
        let ((left, right), (_, top)) = (panel.across, panel.up);
        let mut free_below = f64::INFINITY;
        for mark in scale.marks(panel.marks()) {
            let at = scale.at(mark);
            self.marks.push(html! { path.grid d=(format!("M{} {}H{}", Px(left), Px(at), Px(right))) {} });
            // Marks come from the bottom up; one too close to the last has a line and no text.
            if at + LINE_HEIGHT <= free_below {
                self.text((left - 6.0, at + 4.0), Anchor::End, "mark", &label(mark));
                free_below = at;
            }
        }
        self.text((2.0, top - NAME_ABOVE), Anchor::Start, "axis", name);
    }

    /// The axis that goes across: labels below the panel as far as there is room, and its name below those.
    pub(crate) fn axis_across(
        &mut self,
        panel: &Panel,
        name: &str,
        marks: impl IntoIterator<Item = (f64, String)>,
    ) {
        let (bottom, top) = panel.up;
        let mut free_from = f64::NEG_INFINITY;
        for (at, label) in marks {
            self.marks.push(html! { path.grid d=(format!("M{} {}V{}", Px(at), Px(bottom), Px(top))) {} });
            let half = text_width(&label) / 2.0;
            let middle = at.clamp(half, (self.width - half).max(half));
            if middle - half >= free_from {
                self.text((middle, bottom + LINE_HEIGHT), Anchor::Middle, "mark", &label);
                free_from = middle + half + CHARACTER;
            }
        }
        let below = self.room(if name.is_empty() { LINE_HEIGHT + 6.0 } else { 2.0 * LINE_HEIGHT + 6.0 });
        if !name.is_empty() {
            self.text((panel.across.1, below + 2.0 * LINE_HEIGHT), Anchor::End, "axis", name);
        }
    }

    /// Text, cut where the sheet ends.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let room = match anchor {
            Anchor::Start => self.width - x,
            Anchor::End => x,
            Anchor::Middle => 2.0 * x.min(self.width - x),
        };
        let shown = cut(text, room);
        self.marks.push(html! {
            text.{ (class) " " (anchor.class()) } x=(Px(x)) y=(Px(y)) {
                (shown)
                @if shown != text { title { (text) } }
            }
        });
    }

    /// A line through points, broken where one is missing.
    pub(crate) fn line(&mut self, class: &str, points: impl IntoIterator<Item = Option<(f64, f64)>>) {
        let mut path = String::new();
        let mut is_down = false;
        for point in points {
            let Some((x, y)) = point else {
                is_down = false;
                continue;
            };
            let step = if is_down { 'L' } else { 'M' };
            // A line of one point is a dot of the line's width, as the style rounds its ends.
            let _ = write!(path, "{step}{} {}", Px(x), Px(y));
            if !is_down {
                let _ = write!(path, "h0");
            }
            is_down = true;
        }
        if !path.is_empty() {
            self.marks.push(html! { path.{ "line " (class) } d=(path) {} });
        }
    }

    /// The area between two edges, each a list of points from left to right.
    pub(crate) fn band(&mut self, class: &str, low: &[(f64, f64)], high: &[(f64, f64)]) {
        if low.len() < 2 || low.len() != high.len() {
            return;
        }
        let mut path = String::new();
        for (place, (x, y)) in low.iter().chain(high.iter().rev()).enumerate() {
            let step = if place == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{step}{} {}", Px(*x), Px(*y));
        }
        path.push('Z');
        self.marks.push(html! { path.{ "band " (class) } d=(path) {} });
    }

    /// A rectangle between two corners, which says something when pointed at.
    pub(crate) fn rectangle(
        &mut self,
        class: &str,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        says: &str,
    ) {
        self.marks.push(html! {
            rect.(class) x=(Px(left)) y=(Px(top)) width=(Px((right - left).max(0.5))) height=(Px((bottom - top).max(0.5))) {
                @if !says.is_empty() { title { (says) } }
            }
        });
    }

    /// The same, which the keyboard reaches too.
    pub(crate) fn cell(
        &mut self,
        class: &str,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        says: &str,
    ) {
        self.stops += 1;
        let is_stop = self.stops <= STOPS_MAX;
        self.marks.push(html! {
            rect.{ "cell " (class) } x=(Px(left)) y=(Px(top)) width=(Px((right - left).max(0.5))) height=(Px((bottom - top).max(0.5)))
                tabindex=[is_stop.then_some("0")] role="img" aria-label=(says) { title { (says) } }
        });
    }

    /// A point, which says something when pointed at or reached by the keyboard.
    pub(crate) fn point(&mut self, class: &str, (x, y): (f64, f64), says: &str) {
        self.stops += 1;
        let is_stop = self.stops <= STOPS_MAX;
        self.marks.push(html! {
            circle.{ "point " (class) } cx=(Px(x)) cy=(Px(y)) r="3.5" tabindex=[is_stop.then_some("0")] role="img" aria-label=(says) {
                title { (says) }
            }
        });
    }

    /// A triangle that points down to where something was found, and says what.
    pub(crate) fn triangle(&mut self, class: &str, (x, y): (f64, f64), half: f64, says: &str) {
        self.stops += 1;
        let is_stop = self.stops <= STOPS_MAX;
        let path =
            format!("M{} {}h{}L{} {}Z", Px(x - half), Px(y - 2.0 * half), Px(2.0 * half), Px(x), Px(y));
        self.marks.push(html! {
            path.(class) d=(path) tabindex=[is_stop.then_some("0")] role="img" aria-label=(says) { title { (says) } }
        });
    }

    /// The picture.
    pub(super) fn finish(&self, width: Width, title: &str, description: &str) -> Markup {
        let view = format!("0 0 {} {}", Px(self.width), Px(self.height + 4.0));
        html! {
            svg.(width.class()) viewBox=(view) role="group" aria-label=(format!("{title}. {description}")) xmlns="http://www.w3.org/2000/svg" {
                @for mark in &self.marks { (mark) }
            }
        }
    }
}

/// About how wide a text is.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A text cut to so many pixels, with a sign that it was.
pub(crate) fn cut(text: &str, room: f64) -> String {
    let fits = (room / CHARACTER).max(1.0) as usize;
    if text.chars().count() <= fits {
        return text.to_owned();
    }
    text.chars().take(fits.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_told_to_a_tenth_and_never_as_no_number() {
        let told = [0.0, 1.25, -0.04, -3.16, f64::NAN, f64::INFINITY].map(|value| Px(value).to_string());
        assert_eq!(told, ["0", "1.3", "0", "-3.2", "0", "0"]);
    }

    #[test]
    fn labels_that_would_touch_are_left_out() {
        let mut sheet = Sheet::new(Width::Narrow);
        let panel = sheet.panel(100.0);
        let marks = (0..40).map(|place| (62.0 + 7.0 * f64::from(place), format!("{place} s")));
        sheet.axis_across(&panel, "time", marks);
        let text = sheet.finish(Width::Narrow, "t", "d").into_string();
        assert_eq!(text.matches("class=\"grid\"").count(), 40);
        let labels = text.matches("class=\"mark at-middle\"").count();
        assert!((5..20).contains(&labels), "{labels} labels");
    }

    #[test]
    fn text_is_cut_and_escaped() {
        let mut sheet = Sheet::new(Width::Narrow);
        sheet.text((300.0, 10.0), Anchor::Start, "mark", "<script>alert(1)</script>");
        let text = sheet.finish(Width::Narrow, "a", "b").into_string();
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("…"), "{text}");
    }

    #[test]
    fn a_line_is_broken_where_a_point_is_missing() {
        let mut sheet = Sheet::new(Width::Wide);
        sheet.line("s0", [Some((1.0, 1.0)), Some((2.0, 2.0)), None, Some((4.0, 4.0))]);
        let text = sheet.finish(Width::Wide, "a", "b").into_string();
        assert!(text.contains("M1 1h0L2 2M4 4h0"), "{text}");
    }
}
