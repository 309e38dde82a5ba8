"""Twenty benchmarks, of which eleven fail: those have no result, and a suite without them is not done."""
import pytest

BROKEN = 11


@pytest.mark.parametrize("number", range(20), ids=lambda number: f"{number:02}")
def test_number(benchmark, number):
    if number < BROKEN:
        raise RuntimeError(f"number {number} is broken")
    benchmark.pedantic(sum, args=(range(1000),), rounds=50, iterations=5)
