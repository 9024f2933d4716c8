//! Whole files in, prospects out: what only shows when a real file is read.

use std::ops::ControlFlow;

use crate::files::{Dir, xlsx};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use sheets::sample::{SHIPPED_PROSPECTS, SHIPPED_SEED, SampleSheet, write_demo_workbook};
use sheets::{DecimalMark, Import, Importer, Item, Limits, Options, SheetError};

#[test]
fn a_workbook_with_titles_merged_cells_and_numbers_as_numbers_is_read() {
    let dir = Dir::new();
    let path = xlsx(&dir, "list.xlsx", |book| {
        let plain = Format::new();
        let date = Format::new().set_num_format("dd.mm.yyyy");
        let sheet = book.add_worksheet();
        sheet.merge_range(0, 0, 0, 5, "Реестр на март", &plain)?;
        sheet.merge_range(2, 1, 2, 2, "Телефоны", &plain)?;
        for (column, header) in [
            (0, "ФИО"),
            (1, "моб."),
            (2, "раб."),
            (3, "Долг"),
            (4, "Город"),
            (5, "Дата договора"),
        ] {
            sheet.write(3, column, header)?;
        }
        sheet.write(4, 0, "Иванов")?;
        sheet.write(4, 1, 79_005_550_001_i64)?;
        sheet.write(4, 2, "8 (900) 555-00-02 доб. 12")?;
        sheet.write(4, 3, 1_234.05)?;
        // The city is merged over two people, with an empty row behind them.
        sheet.merge_range(4, 4, 5, 4, "Пермь", &plain)?;
        sheet.write_with_format(4, 5, ExcelDateTime::from_ymd(2026, 3, 1)?, &date)?;
        sheet.write(5, 0, "Петров")?;
        sheet.write(5, 1, 89_005_550_003_i64)?;
        sheet.write(5, 3, "1\u{a0}500,5 ₽")?;
        sheet.write(7, 0, "Сидоров")?;
        sheet.write(7, 2, "нет")?;
        sheet.write(8, 0, "Итого")?;
        Ok(())
    });
    let import = read(&path, "currency=RUB").unwrap();
    assert_eq!(import.survey.title_rows, [1, 3]);
    assert_eq!(import.survey.header_row, Some(4));
    assert_eq!(
        serde_json::to_value(&import.survey.mapping.phones).unwrap(),
        serde_json::json!(["Телефоны моб.", "Телефоны раб."])
    );
    assert_eq!(
        serde_json::to_value(&import.prospects).unwrap(),
        serde_json::json!([
            {
                "row": 5, "external_id": "+79005550001", "name": "Иванов",
                "phones": [
                    {"number": "+79005550001", "raw": "79005550001", "kind": "mobile"},
                    {"number": "+79005550002", "raw": "8 (900) 555-00-02 доб. 12", "kind": "work", "extension": "12"}
                ],
                "amount": {"minor": 123_405, "currency": "RUB"},
                "zone_text": "", "region_text": "", "city_text": "Пермь",
                "language": null, "subject": null, "consent_text": null,
                "fields": {"Город": "Пермь", "Дата договора": "2026-03-01"}
            },
            {
                "row": 6, "external_id": "+79005550003", "name": "Петров",
                "phones": [{"number": "+79005550003", "raw": "89005550003", "kind": "mobile"}],
                "amount": {"minor": 150_050, "currency": "RUB"},
                "zone_text": "", "region_text": "", "city_text": "Пермь",
                "language": null, "subject": null, "consent_text": null,
                "fields": {"Город": "Пермь"}
            }
        ])
    );
    assert_eq!(
        serde_json::to_value(&import.rejected).unwrap(),
        serde_json::json!([
            {"row": 8, "reason": "no usable phone number: \"нет\" in column \"Телефоны раб.\" is not a phone number"},
            {"row": 9, "reason": "no phone number"}
        ])
    );
}

