//! A spreadsheet becomes a list: read by `sheets`, placed in zones by `compliance`, kept by `store`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use compliance::{Evidence, Profile, Rules};
use model::{ListId, ZoneSet};
use proto::supervisor::v1 as pb;
use sheets::{Assignment, Country, ImportedProspect, Importer, Item, Mapping, Options, Summary};
use store::{ImportRow, Imported, NewPhone, NewProspect, Reject};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::convert::{count, text_within};
use crate::scratch::{Scratch, failed};
use crate::services::{count_zone, list_named};
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// Largest file.
const FILE_BYTES: u64 = 512 * 1024 * 1024;
/// Rows on their way from the reader to the database.
const IN_FLIGHT: usize = 1_000;

/// A file as it comes in.
pub(crate) struct Upload {
    scratch: Scratch,
    file: tokio::fs::File,
    bytes: u64,
}

impl Upload {
    /// Begins a file; its name says what it is.
    pub(crate) async fn begin(directory: &Path, name: &str) -> Result<Self, Error> {
        let extension = match Path::new(name).extension().and_then(|e| e.to_str()) {
            Some(e) if e.eq_ignore_ascii_case("xlsx") => "xlsx",
            Some(e) if e.eq_ignore_ascii_case("csv") => "csv",
            _ => {
                let text = "must end with .xlsx or .csv";
                return Err(Error::invalid("header.file_name", "unknown_format", text));
            }
        };
        let scratch = Scratch::new(directory, extension)?;
        let file = tokio::fs::File::create(scratch.path())
            .await
            .map_err(|e| failed("making", scratch.path(), &e))?;
        Ok(Self {
            scratch,
            file,
            bytes: 0,
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        if self.bytes > FILE_BYTES {
            let text = format!("has more than {} MiB", FILE_BYTES / 1024 / 1024);
            return Err(Error::invalid("chunk", "too_large", text));
        }
        self.file
            .write_all(bytes)
            .await
            .map_err(|e| failed("writing", self.scratch.path(), &e))
    }

    pub(crate) async fn finish(&mut self) -> Result<(), Error> {
        self.file
            .flush()
            .await
            .map_err(|e| failed("writing", self.scratch.path(), &e))
    }
}

/// Reads the file into a list and counts who may be called when.
pub(crate) async fn import(
    shared: Arc<Shared>,
    header: pb::ImportHeader,
    upload: Upload,
) -> Result<pb::ImportListResponse, Error> {
    let (name, options, rules) = plan(&shared, &header)?;
    let path = upload.scratch.path().to_owned();
    // Before a list is made: a file that cannot be read leaves none behind.
    let importer = open(path, options).await?;
    let mapping = describe(&importer.survey().mapping);
    let columns: Vec<String> = importer
        .survey()
        .mapping
        .kept()
        .into_iter()
        .map(|c| c.header.clone())
        .collect();
    let (rows, queue) = mpsc::channel(IN_FLIGHT);
    let country = header.country.clone();
    let reading = tokio::task::spawn_blocking(move || walk(importer, &country, &rows));
    let kept = if header.dry_run {
        discard(queue).await;
        None
    } else {
        let list = match list_named(&shared, &name).await? {
            Some(list) => list,
            None => shared.store.create_list(&name).await?,
        };
        let now = shared.clock.now();
        let imported = shared
            .store
            .import(list, &header.file_name, &columns, queue, now)
            .await;
        Some((list, imported))
    };
    let walked = reading
        .await
        .map_err(|e| Error::Internal(format!("reading a file broke off: {e}")))??;
    let kept = kept
        .map(|(list, imported)| Ok::<_, Error>((list, imported?)))
        .transpose()?;
    drop(upload);
    Ok(report(&shared, walked, kept, mapping, &rules))
}

/// Everything that the header says, with all that is wrong in it.
fn plan(shared: &Shared, header: &pb::ImportHeader) -> Result<(String, Options, Rules), Error> {
    let mut problems = Vec::new();
    let name = text_within("header.list_name", &header.list_name, 200)
        .map_err(|p| problems.push(p))
        .unwrap_or_default();
    let country = header.country.parse::<Country>();
    if let Err(error) = &country {
        problems.push(FieldProblem::new(
            "header.country",
            "unknown",
            error.to_string(),
        ));
    }
    let mut options = Options::new(country.unwrap_or(Country::RU));
    options.sheet = (!header.sheet.is_empty()).then(|| header.sheet.clone());
    if !header.currency.is_empty() {
        match header.currency.parse() {
            Ok(currency) => options.currency = Some(currency),
            Err(error) => {
                let error: model::ParseCurrencyError = error;
                problems.push(FieldProblem::new(
                    "header.currency",
                    "unknown",
                    error.to_string(),
                ));
            }
        }
    }
    let mapping: BTreeMap<&String, &String> = header.mapping.iter().collect();
    for (column, field) in mapping {
        match field.parse() {
            Ok(field) => options.map.push(Assignment {
                field,
                column: column.clone(),
            }),
            Err(error) => {
                let error: sheets::SheetError = error;
                let at = format!("header.mapping[{column}]");
                problems.push(FieldProblem::new(at, "unknown", error.to_string()));
            }
        }
    }
    let profile = if header.profile.is_empty() {
        "default"
    } else {
        &header.profile
    };
    let versions: Vec<Profile> = shared.catalogue.profile(profile).cloned().collect();
    let rules = match Rules::combine(&versions, None) {
        Ok(rules) => Some(rules),
        Err(_) => {
            let there = shared
                .catalogue
                .profile_ids()
                .into_iter()
                .collect::<Vec<_>>()
                .join(", ");
            let text = format!("profile \"{profile}\" does not exist; there are: {there}");
            problems.push(FieldProblem::new("header.profile", "not_found", text));
            None
        }
    };
    match rules {
        Some(rules) if problems.is_empty() => Ok((name, options, rules)),
        Some(_) | None => Err(Error::Invalid(problems)),
    }
}

async fn open(path: PathBuf, options: Options) -> Result<Importer, Error> {
    tokio::task::spawn_blocking(move || Importer::open(&path, options))
        .await
        .map_err(|e| Error::Internal(format!("reading a file broke off: {e}")))?
        .map_err(|e| unreadable(&e))
}

fn unreadable(error: &sheets::SheetError) -> Error {
    Error::invalid("chunk", "unreadable", error.to_string())
}

/// What a walk found, besides the rows that it handed on.
#[derive(Default)]
struct Walked {
    summary: Summary,
    rejected: BTreeMap<String, u64>,
    zones: BTreeMap<Vec<&'static str>, (ZoneSet, u64)>,
}

fn walk(
    mut importer: Importer,
    country: &str,
    rows: &mpsc::Sender<ImportRow>,
) -> Result<Walked, Error> {
    let mut walked = Walked::default();
    let send = |row| match rows.blocking_send(row) {
        Ok(()) => ControlFlow::Continue(()),
        // Who keeps the rows has given up and says why.
        Err(_) => ControlFlow::Break(()),
    };
    walked.summary = importer
        .run(|item| match item {
            Item::Prospect(prospect) => {
                let zones = zones(&prospect, country);
                let key = zones.names().collect();
                walked
                    .zones
                    .entry(key)
                    .or_insert_with(|| (zones.clone(), 0))
                    .1 += 1;
                send(ImportRow::Prospect(Box::new(to_keep(*prospect, zones))))
            }
            Item::Rejected(rejected) => {
                *walked
                    .rejected
                    .entry(kind(&rejected.reason).to_owned())
                    .or_default() += 1;
                let reason = rejected.reason.to_string();
                send(ImportRow::Reject(reject(
                    rejected.row,
                    reason,
                    &rejected.cells,
                )))
            }
            Item::Duplicate(duplicate) => {
                let reason = duplicate.reason();
                send(ImportRow::Reject(reject(
                    duplicate.row,
                    reason,
                    &duplicate.cells,
                )))
            }
            Item::Warning(_) => ControlFlow::Continue(()),
        })
        .map_err(|e| unreadable(&e))?;
    // Without it the rows are not kept; when nobody takes it, nobody keeps them.
    if send(ImportRow::End {
        rows: walked.summary.rows,
    })
    .is_break()
    {
        tracing::debug!("an import ended before its file");
    }
    Ok(walked)
}

const fn kind(reason: &sheets::RejectReason) -> &'static str {
    match reason {
        sheets::RejectReason::NoPhone => "no_phone",
        sheets::RejectReason::NoUsablePhone(_) => "no_usable_phone",
        sheets::RejectReason::NoId { .. } => "no_id",
        sheets::RejectReason::RepeatedHeader => "repeated_header",
    }
}

fn reject(row: u32, reason: String, cells: &[String]) -> Reject {
    Reject {
        row: row.into(),
        reason,
        raw: cells.join(" | "),
    }
}

/// Where the person may be: what the file says, and what each number says.
fn zones(prospect: &ImportedProspect, country: &str) -> ZoneSet {
    let place = |text: &str| compliance::zones_of_place(text);
    let stated = place(&prospect.zone_text).map(Evidence::Stated);
    let address = [&prospect.region_text, &prospect.city_text]
        .into_iter()
        .filter_map(|text| place(text))
        .map(Evidence::Address);
    let numbers = prospect
        .phones
        .iter()
        .filter_map(|p| compliance::number_evidence(p.number));
    let country = Evidence::Country(compliance::zones_of_country(country));
    let evidence: Vec<Evidence> = stated
        .into_iter()
        .chain(address)
        .chain(numbers)
        .chain([country])
        .collect();
    compliance::join(&evidence)
}

fn to_keep(prospect: ImportedProspect, zones: ZoneSet) -> NewProspect {
    NewProspect {
        row: prospect.row.into(),
        external_id: prospect.external_id,
        name: Some(prospect.name).filter(|n| !n.is_empty()),
        zones,
        subject: prospect.subject,
        amount: prospect.amount,
        language: prospect.language,
        consent: prospect.consent_text.as_deref().is_some_and(is_yes),
        fields: prospect.fields,
        phones: prospect
            .phones
            .into_iter()
            .map(|phone| NewPhone {
                number: phone.number,
                raw: phone.raw,
                kind: match phone.kind {
                    sheets::PhoneKind::Mobile => "mobile",
                    sheets::PhoneKind::Home => "home",
                    sheets::PhoneKind::Work => "work",
                    sheets::PhoneKind::Unknown => "",
                }
                .to_owned(),
                extension: phone.extension,
            })
            .collect(),
    }
}

/// Consent counts only when it is said plainly.
fn is_yes(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    ["yes", "y", "true", "1", "да", "есть", "+"].contains(&text.as_str())
}

async fn discard(mut rows: mpsc::Receiver<ImportRow>) {
    while rows.recv().await.is_some() {}
}

fn describe(mapping: &Mapping) -> std::collections::HashMap<String, String> {
    let single = [
        ("id", &mapping.id),
        ("amount", &mapping.amount),
        ("currency", &mapping.currency),
        ("zone", &mapping.zone),
        ("region", &mapping.region),
        ("city", &mapping.city),
        ("language", &mapping.language),
        ("subject", &mapping.subject),
        ("consent", &mapping.consent),
    ];
    let many = [
        ("phone", &mapping.phones),
        ("name", &mapping.name),
        ("questionnaire", &mapping.fields),
    ];
    let single = single
        .into_iter()
        .flat_map(|(field, column)| column.iter().map(move |c| (field, c)));
    let many = many
        .into_iter()
        .flat_map(|(field, columns)| columns.iter().map(move |c| (field, c)));
    single
        .chain(many)
        .map(|(field, c)| (c.header.clone(), field.to_owned()))
        .collect()
}

fn report(
    shared: &Shared,
    walked: Walked,
    kept: Option<(ListId, Imported)>,
    mapping: std::collections::HashMap<String, String>,
    rules: &Rules,
) -> pb::ImportListResponse {
    let mut prospects = pb::CallableCounts::default();
    let now = shared.clock.now();
    for (zones, n) in walked.zones.values() {
        count_zone(&mut prospects, rules, zones, now, *n);
    }
    let summary = walked.summary;
    // What the list held before is a duplicate that only the database knows.
    let (accepted, duplicates) = match &kept {
        Some((_, imported)) => (
            imported.accepted,
            summary
                .rows
                .saturating_sub(imported.accepted)
                .saturating_sub(summary.rejected),
        ),
        None => (summary.accepted, summary.duplicates),
    };
    pb::ImportListResponse {
        list_id: kept.as_ref().map(|(list, _)| list.0).unwrap_or_default(),
        import_id: kept
            .as_ref()
            .map(|(_, imported)| imported.id)
            .unwrap_or_default(),
        rows: count(summary.rows),
        accepted: count(accepted),
        duplicates: count(duplicates),
        rejected: walked
            .rejected
            .into_iter()
            .map(|(reason, n)| (reason, count(n)))
            .collect(),
        warnings: summary
            .warnings
            .iter()
            .map(|(kind, n)| ((*kind).to_owned(), count(*n)))
            .collect(),
        mapping,
        prospects: Some(prospects),
    }
}
