//! An agent without an engine: it follows the protocol to the letter, and sends made-up intervals at the right times.
//!
//! ```text
//! Hello ─► Prepare ─► Ready ─► Start ─► Armed ─► an interval each second from T on ─► Done ─► Release ─► stays
//! ```
//!
//! Room: `streams`, its connection.

mod streams;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::attach_down::Message as Order;
use proto::attach_up::Message as Statement;
use proto::convert::{interval, trial_key};
use shared::ids::TrialKey;
use tokio::time::{sleep_until, timeout};

use self::streams::Streams;
use super::CONNECT_WITHIN;
use crate::crowd::{Account, Scene};
use crate::realistic_interval::LENGTH;

/// Intervals that may be under way before the coordinator has said how many.
const CREDIT_AT_FIRST: usize = 1;

/// Why an agent's part ends early, in words.
type Failure = String;

/// Lives the life of one agent, from its hello until all may go.
pub async fn live(scene: Arc<Scene>, number: u32) -> Account {
    let mut account = Account::default();
    let opened = {
        // Whoever closes the semaphore ends the program.
        let _turn = scene.connecting.acquire().await;
        timeout(CONNECT_WITHIN, Streams::open(&scene, number)).await
    };
    let lived = match opened {
        Ok(Ok(streams)) => {
            // Nobody listens any more once somebody else could not attach.
            let _the_crowd_may_have_given_up = scene.attached.send(());
            Agent::new(&scene, number, streams, &mut account).live().await
        }
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(format!("no welcome within {} s", CONNECT_WITHIN.as_secs())),
    };
    if let Err(failure) = lived {
        account.fail(failure);
    }
    account
}

/// What an agent holds.
struct Agent<'a> {
    scene: &'a Scene,
    number: u32,
    streams: Streams,
    account: &'a mut Account,
    trial: Option<Trial>,
    credit: usize,
    /// Intervals that are numbered and not yet sent.
    unsent: VecDeque<(u64, Vec<u8>)>,
    /// Intervals that are not yet acknowledged, with when they were sent.
    under_way: VecDeque<(u64, Instant)>,
}

/// The trial that it was told to prepare.
#[derive(Debug, Clone, Copy)]
struct Trial {
    key: TrialKey,
    intervals: u64,
    numbered: u64,
    /// T on our clock, once it is told.
    starts_at: Option<Instant>,
}

impl Trial {
    /// When its next interval ends; `None`: there is none to wait for.
    fn next_due(&self) -> Option<Instant> {
        let ends_after = LENGTH * u32::try_from(self.numbered + 1).ok()?;
        self.starts_at.filter(|_| self.numbered < self.intervals).map(|at| at + ends_after)
    }
}

impl<'a> Agent<'a> {
    fn new(scene: &'a Scene, number: u32, streams: Streams, account: &'a mut Account) -> Self {
        Self {
            scene,
            number,
            streams,
            account,
            trial: None,
            credit: CREDIT_AT_FIRST,
            unsent: VecDeque::new(),
            under_way: VecDeque::new(),
        }
    }

