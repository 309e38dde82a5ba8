//! Programs that an agent is told to run: hooks that take a while, a target that answers after a while.

use agent::session::{Order, Statement};

use super::dice::{Dice, MS};

/// How long a program takes, nanoseconds.
const TAKES_NS: std::ops::RangeInclusive<u64> = MS..=2_000 * MS;
/// The port of every target.
const PORT: u16 = 4_000;

/// What comes of an order, and after how long; `None`: it is not about a program.
pub fn run(order: &Order, dice: &mut Dice) -> Option<(u64, Statement)> {
    let statement = match order {
        Order::ReservePort(trial) => Statement::PortReserved(*trial, Some(PORT)),
        Order::StartTarget { trial, .. } if dice.one_in(20) => {
            Statement::TargetFailed(*trial, "it ended at once".to_owned())
        }
        Order::StartTarget { trial, .. } => Statement::TargetReady(*trial),
        Order::StopTarget(trial) => Statement::TargetStopped(*trial),
        Order::RunHook { trial, hook, .. } => {
            let failure = dice.one_in(30).then(|| "exit status 1".to_owned());
            Statement::HookDone(*trial, *hook, failure)
        }
        Order::Profile { trial, .. } => {
            Statement::Profiled(*trial, dice.one_in(30).then(|| "exit status 1".to_owned()))
        }
        Order::Prepare(_) | Order::Start { .. } | Order::Abort { .. } | Order::Release(_) => return None,
    };
    Some((dice.spread(TAKES_NS), statement))
}
