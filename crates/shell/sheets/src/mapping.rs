//! What every column means.

use serde::{Serialize, Serializer};

use crate::header_words::phone_kind;
use crate::{Field, PhoneKind};

/// A column of the sheet. Written to JSON as its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// From 0.
    pub index: usize,
    /// The header, or `Column C`.
    pub header: String,
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.header)
    }
}

/// What every column means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// Without one, a prospect is identified by its first number.
    pub id: Option<Column>,
    /// At least one, in file order.
    pub phones: Vec<Column>,
    /// The amount to speak.
    pub amount: Option<Column>,
    /// The amount's currency.
    pub currency: Option<Column>,
    /// The time zone, as stated.
    pub zone: Option<Column>,
    /// The region or state.
    pub region: Option<Column>,
    /// The city.
    pub city: Option<Column>,
    /// The person's language.
    pub language: Option<Column>,
    /// The name's parts, joined in file order.
    pub name: Vec<Column>,
    /// The debt or contract.
    pub subject: Option<Column>,
    /// Consent to be called.
    pub consent: Option<Column>,
    /// Everything else, in file order: the questionnaire.
    pub fields: Vec<Column>,
}

impl Mapping {
    /// The columns that a person's record keeps as fields, in file order: the questionnaire, and what an import reads
    /// but the record has no place of its own for. A city that decides the hours is also what an agent wants to see.
    pub fn kept(&self) -> Vec<&Column> {
        let read = [
            &self.zone,
            &self.region,
            &self.city,
            &self.language,
            &self.consent,
        ];
        let mut kept: Vec<&Column> = self
            .fields
            .iter()
            .chain(read.into_iter().flatten())
            .collect();
        kept.sort_by_key(|c| c.index);
        kept
    }

    /// The number's kind by the column's header.
    pub(crate) fn kind_of(column: &Column) -> PhoneKind {
        phone_kind(&column.header)
    }

    pub(crate) fn single(&mut self, field: Field) -> Option<&mut Option<Column>> {
        match field {
            Field::Id => Some(&mut self.id),
            Field::Amount => Some(&mut self.amount),
            Field::Currency => Some(&mut self.currency),
            Field::Zone => Some(&mut self.zone),
            Field::Region => Some(&mut self.region),
            Field::City => Some(&mut self.city),
            Field::Language => Some(&mut self.language),
            Field::Subject => Some(&mut self.subject),
            Field::Consent => Some(&mut self.consent),
            Field::Phone | Field::Name | Field::Questionnaire => None,
        }
    }
}
