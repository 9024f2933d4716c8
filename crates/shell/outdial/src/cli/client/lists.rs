//! Spreadsheets in, results out.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use proto::supervisor::v1::list_service_client::ListServiceClient;
use proto::supervisor::v1::{
    ExportResultsRequest, GetRejectedRequest, GetRejectedResponse, ListImportsRequest,
    ListImportsResponse, ListListsRequest, ListListsResponse, SheetFormat,
};
use tokio_stream::StreamExt;

use super::campaigns::{self, Campaigns};
use super::connection::{Authorised, Connection, Refusal};
use super::list_import::Import;
use super::{Shown, find, table};
use crate::cli::exit::{Exit, OrExit};

/// The service.
pub type Lists = ListServiceClient<Authorised>;

/// `outdial list …`
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// Reads a spreadsheet into a list. Exit code 7 when rows could not be used, 4 when they were more than a tenth and
    /// that was not accepted.
    Import(Box<Import>),
    /// Lists what was read into a list, by whom and with which choices.
    Imports {
        /// List, by name or key.
        list: String,
    },
    /// Lists the lists.
    List,
    /// Shows the rows of an import that could not be used.
    Rejects {
        /// The import.
        import_id: i32,
    },
}

impl ListCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let mut lists = Lists::new(to.authorised().await?);
        match self {
            Self::Import(import) => import.run(&mut lists).await,
            Self::Imports { list } => {
                let list = list_id(to.authorised().await?, list).await?;
                Shown::new(&imports(&mut lists, list).await?, |v| {
                    table::rows(
                        &v["imports"],
                        &[
                            ("ID", "import_id"),
                            ("FILE", "file_name"),
                            ("ROWS", "rows"),
                            ("ACCEPTED", "accepted"),
                            ("REJECTED", "rejected"),
                            ("BY", "imported_by"),
                            ("AT", "imported_at"),
                            ("ASSUMED ZONE", "assumed_zone"),
                            ("FOR", "assumed"),
                            ("RANGES", "ranges_file"),
                        ],
                    )
                })
            }
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

async fn imports(lists: &mut Lists, list_id: i32) -> anyhow::Result<ListImportsResponse> {
    let mut all = ListImportsResponse::default();
    let mut request = ListImportsRequest {
        list_id,
        page_size: 1_000,
        page_token: String::new(),
    };
    loop {
        let page = lists
            .list_imports(request.clone())
            .await
            .map_err(Refusal::from)?
            .into_inner();
        all.imports.extend(page.imports);
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
