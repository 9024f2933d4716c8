//! The spreadsheet that is imported, and what is known of it before.

use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono_tz::Tz;
use model::WallTime;
use sheets::sample::{SampleSheet, write_demo_workbook};

use super::hours::Hours;
use super::plan::Options;

/// As it is shipped.
const SHIPPED: &[u8] = include_bytes!("../../../../../config/demo/prospects.xlsx");

/// The country in whose national form its numbers are written.
pub const COUNTRY: &str = "RU";

/// A workbook on disk.
#[derive(Debug)]
pub struct Workbook {
    /// Where it is.
    pub path: PathBuf,
}

impl Workbook {
    /// The shipped one, or one made as large as asked for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(directory: &Path, options: &Options) -> anyhow::Result<Self> {
        let path = directory.join("prospects.xlsx");
        match options.prospects {
            None => std::fs::write(&path, SHIPPED)
                .with_context(|| format!("could not write {}", path.display()))?,
            Some(prospects) => {
                write_demo_workbook(&path, prospects, options.seed)?;
            }
        }
        Ok(Self { path })
    }

    /// How many prospects of a sheet stand in a zone where those hours are over at `at`: counted from the
    /// file itself, to be compared with what the daemon reports.
    ///
    /// # Errors
    /// When the file cannot be read, or names a zone that does not exist.
    pub fn outside(&self, sheet: SampleSheet, hours: Hours, at: WallTime) -> anyhow::Result<u64> {
        let mut options = sheets::Options::new(COUNTRY.parse()?);
        options.sheet = Some(sheet.name().to_owned());
        let mut outside = 0;
        for prospect in sheets::import(&self.path, options)?.prospects {
            let zone: Tz = prospect.zone_text.parse().map_err(|_| {
                let (row, zone) = (prospect.row, &prospect.zone_text);
                anyhow::anyhow!("row {row} names zone \"{zone}\", which does not exist")
            })?;
            outside += u64::from(!hours.hold(at, zone));
        }
        Ok(outside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_part_of_the_shipped_file_is_outside_hours_around_moscow() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("shipped.xlsx");
        std::fs::write(&path, SHIPPED).unwrap();
        let workbook = Workbook { path };
        let at = "2026-06-19T09:00:00Z".parse().unwrap();
        let outside = |sheet, home| {
            let hours = Hours::around(at, home);
            workbook.outside(sheet, hours, at).unwrap()
        };
        // Vladivostok and New York in the sheets of Moscow; nobody in the sheet that is all New York.
        let moscow = [SampleSheet::Debtors, SampleSheet::Sales, SampleSheet::Vip];
        let counts = moscow.map(|sheet| outside(sheet, Tz::Europe__Moscow));
        assert_eq!(counts, [7, 13, 3]);
        assert_eq!(outside(SampleSheet::UsDebtors, Tz::America__New_York), 0);
    }
}
