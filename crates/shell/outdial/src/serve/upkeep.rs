//! What the daemon needs of its machine, and what it uses: read when it is asked for.

use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::database::LastBackup;
use crate::doctor::expires_at;
use crate::resources;

/// Where to look.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The API's certificate, when it has one.
    pub certificate: Option<PathBuf>,
}

/// What was found; `None`: not known.
#[derive(Clone, Debug, Default)]
pub struct Upkept {
    pub backup_age_s: Option<u64>,
    pub disk_free_bytes: Option<u64>,
    pub disk_size_bytes: Option<u64>,
    pub spool_bytes: Option<u64>,
    pub certificate_expires_s: Option<u64>,
    pub processor_us: Option<u64>,
    pub resident_bytes: Option<u64>,
    pub open_files: Option<u64>,
    pub open_files_max: Option<u64>,
    pub started_at_s: Option<u64>,
}

fn certificate_expires_s(file: &Path) -> Option<u64> {
    let micros = expires_at(file)?.unix_micros();
    u64::try_from(micros / 1_000_000).ok()
}

impl Upkeep {
    /// Looks. Small files only, so that it can be called wherever nothing may wait for long.
    pub fn look(&self) -> Upkept {
        // A shifted clock is for campaigns; the age of a file is measured by the machine's own.
        let now = Clock::start(None).now().wall;
        let disk = rustix::fs::statvfs(&self.data_dir).ok();
        let backup = LastBackup::read(&self.data_dir);
        let open_files_max = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let processor = resources::processor_time().map(|t| t.as_micros());
        Upkept {
            backup_age_s: backup.and_then(|b| b.age(now)).map(|age| age.as_secs()),
            disk_free_bytes: disk.as_ref().map(resources::free_bytes),
            disk_size_bytes: disk.as_ref().map(|d| d.f_frsize.saturating_mul(d.f_blocks)),
            spool_bytes: self.spool_bytes(),
            certificate_expires_s: self.certificate.as_deref().and_then(certificate_expires_s),
            processor_us: processor.map(|us| u64::try_from(us).unwrap_or(u64::MAX)),
            resident_bytes: resources::resident_bytes(),
            open_files: resources::open_files(),
            open_files_max,
            started_at_s: resources::started_at(),
        }
    }

    fn spool_bytes(&self) -> Option<u64> {
        let files = std::fs::read_dir(self.data_dir.join("spool")).ok()?;
        let lengths = files.flatten().filter_map(|f| f.metadata().ok());
        Some(lengths.map(|m| m.len()).sum())
    }
}
