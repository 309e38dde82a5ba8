//! What a request is answered, and when: the options, drawn from the seed.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::delay::Delay;

use super::answers::{Answer, AnswerKind};
use super::clock::Moment;
use super::options::TargetOptions;
use super::outbox::DueAnswer;
use super::request::{Page, Request};
use super::tally::Tally;

/// One event loop's share of chance, and what depends on it.
#[derive(Debug)]
pub(super) struct Behaviour {
    latency: Delay,
    error_share: f64,
    random: ChaCha8Rng,
    tally: Tally,
}

impl Behaviour {
    /// The behaviour of the event loop with this number; each draws from its own stream of the seed, and all count
    /// together.
    pub(super) fn new(options: &TargetOptions, loop_index: usize, tally: Tally) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        random.set_stream(loop_index as u64);
        Self { latency: options.latency, error_share: options.errors.share(), random, tally }
    }

    /// The answer to a request whose last byte was read at `received`.
    pub(super) fn answer_to(&mut self, request: Request, received: Moment) -> DueAnswer {
        let (kind, delay) = match request.page {
            Page::Health => (AnswerKind::Healthy, Duration::ZERO),
            Page::Count => (AnswerKind::Counted(self.tally.text()), Duration::ZERO),
            Page::Work => {
                self.tally.note();
                (self.draw_kind(), self.latency.sample(&mut self.random))
            }
        };
        DueAnswer {
            due: received + delay,
            answer: Answer { kind, is_head_only: request.is_head, persistence: request.persistence },
        }
    }

    fn draw_kind(&mut self) -> AnswerKind {
        // Without errors nothing is drawn: chance costs time.
        if self.error_share > 0.0 && self.random.random::<f64>() < self.error_share {
            AnswerKind::Failure
        } else {
            AnswerKind::Success
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::Persistence;
    use super::super::tally::CountText;
    use super::*;

    fn options(latency: &str, errors: &str, seed: u64) -> TargetOptions {
        TargetOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            latency: latency.parse().unwrap(),
            stall: None,
            errors: errors.parse().unwrap(),
            body: None,
            seed,
            tcp_echo: None,
            grpc_echo: None,
            udp_echo: None,
            threads: None,
        }
    }

    fn request(page: Page) -> Request {
        Request { page, is_head: false, persistence: Persistence::Implied }
    }

    fn answers(options: &TargetOptions, loop_index: usize, page: Page) -> Vec<DueAnswer> {
        let mut behaviour = Behaviour::new(options, loop_index, Tally::default());
        (0..10_000).map(|_| behaviour.answer_to(request(page), Moment(5))).collect()
    }

    #[test]
    fn the_share_of_errors_is_the_one_asked_for() {
        let failures = |errors| {
            let answers = answers(&options("1ms", errors, 1), 0, Page::Work);
            answers.iter().filter(|due| due.answer.kind == AnswerKind::Failure).count()
        };
        assert_eq!(failures("0"), 0);
        assert_eq!(failures("1"), 10_000);
        // Five standard deviations of a binomial count around its mean of 1,000.
        assert!(failures("0.1").abs_diff(1_000) < 150);
    }

    #[test]
    fn health_is_answered_at_once_and_never_fails() {
        let answers = answers(&options("1s", "1", 1), 0, Page::Health);
        assert!(answers.iter().all(|due| due.due == Moment(5) && due.answer.kind == AnswerKind::Healthy));
    }

    #[test]
    fn chance_depends_on_the_seed_and_the_loop_alone() {
        let first = answers(&options("uniform(1ms,9ms)", "0.5", 1), 0, Page::Work);
        assert_eq!(first, answers(&options("uniform(1ms,9ms)", "0.5", 1), 0, Page::Work));
        assert_ne!(first, answers(&options("uniform(1ms,9ms)", "0.5", 2), 0, Page::Work));
        assert_ne!(first, answers(&options("uniform(1ms,9ms)", "0.5", 1), 1, Page::Work));
    }

    #[test]
    fn the_count_is_of_work_alone() {
        let tally = Tally::default();
        let mut behaviour = Behaviour::new(&options("0s", "0", 1), 0, tally.clone());
        for page in [Page::Work, Page::Health, Page::Count, Page::Work] {
            behaviour.answer_to(request(page), Moment(5));
        }
        assert_eq!(tally.text(), CountText::of(2));
    }
}
