//! Spreadsheets in, results out.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use model::Currency;
use proto::supervisor::v1::import_list_request::Part;
use proto::supervisor::v1::list_service_client::ListServiceClient;
use proto::supervisor::v1::{
    ExportResultsRequest, GetRejectedRequest, GetRejectedResponse, ImportHeader, ImportListRequest,
    ListListsRequest, ListListsResponse, SheetFormat,
};
use sheets::{Assignment, Country};
use tokio_stream::StreamExt;

use super::campaigns::{self, Campaigns};
use super::connection::{Authorised, Connection, Refusal};
use super::{Shown, find, request_id, table};
use crate::cli::exit::{Exit, OrExit};

type Lists = ListServiceClient<Authorised>;

/// Bytes in one message of an import; the API takes up to 3 MiB.
const CHUNK: usize = 1 << 20;

/// `outdial list …`
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// Reads a spreadsheet into a list. Exit code 7 when rows could not be used.
    Import(Import),
    /// Lists the lists.
    List,
    /// Shows the rows of an import that could not be used.
    Rejects {
        /// The import.
        import_id: i32,
    },
}

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
        })
    }

    async fn run(&self, lists: &mut Lists) -> anyhow::Result<Shown> {
        let parts = parts(self.header()?, &self.file)?;
        let response = lists
            .import_list(tokio_stream::iter(parts))
            .await
            .map_err(Refusal::from)?
            .into_inner();
        let is_partial = !response.rejected.is_empty();
        let shown = Shown::new(&response, table::fields)?;
        Ok(shown.with_exit(is_partial.then_some(Exit::Partial)))
    }
}

/// The header and the file after it.
fn parts(header: ImportHeader, file: &Path) -> anyhow::Result<Vec<ImportListRequest>> {
    let cannot = || format!("could not read {}", file.display());
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|mut f| f.read_to_end(&mut bytes))
        .with_context(cannot)
        .or_exit(Exit::NotFound)?;
    let chunks = bytes.chunks(CHUNK).map(|c| Part::Chunk(c.to_vec()));
    let parts = std::iter::once(Part::Header(header)).chain(chunks);
    Ok(parts
        .map(|part| ImportListRequest { part: Some(part) })
        .collect())
}

impl ListCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let mut lists = Lists::new(to.authorised().await?);
        match self {
            Self::Import(import) => import.run(&mut lists).await,
            Self::List => Shown::new(&all(&mut lists).await?, |v| {
                table::rows(
                    &v["lists"],
                    &[
                        ("ID", "list_id"),
                        ("NAME", "name"),
                        ("PROSPECTS", "prospects"),
                        ("CREATED", "created_at"),
                    ],
                )
            }),
            Self::Rejects { import_id } => {
                let response = rejected(&mut lists, *import_id).await?;
                Shown::new(&response, |v| {
                    table::rows(
                        &v["rows"],
                        &[("ROW", "row"), ("REASON", "reason"), ("RAW", "raw")],
                    )
                })
            }
        }
    }
}

async fn all(lists: &mut Lists) -> anyhow::Result<ListListsResponse> {
    let mut all = ListListsResponse::default();
    let mut request = ListListsRequest {
        page_size: 1_000,
        page_token: String::new(),
    };
    loop {
        let page = lists
            .list_lists(request.clone())
            .await
            .map_err(Refusal::from)?
            .into_inner();
        all.lists.extend(page.lists);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

async fn rejected(lists: &mut Lists, import_id: i32) -> anyhow::Result<GetRejectedResponse> {
    let mut all = GetRejectedResponse::default();
    let mut request = GetRejectedRequest {
        import_id,
        page_size: 1_000,
        page_token: String::new(),
    };
    loop {
        let page = lists
            .get_rejected(request.clone())
            .await
            .map_err(Refusal::from)?
            .into_inner();
        all.rows.extend(page.rows);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

/// The key of a list that is named by key or name.
pub async fn list_id(channel: Authorised, named: &str) -> anyhow::Result<i32> {
    let all = all(&mut Lists::new(channel)).await?.lists;
    let known: Vec<_> = all.iter().map(|l| (l.list_id, l.name.as_str())).collect();
    find("list", named, &known)
}

/// `outdial export`
#[derive(Debug, Args)]
pub struct Export {
    /// Campaign, by name or key.
    campaign: String,
    /// The file to write; its ending says xlsx or csv.
    file: PathBuf,
}

impl Export {
    fn format(&self) -> anyhow::Result<SheetFormat> {
        let ending = self.file.extension().and_then(|e| e.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("xlsx") => Ok(SheetFormat::Xlsx),
            Some("csv") => Ok(SheetFormat::Csv),
            _ => Err(anyhow::anyhow!(
                "{} says no format; end it in .xlsx or .csv",
                self.file.display()
            ))
            .or_exit(Exit::Usage),
        }
    }

    /// Asks and writes. A file appears whole or not at all.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let format = self.format()?;
        let channel = to.authorised().await?;
        let request = ExportResultsRequest {
            campaign_id: campaigns::campaign_id(
                &mut Campaigns::new(channel.clone()),
                &self.campaign,
            )
            .await?,
            format: format.into(),
        };
        let mut stream = Lists::new(channel)
            .export_results(request)
            .await
            .map_err(Refusal::from)?
            .into_inner();
        let cannot = || format!("could not write {}", self.file.display());
        let mut name = self.file.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        let mut file = std::fs::File::create(&part).with_context(cannot)?;
        let mut bytes = 0_u64;
        while let Some(piece) = stream.next().await {
            let chunk = piece.map_err(Refusal::from)?.chunk;
            file.write_all(&chunk).with_context(cannot)?;
            bytes += chunk.len() as u64;
        }
        file.sync_all().with_context(cannot)?;
        std::fs::rename(&part, &self.file).with_context(cannot)?;
        let path = self.file.display().to_string();
        Ok(Shown {
            text: format!("{bytes} bytes written to {path}\n"),
            value: serde_json::json!({"file": path, "bytes": bytes}),
            exit: None,
        })
    }
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
        }
    }

    #[test]
    fn an_import_is_a_header_and_the_file_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("debtors.csv");
        let content: Vec<u8> = (0..CHUNK + 10).map(|n| n as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let import = import(path.clone(), &["phone=Телефон", "id=A"]);
        let mut sent = parts(import.header().unwrap(), &path).unwrap().into_iter();
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

    #[test]
    fn the_ending_says_the_format() {
        let export = |file: &str| {
            Export {
                campaign: "1".to_owned(),
                file: PathBuf::from(file),
            }
            .format()
        };
        assert_eq!(export("a.XLSX").unwrap(), SheetFormat::Xlsx);
        assert_eq!(export("a.csv").unwrap(), SheetFormat::Csv);
        assert!(export("a.ods").is_err());
    }
}
