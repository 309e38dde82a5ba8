//! Passes over arrays as STREAM has them (McCalpin 1995): copy, scale, add, triad. The arrays that are read stay as they are and a
//! third one is written, so that passes can come in any order and any number.

/// What is multiplied by.
const FACTOR: f64 = 3.0;
/// What the arrays that are read are filled with.
const FIRST: f64 = 1.5;
const SECOND: f64 = 0.25;
/// How many places of the written array are marked before a pass and looked at after it.
const MARKS: usize = 256;
/// Bytes of a number.
const NUMBER_BYTES: usize = size_of::<f64>();

/// One kind of pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// c = a
    Copy,
    /// c = 3·a
    Scale,
    /// c = a + b
    Add,
    /// c = a + 3·b
    Triad,
}

impl Pass {
    /// Bytes that one pass over so many numbers reads, and that it writes, as STREAM counts them: what a cache fetches before it
    /// is overwritten is left out.
    pub(super) fn bytes(self, numbers: usize) -> [u64; 2] {
        let array = (numbers * NUMBER_BYTES) as u64;
        let read = if matches!(self, Pass::Copy | Pass::Scale) { array } else { 2 * array };
        [read, array]
    }

    /// What every number of the written array is afterwards.
    fn result(self) -> f64 {
        match self {
            Pass::Copy => FIRST,
            Pass::Scale => FACTOR * FIRST,
            Pass::Add => FIRST + SECOND,
            Pass::Triad => FIRST + FACTOR * SECOND,
        }
    }
}

/// A thread's three arrays.
#[derive(Debug)]
pub(super) struct Arrays {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    /// Passes so far: marks move with each.
    passes: usize,
}

impl Arrays {
    /// Arrays of so many numbers. The thread that calls this touches every page first, so that they lie in memory near it.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub(super) fn filled(numbers: usize) -> Result<Self, String> {
        let array = |number: f64| {
            let mut array = Vec::new();
            array
                .try_reserve_exact(numbers)
                .map_err(|error| format!("an array of {numbers} numbers: {error}"))?;
            array.resize(numbers, number);
            Ok::<_, String>(array)
        };
        Ok(Self { a: array(FIRST)?, b: array(SECOND)?, c: array(0.0)?, passes: 0 })
    }

    /// A pass over the first numbers that is ready to run, with marks that it must overwrite.
    pub(super) fn marked(&mut self, pass: Pass, numbers: usize) -> Marked<'_> {
        let stride = (numbers / MARKS).max(1);
        // Odd, so that the marks come by every place within their stretches.
        let first = self.passes.wrapping_mul(4_093) % stride;
        self.passes = self.passes.wrapping_add(1);
        let (a, b, c) = (&self.a[..numbers], &self.b[..numbers], &mut self.c[..numbers]);
        c.iter_mut().skip(first).step_by(stride).for_each(|number| *number = f64::NAN);
        Marked { pass, a, b, c, first, stride }
    }
}

/// A pass that is ready to run.
#[derive(Debug)]
pub(super) struct Marked<'a> {
    pass: Pass,
    a: &'a [f64],
    b: &'a [f64],
    c: &'a mut [f64],
    first: usize,
    stride: usize,
}

impl Marked<'_> {
    /// Runs it.
    pub(super) fn run(&mut self) {
        match self.pass {
            Pass::Copy => copy(self.a, self.c),
            Pass::Scale => scale(self.a, self.c),
            Pass::Add => add(self.a, self.b, self.c),
            Pass::Triad => triad(self.a, self.b, self.c),
        }
    }

    /// Looks at the marks. An error says what is wrong with the first that is not what it must be.
    pub(super) fn check(&self) -> Result<(), String> {
        let result = self.pass.result();
        let places = (self.first..self.c.len()).step_by(self.stride);
        let wrong = places.map(|place| (place, self.c[place])).find(|(_, number)| *number != result);
        match wrong {
            None => Ok(()),
            Some((place, number)) => {
                Err(format!("after {:?} number {place} of the array is {number}, not {result}", self.pass))
            }
        }
    }
}

// Each a function of its own, so that what is around it does not change what the compiler makes of it.

#[inline(never)]
fn copy(a: &[f64], c: &mut [f64]) {
    for (to, from) in c.iter_mut().zip(a) {
        *to = *from;
    }
}

#[inline(never)]
fn scale(a: &[f64], c: &mut [f64]) {
    for (to, from) in c.iter_mut().zip(a) {
        *to = FACTOR * from;
    }
}

#[inline(never)]
fn add(a: &[f64], b: &[f64], c: &mut [f64]) {
    for ((to, one), other) in c.iter_mut().zip(a).zip(b) {
        *to = one + other;
    }
}

#[inline(never)]
fn triad(a: &[f64], b: &[f64], c: &mut [f64]) {
    for ((to, one), other) in c.iter_mut().zip(a).zip(b) {
        *to = one + FACTOR * other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Pass; 4] = [Pass::Copy, Pass::Scale, Pass::Add, Pass::Triad];

    #[test]
    fn every_pass_leaves_what_it_must_in_every_place() {
        for numbers in [1, 255, 5_000] {
            let mut arrays = Arrays::filled(numbers).unwrap();
            for pass in ALL {
                let mut marked = arrays.marked(pass, numbers);
                marked.run();
                assert_eq!(marked.check(), Ok(()));
                assert!(arrays.c.iter().all(|number| *number == pass.result()), "{pass:?}");
            }
        }
    }

    #[test]
    fn a_pass_that_did_nothing_is_seen_though_the_one_before_left_the_right_numbers() {
        let mut arrays = Arrays::filled(5_000).unwrap();
        arrays.marked(Pass::Add, 5_000).run();
        let error = arrays.marked(Pass::Add, 5_000).check().unwrap_err();
        assert!(error.starts_with("after Add number ") && error.ends_with("is NaN, not 1.75"), "{error}");
    }

    #[test]
    fn bytes_are_counted_as_stream_does() {
        assert_eq!(ALL.map(|pass| pass.bytes(10)), [[80, 80], [80, 80], [160, 80], [160, 80]]);
    }
}
