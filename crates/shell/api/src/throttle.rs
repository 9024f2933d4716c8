//! At most five failed sign-ins a minute for one login from one address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::WallTime;

use crate::Error;

const FAILURES: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);
/// Beyond this the oldest are forgotten: a bound on memory, met only under attack from many addresses.
const LOGINS: usize = 10_000;

type Key = (String, Option<IpAddr>);

/// Remembers failures.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    failures: Mutex<BTreeMap<Key, Vec<WallTime>>>,
}

impl Throttle {
    /// Counts a try; [`Throttle::succeeded`] takes it back. Counting before the password is looked at keeps
    /// many tries at once from passing together.
    ///
    /// # Errors
    /// [`Error::Throttled`] when there were too many.
    pub(crate) fn attempt(
        &self,
        login: &str,
        peer: Option<IpAddr>,
        at: WallTime,
    ) -> Result<(), Error> {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |times: &[WallTime]| times.iter().any(|t| at.since(*t) < WITHIN);
        if all.len() >= LOGINS {
            all.retain(|_, times| recent(times));
        }
        if all.len() >= LOGINS {
            all.pop_first();
        }
        let times = all.entry((login.to_lowercase(), peer)).or_default();
        times.retain(|t| at.since(*t) < WITHIN);
        if times.len() >= FAILURES {
            let first = times.first().copied().unwrap_or(at);
            return Err(Error::Throttled {
                wait: WITHIN.saturating_sub(at.since(first)),
            });
        }
        times.push(at);
        Ok(())
    }

    /// The password was right.
    pub(crate) fn succeeded(&self, login: &str, peer: Option<IpAddr>) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&(login.to_lowercase(), peer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_unix_seconds(seconds)
    }

    #[test]
    fn the_sixth_try_within_a_minute_waits_until_the_first_is_a_minute_old() {
        let throttle = Throttle::default();
        for second in 0..5 {
            throttle.attempt("Anna", None, at(second)).unwrap();
        }
        let Err(Error::Throttled { wait }) = throttle.attempt("anna", None, at(10)) else {
            panic!("the sixth passed");
        };
        assert_eq!(wait, Duration::from_secs(50));
        throttle.attempt("anna", None, at(60)).unwrap();
    }

    #[test]
    fn another_login_and_another_address_are_not_held_up() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            throttle.attempt("anna", None, at(0)).unwrap();
        }
        throttle.attempt("boris", None, at(0)).unwrap();
        throttle
            .attempt("anna", Some(IpAddr::from([10, 0, 0, 1])), at(0))
            .unwrap();
    }

    #[test]
    fn a_right_password_forgets_the_failures() {
        let throttle = Throttle::default();
        for _ in 0..20 {
            throttle.attempt("anna", None, at(0)).unwrap();
            throttle.succeeded("anna", None);
        }
    }
}
