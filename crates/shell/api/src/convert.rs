//! Between the contract's plain values and the model's types.

use std::time::Duration;

use model::{AttemptId, E164, WallTime};
use prost_types::Timestamp;
use store::{AccountId, PageRequest, Role};

use crate::{Error, FieldProblem};
use proto::options::v1::Role as ProtoRole;

/// An instant as the contract writes it.
pub(crate) fn stamp(at: WallTime) -> Timestamp {
    let micros = at.unix_micros();
    Timestamp {
        seconds: micros.div_euclid(1_000_000),
        // Below 10⁹ by the remainder.
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}

/// An instant of the contract; beyond the range of the model it is clipped.
pub(crate) fn instant(at: Timestamp) -> WallTime {
    WallTime::from_unix_micros(
        at.seconds
            .saturating_mul(1_000_000)
            .saturating_add(i64::from(at.nanos) / 1_000),
    )
}

/// A span as the contract writes it.
pub(crate) fn span(length: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(length.subsec_nanos()).unwrap_or(0),
    }
}

/// A span of the contract; `None` when it is negative.
pub(crate) fn length(span: prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(span.seconds).ok()?;
    let nanos = u32::try_from(span.nanos)
        .ok()
        .filter(|n| *n < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos))
}

/// A span of the contract within bounds, or what is wrong with it.
pub(crate) fn length_within(
    field: &str,
    given: Option<prost_types::Duration>,
    absent: Duration,
    from: Duration,
    to: Duration,
) -> Result<Duration, FieldProblem> {
    let Some(given) = given else {
        return Ok(absent);
    };
    length(given)
        .filter(|l| (from..=to).contains(l))
        .ok_or_else(|| {
            let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
            FieldProblem::new(field, "out_of_range", format!("give {from} s to {to} s"))
        })
}

/// 0 in the contract means absent.
pub(crate) fn present<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

/// A count of the contract; more than fits is clipped.
pub(crate) fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A small count of the contract; more than fits is clipped.
pub(crate) fn small(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The attempt's key.
///
/// # Errors
/// [`Error::Invalid`] when it is not a UUID.
pub(crate) fn attempt(text: &str) -> Result<AttemptId, Error> {
    text.parse().map_err(|e: model::ParseAttemptIdError| {
        Error::invalid("attempt_id", "not_a_uuid", e.to_string())
    })
}

/// A number.
///
/// # Errors
/// [`FieldProblem`] when it is not one.
pub(crate) fn number(field: &str, text: &str) -> Result<E164, FieldProblem> {
    text.parse().map_err(|e: model::ParseNumberError| {
        FieldProblem::new(field, "not_a_number", e.to_string())
    })
}

/// The page asked for.
///
/// # Errors
/// [`Error::Invalid`] for a size out of range or a token that was not given out.
pub(crate) fn page(size: i32, token: &str) -> Result<PageRequest, Error> {
    let size = match size {
        0 => 100,
        n => u32::try_from(n)
            .ok()
            .filter(|n| *n <= PageRequest::MAX_SIZE)
            .ok_or_else(|| Error::invalid("page_size", "out_of_range", "give 1 to 1000"))?,
    };
    let after = match token {
        "" => 0,
        text => text.parse().map_err(|_| {
            Error::invalid(
                "page_token",
                "unknown",
                "send the next_page_token of the page before",
            )
        })?,
    };
    Ok(PageRequest { after, size })
}

/// The token of the next page.
pub(crate) fn next_page(next: Option<i64>) -> String {
    next.map(|n| n.to_string()).unwrap_or_default()
}

/// A text of limited length that says something.
pub(crate) fn text_within(field: &str, text: &str, longest: usize) -> Result<String, FieldProblem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(FieldProblem::new(field, "missing", "must not be empty")),
        n if n > longest => Err(FieldProblem::new(
            field,
            "too_long",
            format!("has {n} characters; at most {longest}"),
        )),
        _ => Ok(text.to_owned()),
    }
}

pub(crate) const fn role_to_proto(role: Role) -> ProtoRole {
    match role {
        Role::Agent => ProtoRole::Agent,
        Role::Supervisor => ProtoRole::Supervisor,
        Role::Admin => ProtoRole::Admin,
    }
}

/// A role that an account can have.
///
/// # Errors
/// [`FieldProblem`] for any other.
pub(crate) fn role(field: &str, role: i32) -> Result<Role, FieldProblem> {
    match ProtoRole::try_from(role) {
        Ok(ProtoRole::Agent) => Ok(Role::Agent),
        Ok(ProtoRole::Supervisor) => Ok(Role::Supervisor),
        Ok(ProtoRole::Admin) => Ok(Role::Admin),
        Ok(ProtoRole::Unspecified | ProtoRole::Public) | Err(_) => Err(FieldProblem::new(
            field,
            "unknown",
            "give ROLE_AGENT, ROLE_SUPERVISOR or ROLE_ADMIN",
        )),
    }
}

/// The agent of an account: they share their number.
pub(crate) const fn agent_of(account: AccountId) -> model::AgentId {
    model::AgentId(account.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_the_way_through_the_contract() {
        for micros in [0, 1, -1, 1_772_888_400_250_000, -62_135_596_800_000_000] {
            let at = WallTime::from_unix_micros(micros);
            assert_eq!(instant(stamp(at)), at);
            assert!((0..1_000_000_000).contains(&stamp(at).nanos));
        }
    }

    #[test]
    fn a_negative_span_is_none() {
        let span = |seconds, nanos| prost_types::Duration { seconds, nanos };
        assert_eq!(length(span(-1, 0)), None);
        assert_eq!(length(span(0, -1)), None);
        assert_eq!(
            length(span(1, 500_000_000)),
            Some(Duration::from_millis(1_500))
        );
    }

    #[test]
    fn a_page_token_that_was_not_given_out_is_refused() {
        assert!(page(0, "next").is_err());
        assert!(page(1_001, "").is_err());
        assert!(page(-1, "").is_err());
        assert_eq!(
            page(0, "7").unwrap(),
            PageRequest {
                after: 7,
                size: 100
            }
        );
    }
}
