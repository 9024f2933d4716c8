//! A spreadsheet on its way into a list.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use model::Currency;
use proto::supervisor::v1::import_list_request::Part;
use proto::supervisor::v1::{ImportHeader, ImportListRequest};
use serde_json::Value;
use sheets::{Assignment, Country};

use super::connection::Refusal;
use super::lists::Lists;
use super::{Shown, confirm, request_id, table};
use crate::cli::exit::{Exit, OrExit};

/// Bytes in one message of an import; the API takes up to 3 MiB.
const CHUNK: usize = 1 << 20;

/// `outdial list import`
#[derive(Debug, Args)]
pub struct Import {
    /// The file, xlsx or csv.
    file: PathBuf,
    /// Name of the list. Absent: the file's, without its ending.
    #[arg(long)]
    name: Option<String>,
    /// The country in whose national form numbers are written, two letters.
    #[arg(long, default_value = "RU")]
    country: Country,
    /// What a column means; may be given several times.
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<Assignment>,
    /// The sheet, by name.
    #[arg(long, default_value = "")]
    sheet: String,
    /// The currency of amounts that say none themselves.
    #[arg(long)]
    currency: Option<Currency>,
    /// Profile by which the report counts who may be called when.
    #[arg(long, default_value = "")]
    profile: String,
    /// Reads and reports, keeps nothing.
    #[arg(long)]
    dry_run: bool,
    /// Keeps the rest also when more than a tenth of the rows cannot be used. Absent: asks, at a terminal.
    #[arg(long)]
    accept_rejects: bool,
    /// Your own number ranges, which say where numbers belong that have no place by themselves: csv with the columns
    /// prefix and place, or from, to and place. Kept with the import.
    #[arg(long, value_name = "FILE")]
    ranges: Option<PathBuf>,
    /// The zone assumed of people who by their numbers may be in several, this among them. The choice is recorded with
    /// your name.
    #[arg(long, value_name = "ZONE", default_value = "")]
    assume_zone: String,
}

impl Import {
    fn header(&self) -> anyhow::Result<ImportHeader> {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        let stem = || text(self.file.file_stem());
        let mut mapping = HashMap::new();
        for Assignment { field, column } in &self.map {
            let before = mapping.insert(field.as_str().to_owned(), column.clone());
            if let Some(before) = before {
                return Err(anyhow::anyhow!(
                    "{field} is mapped to \"{before}\" and to \"{column}\"; the API takes one column, and guesses further ones"
                ))
                .or_exit(Exit::Usage);
            }
        }
        Ok(ImportHeader {
            list_name: self.name.clone().unwrap_or_else(stem),
            file_name: text(self.file.file_name()),
            country: self.country.to_string(),
            sheet: self.sheet.clone(),
            currency: self.currency.map(|c| c.to_string()).unwrap_or_default(),
            mapping,
            profile: self.profile.clone(),
            dry_run: self.dry_run,
            request_id: request_id()?,
            accept_rejects: self.accept_rejects,
            assume_zone: self.assume_zone.clone(),
            ranges_file: text(self.ranges.as_deref().and_then(Path::file_name)),
        })
    }

    /// Asks.
    pub async fn run(&self, lists: &mut Lists) -> anyhow::Result<Shown> {
        let ranges = match &self.ranges {
            Some(path) => read(path)?,
            None => Vec::new(),
        };
        if self.ranges.is_some() && ranges.is_empty() {
            return Err(anyhow::anyhow!("the file of ranges is empty")).or_exit(Exit::Refused);
        }
        let file = read(&self.file)?;
        let mut header = self.header()?;
        let response = loop {
            let parts = parts(header.clone(), &ranges, &file);
            let asked = lists.import_list(tokio_stream::iter(parts)).await;
            match asked.map_err(Refusal::from) {
                Ok(response) => break response.into_inner(),
                Err(refusal) if refusal.breaks("too_many_rejects") && !header.accept_rejects => {
                    if !confirm::ask(&format!("{refusal}\nKeep the other rows all the same?"))? {
                        let how = "nothing was imported; keep the other rows with --accept-rejects";
                        return Err(anyhow::Error::from(refusal).context(how))
                            .or_exit(Exit::Refused);
                    }
                    header.accept_rejects = true;
                    header.request_id = request_id()?;
                }
                Err(refusal) => return Err(refusal.into()),
            }
        };
        let is_partial = !response.rejected.is_empty();
        let shown = Shown::new(&response, text)?;
        Ok(shown.with_exit(is_partial.then_some(Exit::Partial)))
    }
}

