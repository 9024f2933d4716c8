//! What is written can be read again, as typed.

use std::io::Read;

use crate::files::Dir;
use calamine::{Data, Reader, Xlsx, open_workbook};
use model::{Money, WallTime};
use sheets::{Importer, Options, OutColumn, RejectsWriter, ResultsWriter, SheetError, Value};

fn columns() -> Vec<OutColumn> {
    [
        ("Prospect", 20),
        ("Number", 16),
        ("Answered at (UTC)", 20),
        ("Debt", 12),
        ("Talk, s", 8),
        ("Share", 8),
        ("Success", 8),
    ]
    .map(|(header, width)| OutColumn::new(header, width))
    .to_vec()
}

fn row<'a>(name: &'a str) -> [Value<'a>; 7] {
    [
        Value::Text(name),
        Value::Phone("+79005550001".parse().unwrap()),
        Value::Instant(WallTime::from_unix_seconds(1_772_357_400)),
        Value::Money(Money::new(123_405, "RUB".parse().unwrap())),
        Value::Integer(42),
        Value::Real(0.25),
        Value::Truth(true),
    ]
}

#[test]
fn a_results_workbook_has_typed_cells_and_a_frozen_header() {
    let dir = Dir::new();
    let path = dir.path("results.xlsx");
    let mut writer = ResultsWriter::create(&path, "Results", columns()).unwrap();
    writer.row(&row("=1+1")).unwrap();
    writer.row(&[const { Value::Empty }; 7]).unwrap();
    writer.row(&row("Иванов")).unwrap();
    assert!(!path.exists(), "half a table stands at the path");
    assert_eq!(writer.finish().unwrap(), 3);

    let mut book: Xlsx<_> = open_workbook(&path).unwrap();
    assert_eq!(book.sheet_names(), ["Results"]);
    let range = book.worksheet_range("Results").unwrap();
    let cell = |r, c| range.get_value((r, c)).cloned().unwrap_or_default();
    assert_eq!(cell(0, 0), Data::String("Prospect".into()));
    assert_eq!(cell(1, 0), Data::String("=1+1".into()));
    assert_eq!(cell(1, 1), Data::String("+79005550001".into()));
    let Data::DateTime(at) = cell(1, 2) else {
        panic!("{:?} is no date", cell(1, 2));
    };
    assert_eq!(at.to_ymd_hms_milli(), (2026, 3, 1, 9, 30, 0, 0));
    assert_eq!(cell(1, 3), Data::Float(1234.05));
    assert_eq!(cell(1, 4), Data::Float(42.0));
    assert_eq!(cell(1, 5), Data::Float(0.25));
    assert_eq!(cell(1, 6), Data::Bool(true));
    assert_eq!(cell(2, 0), Data::Empty);
    assert_eq!(cell(3, 0), Data::String("Иванов".into()));
    assert!(
        book.worksheet_formula("Results").unwrap().is_empty(),
        "a text became a formula"
    );

    let sheet = part(&path, "xl/worksheets/sheet1.xml");
    assert!(
        sheet.contains(
            r#"<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>"#
        ),
        "{sheet}"
    );
    assert!(part(&path, "xl/styles.xml").contains(r#"quotePrefix="1""#));
}

#[test]
fn a_csv_of_results_is_escaped_and_marked_as_utf8() {
    let dir = Dir::new();
    let path = dir.path("results.csv");
    let mut writer = ResultsWriter::create(&path, "Results", columns()).unwrap();
    writer.row(&row("=HYPERLINK(\"http://x\")")).unwrap();
    writer.row(&row("Иванов, И.")).unwrap();
    assert!(!path.exists(), "half a table stands at the path");
    assert_eq!(writer.finish().unwrap(), 2);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "\u{feff}Prospect,Number,Answered at (UTC),Debt,\"Talk, s\",Share,Success\n\
         \"'=HYPERLINK(\"\"http://x\"\")\",+79005550001,2026-03-01T09:30:00Z,1234.05 RUB,42,0.25,true\n\
         \"Иванов, И.\",+79005550001,2026-03-01T09:30:00Z,1234.05 RUB,42,0.25,true\n"
    );
    assert_eq!(
        std::fs::read_dir(dir.path("")).unwrap().count(),
        1,
        "a partial file is left behind"
    );
}

#[test]
fn a_row_of_the_wrong_width_and_an_unknown_format_are_refused() {
    let dir = Dir::new();
    let mut writer = ResultsWriter::create(&dir.path("r.csv"), "R", columns()).unwrap();
    let error = writer.row(&[Value::Integer(1)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1 of the results has 1 cells for 7 columns"
    );
    let error = ResultsWriter::create(&dir.path("r.pdf"), "R", columns()).err();
    assert!(matches!(error, Some(SheetError::UnknownFormat { .. })));
}

#[test]
fn the_rejects_go_back_with_reason_and_original_cells() {
    let dir = Dir::new();
    let list = dir.write(
        "list.csv",
        "ID;Телефон;Город\n1;89005550001;Тверь\n2;нет;Пермь\n1;89005550002;Уфа\n3;89005550003, 12;Омск\n".as_bytes(),
    );
    let mut importer = Importer::open(&list, Options::new("RU".parse().unwrap())).unwrap();
    for name in ["rejects.csv", "rejects.xlsx"] {
        let path = dir.path(name);
        let mut rejects = RejectsWriter::create(&path, importer.columns()).unwrap();
        let mut failed = None;
        importer
            .run(|item| match rejects.item(&item) {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    std::ops::ControlFlow::Break(())
                }
            })
            .unwrap();
        assert!(failed.is_none(), "{failed:?}");
        assert_eq!(rejects.finish().unwrap(), 3, "{name}");
    }
    assert_eq!(
        std::fs::read_to_string(dir.path("rejects.csv")).unwrap(),
        "\u{feff}Row,Verdict,Reason,ID,Телефон,Город\n\
         3,rejected,\"no usable phone number: \"\"нет\"\" in column \"\"Телефон\"\" is not a phone number\",2,нет,Пермь\n\
         4,duplicate,\"identifier \"\"1\"\" stands already in row 2\",1,89005550002,Уфа\n\
         5,warning,\"\"\"12\"\" in column \"\"Телефон\"\" is too short\",,,\n"
    );
    let mut book: Xlsx<_> = open_workbook(dir.path("rejects.xlsx")).unwrap();
    let range = book.worksheet_range("Not imported").unwrap();
    assert_eq!(range.get_value((1, 5)), Some(&Data::String("Пермь".into())));
    assert_eq!(range.height(), 4);
}

fn part(path: &std::path::Path, name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut text = String::new();
    archive
        .by_name(name)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}