#[test]
fn the_first_visible_sheet_with_rows_is_read_unless_one_is_named() {
    let dir = Dir::new();
    let path = xlsx(&dir, "sheets.xlsx", |book| {
        book.add_worksheet()
            .set_name("Hidden")?
            .set_hidden(true)
            .write(0, 0, "Phone")?;
        book.add_worksheet().set_name("Empty")?.set_active(true);
        let sheet = book.add_worksheet().set_name("People")?;
        sheet.write(0, 0, "Phone")?;
        sheet.write(1, 0, "89005550001")?;
        let other = book.add_worksheet().set_name("Others")?;
        other.write(0, 0, "Phone")?;
        other.write(1, 0, "89005550002")?;
        Ok(())
    });
    let import = read(&path, "").unwrap();
    assert_eq!(import.survey.sheet.as_deref(), Some("People"));
    let named = |sheet: &str| {
        let mut options = options("");
        options.sheet = Some(sheet.to_owned());
        sheets::import(&path, options)
    };
    assert_eq!(
        named("others").unwrap().prospects[0].external_id,
        "+79005550002"
    );
    assert_eq!(
        named("Peple").unwrap_err().to_string(),
        format!(
            "{} has no sheet \"Peple\"; it has \"People\", \"Hidden\", \"Empty\", \"Others\"",
            path.display()
        )
    );
}

#[test]
fn a_csv_of_any_encoding_and_delimiter_gives_the_same_prospects() {
    let dir = Dir::new();
    let text = |d: &str| {
        format!(
            "ФИО{d}Телефон{d}Город\r\nИванов{d}8 900 555-00-01{d}Тверь\r\nЗайцева{d}+79005550002{d}\"Пермь\nКраснокамск\"\r\n"
        )
    };
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let mut seen = Vec::new();
    for (name, bytes, encoding, delimiter) in [
        ("utf8.csv", text(";").into_bytes(), "UTF-8", ';'),
        (
            "bom.csv",
            [b"\xef\xbb\xbf", text(",").as_bytes()].concat(),
            "UTF-8",
            ',',
        ),
        (
            "cp1251.csv",
            encoding_rs::WINDOWS_1251.encode(&text(";")).0.into_owned(),
            "windows-1251",
            ';',
        ),
        (
            "utf16.txt",
            [b"\xff\xfe".to_vec(), utf16(&text("\t"))].concat(),
            "UTF-16LE",
            '\t',
        ),
        ("pipe.csv", text("|").into_bytes(), "UTF-8", '|'),
        (
            "sep.csv",
            format!("sep=;\r\n{}", text(";")).into_bytes(),
            "UTF-8",
            ';',
        ),
    ] {
        let path = dir.write(name, &bytes);
        let import = read(&path, "").unwrap();
        assert_eq!(import.survey.encoding, Some(encoding), "{name}");
        assert_eq!(import.survey.delimiter, Some(delimiter), "{name}");
        let kept: Vec<_> = import
            .prospects
            .iter()
            .map(|p| (p.name.clone(), p.external_id.clone(), p.city_text.clone()))
            .collect();
        seen.push(kept);
    }
    assert_eq!(
        seen[0][1],
        (
            "Зайцева".into(),
            "+79005550002".into(),
            "Пермь\nКраснокамск".into()
        )
    );
    for other in &seen[1..] {
        assert_eq!(other, &seen[0]);
    }
}

#[test]
fn rows_of_a_csv_are_numbered_as_a_spreadsheet_shows_them() {
    let dir = Dir::new();
    for end in ["\n", "\r\n"] {
        let lines = [
            "",
            "Phone;Name",
            "89005550001;\"two\nlines\"",
            "",
            "",
            "89005550002;b",
            ";;",
            "89005550003;c",
        ];
        let path = dir.write("list.csv", lines.join(end).as_bytes());
        let import = read(&path, "").unwrap();
        let rows: Vec<_> = import.prospects.iter().map(|p| p.row).collect();
        assert_eq!(
            (import.survey.header_row, rows),
            (Some(2), vec![3, 6, 8]),
            "{end:?}"
        );
    }
}

