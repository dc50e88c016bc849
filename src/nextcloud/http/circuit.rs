//! The back-off of one host as a circuit breaker: closed (requests pass), open (they fail at once), half-open (one
//! probe passes and decides).

use crate::nextcloud::NextcloudError;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Bounds of the delay; it doubles from the first to the second, and the jitter takes up to half of it away.
const FIRST_DELAY: Duration = Duration::from_secs(2);
const LONGEST_DELAY: Duration = Duration::from_mins(1);
/// However long `Retry-After` is, the host is asked again after this time.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);
/// Faults that one broken resource can cause too open the circuit only when this many follow each other.
const FAULTS_IN_A_ROW: u32 = 3;

/// Why the host, and not just one request, is in trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nextcloud) enum HostFault {
    /// 429: the address is throttled (facts §0 row 8).
    Throttled,
    /// Maintenance mode.
    Maintenance,
    /// No connection.
    Unreachable(String),
    /// A connection, but no answer in time.
    TimedOut(String),
    /// 502, 503, 504 in front of Nextcloud.
    Overloaded(u16),
    /// 500 and the like: may be the resource's own fault.
    Failing(u16),
}

impl HostFault {
    fn opens_after(&self) -> u32 {
        match self {
            Self::Failing(_) | Self::TimedOut(_) => FAULTS_IN_A_ROW,
            _ => 1,
        }
    }

    /// The error of a request that is not sent because the circuit is open for another `wait`.
    fn refusal(&self, wait: Duration) -> NextcloudError {
        match self {
            Self::Throttled => NextcloudError::Throttled {
                retry_after: Some(wait),
            },
            Self::Maintenance => NextcloudError::Maintenance {
                retry_after: Some(wait),
            },
            Self::Unreachable(cause) | Self::TimedOut(cause) => {
                NextcloudError::Unreachable(format!("{cause}; next attempt in {} s", wait.as_secs().max(1)))
            }
            Self::Overloaded(status) | Self::Failing(status) => {
                NextcloudError::ServerError { status: *status }
            }
        }
    }
}

/// Permission to send one request; given back with its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission {
    /// Outcomes of requests that were admitted before the last change of state say nothing about the present one:
    /// twenty requests that fail together are one failure, not twenty.
    epoch: u64,
    probe: bool,
}

#[derive(Debug)]
enum State {
    Closed {
        faults: u32,
    },
    Open {
        until: DateTime<Utc>,
        attempt: u32,
        cause: HostFault,
        probing: bool,
    },
}

/// The state of one host. Pure: time and randomness come from the caller.
#[derive(Debug)]
pub(super) struct Circuit {
    state: State,
    epoch: u64,
}

impl Circuit {
    pub(super) fn new() -> Self {
        Self {
            state: State::Closed { faults: 0 },
            epoch: 0,
        }
    }

    /// Whether a request would be refused now.
    pub(super) fn check(&self, now: DateTime<Utc>) -> Result<(), NextcloudError> {
        let State::Open {
            until,
            cause,
            probing,
            ..
        } = &self.state
        else {
            return Ok(());
        };
        let wait = (*until - now).to_std().unwrap_or_default();
        // A wait longer than any we set means that the clock was put back: do not wait for it.
        let due = wait.is_zero() || wait > LONGEST_RETRY_AFTER;
        if due && !probing {
            Ok(())
        } else {
            Err(cause.refusal(wait))
        }
    }

    /// Admits a request, as the probe when the circuit is open and its time has come.
    pub(super) fn admit(&mut self, now: DateTime<Utc>) -> Result<Admission, NextcloudError> {
        self.check(now)?;
        let probe = match &mut self.state {
            State::Closed { .. } => false,
            State::Open { probing, .. } => {
                *probing = true;
                true
            }
        };
        Ok(Admission {
            epoch: self.epoch,
            probe,
        })
    }

    /// The host answered as a healthy one does.
    pub(super) fn alive(&mut self, admission: Admission) {
        if admission.epoch != self.epoch {
            return;
        }
        if admission.probe {
            self.epoch += 1;
        }
        self.state = State::Closed { faults: 0 };
    }

    /// The host failed. `jitter` is in 0…1.
    pub(super) fn failed(
        &mut self,
        admission: Admission,
        fault: HostFault,
        retry_after: Option<Duration>,
        now: DateTime<Utc>,
        jitter: f64,
    ) {
        if admission.epoch != self.epoch {
            return;
        }
        let attempt = match &mut self.state {
            State::Closed { faults } => {
                *faults += 1;
                if *faults < fault.opens_after() {
                    return;
                }
                0
            }
            State::Open { attempt, .. } => attempt.saturating_add(1),
        };
        let full = FIRST_DELAY
            .saturating_mul(1 << attempt.min(10))
            .min(LONGEST_DELAY);
        let delay = full.div_f64(2.0).mul_f64(1.0 + jitter.clamp(0.0, 1.0));
        let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        self.epoch += 1;
        self.state = State::Open {
            until: now + delay.max(asked),
            attempt,
            cause: fault,
            probing: false,
        };
    }

