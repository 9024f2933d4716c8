//! Rows of one sheet of a workbook, streamed.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, open_workbook};

use crate::archive::{Measured, measure};
use crate::cell::{Cell, Row};
use crate::nearest::nearest;
use crate::{Limits, SheetError};

/// Merged regions of a sheet that are looked at; a sheet with more keeps the rest unmerged.
const MERGED_REGIONS: usize = 100_000;

/// Cells shown as one. Rows and columns from 0, both ends within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    pub(crate) first: (u32, u32),
    pub(crate) last: (u32, u32),
}

/// An open workbook and the sheet chosen in it.
pub(crate) struct XlsxFile {
    path: PathBuf,
    workbook: Xlsx<BufReader<File>>,
    sheet: String,
    merged: Vec<Merged>,
}

impl XlsxFile {
    /// Measures the archive, then opens the sheet named, or the first visible one that holds a row.
    pub(crate) fn open(
        path: &Path,
        sheet: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, SheetError> {
        let file = File::open(path).map_err(|cause| SheetError::Open {
            path: path.to_owned(),
            cause,
        })?;
        let Measured { has_merged_cells } = measure(path, file, limits)?;
        let workbook: Xlsx<_> =
            open_workbook(path).map_err(|e: calamine::XlsxError| SheetError::workbook(path, e))?;
        let mut this = Self {
            path: path.to_owned(),
            workbook,
            sheet: String::new(),
            merged: Vec::new(),
        };
        this.sheet = match sheet {
            Some(name) => this.named_sheet(name)?,
            None => this.first_filled_sheet(limits)?,
        };
        if has_merged_cells {
            this.merged = this.merged_regions()?;
        }
        Ok(this)
    }

    pub(crate) fn sheet(&self) -> &str {
        &self.sheet
    }

    pub(crate) fn merged(&self) -> &[Merged] {
        &self.merged
    }

    fn named_sheet(&self, name: &str) -> Result<String, SheetError> {
        let names = self.workbook.sheet_names();
        let wanted = name.trim().to_lowercase();
        if let Some(found) = names.iter().find(|n| n.trim().to_lowercase() == wanted) {
            return Ok(found.clone());
        }
        let first = nearest(name, names.iter().map(String::as_str)).unwrap_or_default();
        let others = names.iter().filter(|n| *n != first);
        let present: Vec<String> = std::iter::once(&first.to_owned())
            .chain(others)
            .map(|n| format!("\"{n}\""))
            .collect();
        Err(SheetError::UnknownSheet {
            path: self.path.clone(),
            sheet: name.to_owned(),
            present: present.join(", "),
        })
    }

    fn first_filled_sheet(&mut self, limits: &Limits) -> Result<String, SheetError> {
        let visible: Vec<String> = self
            .workbook
            .sheets_metadata()
            .iter()
            .filter(|s| s.visible == SheetVisible::Visible && s.typ == SheetType::WorkSheet)
            .map(|s| s.name.clone())
            .collect();
        for name in visible {
            let mut filled = false;
            rows_of(&self.path, &mut self.workbook, &name, limits, &mut |_| {
                filled = true;
                Ok(ControlFlow::Break(()))
            })?;
            if filled {
                return Ok(name);
            }
        }
        Err(SheetError::Empty {
            path: self.path.clone(),
        })
    }

    fn merged_regions(&mut self) -> Result<Vec<Merged>, SheetError> {
        let mut merged: Vec<Merged> = self
            .workbook
            .merge_cells_by_sheet_name(&self.sheet)
            .map_err(|e| SheetError::workbook(&self.path, e))?
            .into_iter()
            .take(MERGED_REGIONS)
            .map(|d| Merged {
                first: d.start,
                last: d.end,
            })
            .collect();
        merged.sort_by_key(|m| m.first);
        Ok(merged)
    }

    /// Calls `each` for every row that holds something, until it breaks. A cell merged over several rows
    /// stands in each of them.
    pub(crate) fn for_each_row(
        &mut self,
        limits: &Limits,
        each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, SheetError>,
    ) -> Result<(), SheetError> {
        let mut down = FillDown::new(&self.merged);
        rows_of(
            &self.path,
            &mut self.workbook,
            &self.sheet,
            limits,
            &mut |mut row| {
                down.fill(&mut row);
                each(row)
            },
        )
    }
}

fn rows_of(
    path: &Path,
    workbook: &mut Xlsx<BufReader<File>>,
    sheet: &str,
    limits: &Limits,
    each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, SheetError>,
) -> Result<(), SheetError> {
    let malformed = |e| SheetError::workbook(path, e);
    let too_large = |what: String| SheetError::TooLarge {
        path: path.to_owned(),
        what,
    };
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(malformed)?;
    let mut row = Row::default();
    let mut count = 0_u64;
    while let Some(found) = cells.next_cell().map_err(malformed)? {
        let cell = read_cell(found.get_value());
        if cell.is_empty() {
            continue;
        }
        let (r, c) = found.get_position();
        if r >= limits.rows {
            return Err(too_large(format!("more than {} rows", limits.rows)));
        }
        let c = c as usize;
        if c >= limits.columns {
            return Err(too_large(format!("more than {} columns", limits.columns)));
        }
        count += 1;
        if count > limits.cells {
            return Err(too_large(format!("more than {} cells", limits.cells)));
        }
        if r + 1 != row.number {
            if r + 1 < row.number {
                return Err(SheetError::workbook(
                    path,
                    format!("row {} stands after row {}", r + 1, row.number),
                ));
            }
            let done = std::mem::replace(
                &mut row,
                Row {
                    number: r + 1,
                    cells: Vec::new(),
                },
            );
            if !done.cells.is_empty() && each(done)?.is_break() {
                return Ok(());
            }
        }
        if row.cells.len() <= c {
            row.cells.resize_with(c + 1, Cell::default);
        }
        if let Some(place) = row.cells.get_mut(c) {
            *place = cell;
        }
    }
    if !row.cells.is_empty() {
        // The last row: whether it breaks makes no difference.
        each(row).map(|_| ())?;
    }
    Ok(())
}

fn read_cell(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Int(n) => Cell::number(*n as f64),
        DataRef::Float(n) => Cell::number(*n),
        DataRef::String(text) => Cell::text(text),
        DataRef::SharedString(text) => Cell::text(text),
        DataRef::Bool(true) => Cell::text("true"),
        DataRef::Bool(false) => Cell::text("false"),
        DataRef::DateTime(when) => Cell::date(iso(when)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::date(text.clone()),
        DataRef::Error(_) | DataRef::Empty => Cell::default(),
    }
}

/// `2026-03-01`, `2026-03-01T09:30:00`, or `26:30:00` for a duration.
fn iso(when: &ExcelDateTime) -> String {
    if when.is_duration() {
        let seconds = (when.as_f64() * 86_400.0).round() as i64;
        let sign = if seconds < 0 { "-" } else { "" };
        let s = seconds.unsigned_abs();
        return format!("{sign}{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60);
    }
    let (year, month, day, hour, minute, second, _) = when.to_ymd_hms_milli();
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    match when.as_f64() {
        // Serial numbers below one are a time of day without a date.
        value if (0.0..1.0).contains(&value) && value > 0.0 => time,
        value if value.fract() == 0.0 => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{time}"),
    }
}

/// Carries the value of a merged region down the rows that it covers.
struct FillDown<'a> {
    /// Regions of more than one row, by first row, not yet reached.
    ahead: std::slice::Iter<'a, Merged>,
    next: Option<&'a Merged>,
    open: Vec<(&'a Merged, Cell)>,
}

impl<'a> FillDown<'a> {
    fn new(merged: &'a [Merged]) -> Self {
        let mut ahead = merged.iter();
        Self {
            next: ahead.next(),
            ahead,
            open: Vec::new(),
        }
    }

    fn fill(&mut self, row: &mut Row) {
        let at = row.number.saturating_sub(1);
        self.open.retain(|(m, _)| m.last.0 >= at);
        for (merged, cell) in &self.open {
            let column = merged.first.1 as usize;
            if row.cells.len() <= column {
                row.cells.resize_with(column + 1, Cell::default);
            }
            if let Some(place) = row.cells.get_mut(column).filter(|p| p.is_empty()) {
                *place = cell.clone();
            }
        }
        while let Some(merged) = self.next.filter(|m| m.first.0 <= at) {
            if merged.first.0 == at && merged.last.0 > at {
                let column = merged.first.1 as usize;
                if let Some(cell) = row.cells.get(column).filter(|c| !c.is_empty()) {
                    self.open.push((merged, cell.clone()));
                }
            }
            self.next = self.ahead.next();
        }
    }
}
