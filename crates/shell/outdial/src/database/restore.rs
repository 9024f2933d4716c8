//! `outdial db restore`

use std::path::PathBuf;

use serde::Serialize;

use super::backup::stamp;
use super::{LastBackup, Whose, told, wall_now};
use crate::cli::{Exit, OrExit};

/// Puts a backup in place.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// The backup, a file that ends in .dump with its manifest beside it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Takes the place of the database that is there; the old data is kept beside it.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    whose: Whose,
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct Done {
    file: PathBuf,
    /// The instant of the backup.
    at: String,
    schema: i64,
    rows: i64,
    /// Where the data that was there before is.
    kept: Option<PathBuf>,
    /// Recordings that the backup knows and that are not there.
    recordings_missing: Vec<PathBuf>,
    recordings: PathBuf,
}

impl Restore {
    pub async fn run(&self) -> anyhow::Result<Done> {
        let config = self.whose.load()?;
        if config.database.url.is_some() {
            return Err(anyhow::anyhow!(
                "database.url names a database that is not ours to replace; make an empty one there, fill it with \
                 pg_restore --no-owner --exit-on-error --dbname NEW_URL {}, then set database.url to it",
                self.file.display()
            ))
            .or_exit(Exit::Refused);
        }
        let options = config.cluster_options();
        let dated = stamp(wall_now());
        let restored = store::restore(&options, &self.file, self.yes, &dated).await;
        let restored = told(restored, "nothing was restored")?;
        let manifest = restored.manifest;
        LastBackup {
            at: manifest.at.clone(),
            file: std::path::absolute(&self.file)?,
            bytes: manifest.bytes,
        }
        .write(&config.node.data_dir)?;
        let missing = manifest.recordings_missing();
        Ok(Done {
            file: self.file.clone(),
            recordings_missing: missing.iter().map(|r| r.name.clone()).collect(),
            at: manifest.at,
            schema: manifest.schema,
            rows: manifest.rows.values().sum(),
            kept: restored.kept,
            recordings: manifest.recordings.directory,
        })
    }
}

impl Done {
    pub fn text(&self) -> String {
        let mut text = format!(
            "restored {}: {} rows as of {}, each table compared with the backup\n",
            self.file.display(),
            self.rows,
            self.at
        );
        if let Some(kept) = &self.kept {
            text.push_str(&format!(
                "the data that was there is kept in {}; remove it when it is not needed\n",
                kept.display()
            ));
        }
        if !self.recordings_missing.is_empty() {
            text.push_str(&format!(
                "recordings missing in {}: {}; copy them back before the start\n",
                self.recordings.display(),
                self.recordings_missing.len()
            ));
        }
        text.push_str(
            "the next start goes on from there: campaigns that ran go on, and calls made since are not known\n",
        );
        text
    }
}
