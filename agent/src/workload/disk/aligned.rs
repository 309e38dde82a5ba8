//! Memory that begins where a disk can reach it directly.

/// What O_DIRECT asks of addresses, places and lengths: no disk has larger logical blocks.
pub(super) const ALIGNMENT: usize = 4096;

/// Bytes that begin at a multiple of [`ALIGNMENT`].
#[derive(Debug)]
pub(super) struct Aligned {
    memory: Vec<u8>,
    begin: usize,
    length: usize,
}

impl Aligned {
    /// So many bytes, all zero.
    pub(super) fn zeroed(length: usize) -> Self {
        let memory = vec![0; length + ALIGNMENT];
        let begin = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { memory, begin, length }
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.begin..self.begin + self.length]
    }

    /// The bytes, to be written.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.begin..self.begin + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_where_it_should_and_is_as_long() {
        for length in [1, 4096, 1 << 20] {
            let mut aligned = Aligned::zeroed(length);
            assert_eq!((aligned.bytes().as_ptr().addr() % ALIGNMENT, aligned.bytes_mut().len()), (0, length));
        }
    }
}