#[test]
fn duplicates_shared_and_repeated_numbers_are_told_apart() {
    let dir = Dir::new();
    let path = dir.write(
        "list.csv",
        "ID;Phone;Mobile\n1;89005550001;+7 900 555 00 01\n2;89005550001;\n1;89005550003;\n;89005550004;\n3;7.90056E+10;\n4;7.90056E+10;89005550005\nID;Phone;Mobile\n"
            .as_bytes(),
    );
    let import = read(&path, "").unwrap();
    let ids: Vec<_> = import
        .prospects
        .iter()
        .map(|p| (p.row, p.external_id.as_str()))
        .collect();
    assert_eq!(ids, [(2, "1"), (3, "2"), (7, "4")]);
    assert_eq!(import.prospects[0].phones.len(), 1);
    assert_eq!(import.summary.repeated_numbers, 1);
    assert_eq!(
        serde_json::to_value(&import.duplicates).unwrap(),
        serde_json::json!([{"row": 4, "reason": "identifier \"1\" stands already in row 2"}])
    );
    let damaged = "\"7.90056E+10\" in column \"Phone\" lost its last digits when the file was saved; format the column as text and save it again";
    assert_eq!(
        serde_json::to_value(&import.rejected).unwrap(),
        serde_json::json!([
            {"row": 5, "reason": "no identifier in column \"ID\""},
            {"row": 6, "reason": format!("no usable phone number: {damaged}")},
            {"row": 8, "reason": "the header is repeated here"}
        ])
    );
    assert_eq!(
        serde_json::to_value(&import.warnings).unwrap(),
        serde_json::json!([
            {"row": 3, "reason": "+79005550001 stands already in row 2; both prospects are kept"},
            {"row": 7, "reason": damaged}
        ])
    );
    let s = &import.summary;
    assert_eq!(
        (s.rows, s.accepted, s.duplicates, s.rejected, s.numbers),
        (7, 3, 1, 3, 3)
    );
}

#[test]
fn an_amount_column_of_two_minds_is_refused_before_any_prospect() {
    let dir = Dir::new();
    let path = dir.write(
        "list.csv",
        "Phone;Debt\n89005550001;100\n89005550002;1.234,50\n89005550003;1,234.50\n".as_bytes(),
    );
    let error = read(&path, "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"Debt\" writes amounts in two ways: \"1,234.50\" in row 4 has a decimal point, \
         \"1.234,50\" in row 3 a decimal comma; make them alike"
    );
    assert_eq!(error.problem(), model::Problem::Caller);
}

#[test]
fn amounts_that_cannot_be_spoken_are_reported_and_the_row_is_kept() {
    let dir = Dir::new();
    let path = dir.write(
        "list.csv",
        "Phone;Debt;Currency\n89005550001;100;RUB\n89005550002;0;RUB\n89005550003;-5;RUB\n89005550004;скоро;RUB\n89005550005;;RUB\n89005550006;5;XXX\n89005550007;5;\n89005550008;$7;\n89005550009;1.005;usd\n89005550010;2.5;EUR\n"
            .as_bytes(),
    );
    let import = read(&path, "").unwrap();
    let amounts: Vec<_> = import
        .prospects
        .iter()
        .map(|p| p.amount.map(|a| a.to_string()))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        amounts,
        [
            some("100.00 RUB"),
            None,
            None,
            None,
            None,
            None,
            None,
            some("7.00 USD"),
            some("1.01 USD"),
            some("2.50 EUR")
        ]
    );
    let kinds: Vec<_> = import
        .warnings
        .iter()
        .map(|w| (w.row, w.reason.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            (3, "amount_not_positive"),
            (4, "amount_not_positive"),
            (5, "amount_unreadable"),
            (6, "amount_missing"),
            (7, "currency_unknown"),
            (8, "currency_missing"),
            (10, "amount_rounded"),
        ]
    );
}

#[test]
fn a_decimal_mark_that_no_cell_proves_is_assumed_and_said() {
    let dir = Dir::new();
    for (amounts, mark, assumed, first) in [
        (["1.234", "5.678"], DecimalMark::Comma, true, 123_400),
        (["1.234", "5.6"], DecimalMark::Point, false, 123),
        (["1234", "5678"], DecimalMark::Point, false, 123_400),
    ] {
        let text = format!(
            "Phone;Debt\n89005550001;{}\n89005550002;{}\n",
            amounts[0], amounts[1]
        );
        let import = read(&dir.write("list.csv", text.as_bytes()), "currency=RUB").unwrap();
        let said = import.survey.decimal_mark.unwrap();
        assert_eq!((said.mark, said.assumed), (mark, assumed), "{amounts:?}");
        assert_eq!(
            import.prospects[0].amount.map(|a| a.minor),
            Some(first),
            "{amounts:?}"
        );
    }
}

