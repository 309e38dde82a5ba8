//! One thread's loop: it waits for clients and deadlines, and serves whichever comes first.

use std::io;
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use super::answers::AnswerBytes;
use super::behaviour::Behaviour;
use super::clock::{Moment, Timer};
use super::connection::{Connection, READ_BYTES};
use super::connections::{Connections, Token};
use super::deadlines::Deadlines;
use super::permits::Permit;
use super::server_clock::ServerClock;

/// Events taken from the kernel at once: enough to make the call cheap, few enough to fit a cache.
const EVENTS_MAX: usize = 256;
/// Connections on their way from the acceptor to a loop: the acceptor waits while so many are.
const ARRIVALS_MAX: usize = 1024;
/// How often quiet connections are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Event data of the timer and of arrivals. Slots never reach 32 bits of ones, so no [`Token`] equals them.
const TIMER: u64 = u64::MAX;
const ARRIVALS: u64 = u64::MAX - 1;

/// A connection that was accepted, with the right to be open.
pub(super) type Arrival = (TcpStream, Permit);

/// The acceptor's end of a loop.
#[derive(Debug)]
pub(super) struct Doorbell {
    arrivals: SyncSender<Arrival>,
    bell: OwnedFd,
}

impl Doorbell {
    /// Hands a connection to the loop; whether the loop still runs.
    pub(super) fn hand_over(&self, arrival: Arrival) -> bool {
        // Ringing fails only on a full counter, and then the loop has been woken already.
        self.arrivals.send(arrival).is_ok_and(|()| {
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
            true
        })
    }
}

/// What one thread owns.
pub(super) struct EventLoop {
    epoll: OwnedFd,
    timer: Timer,
    clock: ServerClock,
    arrivals: Receiver<Arrival>,
    connections: Connections,
    deadlines: Deadlines,
    behaviour: Behaviour,
    answers: Arc<AnswerBytes>,
    buffer: Box<[u8]>,
    next_sweep: Moment,
}

impl EventLoop {
    /// A loop without connections, and the way to hand it some.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub(super) fn new(
        clock: ServerClock,
        behaviour: Behaviour,
        answers: Arc<AnswerBytes>,
    ) -> io::Result<(Self, Doorbell)> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = Timer::new()?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered, neither has to be read.
        let on_each = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), on_each)?;
        epoll::add(&epoll, &bell, EventData::new_u64(ARRIVALS), on_each)?;
        let (sender, arrivals) = sync_channel(ARRIVALS_MAX);
        let doorbell = Doorbell { arrivals: sender, bell };
        let event_loop = Self {
            epoll,
            timer,
            clock,
            arrivals,
            connections: Connections::default(),
            deadlines: Deadlines::default(),
            behaviour,
            answers,
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            next_sweep: Moment::now() + SWEEP_INTERVAL,
        };
        Ok((event_loop, doorbell))
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// When the kernel refuses what it has no cause to refuse.
    pub(super) fn run(mut self) -> io::Result<()> {
        // Sleeping through a freeze would otherwise end up to 50 µs late, which is the default slack.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_MAX);
        loop {
            self.wait(&mut events)?;
            for event in events.drain(..) {
                let now = match event.data.u64() {
                    TIMER => {
                        self.timer.went_off();
                        self.clock.now()
                    }
                    ARRIVALS => self.welcome(),
                    token => self.serve(Token(token), event.flags),
                };
                // After each event, not each batch: serving a batch may take longer than a deadline may be late.
                self.answer_due(now);
            }
            self.sweep();
        }
    }

    fn wait(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        if let Some(due) = self.deadlines.next() {
            self.timer.arm(due)?;
        }
        let sweep_due = Timespec::try_from(SWEEP_INTERVAL).expect("seconds fit");
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&sweep_due)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn welcome(&mut self) -> Moment {
        while let Ok((stream, permit)) = self.arrivals.try_recv() {
            let token = self.connections.insert(Connection::new(stream, permit));
            let connection = self.connections.of(token).expect("it was inserted just now");
            let data = EventData::new_u64(token.0);
            // Bytes that are there already make it readable at once.
            if epoll::add(&self.epoll, connection.stream().as_fd(), data, EventFlags::IN).is_err() {
                self.connections.remove(token);
            }
        }
        self.clock.now()
    }

    /// Reads what a client sent and answers what is due already; the time after reading.
    fn serve(&mut self, token: Token, flags: EventFlags) -> Moment {
        let now = self.clock.now();
        let Some(connection) = self.connections.of(token) else {
            return now;
        };
        if flags.intersects(EventFlags::ERR | EventFlags::HUP) {
            self.connections.remove(token);
            return now;
        }
        if !flags.contains(EventFlags::IN) {
            self.settle(token, now);
            return now;
        }
        match connection.read(&mut self.buffer) {
            Ok(Some(bytes)) => {
                // A delay counts from when the last byte was read, so the clock is read again.
                let received = self.clock.now();
                connection.take(bytes, received, &mut self.behaviour);
                self.settle(token, received);
                received
            }
            Ok(None) => now,
            Err(_) => {
                self.connections.remove(token);
                now
            }
        }
    }

    fn answer_due(&mut self, now: Moment) {
        while let Some(token) = self.deadlines.pop_due(now) {
            if let Some(connection) = self.connections.of(token) {
                connection.reached_deadline();
                self.settle(token, now);
            }
        }
    }

    /// Sends what is due, then closes the connection or sets what it waits for.
    fn settle(&mut self, token: Token, now: Moment) {
        let Some(connection) = self.connections.of(token) else {
            return;
        };
        let is_over = connection.send(now, &self.answers).is_err() || connection.is_closed();
        let is_unwatched = connection.take_new_watch().is_some_and(|watch| {
            epoll::modify(&self.epoll, connection.stream(), EventData::new_u64(token.0), watch).is_err()
        });
        if is_over || is_unwatched {
            self.connections.remove(token);
        } else if let Some(due) = connection.take_new_deadline() {
            self.deadlines.push(due, token);
            self.deadlines.forget_stale(self.connections.len(), |token| self.connections.is_live(token));
        }
    }

    fn sweep(&mut self) {
        let now = self.clock.now();
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_INTERVAL;
            self.connections.retain(Connection::lasts_through_sweep);
        }
    }
}
