//! Who takes which value: over the whole fleet the data comes exactly in its sequence, whatever agents and workers draw.

use proptest::prelude::*;

use super::*;

/// The most agents and workers of each that are tried.
const AGENTS_MAX: u32 = 16;
const WORKERS_MAX: u32 = 64;

/// What one agent of several draws, in the order of its draws. Its workers take turns by chance, and all but the first join
/// while it goes on, as those do that an open model adds.
fn drawn(
    column: &DataColumn,
    seed: u64,
    (index, count): (u32, u32),
    workers: u32,
    draws: usize,
) -> Vec<String> {
    let mut assignment = assignment(json!({ "url": "{{id}}" }));
    assignment.data.insert("id".to_owned(), column.clone());
    (assignment.agent_index, assignment.agent_count, assignment.load.seed) = (index, count, seed);
    let names = Names::with_environment(&assignment, &environment).unwrap();
    let text = crate::values::Rendering::compile("{{id}}", &names, Place::Anywhere).unwrap();
    let mut present = vec![names.values(Seat { worker: 0, seed })];
    let draw = |number: usize| {
        if number % 2 == 1 && present.len() < workers as usize {
            let worker = u32::try_from(present.len()).unwrap();
            present.push(names.values(Seat { worker, seed }));
        }
        let chance = (number as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let place = chance as usize % present.len();
        let values = &mut present[place];
        values.begin_iteration();
        let mut into = Vec::new();
        text.render(values, &mut into).unwrap();
        String::from_utf8(into).unwrap()
    };
    (0..draws).map(draw).collect()
}

/// Agent i of A takes the values i, i + A, i + 2A, … of the sequence, and begins again when its own are used up. So all agents
/// together take each value once before any comes twice, and no two the same.
fn assert_shares_are_exact(column: &DataColumn, seed: u64, rows: usize, agents: u32, workers: u32) {
    let whole = drawn(column, seed, (0, 1), 1, rows);
    let mut sorted = whole.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), rows, "alone an agent draws each value once");
    for index in 0..agents {
        let own: Vec<&String> = whole.iter().skip(index as usize).step_by(agents as usize).collect();
        // Of fewer values than agents, an agent beyond the last takes one that another has too.
        let own = if own.is_empty() { vec![&whole[index as usize % rows]] } else { own };
        let draws = 2 * own.len() + 1;
        let expected: Vec<&String> = own.iter().copied().cycle().take(draws).collect();
        let drawn = drawn(column, seed, (index, agents), workers, draws);
        assert_eq!(
            drawn.iter().collect::<Vec<_>>(),
            expected,
            "agent {index} of {agents}, {workers} workers"
        );
    }
}

fn columns(rows: usize) -> Vec<DataColumn> {
    let last = i64::try_from(rows).unwrap();
    let values = (0..rows).map(|number| format!("value-{number:04}")).collect();
    let sources = [DataSource::Range { first: 1, last }, DataSource::Values(values)];
    let orders = [DataOrder::Sequential, DataOrder::Random];
    let column = |source: &DataSource, order| DataColumn { source: source.clone(), order };
    sources.iter().flat_map(|source| orders.map(|order| column(source, order))).collect()
}

#[test]
fn shares_are_exact_for_every_number_of_agents_and_workers() {
    const ROWS: usize = 37;
    for column in columns(ROWS) {
        for agents in 1..=AGENTS_MAX {
            for workers in 1..=WORKERS_MAX {
                assert_shares_are_exact(&column, 42, ROWS, agents, workers);
            }
        }
    }
}

#[test]
fn in_sequential_order_the_values_come_as_they_stand() {
    for column in columns(5).into_iter().filter(|column| column.order == DataOrder::Sequential) {
        let whole = drawn(&column, 7, (0, 1), 3, 7);
        let is_range = matches!(column.source, DataSource::Range { .. });
        let value =
            |number: usize| if is_range { (number + 1).to_string() } else { format!("value-{number:04}") };
        assert_eq!(whole, [0, 1, 2, 3, 4, 0, 1].map(value));
    }
}

proptest! {
    #[test]
    fn shares_are_exact_for_any_data(
        rows in 1_usize..200, seed in any::<u64>(), agents in 1..=AGENTS_MAX, workers in 1..=WORKERS_MAX,
    ) {
        for column in columns(rows) {
            assert_shares_are_exact(&column, seed, rows, agents, workers);
        }
    }
}
