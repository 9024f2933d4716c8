//! Orders that nobody is called, for one seller or for all.

use engine::Halt;
use proto::supervisor::v1 as pb;

use crate::convert::{present, stamp};
use crate::identity::Identity;
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// Longest reason, in characters.
const REASON: usize = 500;

pub(super) async fn order(
    shared: &Shared,
    me: &Identity,
    asked: pb::OrderHaltRequest,
) -> Result<Vec<pb::Halt>, Error> {
    if asked.reason.chars().count() > REASON {
        let problem = FieldProblem::new("reason", "too_long", "at most 500 characters");
        return Err(Error::Invalid(vec![problem]));
    }
    let halt = Halt {
        seller: present(asked.seller),
        by: me.login.clone(),
        reason: asked.reason,
        at: shared.clock.now(),
    };
    tracing::warn!(by = me.login, seller = ?halt.seller, reason = halt.reason, "calls are halted");
    Ok(shown(shared.halts.order(halt, me.account).await?))
}

pub(super) async fn lift(
    shared: &Shared,
    me: &Identity,
    asked: pb::LiftHaltRequest,
) -> Result<Vec<pb::Halt>, Error> {
    let seller = present(asked.seller);
    let at = shared.clock.now();
    let halts = shared.halts.lift(seller.as_deref(), me.account, at).await?;
    tracing::warn!(by = me.login, ?seller, "a halt is lifted");
    Ok(shown(halts))
}

pub(super) fn list(shared: &Shared) -> Vec<pb::Halt> {
    shown(shared.halts.list())
}

fn shown(halts: Vec<Halt>) -> Vec<pb::Halt> {
    let show = |h: Halt| pb::Halt {
        seller: h.seller.unwrap_or_default(),
        reason: h.reason,
        by: h.by,
        at: Some(stamp(h.at)),
    };
    halts.into_iter().map(show).collect()
}
