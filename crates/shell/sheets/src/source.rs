//! A spreadsheet of any format as a sequence of rows that can be walked more than once.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use crate::cell::Row;
use crate::csv_rows::CsvFile;
use crate::xlsx_rows::{Merged, XlsxFile};
use crate::{Limits, SheetError};

/// An opened file.
pub(crate) enum Source {
    Xlsx(Box<XlsxFile>),
    Csv(CsvFile),
}

impl Source {
    /// Tells the format by the first bytes, not by the name: files are renamed.
    pub(crate) fn open(
        path: &Path,
        sheet: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, SheetError> {
        let mut magic = Vec::new();
        File::open(path)
            .map_err(|cause| SheetError::Open {
                path: path.to_owned(),
                cause,
            })?
            .take(8)
            .read_to_end(&mut magic)
            .map_err(|cause| SheetError::Read {
                path: path.to_owned(),
                cause,
            })?;
        // A local file header (APPNOTE 4.3.7), or the compound file of .xls and of encrypted .xlsx ([MS-CFB] 2.2).
        if magic.starts_with(b"PK\x03\x04") {
            return Ok(Self::Xlsx(Box::new(XlsxFile::open(path, sheet, limits)?)));
        }
        if magic.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
            return Err(SheetError::OldOrProtected {
                path: path.to_owned(),
            });
        }
        Ok(Self::Csv(CsvFile::open(path)?))
    }

    /// The sheet's name; for csv the file's, which has no sheets.
    pub(crate) fn sheet(&self) -> Option<&str> {
        match self {
            Self::Xlsx(file) => Some(file.sheet()),
            Self::Csv(_) => None,
        }
    }

    pub(crate) fn merged(&self) -> &[Merged] {
        match self {
            Self::Xlsx(file) => file.merged(),
            Self::Csv(_) => &[],
        }
    }

    /// Calls `each` for every row that holds something, until it breaks.
    pub(crate) fn for_each_row(
        &mut self,
        limits: &Limits,
        each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, SheetError>,
    ) -> Result<(), SheetError> {
        match self {
            Self::Xlsx(file) => file.for_each_row(limits, each),
            Self::Csv(file) => file.for_each_row(limits, each),
        }
    }
}
