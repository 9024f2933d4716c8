//! `outdial import FILE --dry-run`: what would become of a spreadsheet.

use std::path::PathBuf;

use clap::Args;
use compliance::Whereabouts;
use model::{Currency, E164};
use serde::Serialize;
use sheets::{Assignment, Country, ImportedProspect, Mapping, Options};

use super::exit::{Exit, OrExit};

/// Reads a spreadsheet as an import would, and says what it understood.
#[derive(Debug, Args)]
pub struct Import {
    /// The file, xlsx or csv.
    file: PathBuf,
    /// Writes nothing anywhere. Imports into a running daemon go through its API.
    #[arg(long, required = true)]
    dry_run: bool,
    /// The country in whose national form numbers are written, two letters.
    #[arg(long, default_value = "RU")]
    country: Country,
    /// What a column means; may be given several times. Fields: id, phone, name, amount, currency, zone, region,
    /// city, language, subject, consent, questionnaire.
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<Assignment>,
    /// The sheet, by name.
    #[arg(long)]
    sheet: Option<String>,
    /// The currency of amounts that say none themselves.
    #[arg(long)]
    currency: Option<Currency>,
    /// At most so many rows.
    #[arg(long)]
    rows: Option<u32>,
}

/// What is printed.
#[derive(Debug, Serialize)]
pub struct Imported {
    sheet: Option<String>,
    mapping: Mapping,
    rows: u64,
    accepted: u64,
    duplicates: u64,
    rejected: Vec<Rejected>,
    prospects: Vec<Prospect>,
}

#[derive(Debug, Serialize)]
struct Rejected {
    row: u32,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Prospect {
    id: String,
    phones: Vec<E164>,
    amount_minor: Option<i64>,
    currency: Option<String>,
    zones: Vec<String>,
    fields: serde_json::Map<String, serde_json::Value>,
}

impl Import {
    /// Reads the file.
    pub fn run(&self) -> anyhow::Result<Imported> {
        let mut options = Options::new(self.country);
        options.sheet.clone_from(&self.sheet);
        options.rows = self.rows;
        options.currency = self.currency;
        options.map.clone_from(&self.map);
        let import = sheets::import(&self.file, options).or_exit(Exit::Refused)?;
        let rejected = import.rejected.iter().map(|r| Rejected {
            row: r.row,
            reason: r.reason.to_string(),
        });
        Ok(Imported {
            rejected: rejected.collect(),
            prospects: import.prospects.iter().map(|p| self.prospect(p)).collect(),
            sheet: import.survey.sheet,
            mapping: import.survey.mapping,
            rows: import.summary.rows,
            accepted: import.summary.accepted,
            duplicates: import.summary.duplicates,
        })
    }

    fn prospect(&self, prospect: &ImportedProspect) -> Prospect {
        let country = self.country.to_string();
        let phones: Vec<E164> = prospect.phones.iter().map(|p| p.number).collect();
        let places = [prospect.region_text.as_str(), prospect.city_text.as_str()];
        let stated = Some(prospect.zone_text.as_str()).filter(|t| !t.is_empty());
        let zones = Whereabouts {
            stated,
            places: &places,
            numbers: &phones,
            country: Some(&country),
        }
        .zones();
        let fields = prospect
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()));
        Prospect {
            id: prospect.external_id.clone(),
            amount_minor: prospect.amount.map(|a| a.minor),
            currency: prospect.amount.map(|a| a.currency.to_string()),
            zones: zones.names().map(str::to_owned).collect(),
            fields: fields.collect(),
            phones,
        }
    }
}

impl Imported {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} rows: {} accepted, {} duplicates, {} rejected\n",
            self.rows,
            self.accepted,
            self.duplicates,
            self.rejected.len()
        );
        for rejected in &self.rejected {
            text.push_str(&format!("  row {}: {}\n", rejected.row, rejected.reason));
        }
        text
    }
}
