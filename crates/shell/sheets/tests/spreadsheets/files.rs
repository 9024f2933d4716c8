//! Files that tests make, in a directory that goes with the test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rust_xlsxwriter::{Workbook, XlsxError};

static MADE: AtomicU32 = AtomicU32::new(0);

/// A directory of this test alone.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        let n = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sheets-test-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // A directory left behind in the temporary one is not worth a failed test.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A workbook as the closure fills it.
pub(crate) fn xlsx(
    dir: &Dir,
    name: &str,
    fill: impl FnOnce(&mut Workbook) -> Result<(), XlsxError>,
) -> PathBuf {
    let path = dir.path(name);
    let mut book = Workbook::new();
    fill(&mut book).unwrap();
    book.save(&path).unwrap();
    path
}
