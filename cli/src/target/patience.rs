//! How long a client may do nothing. Counted in sweeps instead of time, so that a freeze of the server, in
//! which no sweep runs, ages nobody.

/// Sweeps that an idle connection outlives: five minutes, at one each five seconds, is longer than the
/// connection pools of most clients keep an idle connection.
const IDLE_SWEEPS_MAX: u32 = 60;
/// Sweeps that may pass while a client sends one request, or takes no byte of its answer: one minute.
const STUCK_SWEEPS_MAX: u32 = 12;
/// Sweeps that wait for a client to close its side after the server has closed its own.
const LINGER_SWEEPS_MAX: u32 = 1;

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It sends no request.
    Idle,
    /// It has to finish its request or to take its answer.
    MidExchange,
    /// It waits for the server: its answer is not due yet.
    AwaitsAnswer,
    /// It has to close its side.
    Leaving,
}

/// How long one client has not got on.
#[derive(Debug, Default)]
pub(super) struct Patience {
    quiet_sweeps: u32,
}

impl Patience {
    /// Notes that the client began or finished a request or took bytes.
    pub(super) fn renew(&mut self) {
        self.quiet_sweeps = 0;
    }

    /// Counts a sweep; whether the client may stay.
    pub(super) fn lasts_through_sweep(&mut self, standing: Standing) -> bool {
        let most = match standing {
            Standing::AwaitsAnswer => {
                self.renew();
                return true;
            }
            Standing::Idle => IDLE_SWEEPS_MAX,
            Standing::MidExchange => STUCK_SWEEPS_MAX,
            Standing::Leaving => LINGER_SWEEPS_MAX,
        };
        self.quiet_sweeps += 1;
        self.quiet_sweeps <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweeps_lasted(patience: &mut Patience, standing: Standing) -> u32 {
        (0..1_000).take_while(|_| patience.lasts_through_sweep(standing)).count() as u32
    }

    #[test]
    fn idle_clients_stay_longer_than_stuck_ones() {
        assert_eq!(sweeps_lasted(&mut Patience::default(), Standing::Idle), IDLE_SWEEPS_MAX);
        assert_eq!(sweeps_lasted(&mut Patience::default(), Standing::MidExchange), STUCK_SWEEPS_MAX);
        assert_eq!(sweeps_lasted(&mut Patience::default(), Standing::Leaving), LINGER_SWEEPS_MAX);
    }

    #[test]
    fn who_waits_for_the_server_is_never_swept_out() {
        let mut patience = Patience::default();
        assert_eq!(sweeps_lasted(&mut patience, Standing::AwaitsAnswer), 1_000);
        assert_eq!(sweeps_lasted(&mut patience, Standing::Idle), IDLE_SWEEPS_MAX);
    }

    #[test]
    fn a_client_that_gets_on_starts_afresh() {
        let mut patience = Patience::default();
        for _ in 0..100 {
            assert!(patience.lasts_through_sweep(Standing::MidExchange));
            patience.renew();
        }
    }
}
