//! Everything that stops a whole file; what concerns one row is a [`crate::RejectReason`] or a [`crate::Warning`].

use std::io;
use std::path::{Path, PathBuf};

use model::Problem;

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// The file could not be opened.
    #[error("cannot open {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Reading stopped in the middle.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Not a workbook that can be understood.
    #[error("{} is not a readable xlsx workbook; open it in a spreadsheet program and save it as .xlsx", .path.display())]
    Workbook {
        /// The file.
        path: PathBuf,
        /// What the reader met.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The old binary format, or a workbook with a password: both begin with the same bytes.
    #[error("{} is an .xls file or is protected by a password; save it as .xlsx without a password", .path.display())]
    OldOrProtected {
        /// The file.
        path: PathBuf,
    },
    /// A csv record could not be read.
    #[error("{} is not readable as csv", .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader met.
        #[source]
        cause: csv::Error,
    },
    /// A limit of [`crate::Limits`] was passed.
    #[error("{} has {what}; split the file or raise the limit", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Which limit, and what it is.
        what: String,
    },
    /// No row holds anything.
    #[error("{} has no rows", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The sheet asked for is not in the workbook.
    #[error("{} has no sheet \"{sheet}\"; it has {present}", .path.display())]
    UnknownSheet {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        sheet: String,
        /// The sheets there are, nearest name first, quoted.
        present: String,
    },
    /// `--map` names a field that does not exist.
    #[error("no field \"{field}\" to map; did you mean \"{nearest}\"? the fields are {}", crate::Field::NAMES.join(", "))]
    UnknownField {
        /// What was given.
        field: String,
        /// The most similar field.
        nearest: &'static str,
    },
    /// `--map` is not FIELD=COLUMN.
    #[error("\"{text}\" is not FIELD=COLUMN, for example phone=Телефон")]
    BadMapping {
        /// What was given.
        text: String,
    },
    /// `--map` names a column that the sheet does not have.
    #[error(
        "no column \"{column}\" for {field}; did you mean \"{nearest}\"? a letter such as C also names a column"
    )]
    UnknownColumn {
        /// What was given.
        column: String,
        /// The field it was meant for.
        field: &'static str,
        /// The most similar header.
        nearest: String,
    },
    /// A field that takes one column was given two.
    #[error("{field} takes one column, but \"{first}\" and \"{second}\" are mapped to it")]
    MappedTwice {
        /// The field.
        field: &'static str,
        /// The first column.
        first: String,
        /// The second column.
        second: String,
    },
    /// No column holds phone numbers.
    #[error("no column with phone numbers found among {columns}; name it with --map phone=COLUMN")]
    NoPhoneColumn {
        /// The headers, quoted.
        columns: String,
    },
    /// One column writes 1.234,50 and 1,234.50.
    #[error(
        "column \"{column}\" writes amounts in two ways: \"{point}\" in row {point_row} has a decimal point, \
         \"{comma}\" in row {comma_row} a decimal comma; make them alike"
    )]
    MixedDecimalMarks {
        /// The amount column.
        column: String,
        /// A cell with a decimal point.
        point: String,
        /// Its row in the sheet, from 1.
        point_row: u32,
        /// A cell with a decimal comma.
        comma: String,
        /// Its row in the sheet, from 1.
        comma_row: u32,
    },
    /// The default country of phone numbers is unknown.
    #[error(
        "\"{0}\" is not a country with phone numbers; write two capital letters, for example RU"
    )]
    UnknownCountry(String),
    /// The results' or rejects' file has neither of the known extensions.
    #[error("cannot tell the format of {}; name it .xlsx or .csv", .path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A row of results has another number of cells than there are columns.
    #[error("row {row} of the results has {cells} cells for {columns} columns")]
    RowWidth {
        /// The row, from 1, without the header.
        row: u64,
        /// Its cells.
        cells: usize,
        /// The columns announced.
        columns: usize,
    },
    /// Writing failed.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system or the writer said.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SheetError {
    /// Whose move it is.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Open { .. }
            | Self::Workbook { .. }
            | Self::OldOrProtected { .. }
            | Self::Csv { .. }
            | Self::TooLarge { .. }
            | Self::Empty { .. }
            | Self::UnknownSheet { .. }
            | Self::UnknownField { .. }
            | Self::BadMapping { .. }
            | Self::UnknownColumn { .. }
            | Self::MappedTwice { .. }
            | Self::NoPhoneColumn { .. }
            | Self::MixedDecimalMarks { .. }
            | Self::UnknownCountry(_)
            | Self::UnknownFormat { .. } => Problem::Caller,
            Self::Read { .. } | Self::Write { .. } => Problem::Busy,
            Self::RowWidth { .. } => Problem::Bug,
        }
    }

    pub(crate) fn write(
        path: &Path,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Write {
            path: path.to_owned(),
            cause: cause.into(),
        }
    }

    pub(crate) fn workbook(
        path: &Path,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Workbook {
            path: path.to_owned(),
            cause: cause.into(),
        }
    }
}
