//! New data in place of old: made beside it, swapped in one step, and the old kept.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::lock::DirLock;
use super::user::ServerUser;
use super::{Cluster, ClusterError, ClusterOptions, postmaster};

/// A second cluster beside that of a directory, on its way to take its place. The directory is locked
/// meanwhile: no daemon can start on it.
#[derive(Debug)]
pub(crate) struct Replacement {
    cluster: Cluster,
    /// The directory whose data is to be replaced.
    dir: PathBuf,
    /// Where the second cluster lives.
    beside: PathBuf,
    _lock: DirLock,
}

impl Replacement {
    /// Makes an empty cluster beside that of `options`. What an earlier replacement left half done goes.
    ///
    /// # Errors
    /// [`ClusterError::InUse`] while a daemon runs, else by variant.
    pub(crate) async fn begin(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let dir = options.dir.clone();
        std::fs::create_dir_all(&dir).map_err(ClusterError::dir(&dir))?;
        let lock = DirLock::take(&dir)?;
        ServerUser::find(&options.user)?.own(&dir)?;
        postmaster::end_outlived(&dir.join("data")).await?;
        let beside = dir.join("restoring");
        if beside.exists() {
            postmaster::end_outlived(&beside.join("data")).await?;
            std::fs::remove_dir_all(&beside).map_err(ClusterError::dir(&beside))?;
        }
        let cluster = Cluster::start(&ClusterOptions {
            dir: beside.clone(),
            ..options.clone()
        })
        .await?;
        Ok(Self {
            cluster,
            dir,
            beside,
            _lock: lock,
        })
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Puts it in place. Returns where the old data is kept, under a name that ends in `dated`; `None` when
    /// there was none.
    ///
    /// # Errors
    /// By variant; the old data is in its place then, or the new.
    pub(crate) async fn finish(self, dated: &str) -> Result<Option<PathBuf>, ClusterError> {
        self.cluster.stop().await?;
        let (new, data) = (self.beside.join("data"), self.dir.join("data"));
        let kept = self.dir.join(format!("data.before-{dated}"));
        let was_there = data.exists();
        if was_there {
            swap(&new, &data, &kept)?;
        } else {
            std::fs::rename(&new, &data).map_err(ClusterError::dir(&data))?;
        }
        sync(&self.dir)?;
        std::fs::remove_dir_all(&self.beside).map_err(ClusterError::dir(&self.beside))?;
        Ok(was_there.then_some(kept))
    }

    /// Gives up: everything is as before.
    ///
    /// # Errors
    /// When the second cluster does not end or cannot be removed.
    pub(crate) async fn abandon(self) -> Result<(), ClusterError> {
        self.cluster.stop().await?;
        std::fs::remove_dir_all(&self.beside).map_err(ClusterError::dir(&self.beside))
    }
}

/// In one step where the file system can: between two renames there would be no data, and a daemon that
/// started then would make an empty database.
fn swap(new: &Path, data: &Path, kept: &Path) -> Result<(), ClusterError> {
    match renameat_with(CWD, new, CWD, data, RenameFlags::EXCHANGE) {
        Ok(()) => std::fs::rename(new, kept).map_err(ClusterError::dir(new)),
        // rename(2): a file system that knows no exchange says so.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            std::fs::rename(data, kept).map_err(ClusterError::dir(data))?;
            std::fs::rename(new, data).map_err(ClusterError::dir(data))
        }
        Err(error) => Err(ClusterError::dir(data)(error.into())),
    }
}

fn sync(dir: &Path) -> Result<(), ClusterError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(ClusterError::dir(dir))
}
