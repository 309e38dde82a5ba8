//! Answers that wait for their time or for the client to take them, in the order of their requests.

use std::collections::VecDeque;
use std::io::IoSlice;

use super::answers::{Answer, AnswerBytes};
use super::clock::Moment;

/// An answer and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DueAnswer {
    pub(super) due: Moment,
    pub(super) answer: Answer,
}

/// The answers of one connection. An answer waits for those before it, however early it is due itself.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    answers: VecDeque<DueAnswer>,
    /// How many bytes of the first answer are written.
    written: usize,
}

impl Outbox {
    /// Adds the answer to the latest request.
    pub(super) fn push(&mut self, answer: DueAnswer) {
        self.answers.push_back(answer);
    }

    /// Notes that so many bytes of [`Outbox::unwritten`] are written.
    pub(super) fn wrote(&mut self, count: usize, bytes: &AnswerBytes) {
        let Some(first) = self.answers.front() else { return };
        self.written += count;
        if self.written >= bytes.parts(&first.answer).iter().map(|part| part.len()).sum() {
            self.answers.pop_front();
            self.written = 0;
        }
    }

    /// What is left of the first answer, at most `most` bytes; `None`: nothing is due at `now`.
    pub(super) fn unwritten<'a>(
        &'a self,
        now: Moment,
        bytes: &'a AnswerBytes,
        most: usize,
    ) -> Option<[IoSlice<'a>; 2]> {
        let first = self.answers.front().filter(|first| first.due <= now)?;
        let [head, body] = bytes.parts(&first.answer);
        let body = &body[self.written.saturating_sub(head.len())..];
        let head = &head[self.written.min(head.len())..];
        let head = &head[..head.len().min(most)];
        let body = &body[..body.len().min(most - head.len())];
        Some([IoSlice::new(head), IoSlice::new(body)])
    }

    /// When the first answer is due.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.answers.front().map(|first| first.due)
    }

    /// How many answers wait.
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::answers::AnswerKind;
    use super::super::request::Persistence;
    use super::super::tally::CountText;
    use super::*;

    fn due_at(due: u64, kind: AnswerKind) -> DueAnswer {
        let answer = Answer { kind, is_head_only: false, persistence: Persistence::Implied };
        DueAnswer { due: Moment(due), answer }
    }

    #[test]
    fn an_answer_waits_for_those_before_it() {
        let (bytes, mut outbox) = (AnswerBytes::new(None), Outbox::default());
        outbox.push(due_at(10, AnswerKind::Success));
        outbox.push(due_at(5, AnswerKind::Healthy));
        assert_eq!(outbox.next_due(), Some(Moment(10)));
        assert!(outbox.unwritten(Moment(9), &bytes, usize::MAX).is_none());
        let length =
            outbox.unwritten(Moment(10), &bytes, usize::MAX).unwrap().iter().map(|part| part.len()).sum();
        outbox.wrote(length, &bytes);
        assert_eq!((outbox.len(), outbox.next_due()), (1, Some(Moment(5))));
    }

    proptest! {
        #[test]
        fn a_client_gets_whole_answers_however_few_bytes_it_takes_at_once(
            portions in proptest::collection::vec(1_usize..200, 1..20),
            kinds in proptest::collection::vec(
                prop_oneof![Just(AnswerKind::Success), Just(AnswerKind::Healthy), Just(AnswerKind::Continue),
                    Just(AnswerKind::Counted(CountText::of(42)))],
                0..6,
            ),
        ) {
            let bytes = AnswerBytes::new(Some("100".parse().unwrap()));
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            for kind in kinds {
                outbox.push(due_at(0, kind));
                expected.extend(bytes.parts(&due_at(0, kind).answer).concat());
            }
            let mut received = Vec::new();
            let mut portions = portions.iter().copied().cycle();
            while let Some(parts) = outbox.unwritten(Moment(0), &bytes, portions.next().unwrap()) {
                let piece: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
                outbox.wrote(piece.len(), &bytes);
                received.extend(piece);
            }
            prop_assert_eq!(received, expected);
            prop_assert!(outbox.is_empty());
        }
    }
}
