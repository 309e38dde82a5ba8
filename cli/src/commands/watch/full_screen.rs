//! Following a run on the whole terminal, until it ends or whoever watches goes.

use std::cell::RefCell;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use shared::event::RunEvent;
use shared::run_report::RunReport;
use tokio::time::MissedTickBehavior;

use super::{End, follow, patience};
use crate::args::PlaceArgs;
use crate::commands::run::interrupt::Interrupts;
use crate::commands::show;
use crate::progress::Display;
use crate::rpc::Client;
use crate::screen::{DRAW_EVERY, Key, Model, Question, Screen};

/// How watching ended.
pub(in crate::commands) enum Watched {
    /// The run goes on without whoever watched.
    Left,
    /// The run is over.
    Over {
        /// How.
        end: End,
        /// Whether it was cancelled from here.
        is_cancelled: bool,
    },
}

/// Draws a run until it ends. `can_go_on`: the run does not need this command. `q` and Ctrl-C ask what is to become of it; SIGTERM
/// leaves a run that can go on, and cancels one that cannot.
///
/// # Errors
/// As [`follow`]; 64 where there is no terminal.
pub(in crate::commands) async fn to_the_end(
    client: &Client,
    run: &str,
    place: &PlaceArgs,
    can_go_on: bool,
) -> anyhow::Result<Watched> {
    let mut screen = Screen::open()?;
    let model = RefCell::new(Model::of(run));
    let mut interrupts = Interrupts::listen()?;
    let (mut watching, mut cancelling) = (client.clone(), client.clone());
    let mut display = Told(&model);
    let following = follow(&mut watching, run, &mut display, patience(place));
    tokio::pin!(following);
    let mut decided = Decisions::of(client, run);
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_cancelled = false;
    loop {
        screen.draw(&model.borrow())?;
        let wish = tokio::select! {
            end = &mut following => return Ok(Watched::Over { end: end?, is_cancelled }),
            key = screen.key() => wish(&model, key, can_go_on),
            () = interrupts.next() => if can_go_on || is_cancelled { Wish::Leave } else { Wish::Cancel },
            report = decided.next(&model) => {
                model.borrow_mut().decide(&report);
                Wish::GoOn
            }
            _ = ticks.tick() => Wish::GoOn,
        };
        match wish {
            Wish::GoOn => {}
            Wish::Leave => return Ok(Watched::Left),
            Wish::Cancel => {
                is_cancelled = true;
                model.borrow_mut().cancel();
                // A run that is over by now needs no cancelling.
                let _its_end_is_on_its_way = cancelling.cancel(run, "cancelled at the terminal").await;
            }
        }
    }
}

/// What whoever watches wants.
enum Wish {
    GoOn,
    Leave,
    Cancel,
}

/// What a key means where the model stands: to quit asks first, and only an answer to that ends anything.
fn wish(model: &RefCell<Model>, key: Key, can_go_on: bool) -> Wish {
    let mut model = model.borrow_mut();
    let question = if can_go_on { Question::LeaveOrCancel } else { Question::Cancel };
    match key {
        Key::Quit if model.is_asking() && can_go_on => Wish::Leave,
        Key::Quit => {
            model.ask(Some(question));
            Wish::GoOn
        }
        Key::Leave if model.is_asking() && can_go_on => Wish::Leave,
        Key::Cancel if model.is_asking() => Wish::Cancel,
        Key::Stay => {
            model.ask(None);
            Wish::GoOn
        }
        Key::Gone if can_go_on => Wish::Leave,
        Key::Gone => Wish::Cancel,
        Key::Leave | Key::Cancel | Key::Other => Wish::GoOn,
    }
}

/// Tells the model what happens.
struct Told<'a>(&'a RefCell<Model>);

impl Display for Told<'_> {
    fn show(&mut self, event: &RunEvent) {
        self.0.borrow_mut().take(event);
    }

    fn say(&mut self, message: &str) {
        self.0.borrow_mut().say(message);
    }
}

/// The report as the collected trials make it, asked for once for each of them: what decides it is not read over and over while
/// a trial is measured.
struct Decisions {
    client: Client,
    run: String,
    /// For how many collected trials it was asked for last.
    asked_for: Option<usize>,
    /// The answer that is on its way. It is kept between calls, each of which may be given up for something that comes first.
    answer: Option<BoxFuture<'static, anyhow::Result<RunReport>>>,
}

impl Decisions {
    fn of(client: &Client, run: &str) -> Self {
        Self { client: client.clone(), run: run.to_owned(), asked_for: None, answer: None }
    }

    /// The next one; never, as long as nothing was collected since the last. One that cannot be had is done without.
    async fn next(&mut self, model: &RefCell<Model>) -> RunReport {
        let collected = model.borrow().known();
        if self.answer.is_none() && self.asked_for != Some(collected) {
            self.asked_for = Some(collected);
            let (mut client, run) = (self.client.clone(), self.run.clone());
            self.answer = Some(async move { show::report(&mut client, &run).await }.boxed());
        }
        if let Some(answer) = &mut self.answer {
            let report = answer.await;
            self.answer = None;
            if let Ok(report) = report {
                return report;
            }
        }
        std::future::pending().await
    }
}