    async fn live(mut self) -> Result<(), Failure> {
        let mut is_over = self.scene.is_over.clone();
        loop {
            let due = self.trial.and_then(|trial| trial.next_due());
            tokio::select! {
                order = self.streams.orders.message() => match order {
                    Ok(Some(proto::AttachDown { message: Some(order) })) => self.obey(order)?,
                    Ok(_) => return Err("the coordinator ended Attach".to_owned()),
                    Err(status) => return Err(format!("Attach broke: {status}")),
                },
                receipt = self.streams.receipts.message() => match receipt {
                    Ok(Some(proto::ReportDown { message: Some(receipt) })) => self.note(receipt)?,
                    Ok(_) => return Err("the coordinator ended Report".to_owned()),
                    Err(status) => return Err(format!("Report broke: {status}")),
                },
                () = sleep_until(due.unwrap_or(self.scene.clock_zero).into()), if due.is_some() => {
                    self.number_interval(due.unwrap_or(self.scene.clock_zero))?;
                }
                _ = self.streams.heartbeats.tick() => self.say(Statement::Heartbeat(proto::Heartbeat {}))?,
                _ = is_over.wait_for(|is_over| *is_over) => return Ok(()),
            }
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), Failure> {
        match order {
            Order::ClockProbe(probe) => self.say(Statement::ClockReply(proto::ClockReply {
                probe_id: probe.probe_id,
                agent_monotonic_ns: self.scene.clock_zero.elapsed().as_nanos() as u64,
            })),
            Order::Prepare(prepare) => self.prepare(prepare),
            Order::Start(start) => self.arm(start),
            Order::Abort(abort) => {
                let numbered = self.trial.take().map_or(0, |trial| trial.numbered);
                self.account.fail(format!("told to abort: {}", abort.reason));
                self.say(Statement::TrialFailed(proto::TrialFailed {
                    trial: abort.trial,
                    reason: abort.reason,
                    intervals: numbered,
                    is_refused: false,
                    epoch: 0,
                }))
            }
            Order::Release(_) => {
                self.trial = None;
                Ok(())
            }
            other => Err(format!("{other:?} is not what this job asks for")),
        }
    }

    fn prepare(&mut self, prepare: proto::Prepare) -> Result<(), Failure> {
        let window = prepare.load.and_then(|load| load.window);
        let Some(proto::load_share::Window::WindowNs(window_ns)) = window else {
            return Err(format!("a window of {window:?} is not what this job asks for"));
        };
        let key = trial_key(prepare.trial).map_err(|error| error.to_string())?;
        let intervals = window_ns / LENGTH.as_nanos() as u64;
        self.trial = Some(Trial { key, intervals, numbered: 0, starts_at: None });
        self.say(Statement::TrialReady(proto::TrialReady { trial: Some(key.into()), epoch: 0 }))
    }

    /// As an agent does: a start that has passed is refused, and a later one moves it.
    fn arm(&mut self, start: proto::Start) -> Result<(), Failure> {
        let starts_at = self.scene.clock_zero + Duration::from_nanos(start.at_agent_monotonic_ns);
        let late = Instant::now().saturating_duration_since(starts_at);
        if late > Duration::ZERO {
            return self.say(Statement::StartTooLate(proto::StartTooLate {
                trial: start.trial,
                arming: start.arming,
                late_ns: late.as_nanos() as u64,
                epoch: start.epoch,
            }));
        }
        if let Some(trial) = &mut self.trial {
            trial.starts_at = Some(starts_at);
        }
        self.say(Statement::TrialArmed(proto::TrialArmed {
            trial: start.trial,
            armed_for_monotonic_ns: start.at_agent_monotonic_ns,
            arming: start.arming,
            epoch: start.epoch,
        }))
    }

    /// A second is over: its interval is numbered, and sent if it may be.
    fn number_interval(&mut self, due: Instant) -> Result<(), Failure> {
        let Some(trial) = &mut self.trial else { return Ok(()) };
        let (key, sequence) = (trial.key, trial.numbered);
        trial.numbered += 1;
        let is_last = trial.numbered == trial.intervals;
        let made = self.scene.intervals.interval(key, self.streams.id, self.number, sequence, is_last);
        self.unsent.push_back((sequence, interval::encode(&made)));
        self.account.numbered += 1;
        self.account.send_lag_max = self.account.send_lag_max.max(due.elapsed());
        self.send_unsent(key)?;
        if is_last {
            let done = proto::TrialDone { trial: Some(key.into()), intervals: sequence + 1, epoch: 0 };
            self.say(Statement::TrialDone(done))?;
        }
        Ok(())
    }

    /// Sends what the coordinator has room for.
    fn send_unsent(&mut self, key: TrialKey) -> Result<(), Failure> {
        while self.under_way.len() < self.credit
            && let Some((sequence, bytes)) = self.unsent.pop_front()
        {
            let now = Instant::now();
            self.account.first_sent.get_or_insert(now);
            self.account.interval_bytes += bytes.len() as u64;
            self.under_way.push_back((sequence, now));
            let numbered =
                proto::NumberedInterval { trial: Some(key.into()), sequence, interval: bytes, epoch: 0 };
            let batch = proto::IntervalBatch { intervals: vec![numbered] };
            self.streams.send(proto::report_up::Message::Batch(batch))?;
        }
        Ok(())
    }

    fn note(&mut self, receipt: proto::report_down::Message) -> Result<(), Failure> {
        use proto::report_down::Message;
        match receipt {
            Message::Credit(credit) => {
                self.credit = (credit.intervals_in_flight_max as usize).max(1);
                Ok(())
            }
            Message::Acknowledgement(acknowledgement) => {
                let now = Instant::now();
                while let Some((sequence, sent)) = self.under_way.front().copied()
                    && sequence <= acknowledgement.through_sequence
                {
                    self.under_way.pop_front();
                    self.account.acknowledged += 1;
                    self.account.ack_times.push(now.duration_since(sent));
                    self.account.last_acknowledged = Some(now);
                }
                self.trial.map_or(Ok(()), |trial| self.send_unsent(trial.key))
            }
            Message::Rejection(rejection) => {
                self.under_way.clear();
                self.account.fail(format!("intervals were rejected: {}", rejection.reason));
                Ok(())
            }
        }
    }

    fn say(&self, statement: Statement) -> Result<(), Failure> {
        self.streams.say(statement)
    }
}
