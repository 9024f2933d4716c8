//! What each row is: a prospect, a duplicate or a reject.

use std::collections::HashMap;
use std::mem;

use model::{Currency, Money};

use crate::amount::{currency_of, read_amount};
use crate::cell::{Cell, Row};
use crate::decimal_mark::DecimalMark;
use crate::header::column_name;
use crate::mapping::Column;
use crate::phone_cell::read_phone_cell;
use crate::{
    Country, Duplicate, ImportedPhone, ImportedProspect, Item, Mapping, RefusedNumber,
    RejectReason, Rejected, Summary, Warning, WarningReason,
};

/// What the walk needs of the survey.
pub(crate) struct Layout {
    pub(crate) names: Vec<String>,
    /// The header as it stands, to know it again further down.
    pub(crate) header: Option<Row>,
    /// The first row of data.
    pub(crate) first_data_row: u32,
    pub(crate) decimal_mark: DecimalMark,
    pub(crate) amount_currency: Option<Currency>,
}

/// One walk down the rows.
pub(crate) struct Walk<'a> {
    mapping: &'a Mapping,
    kept: Vec<&'a Column>,
    layout: &'a Layout,
    country: Country,
    /// Identifiers and the rows where they stood first.
    ids: HashMap<String, u32>,
    /// Numbers and the rows where they stood first.
    numbers: HashMap<u64, u32>,
    summary: Summary,
    found: Vec<Item>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(mapping: &'a Mapping, layout: &'a Layout, country: Country) -> Self {
        Self {
            mapping,
            kept: mapping.kept(),
            layout,
            country,
            ids: HashMap::new(),
            numbers: HashMap::new(),
            summary: Summary::default(),
            found: Vec::new(),
        }
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(crate) fn into_summary(self) -> Summary {
        self.summary
    }

    /// What the next row is, and what there is to know about it.
    pub(crate) fn read(&mut self, row: Row) -> Vec<Item> {
        self.summary.rows += 1;
        self.judge(row);
        mem::take(&mut self.found)
    }

    fn judge(&mut self, row: Row) {
        if self.is_header_again(&row) {
            return self.reject(row, RejectReason::RepeatedHeader);
        }
        let (phones, refused) = self.phones(&row);
        let Some(first) = phones.first() else {
            let reason = if refused.is_empty() {
                RejectReason::NoPhone
            } else {
                RejectReason::NoUsablePhone(refused)
            };
            return self.reject(row, reason);
        };
        let external_id = match &self.mapping.id {
            None => first.number.to_string(),
            Some(column) => row.text(column.index).to_owned(),
        };
        if external_id.is_empty() {
            let column = self
                .mapping
                .id
                .as_ref()
                .map(|c| c.header.clone())
                .unwrap_or_default();
            return self.reject(row, RejectReason::NoId { column });
        }
        if let Some(first_row) = self.ids.get(&external_id) {
            self.summary.duplicates += 1;
            self.found.push(Item::Duplicate(Duplicate {
                row: row.number,
                first_row: *first_row,
                external_id,
                cells: row.into_texts(),
            }));
            return;
        }
        self.ids.insert(external_id.clone(), row.number);
        self.accept(&row, external_id, phones, refused);
    }

    fn accept(
        &mut self,
        row: &Row,
        external_id: String,
        phones: Vec<ImportedPhone>,
        refused: Vec<RefusedNumber>,
    ) {
        let mut reasons: Vec<WarningReason> = refused
            .into_iter()
            .map(WarningReason::NumberRefused)
            .collect();
        for phone in &phones {
            let first_row = *self
                .numbers
                .entry(phone.number.digits())
                .or_insert(row.number);
            if first_row != row.number {
                reasons.push(WarningReason::NumberShared {
                    number: phone.number,
                    first_row,
                });
            }
        }
        let mapping = self.mapping;
        let (amount, warning) = self.amount(row);
        reasons.extend(warning);
        let text =
            |column: &Option<Column>| column.as_ref().map_or("", |c| row.text(c.index)).to_owned();
        let stated = |column: &Option<Column>| Some(text(column)).filter(|t| !t.is_empty());
        let name: Vec<&str> = mapping
            .name
            .iter()
            .map(|c| row.text(c.index))
            .filter(|t| !t.is_empty())
            .collect();
        self.summary.accepted += 1;
        self.summary.numbers += phones.len() as u64;
        self.found.push(Item::Prospect(Box::new(ImportedProspect {
            row: row.number,
            external_id,
            name: name.join(" "),
            phones,
            amount,
            zone_text: text(&mapping.zone),
            region_text: text(&mapping.region),
            city_text: text(&mapping.city),
            language: stated(&mapping.language),
            subject: stated(&mapping.subject),
            consent_text: stated(&mapping.consent),
            fields: self.fields(row),
        })));
        for reason in reasons {
            *self.summary.warnings.entry(reason.as_str()).or_default() += 1;
            self.found.push(Item::Warning(Warning {
                row: row.number,
                reason,
            }));
        }
    }

    /// Numbers in the order of columns and cells, each once.
    fn phones(&mut self, row: &Row) -> (Vec<ImportedPhone>, Vec<RefusedNumber>) {
        let mut phones: Vec<ImportedPhone> = Vec::new();
        let mut refused = Vec::new();
        for column in &self.mapping.phones {
            let cell = read_phone_cell(
                row.text(column.index),
                self.country,
                Mapping::kind_of(column),
            );
            for phone in cell.phones {
                // Two extensions behind one switchboard are one number to call.
                if phones.iter().any(|p| p.number == phone.number) {
                    self.summary.repeated_numbers += 1;
                } else {
                    phones.push(phone);
                }
            }
            refused.extend(cell.refused.into_iter().map(|(raw, fault)| RefusedNumber {
                column: column.header.clone(),
                raw,
                fault,
            }));
        }
        (phones, refused)
    }

    fn amount(&self, row: &Row) -> (Option<Money>, Option<WarningReason>) {
        let Some(column) = &self.mapping.amount else {
            return (None, None);
        };
        let stated = self
            .mapping
            .currency
            .as_ref()
            .map_or("", |c| row.text(c.index));
        let currency = if stated.is_empty() {
            None
        } else {
            match currency_of(stated) {
                Ok(currency) => Some(currency),
                Err(warning) => return (None, Some(warning)),
            }
        };
        let empty = Cell::default();
        let cell = row.cells.get(column.index).unwrap_or(&empty);
        read_amount(
            cell,
            self.layout.decimal_mark,
            currency,
            self.layout.amount_currency,
        )
    }

    /// The columns kept, and cells beyond the last column that has a name.
    fn fields(&self, row: &Row) -> Vec<(String, String)> {
        let named = self
            .kept
            .iter()
            .map(|c| (c.header.clone(), row.text(c.index).to_owned()));
        let beyond = (self.layout.names.len()..row.cells.len())
            .map(|i| (column_name(i), row.text(i).to_owned()));
        named
            .chain(beyond)
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }

    fn is_header_again(&self, row: &Row) -> bool {
        self.layout.header.as_ref().is_some_and(|header| {
            header
                .cells
                .iter()
                .map(|c| &c.text)
                .eq(row.cells.iter().map(|c| &c.text))
        })
    }

    fn reject(&mut self, row: Row, reason: RejectReason) {
        self.summary.rejected += 1;
        self.found.push(Item::Rejected(Rejected {
            row: row.number,
            reason,
            cells: row.into_texts(),
        }));
    }
}
