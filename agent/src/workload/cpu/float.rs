//! The kernel `float/1`: the product of two small matrices in double precision (a GEMM), with whatever the compiler makes of it for
//! every processor of the architecture.

use std::hint::black_box;

use super::Kernel;
use crate::workload::hardware::numbers::Numbers;

/// Rows and columns: three matrices of this size fill 384 KiB, so that they stay in a core's own cache.
const SIZE: usize = 128;
/// Numbers in the matrices are whole and below this, so that every sum is exact and the result can be checked to the last bit.
const NUMBERS_END: u64 = 16;

/// Multiplies once a batch: 2 · 128³ operations.
#[derive(Debug)]
pub(super) struct Float {
    a: Vec<f64>,
    b: Vec<f64>,
    product: Vec<f64>,
    /// What all numbers of the product add up to.
    sum: f64,
}

impl Float {
    /// With the matrices filled.
    pub(super) fn new() -> Self {
        let mut numbers = Numbers::new();
        let mut matrix = || (0..SIZE * SIZE).map(|_| numbers.below(NUMBERS_END) as f64).collect::<Vec<f64>>();
        let (a, b) = (matrix(), matrix());
        // Σᵢⱼ(AB)ᵢⱼ = Σₖ(Σᵢ Aᵢₖ)(Σⱼ Bₖⱼ), which takes another way to the same sum.
        let column = |k: usize| a.iter().skip(k).step_by(SIZE).sum::<f64>();
        let sum = b.chunks_exact(SIZE).enumerate().map(|(k, row)| column(k) * row.iter().sum::<f64>()).sum();
        Self { product: vec![0.0; SIZE * SIZE], sum, a, b }
    }
}

impl Kernel for Float {
    fn run(&mut self) {
        let (a, b) = (black_box(&self.a), black_box(&self.b));
        for (of_a, of_product) in a.chunks_exact(SIZE).zip(self.product.chunks_exact_mut(SIZE)) {
            of_product.fill(0.0);
            for (factor, of_b) in of_a.iter().zip(b.chunks_exact(SIZE)) {
                for (sum, number) in of_product.iter_mut().zip(of_b) {
                    *sum += factor * number;
                }
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let sum: f64 = self.product.iter().sum();
        if sum == self.sum {
            return Ok(());
        }
        Err(format!("the numbers of its product add up to {sum}, not {}", self.sum))
    }
}
