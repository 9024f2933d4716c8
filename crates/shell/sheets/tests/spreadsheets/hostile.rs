//! Files made to hurt: they get an error or a result, never a panic, and never all the memory.

use std::io::{Cursor, Write};
use std::path::Path;

use crate::files::{Dir, xlsx};
use proptest::collection::vec;
use proptest::prelude::*;
use sheets::{Import, Options, SheetError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[test]
fn a_part_that_inflates_as_no_sheet_does_is_refused() {
    let dir = Dir::new();
    let bomb = with_sheet(&dir, "bomb.xlsx", |out| {
        for _ in 0..(20 << 20) / 16 {
            out.write_all(b"<row></row>     ")?;
        }
        Ok(())
    });
    let mut options = Options::new("RU".parse().unwrap());
    options.limits.inflation = 100;
    let error = sheets::import(&bomb, options).unwrap_err().to_string();
    assert!(error.contains("inflates more than 100 times"), "{error}");
}

#[test]
fn a_cell_longer_than_any_cell_is_refused() {
    let dir = Dir::new();
    let long = with_sheet(&dir, "long.xlsx", |out| {
        out.write_all(b"<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>")?;
        for _ in 0..20 {
            out.write_all(&[b'x'; 100_000])?;
        }
        out.write_all(b"</t></is></c></row>")
    });
    let error = read(&long).unwrap_err().to_string();
    assert!(
        error.contains("a cell or tag longer than 1048576 bytes"),
        "{error}"
    );
}

#[test]
fn rows_out_of_order_are_refused() {
    let dir = Dir::new();
    let cell = |r: u32| {
        format!("<row r=\"{r}\"><c r=\"A{r}\" t=\"inlineStr\"><is><t>Phone</t></is></c></row>")
    };
    let path = with_sheet(&dir, "order.xlsx", |out| {
        out.write_all((cell(5) + &cell(2)).as_bytes())
    });
    let error = read(&path).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("row 2 stands after row 5"));
}