/// For people: the counts, then what to do.
fn text(report: &Value) -> String {
    let mut counts = report.clone();
    if let Some(counts) = counts.as_object_mut() {
        counts.remove("causes");
        counts.remove("remedies");
    }
    let mut text = table::fields(&counts);
    let lines = |list: &Value, key: Option<&str>| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        let item = |i: &Value| key.map_or_else(|| i.clone(), |k| i[k].clone());
        items
            .map(|i| item(i).as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let causes = lines(&report["causes"], Some("description"));
    if !causes.is_empty() {
        text.push_str("why rows could not be used, as it seems:\n");
        text.extend(causes.iter().map(|c| format!("  {c}\n")));
    }
    let remedies = lines(&report["remedies"], None);
    if !remedies.is_empty() {
        text.push_str(&format!(
            "{} prospects may be called for less than four hours a day, because they may be in several zones; what \
             helps:\n",
            report["narrow_window"]
        ));
        text.extend(remedies.iter().map(|r| format!("  {r}\n")));
    }
    text
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path)
        .with_context(|| format!("could not read {}", path.display()))
        .or_exit(Exit::NotFound)
}

/// The header, the ranges and the file.
fn parts(header: ImportHeader, ranges: &[u8], file: &[u8]) -> Vec<ImportListRequest> {
    let ranges = ranges.chunks(CHUNK).map(|c| Part::RangesChunk(c.to_vec()));
    let file = file.chunks(CHUNK).map(|c| Part::Chunk(c.to_vec()));
    std::iter::once(Part::Header(header))
        .chain(ranges)
        .chain(file)
        .map(|part| ImportListRequest { part: Some(part) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(file: PathBuf, map: &[&str]) -> Import {
        Import {
            file,
            name: None,
            country: Country::RU,
            map: map.iter().map(|m| m.parse().unwrap()).collect(),
            sheet: String::new(),
            currency: Some("RUB".parse().unwrap()),
            profile: "ru_collection".to_owned(),
            dry_run: true,
            accept_rejects: false,
            ranges: None,
            assume_zone: String::new(),
        }
    }

    #[test]
    fn an_import_is_a_header_the_ranges_and_the_file_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("debtors.csv");
        let content: Vec<u8> = (0..CHUNK + 10).map(|n| n as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let import = import(path.clone(), &["phone=Телефон", "id=A"]);
        let file = read(&path).unwrap();
        let mut sent = parts(import.header().unwrap(), b"7914;Asia/Yakutsk", &file).into_iter();
        let Some(Part::Header(header)) = sent.next().unwrap().part else {
            panic!("no header")
        };
        assert_eq!(
            (header.list_name.as_str(), header.file_name.as_str()),
            ("debtors", "debtors.csv")
        );
        assert_eq!(
            (header.country.as_str(), header.currency.as_str()),
            ("RU", "RUB")
        );
        assert_eq!(header.mapping["phone"], "Телефон");
        assert!(header.dry_run);
        let ranges = sent.next().unwrap().part;
        assert_eq!(
            ranges,
            Some(Part::RangesChunk(b"7914;Asia/Yakutsk".to_vec()))
        );
        let mut arrived = Vec::new();
        for part in sent {
            let Some(Part::Chunk(chunk)) = part.part else {
                panic!("a second header")
            };
            assert!(chunk.len() <= CHUNK);
            arrived.extend(chunk);
        }
        assert!(arrived == content);
    }

    #[test]
    fn a_field_mapped_twice_is_refused_instead_of_losing_one() {
        let error = import(PathBuf::from("a.csv"), &["phone=A", "phone=B"])
            .header()
            .unwrap_err();
        assert!(error.to_string().contains("\"A\" and to \"B\""), "{error}");
    }
}