    /// The request was dropped before it had an outcome: the next one may probe.
    pub(super) fn abandoned(&mut self, admission: Admission) {
        if admission.probe
            && admission.epoch == self.epoch
            && let State::Open { probing, .. } = &mut self.state
        {
            *probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn fail(circuit: &mut Circuit, second: i64, fault: HostFault, retry_after: Option<u64>) {
        let admission = circuit.admit(at(second)).unwrap();
        circuit.failed(
            admission,
            fault,
            retry_after.map(Duration::from_secs),
            at(second),
            1.0,
        );
    }

    /// Seconds until the circuit lets the next request through.
    fn wait(circuit: &Circuit, from: i64) -> i64 {
        (0..1000)
            .find(|ahead| circuit.check(at(from + ahead)).is_ok())
            .unwrap()
    }

    #[test]
    fn delays_double_to_a_minute_and_a_success_forgets_them() {
        let mut circuit = Circuit::new();
        let mut now = 0;
        let mut delays = Vec::new();
        for _ in 0..7 {
            fail(&mut circuit, now, HostFault::Overloaded(503), None);
            delays.push(wait(&circuit, now));
            now += wait(&circuit, now);
        }
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60]);
        let probe = circuit.admit(at(now)).unwrap();
        assert!(circuit.admit(at(now)).is_err(), "only one probe at a time");
        circuit.alive(probe);
        fail(&mut circuit, now, HostFault::Overloaded(503), None);
        assert_eq!(wait(&circuit, now), 2);
    }

    #[test]
    fn the_jitter_takes_away_up_to_half() {
        let mut circuit = Circuit::new();
        let admission = circuit.admit(at(0)).unwrap();
        circuit.failed(admission, HostFault::Overloaded(502), None, at(0), 0.0);
        assert_eq!(wait(&circuit, 0), 1);
    }

    #[test]
    fn retry_after_is_honoured_up_to_five_minutes() {
        let mut circuit = Circuit::new();
        fail(&mut circuit, 0, HostFault::Maintenance, Some(120));
        assert_eq!(wait(&circuit, 0), 120);
        fail(&mut circuit, 120, HostFault::Maintenance, Some(86_400));
        assert_eq!(wait(&circuit, 120), 300);
        assert!(matches!(
            circuit.check(at(121)),
            Err(NextcloudError::Maintenance { retry_after: Some(wait) }) if wait == Duration::from_secs(299)
        ));
    }

    #[test]
    fn failures_that_were_under_way_count_once() {
        let mut circuit = Circuit::new();
        let together: Vec<_> = (0..20).map(|_| circuit.admit(at(0)).unwrap()).collect();
        for admission in together {
            circuit.failed(admission, HostFault::Throttled, None, at(0), 1.0);
        }
        assert_eq!(wait(&circuit, 0), 2);
    }

    #[test]
    fn a_late_success_does_not_close_the_circuit() {
        let mut circuit = Circuit::new();
        let early = circuit.admit(at(0)).unwrap();
        fail(&mut circuit, 0, HostFault::Throttled, None);
        circuit.alive(early);
        assert!(circuit.check(at(1)).is_err());
    }

    #[test]
    fn a_single_500_does_not_open_and_a_success_between_resets_the_count() {
        let mut circuit = Circuit::new();
        for _ in 0..2 {
            fail(&mut circuit, 0, HostFault::Failing(500), None);
            fail(&mut circuit, 0, HostFault::TimedOut("time-out".to_owned()), None);
            let admission = circuit.admit(at(0)).unwrap();
            circuit.alive(admission);
        }
        for _ in 0..3 {
            fail(&mut circuit, 0, HostFault::Failing(500), None);
        }
        assert!(matches!(
            circuit.check(at(1)),
            Err(NextcloudError::ServerError { status: 500 })
        ));
    }

    #[test]
    fn a_dropped_probe_lets_the_next_one_try() {
        let mut circuit = Circuit::new();
        fail(
            &mut circuit,
            0,
            HostFault::Unreachable("refused".to_owned()),
            None,
        );
        let probe = circuit.admit(at(2)).unwrap();
        circuit.abandoned(probe);
        assert!(circuit.admit(at(2)).is_ok());
    }

    #[test]
    fn a_clock_put_back_does_not_close_the_host_for_longer() {
        let mut circuit = Circuit::new();
        fail(&mut circuit, 100_000, HostFault::Throttled, None);
        assert!(circuit.check(at(0)).is_ok());
    }
}