#[test]
fn a_quote_that_never_closes_is_refused() {
    let dir = Dir::new();
    let text = format!("Phone;Name\n89005550001;\"{}", "x\n".repeat(600_000));
    let path = dir.write("quote.csv", text.as_bytes());
    let mut options = Options::new("RU".parse().unwrap());
    options.limits.record_bytes = 1 << 20;
    let error = sheets::import(&path, options).unwrap_err().to_string();
    assert!(
        error.contains("a record over 1048576 bytes after row 1"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..2_000)) {
        let dir = Dir::new();
        accounted(read(&dir.write("random.csv", &bytes)));
    }

    #[test]
    fn random_text_tables_never_panic_and_add_up(rows in vec(vec("[ -~а-яё+0-9;,/\n\"€\u{a0}]{0,24}", 0..6), 0..12)) {
        let dir = Dir::new();
        let mut text = String::from("ID;Телефон;Сумма;Город\n");
        for row in rows {
            let cells: Vec<String> = row.iter().map(|c| format!("\"{}\"", c.replace('"', "\"\""))).collect();
            text.push_str(&cells.join(";"));
            text.push('\n');
        }
        accounted(read(&dir.write("table.csv", text.as_bytes())));
    }

    #[test]
    fn random_phone_cells_never_panic(cell in "[0-9+()\\- ;,/.xXEe#а-яa-z\u{660}-\u{669}\u{ff10}-\u{ff19}\n]{0,80}") {
        let dir = Dir::new();
        let text = format!("id,phone\n1,\"{cell}\"\n2,89005550001\n");
        let import = read(&dir.write("cell.csv", text.as_bytes()));
        accounted(import);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn random_cells_of_a_workbook_never_panic_and_add_up(
        rows in vec(vec(prop_oneof![
            any::<f64>().prop_map(Cell::Number),
            (0_i64..99_999_999_999).prop_map(|n| Cell::Number(n as f64)),
            "\\PC{0,20}".prop_map(Cell::Text),
            "[0-9+() ,;-]{5,30}".prop_map(Cell::Text),
            any::<bool>().prop_map(Cell::Truth),
        ], 0..8), 1..10),
    ) {
        let dir = Dir::new();
        let path = xlsx(&dir, "cells.xlsx", |book| {
            let sheet = book.add_worksheet();
            for (r, row) in (0_u32..).zip(&rows) {
                for (c, cell) in (0_u16..).zip(row) {
                    match cell {
                        Cell::Number(n) if n.is_finite() => sheet.write(r, c, *n)?,
                        Cell::Number(_) => sheet.write(r, c, "")?,
                        Cell::Text(text) => sheet.write_string(r, c, text)?,
                        Cell::Truth(truth) => sheet.write(r, c, *truth)?,
                    };
                }
            }
            Ok(())
        });
        accounted(read(&path));
    }

    #[test]
    fn a_spoilt_workbook_never_panics(
        spoils in vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        part in any::<prop::sample::Index>(),
        inside in any::<bool>(),
    ) {
        let dir = Dir::new();
        let path = dir.path("good.xlsx");
        sheets::sample::write_demo_workbook(&path, 12, 3).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        if inside {
            // The XML itself is spoilt and the archive stays whole.
            bytes = respoil(&bytes, part, &spoils);
        } else {
            for (at, byte) in &spoils {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
        }
        accounted(read(&dir.write("spoilt.xlsx", &bytes)));
    }
}

#[derive(Clone, Debug)]
enum Cell {
    Number(f64),
    Text(String),
    Truth(bool),
}

/// Every row is a prospect, a duplicate or a reject, and every prospect has a number.
fn accounted(import: Result<Import, SheetError>) {
    let Ok(import) = import else {
        return;
    };
    let s = &import.summary;
    assert_eq!(s.rows, s.accepted + s.duplicates + s.rejected);
    assert_eq!(s.accepted, import.prospects.len() as u64);
    assert_eq!(s.rejected, import.rejected.len() as u64);
    for prospect in &import.prospects {
        assert!(!prospect.phones.is_empty());
        assert!(!prospect.external_id.is_empty());
        assert!(prospect.amount.is_none_or(|a| a.minor > 0));
    }
}

fn respoil(
    bytes: &[u8],
    part: prop::sample::Index,
    spoils: &[(prop::sample::Index, u8)],
) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let spoilt = part.index(archive.len());
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for i in 0..archive.len() {
        let mut from = archive.by_index(i).unwrap();
        let name = from.name().unwrap().into_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut from, &mut content).unwrap();
        if i == spoilt && !content.is_empty() {
            for (at, byte) in spoils {
                let at = at.index(content.len());
                content[at] = *byte;
            }
        }
        out.start_file(
            name,
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated),
        )
        .unwrap();
        out.write_all(&content).unwrap();
    }
    out.finish().unwrap().into_inner()
}

/// A workbook whose one sheet has the given rows, as XML.
fn with_sheet(
    dir: &Dir,
    name: &str,
    rows: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::path::PathBuf {
    let path = dir.path(name);
    let mut out = ZipWriter::new(std::fs::File::create(&path).unwrap());
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (part, content) in [
        (
            "[Content_Types].xml",
            r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#,
        ),
        (
            "_rels/.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
        ),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
        ),
    ] {
        out.start_file(part, deflated).unwrap();
        out.write_all(content.as_bytes()).unwrap();
    }
    out.start_file("xl/worksheets/sheet1.xml", deflated)
        .unwrap();
    out.write_all(br#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#).unwrap();
    rows(&mut out).unwrap();
    out.write_all(b"</sheetData></worksheet>").unwrap();
    out.finish().unwrap();
    path
}

fn read(path: &Path) -> Result<Import, SheetError> {
    let mut options = Options::new("RU".parse().unwrap());
    options.currency = "RUB".parse().ok();
    sheets::import(path, options)
}
