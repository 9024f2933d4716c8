//! The lane of launches: committed before anything is sent, or refused at once.

use engine::{Launch, StoreFact};
use tokio::sync::mpsc;

use super::Lanes;
use crate::Error;
use crate::spool::{Entry, Write};

/// Most launches of one commit.
const BATCH: usize = 100;

pub(super) async fn run(
    lanes: Lanes,
    wishes: &mut mpsc::Receiver<Vec<Launch>>,
    undo: mpsc::Sender<Entry>,
) {
    while let Some(mut launches) = wishes.recv().await {
        // What came while the last commit was under way goes into this one.
        while launches.len() < BATCH
            && let Ok(more) = wishes.try_recv()
        {
            launches.extend(more);
        }
        let attempts = launches.iter().map(|l| l.attempt).collect();
        if lanes.health.is_away() {
            (lanes.facts)(StoreFact::LaunchesFailed(attempts));
            continue;
        }
        match lanes
            .store
            .record_launches(lanes.options.run, &launches)
            .await
        {
            Ok(answers) => (lanes.facts)(StoreFact::LaunchesRecorded(answers)),
            Err(e) => {
                if let Error::Away { .. } = e {
                    // The commit may have gone through. Nothing is sent, so it is taken back, before
                    // anything else is launched: the writer does that before it says that all is well.
                    lanes.health.lost(&e);
                    let entry = Entry {
                        run: lanes.options.run,
                        write: Write::Undo(launches),
                    };
                    if undo.send(entry).await.is_err() {
                        tracing::debug!("ending; the next run closes the launches in doubt");
                    }
                } else {
                    tracing::error!("launches failed: {e}");
                }
                (lanes.facts)(StoreFact::LaunchesFailed(attempts));
            }
        }
    }
}
