//! A spreadsheet becomes a list: read by `sheets`, placed in zones by `compliance`, kept by `store`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use compliance::{Profile, Rules};
use model::ZoneSet;
use proto::supervisor::v1 as pb;
use sheets::{
    Assignment, Cause, Causes, Country, ImportedProspect, Importer, Item, Mapping, Options, Summary,
};
use store::{AccountId, ImportRecord, ImportRow, IntoList, NewPhone, NewProspect, Reject};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::convert::text_within;
use crate::import_report::{self, too_many_rejects};
use crate::import_zones::{Place, Placing, read_ranges, zone_named};
use crate::scratch::{Scratch, failed};
use crate::services::list_named;
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// Largest file.
const FILE_BYTES: u64 = 512 * 1024 * 1024;
/// Largest file of number ranges.
const RANGES_BYTES: u64 = 64 * 1024 * 1024;
/// Rows on their way from the reader to the database.
const IN_FLIGHT: usize = 1_000;

/// A file as it comes in.
pub(crate) struct Upload {
    scratch: Scratch,
    file: tokio::fs::File,
    bytes: u64,
    most: u64,
}

impl Upload {
    /// Begins the user's number ranges.
    pub(crate) async fn ranges(directory: &Path) -> Result<Self, Error> {
        Self::make(Scratch::new(directory, "csv")?, RANGES_BYTES).await
    }

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
        Self::make(Scratch::new(directory, extension)?, FILE_BYTES).await
    }

    async fn make(scratch: Scratch, most: u64) -> Result<Self, Error> {
        let file = tokio::fs::File::create(scratch.path())
            .await
            .map_err(|e| failed("making", scratch.path(), &e))?;
        Ok(Self {
            scratch,
            file,
            bytes: 0,
            most,
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.most {
            let text = format!("has more than {} MiB", self.most / 1024 / 1024);
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

/// What a client sent.
pub(crate) struct Sent {
    /// How to read it.
    pub(crate) header: pb::ImportHeader,
    /// The file.
    pub(crate) upload: Upload,
    /// The user's number ranges.
    pub(crate) ranges: Option<Upload>,
    /// Who makes the choices.
    pub(crate) by: AccountId,
}

/// Reads the file into a list and counts who may be called when.
pub(crate) async fn import(
    shared: Arc<Shared>,
    sent: Sent,
) -> Result<pb::ImportListResponse, Error> {
    let Sent {
        header,
        upload,
        ranges,
        by,
    } = sent;
    let now = shared.clock.now();
    let plan = plan(&shared, &header)?;
    let (placing, kept_ranges) = match &ranges {
        Some(ranges) => read_ranges(ranges.scratch.path()).await?,
        None => Default::default(),
    };
    let placing = Placing {
        country: header.country.clone(),
        ranges: placing,
        assumed: plan.assumed,
        at: now,
    };
    let path = upload.scratch.path().to_owned();
    // Before a list is made: a file that cannot be read leaves none behind.
    let importer = open(path, plan.options).await?;
    let mapping = describe(&importer.survey().mapping);
    let record = ImportRecord {
        file: header.file_name.clone(),
        columns: importer
            .survey()
            .mapping
            .kept()
            .into_iter()
            .map(|c| c.header.clone())
            .collect(),
        by: Some(by),
        assumed_zone: plan.assumed.map(|zone| zone.name().to_owned()),
        ranges_file: ranges.is_some().then(|| header.ranges_file.clone()),
        ranges: kept_ranges,
    };
    let (rows, queue) = mpsc::channel(IN_FLIGHT);
    let accept = header.accept_rejects || header.dry_run;
    let country = plan.country;
    let reading =
        tokio::task::spawn_blocking(move || walk(importer, country, &placing, accept, &rows));
    let kept = if header.dry_run {
        discard(queue).await;
        None
    } else {
        let list = list_named(&shared, &plan.name).await?;
        let into = list.map_or(IntoList::New(&plan.name), IntoList::Existing);
        Some(shared.store.import(into, &record, queue, now).await)
    };
    // First why the reader gave up, then what the database made of that.
    let walked = reading
        .await
        .map_err(|e| Error::Internal(format!("reading a file broke off: {e}")))??;
    let kept = kept.transpose()?;
    drop((upload, ranges));
    let report = import_report::Parts {
        walked,
        kept,
        mapping,
        assumed: record.assumed_zone,
    };
    Ok(import_report::report(report, &plan.rules, now))
}

/// What the header asks for.
struct Plan {
    name: String,
    country: Country,
    options: Options,
    rules: Rules,
    assumed: Option<chrono_tz::Tz>,
}

/// Everything that the header says, with all that is wrong in it.
fn plan(shared: &Shared, header: &pb::ImportHeader) -> Result<Plan, Error> {
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
    let country = country.unwrap_or(Country::RU);
    let assumed = match header.assume_zone.as_str() {
        "" => None,
        name => zone_named(name).map_err(|p| problems.push(p)).ok(),
    };
    let mut options = Options::new(country);
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
        Some(rules) if problems.is_empty() => Ok(Plan {
            name,
            country,
            options,
            rules,
            assumed,
        }),
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
pub(crate) struct Walked {
    pub(crate) summary: Summary,
    /// Rows that cannot be used, by reason.
    pub(crate) rejected: BTreeMap<String, u64>,
    pub(crate) causes: Vec<Cause>,
    /// Prospects by their candidate zones.
    pub(crate) zones: BTreeMap<Vec<&'static str>, (ZoneSet, u64)>,
    /// Prospects for whom a zone was assumed.
    pub(crate) assumed: u64,
    /// Prospects with a number in one of the user's ranges.
    pub(crate) by_ranges: u64,
}

impl Walked {
    fn place(&mut self, place: &Place) {
        self.assumed += u64::from(place.assumed);
        self.by_ranges += u64::from(place.by_ranges);
        let key = place.zones.names().collect();
        let here = self.zones.entry(key);
        here.or_insert_with(|| (place.zones.clone(), 0)).1 += 1;
    }
}

fn walk(
    mut importer: Importer,
    country: Country,
    placing: &Placing,
    accept_rejects: bool,
    rows: &mpsc::Sender<ImportRow>,
) -> Result<Walked, Error> {
    let mut causes = Causes::new(importer.columns(), &importer.survey().mapping, country);
    let mut walked = Walked {
        summary: Summary::default(),
        rejected: BTreeMap::new(),
        causes: Vec::new(),
        zones: BTreeMap::new(),
        assumed: 0,
        by_ranges: 0,
    };
    let send = |row| match rows.blocking_send(row) {
        Ok(()) => ControlFlow::Continue(()),
        // Who keeps the rows has given up and says why.
        Err(_) => ControlFlow::Break(()),
    };
    walked.summary = importer
        .run(|item| match item {
            Item::Prospect(prospect) => {
                let place = placing.place(&prospect);
                walked.place(&place);
                send(ImportRow::Prospect(Box::new(to_keep(
                    *prospect,
                    place.zones,
                ))))
            }
            Item::Rejected(rejected) => {
                causes.look(&rejected);
                let kind = kind(&rejected.reason).to_owned();
                *walked.rejected.entry(kind).or_default() += 1;
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
    walked.causes = causes.found();
    // Without the end nothing of the rows is kept.
    if !accept_rejects && let Some(error) = too_many_rejects(&walked) {
        return Err(error);
    }
    let end = ImportRow::End {
        rows: walked.summary.rows,
        assumed: walked.assumed,
    };
    if send(end).is_break() {
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
