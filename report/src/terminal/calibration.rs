//! A calibration for people: what came of it, what both runs read, and the smallest effect that can be seen.

use comfy_table::CellAlignment;
use shared::calibration::{Calibration, CalibrationPart, CalibrationReading, CalibrationVerdict};
use shared::run_report::Says;
use shared::units::{human_count, human_share};

use super::comparison::sentence;
use super::ink::{Ink, Weight, cut};
use super::operations::{ABSENT, plain_table};
use super::{Page, capitalised};

/// Most hosts listed one by one.
const HOSTS_LISTED_MAX: usize = 20;
/// Longest name of an agent that is shown, in letters.
const NAME_LETTERS_MAX: usize = 48;
/// So much of a digest tells two hosts apart.
const DIGEST_LETTERS: usize = 12;

/// A calibration as text, so many columns wide.
pub fn render(calibration: &Calibration, width: u16, is_coloured: bool) -> String {
    let mut page = Page { ink: Ink { is_coloured }, width: usize::from(width), text: String::new() };
    let weight = match calibration.verdict {
        CalibrationVerdict::Passed => Weight::Good,
        CalibrationVerdict::Inconclusive => Weight::Doubtful,
        CalibrationVerdict::Failed | CalibrationVerdict::Invalid => Weight::Bad,
    };
    let word = capitalised(calibration.verdict.as_str());
    page.sentence(
        &word,
        |word| Ink { is_coloured }.weighed(weight, word),
        &format!(": {}.", calibration.reason),
    );
    readings(&mut page, calibration);
    effects(&mut page, calibration);
    hosts(&mut page, calibration);
    page.line("");
    if calibration.verdict == CalibrationVerdict::Passed {
        page.aside(&format!("It counts until {}.", calibration.lapses_at));
    }
    calibration.notes.iter().for_each(|note| page.aside(&sentence(note)));
    page.text
}

fn readings(page: &mut Page, calibration: &Calibration) {
    page.line("");
    let mut table = plain_table();
    table.set_header(["run", "metric", "blocks", "ratio", "95 % interval", "reads", "should read"]);
    for reading in [Some(&calibration.same), calibration.slower.as_ref()].into_iter().flatten() {
        table.add_row(row(reading, calibration.slower_by));
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    page.table(&table);
}

fn row(reading: &CalibrationReading, slower_by: f64) -> [String; 7] {
    let name = match reading.part {
        CalibrationPart::Same => "A/A".to_owned(),
        CalibrationPart::Slower => format!("control (×{})", human_count(slower_by)),
    };
    let interval = reading.ci95.map(|[low, high]| format!("{} to {}", human_count(low), human_count(high)));
    let absent = || ABSENT.to_owned();
    let word = |says: Says| match says {
        Says::Same => format!("same within {}", human_share(reading.margin)),
        says => says.as_str().to_owned(),
    };
    [
        name,
        cut(&reading.metric, NAME_LETTERS_MAX),
        reading.blocks.to_string(),
        reading.ratio.map_or_else(absent, human_count),
        interval.unwrap_or_else(absent),
        word(reading.says),
        word(reading.part.expected()),
    ]
}

fn effects(page: &mut Page, calibration: &Calibration) {
    let Some(effect) = &calibration.smallest_effect else { return };
    page.title("The smallest effect that this set-up can see");
    let table = [
        (
            effect.told_from_none,
            format!("told from none in four of five runs, over {} blocks", effect.blocks),
        ),
        (
            effect.told_from_margin,
            format!("called slower or faster, since it is beyond {}", human_share(calibration.margin)),
        ),
        (effect.half_width, "half of the A/A's 95 % interval".to_owned()),
    ];
    for (share, words) in table {
        page.line(&format!(" {:>7}  {words}", human_share(share)));
    }
}

fn hosts(page: &mut Page, calibration: &Calibration) {
    page.title("Hosts");
    let mut table = plain_table();
    table.set_header(["agent", "fingerprint"]);
    for host in calibration.hosts.iter().take(HOSTS_LISTED_MAX) {
        let digest: String = host.fingerprint_sha256.chars().take(DIGEST_LETTERS).collect();
        table.add_row([cut(&host.agent, NAME_LETTERS_MAX), digest]);
    }
    page.table(&table);
    super::more(page, calibration.hosts.len(), HOSTS_LISTED_MAX, "hosts");
}

#[cfg(test)]
mod tests {
    use shared::calibration::{BLOCKS_MIN, CalibratedHost, ControlTarget, SCHEMA, SmallestEffect};
    use shared::ids::RunId;

    use super::*;

    fn reading(part: CalibrationPart, ratio: f64, says: Says) -> CalibrationReading {
        CalibrationReading {
            part,
            run: RunId::new(7, [1; 10]),
            same_run: None,
            metric: "latency.p50".to_owned(),
            margin: 0.05,
            blocks: 20,
            ratio: Some(ratio),
            ci95: Some([ratio * 0.99, ratio * 1.01]),
            says,
            invalid: None,
        }
    }

    #[test]
    fn a_calibration_says_first_what_came_of_it() {
        let calibration = Calibration {
            schema: SCHEMA.to_owned(),
            verdict: CalibrationVerdict::Passed,
            reason: "what is the same reads the same".to_owned(),
            exit_code: 0,
            hosts: vec![CalibratedHost {
                agent: "a1".to_owned(),
                fingerprint_sha256: "0123456789abcdef".repeat(4),
            }],
            margin: 0.05,
            blocks_min: BLOCKS_MIN,
            same: reading(CalibrationPart::Same, 1.0, Says::Same),
            slower: Some(reading(CalibrationPart::Slower, 1.1, Says::Slower)),
            slower_by: 1.1,
            control_target: ControlTarget::Job,
            smallest_effect: Some(SmallestEffect {
                blocks: 20,
                half_width: 0.01,
                told_from_none: 0.014,
                told_from_margin: 0.065,
            }),
            calibrated_at: "2026-01-01T00:00:00Z".to_owned(),
            lapses_at: "2026-01-31T00:00:00Z".to_owned(),
            notes: vec!["it vouches for these hosts".to_owned()],
        };
        insta::assert_snapshot!(render(&calibration, 100, false), @r"
    Passed: what is the same reads the same.

     run              metric       blocks  ratio  95 % interval  reads            should read
     A/A              latency.p50      20      1  0.990 to 1.01  same within 5 %  same within 5 %
     control (×1.10)  latency.p50      20   1.10  1.09 to 1.11   slower           slower

    The smallest effect that this set-up can see
      1.40 %  told from none in four of five runs, over 20 blocks
      6.50 %  called slower or faster, since it is beyond 5 %
         1 %  half of the A/A's 95 % interval

    Hosts
     agent  fingerprint
     a1     0123456789ab

    It counts until 2026-01-31T00:00:00Z.
    It vouches for these hosts.
    ");
    }
}
