//! The usual mistakes, each in a file that has it.

use crate::files::Dir;
use sheets::{Cause, CauseKind, Causes, Importer, Item, Options};

/// The causes named for a csv file read with Russian numbers.
fn causes(text: &str, map: &[&str]) -> Vec<Cause> {
    let dir = Dir::new();
    let path = dir.write("list.csv", text.as_bytes());
    let country = "RU".parse().unwrap();
    let mut options = Options::new(country);
    options.map = map.iter().map(|m| m.parse().unwrap()).collect();
    let mut importer = Importer::open(&path, options).unwrap();
    let mut causes = Causes::new(importer.columns(), &importer.survey().mapping, country);
    importer
        .run(|item| {
            if let Item::Rejected(rejected) = item {
                causes.look(&rejected);
            }
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    causes.found()
}

fn sheet(head: &str, row: impl Fn(u32) -> String) -> String {
    let rows: String = (0..30).map(|n| row(n) + "\n").collect();
    format!("{head}\n{rows}")
}

#[test]
fn numbers_of_another_country_are_told_by_the_country() {
    let german = sheet("id;Phone", |n| format!("{n};089 12345{n:03}"));
    let found = causes(&german, &[]);
    let better = |c: &Cause| match &c.kind {
        CauseKind::WrongCountry { said, better } => Some((said.clone(), better[0].clone())),
        _ => None,
    };
    let first = found
        .iter()
        .find_map(better)
        .unwrap_or_else(|| panic!("{found:?}"));
    // Short numbers are numbers of others too; the likeliest stands first.
    assert_eq!(first, ("RU".to_owned(), "DE".to_owned()));
    let text = found
        .iter()
        .find(|c| c.kind.as_str() == "wrong_country")
        .unwrap();
    assert!(text.to_string().contains("--country DE"), "{text}");
    assert!(text.share > 0.9, "{}", text.share);
}

#[test]
fn countries_that_explain_equally_much_are_all_named() {
    // 030 is Berlin, and a range of the United Kingdom.
    let both = sheet("id;Phone", |n| format!("{n};030 23125{n:03}"));
    let found = causes(&both, &[]);
    let text = found.first().map(ToString::to_string).unwrap_or_default();
    assert!(text.contains("GB or DE"), "{text}");
}

#[test]
fn a_column_with_the_numbers_that_was_not_taken_is_named() {
    let text = sheet("id;Код;Куда звонить", |n| {
        format!("{n};{n};+7 900 555-00-{n:02}")
    });
    let found = causes(&text, &["phone=Код"]);
    assert!(
        found.iter().any(|c| c.kind
            == CauseKind::WrongColumn {
                column: "Куда звонить".to_owned()
            }
            && c.share > 0.9),
        "{found:?}"
    );
}

#[test]
fn numbers_that_became_floats_are_told_and_whole_ones_are_read() {
    let text = sheet("id;Телефон", |n| {
        if n % 2 == 0 {
            format!("{n};7.90055E+10")
        } else {
            format!("{n};790055500{n:02}.0")
        }
    });
    let found = causes(&text, &[]);
    let [only] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(only.kind, CauseKind::NumbersAsFloats);
    // Every rejected row is one; the others were read.
    assert!((only.share - 1.0).abs() < 1e-9, "{only:?}");
}

#[test]
fn empty_columns_are_named() {
    let text = sheet("id;Телефон;Комментарий", |n| {
        format!("{n};;нет {n}")
    });
    let found = causes(&text, &[]);
    assert!(
        found.iter().any(|c| c.kind
            == CauseKind::EmptyColumns {
                columns: vec!["\"Телефон\"".to_owned()]
            }),
        "{found:?}"
    );
}

#[test]
fn slips_of_single_rows_are_no_mistake_of_the_file() {
    let text = sheet("id;Телефон", |n| match n {
        3 => format!("{n};нет"),
        7 => format!("{n};спросить у мамы"),
        _ => format!("{n};+7 900 555-00-{n:02}"),
    });
    assert_eq!(causes(&text, &[]), []);
}
