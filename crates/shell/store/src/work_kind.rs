//! Why a prospect stands in the queue, as the queue's priority: the order in which it is served.

use engine::WorkKind;

/// The number in rows; higher is served first.
pub(crate) const fn priority(kind: WorkKind) -> i16 {
    match kind {
        WorkKind::Fresh => 0,
        WorkKind::Retry => 1,
        WorkKind::Hunt => 2,
        WorkKind::ReservedAgent => 3,
        WorkKind::PublicCallback => 4,
        WorkKind::PrivateCallback => PRIVATE_CALLBACK,
    }
}

/// Never claimed by a campaign, only dialled by its agent.
pub(crate) const PRIVATE_CALLBACK: i16 = 5;

/// From the number in rows.
pub(crate) fn work_kind(number: i16) -> Option<WorkKind> {
    [
        WorkKind::Fresh,
        WorkKind::Retry,
        WorkKind::Hunt,
        WorkKind::ReservedAgent,
        WorkKind::PublicCallback,
        WorkKind::PrivateCallback,
    ]
    .into_iter()
    .find(|kind| priority(*kind) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_serves_in_the_order_of_the_kinds() {
        let kinds: Vec<_> = (0..=5).map(|n| work_kind(n).unwrap()).collect();
        assert!(kinds.is_sorted());
        assert_eq!(work_kind(6), None);
    }
}
