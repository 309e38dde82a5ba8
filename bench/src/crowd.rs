//! Many simulated agents in this process, each with a connection of its own, and what they saw together.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use trust::join_token::JoinToken;

use crate::realistic_interval::IntervalMaker;
use crate::rpc::simulated_agent;

/// Agents that connect at once: more only wait in the coordinator's backlog of connections, which Linux bounds too.
const CONNECTING_MAX: usize = 64;
/// Failures of agents that are told apart; further ones are only counted.
const FAILURES_TOLD_MAX: usize = 5;

/// Where simulated agents meet, and what they share.
#[derive(Debug)]
pub struct Scene {
    /// Where the coordinator listens.
    pub url: String,
    /// With what they join; `None`: nobody asks who they are.
    pub token: Option<JoinToken>,
    /// The word that reserves them for one run.
    pub reservation: String,
    /// What they send.
    pub intervals: IntervalMaker,
    /// The moment at which their monotonic clocks show zero.
    pub clock_zero: Instant,
    /// Whose turn it is to connect.
    pub connecting: Semaphore,
    /// Told by each agent once it is attached.
    pub attached: mpsc::UnboundedSender<()>,
    /// True once they may go.
    pub is_over: watch::Receiver<bool>,
}

/// What one simulated agent saw, or all of them together.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Intervals that were due.
    pub numbered: u64,
    /// Intervals that were acknowledged.
    pub acknowledged: u64,
    /// Encoded bytes of all intervals that were sent.
    pub interval_bytes: u64,
    /// From sending an interval to its acknowledgement.
    pub ack_times: Vec<Duration>,
    /// How late intervals were sent, at most: the load client's own lateness.
    pub send_lag_max: Duration,
    /// When the first interval was sent.
    pub first_sent: Option<Instant>,
    /// When the last acknowledgement came.
    pub last_acknowledged: Option<Instant>,
    /// What went wrong, and with how many agents.
    pub failures: BTreeMap<String, u64>,
}

/// Simulated agents that are attached, or on their way.
pub struct Crowd {
    agents: JoinSet<Account>,
    attached: mpsc::UnboundedReceiver<()>,
    over: watch::Sender<bool>,
}

impl Account {
    /// Notes what went wrong.
    pub fn fail(&mut self, failure: String) {
        *self.failures.entry(failure).or_default() += 1;
    }

    /// Adds what another agent saw.
    pub fn add(&mut self, other: Account) {
        self.numbered += other.numbered;
        self.acknowledged += other.acknowledged;
        self.interval_bytes += other.interval_bytes;
        self.ack_times.extend(other.ack_times);
        self.send_lag_max = self.send_lag_max.max(other.send_lag_max);
        self.first_sent = self.first_sent.into_iter().chain(other.first_sent).min();
        self.last_acknowledged = self.last_acknowledged.max(other.last_acknowledged);
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }

    /// The acknowledgement time that a share of intervals kept; `None`: nothing was acknowledged.
    pub fn ack_time(&self, quantile: f64) -> Option<Duration> {
        let mut times = self.ack_times.clone();
        times.sort_unstable();
        let rank = (quantile * times.len() as f64).ceil() as usize;
        times.get(rank.clamp(1, times.len().max(1)) - 1).copied()
    }

    /// How many acknowledgements took longer than this.
    pub fn late(&self, limit: Duration) -> usize {
        self.ack_times.iter().filter(|time| **time > limit).count()
    }

    /// What went wrong most often, in words.
    pub fn failures_in_words(&self) -> Vec<String> {
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let told = failures.iter().take(FAILURES_TOLD_MAX);
        told.map(|(failure, count)| format!("{count} agents: {failure}")).collect()
    }
}

impl Crowd {
    /// So many agents set out. Their names and hosts differ.
    pub fn gather(
        count: u32,
        (url, token): (&str, Option<JoinToken>),
        reservation: &str,
        intervals: IntervalMaker,
    ) -> Self {
        let (told, attached) = mpsc::unbounded_channel();
        let (over, is_over) = watch::channel(false);
        let scene = Arc::new(Scene {
            url: url.to_owned(),
            token,
            reservation: reservation.to_owned(),
            intervals,
            clock_zero: Instant::now(),
            connecting: Semaphore::new(CONNECTING_MAX),
            attached: told,
            is_over,
        });
        let mut agents = JoinSet::new();
        for number in 0..count {
            agents.spawn(simulated_agent::live(Arc::clone(&scene), number));
        }
        Self { agents, attached, over }
    }

    /// Waits until all of them are attached.
    ///
    /// # Errors
    /// When not all are within a time; what kept them is in their accounts.
    pub async fn all_attached(&mut self, within: Duration) -> io::Result<()> {
        let wanted = self.agents.len();
        for attached in 0..wanted {
            let one = tokio::time::timeout(within, self.attached.recv()).await;
            if !matches!(one, Ok(Some(()))) {
                return Err(io::Error::other(format!("{attached} of {wanted} agents could attach")));
            }
        }
        Ok(())
    }

    /// Lets all of them go, and gives what they saw together.
    pub async fn disperse(mut self) -> Account {
        // Nobody listens any more when all have failed.
        let _all_may_have_ended = self.over.send(true);
        let mut together = Account::default();
        while let Some(account) = self.agents.join_next().await {
            match account {
                Ok(account) => together.add(account),
                Err(error) => together.fail(error.to_string()),
            }
        }
        together
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_add_up() {
        let now = Instant::now();
        let account = |milliseconds: u64| {
            let time = Duration::from_millis(milliseconds);
            let mut account = Account {
                numbered: 1,
                acknowledged: 1,
                interval_bytes: 10,
                ack_times: vec![time],
                first_sent: Some(now + time),
                last_acknowledged: Some(now + time),
                ..Account::default()
            };
            account.fail("gone".to_owned());
            account
        };
        let mut together = Account::default();
        (1..=100).rev().for_each(|milliseconds| together.add(account(milliseconds)));
        let time = |milliseconds| Some(Duration::from_millis(milliseconds));
        assert_eq!((together.ack_time(0.5), together.ack_time(0.99)), (time(50), time(99)));
        assert_eq!((together.late(Duration::from_millis(90)), together.interval_bytes), (10, 1_000));
        assert_eq!(together.first_sent.zip(together.last_acknowledged).map(|(a, b)| b - a), time(99));
        assert_eq!(together.failures_in_words(), ["100 agents: gone"]);
        assert_eq!(Account::default().ack_time(0.5), None);
    }
}