#[test]
fn what_has_no_place_of_its_own_is_kept_as_written_in_file_order() {
    let dir = Dir::new();
    let path = dir.write(
        "kept.csv",
        "Город;ID;Товар;Телефон;Регион;ФИО;Часовой пояс;Сумма;Договор;Язык;Согласие\n\
         г. Тверь;7;чайник;89005550001;Тверская обл.;Иванов;МСК;12,50;Д-1;русский;Да\n\
         ;8;;89005550002;;Петров;;1,00;;;\n"
            .as_bytes(),
    );
    let import = read(&path, "currency=RUB").unwrap();
    let [first, second] = &import.prospects[..] else {
        panic!("{:?}", import.prospects);
    };
    let fields: Vec<(&str, &str)> = first
        .fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("Город", "г. Тверь"),
            ("Товар", "чайник"),
            ("Регион", "Тверская обл."),
            ("Часовой пояс", "МСК"),
            ("Язык", "русский"),
            ("Согласие", "Да"),
        ]
    );
    assert_eq!(
        (first.city_text.as_str(), first.region_text.as_str()),
        ("г. Тверь", "Тверская обл.")
    );
    assert_eq!(
        (first.zone_text.as_str(), first.subject.as_deref()),
        ("МСК", Some("Д-1"))
    );
    assert_eq!(second.fields, []);
}

#[test]
fn a_file_without_a_header_and_cells_beyond_it_lose_nothing() {
    let dir = Dir::new();
    let path = dir.write(
        "bare.csv",
        "Иванов,89005550001\nПетров,89005550002,сосед\n".as_bytes(),
    );
    let import = read(&path, "").unwrap();
    assert_eq!(import.survey.header_row, None);
    assert_eq!(import.prospects.len(), 2);
    assert_eq!(
        import.prospects[1].fields,
        [
            ("Column A".to_owned(), "Петров".to_owned()),
            ("Column C".to_owned(), "сосед".to_owned())
        ]
    );
    let long = (0..400)
        .map(|i| format!("N{i},89005550{i:03}\n"))
        .collect::<String>();
    let path = dir.write(
        "late.csv",
        format!("Name,Phone\n{long}X,89005559999,late\n").as_bytes(),
    );
    let last = read(&path, "").unwrap().prospects.pop().unwrap();
    assert_eq!(last.fields, [("Column C".to_owned(), "late".to_owned())]);
}

