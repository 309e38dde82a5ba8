//! Two benchmarks, one with a parameter.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn sums(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sums");
    group.sample_size(10).warm_up_time(Duration::from_millis(20)).measurement_time(Duration::from_millis(50));
    group.bench_with_input(BenchmarkId::new("of", 100), &100_u64, |bencher, count| {
        bencher.iter(|| (0..black_box(*count)).sum::<u64>());
    });
    group.bench_function("empty", |bencher| bencher.iter(|| black_box(1)));
    group.finish();
}

criterion_group!(benches, sums);
criterion_main!(benches);
