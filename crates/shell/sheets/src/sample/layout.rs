//! Which columns each sheet has, and what its department calls them.

use super::SampleSheet;

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The place in the sheet.
    Ordinal,
    /// The identifier.
    Id,
    /// Surname and given names.
    Name,
    Surname,
    GivenNames,
    /// The phones as people type them: several in a cell, in any form.
    Phones,
    /// The second cell of phones.
    MorePhones,
    /// The third, with extensions.
    OfficePhone,
    Amount,
    Currency,
    City,
    Zone,
    Language,
    DaysOverdue,
    Comment,
    Product,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) of: Of,
    pub(super) header: &'static str,
    /// In characters.
    pub(super) width: f64,
}

const fn column(of: Of, header: &'static str, width: f64) -> Column {
    Column { of, header, width }
}

/// How a sheet looks.
#[derive(Debug)]
pub(super) struct Layout {
    /// Lines above the header.
    pub(super) titles: &'static [&'static str],
    pub(super) columns: &'static [Column],
    /// Columns of the word and the sum in the row of totals.
    pub(super) totals: Option<(u16, u16)>,
}

pub(super) const fn layout(sheet: SampleSheet) -> Layout {
    match sheet {
        SampleSheet::Debtors => Layout {
            titles: &[
                "Реестр должников на 01.03.2026 / Debtors' list",
                "Взыскатель: ООО «Ромашка Финанс»",
            ],
            columns: DEBTORS,
            totals: Some((2, 6)),
        },
        SampleSheet::Sales => plain(SALES),
        SampleSheet::Vip => plain(VIP),
        SampleSheet::UsDebtors => plain(US_DEBTORS),
    }
}

const fn plain(columns: &'static [Column]) -> Layout {
    Layout {
        titles: &[],
        columns,
        totals: None,
    }
}

const DEBTORS: &[Column] = &[
    column(Of::Ordinal, "№ п/п", 6.0),
    column(Of::Id, "№ договора", 14.0),
    column(Of::Name, "ФИО / Name", 30.0),
    column(Of::Phones, "Телефон", 34.0),
    column(Of::MorePhones, "Mobile", 20.0),
    column(Of::OfficePhone, "Тел. раб.", 26.0),
    column(Of::Amount, "Сумма\u{a0}долга", 16.0),
    column(Of::Currency, "Валюта", 8.0),
    column(Of::City, "Город / City", 20.0),
    column(Of::Zone, "Часовой пояс", 20.0),
    column(Of::Language, "Language", 10.0),
    column(Of::DaysOverdue, "Дней просрочки", 10.0),
    column(Of::Comment, "Комментарий", 30.0),
];

const SALES: &[Column] = &[
    column(Of::Id, "Код клиента", 14.0),
    column(Of::Surname, "Фамилия", 18.0),
    column(Of::GivenNames, "Имя", 22.0),
    column(Of::Phones, "Телефоны", 34.0),
    column(Of::MorePhones, "Сотовый", 20.0),
    column(Of::OfficePhone, "Тел. офис", 26.0),
    column(Of::Zone, "Часовой пояс", 20.0),
    column(Of::City, "Город", 20.0),
    column(Of::Product, "Интересовался", 20.0),
    column(Of::Comment, "Примечание", 30.0),
];

const VIP: &[Column] = &[
    column(Of::Id, "Customer ID", 14.0),
    column(Of::Name, "Full name", 30.0),
    column(Of::Phones, "Phone", 34.0),
    column(Of::MorePhones, "Cell", 20.0),
    column(Of::OfficePhone, "Office phone", 26.0),
    column(Of::City, "City", 20.0),
    column(Of::Zone, "Time zone", 20.0),
    column(Of::Product, "Product", 20.0),
    column(Of::Comment, "Notes", 30.0),
];

const US_DEBTORS: &[Column] = &[
    column(Of::Id, "Account", 14.0),
    column(Of::Surname, "Last name", 18.0),
    column(Of::GivenNames, "First name", 18.0),
    column(Of::MorePhones, "Cell", 20.0),
    column(Of::Amount, "Amount due", 16.0),
    column(Of::City, "City", 20.0),
    column(Of::Zone, "Time zone", 20.0),
    column(Of::DaysOverdue, "Days overdue", 10.0),
    column(Of::Comment, "Notes", 30.0),
];