#[test]
fn only_so_many_rows_are_read_and_a_break_stops_at_once() {
    let dir = Dir::new();
    let path = dir.write(
        "list.csv",
        "Phone;Debt\n89005550001;1,5\n89005550002;2.5\n89005550003;3\n".as_bytes(),
    );
    let mut options = options("");
    options.rows = Some(1);
    let import = sheets::import(&path, options.clone()).unwrap();
    assert_eq!(import.summary.rows, 1);
    options.rows = None;
    options.map = vec!["questionnaire=Debt".parse().unwrap()];
    let mut importer = Importer::open(&path, options).unwrap();
    let mut seen = 0;
    let summary = importer
        .run(|item| {
            seen += u32::from(matches!(item, Item::Prospect(_)));
            if seen == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!((seen, summary.accepted), (2, 2));
}

#[test]
fn the_demo_workbook_imports_as_its_writer_says() {
    let dir = Dir::new();
    let mut extensions = 0;
    for (prospects, seed) in [(12, 3), (SHIPPED_PROSPECTS, SHIPPED_SEED), (1_000, 7)] {
        let path = dir.path("demo.xlsx");
        let written = write_demo_workbook(&path, prospects, seed).unwrap();
        let in_all: u32 = written.iter().map(|facts| facts.prospects).sum();
        assert_eq!(in_all, prospects);
        for facts in written {
            let import = read_sheet(&path, facts.sheet).unwrap();
            let mut zones = std::collections::BTreeMap::new();
            for prospect in &import.prospects {
                *zones.entry(prospect.zone_text.as_str()).or_insert(0_u32) += 1;
                for phone in &prospect.phones {
                    let digits = phone.number.digits();
                    let ours = digits / 10_000 == 7_900_555 || digits / 100 == 120_155_501;
                    assert!(
                        ours,
                        "{} is nobody's of the simulated carrier",
                        phone.number
                    );
                    extensions += u32::from(phone.extension.is_some());
                }
            }
            assert_eq!(zones, facts.zones);
            let s = &import.summary;
            assert_eq!(
                (s.rows, s.accepted, s.duplicates, s.rejected, s.numbers),
                (
                    u64::from(facts.rows),
                    u64::from(facts.prospects),
                    u64::from(facts.duplicates),
                    u64::from(facts.rejected),
                    u64::from(facts.numbers)
                ),
                "{facts:?}"
            );
            let owe = import.prospects.iter().filter(|p| p.amount.is_some());
            assert_eq!(owe.count(), facts.amounts as usize, "{facts:?}");
        }
    }
    assert!(extensions > 0);
}

#[test]
fn the_shipped_workbook_is_the_one_the_example_makes() {
    let dir = Dir::new();
    let path = dir.path("prospects.xlsx");
    write_demo_workbook(&path, SHIPPED_PROSPECTS, SHIPPED_SEED).unwrap();
    let shipped = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../config/demo/prospects.xlsx"
    );
    for sheet in SampleSheet::ALL {
        let prospects = |path: &std::path::Path| read_sheet(path, sheet).unwrap().prospects;
        assert_eq!(prospects(shipped.as_ref()), prospects(&path));
    }
}

#[test]
fn what_is_no_spreadsheet_is_refused_by_name() {
    let dir = Dir::new();
    let error = |name: &str, bytes: &[u8]| read(&dir.write(name, bytes), "").unwrap_err();
    assert!(matches!(
        error("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"),
        SheetError::OldOrProtected { .. }
    ));
    assert!(matches!(
        error("cut.xlsx", b"PK\x03\x04 and nothing else"),
        SheetError::Workbook { .. }
    ));
    assert!(matches!(error("empty.csv", b""), SheetError::Empty { .. }));
    assert!(matches!(
        error("blank.csv", b"\n;;;\n \n"),
        SheetError::Empty { .. }
    ));
    assert!(matches!(
        error("text.csv", "привет\nмир\n".as_bytes()),
        SheetError::NoPhoneColumn { .. }
    ));
    let missing = read(&dir.path("missing.csv"), "").unwrap_err();
    assert_eq!(
        missing.to_string(),
        format!("cannot open {}", dir.path("missing.csv").display())
    );
}

#[test]
fn limits_name_what_was_passed() {
    let dir = Dir::new();
    let rows = (0..50)
        .map(|i| format!("8900555{i:04};x\n"))
        .collect::<String>();
    let csv = dir.write("list.csv", format!("Phone;Name\n{rows}").as_bytes());
    let book = xlsx(&dir, "list.xlsx", |book: &mut Workbook| {
        let sheet = book.add_worksheet();
        sheet.write(0, 0, "Phone")?;
        sheet.write(0, 1, "Name")?;
        for i in 1..=50 {
            sheet.write(i, 0, format!("8900555{i:04}"))?;
            sheet.write(i, 1, "x")?;
        }
        Ok(())
    });
    let limited = |change: fn(&mut Limits), path: &std::path::Path| {
        let mut options = options("");
        change(&mut options.limits);
        sheets::import(path, options).unwrap_err().to_string()
    };
    for path in [&csv, &book] {
        let name = path.display();
        assert_eq!(
            limited(|l| l.rows = 50, path),
            format!("{name} has more than 50 rows; split the file or raise the limit")
        );
        assert_eq!(
            limited(|l| l.cells = 99, path),
            format!("{name} has more than 99 cells; split the file or raise the limit")
        );
        assert_eq!(
            limited(|l| l.columns = 1, path),
            format!("{name} has more than 1 columns; split the file or raise the limit")
        );
    }
    assert!(limited(|l| l.parts = 3, &book).contains("parts in its archive, over the limit of 3"));
    assert!(
        limited(|l| l.shared_string_bytes = 100, &book)
            .contains("a part that inflates beyond 100 bytes")
    );
    assert!(
        limited(|l| l.inflated_bytes = 1_000, &book)
            .contains("a part that inflates beyond 1000 bytes")
    );
}

fn options(more: &str) -> Options {
    let mut options = Options::new("RU".parse().unwrap());
    if let Some(currency) = more.strip_prefix("currency=") {
        options.currency = currency.parse().ok();
    }
    options
}

fn read(path: &std::path::Path, more: &str) -> Result<Import, SheetError> {
    sheets::import(path, options(more))
}

fn read_sheet(path: &std::path::Path, sheet: SampleSheet) -> Result<Import, SheetError> {
    let mut options = options("");
    options.sheet = Some(sheet.name().to_owned());
    sheets::import(path, options)
}
