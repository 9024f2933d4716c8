//! What came of a campaign, as a spreadsheet.

use std::path::Path;

use proto::supervisor::v1 as pb;
use sheets::{OutColumn, ResultsWriter, Value};
use store::{Campaign, ExportRow, PageRequest};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tonic::Status;

use crate::Error;
use crate::convert::count;
use crate::scratch::{Scratch, failed};
use crate::shared::Shared;

/// Bytes of one message.
const CHUNK: usize = 256 * 1024;

type Out = mpsc::Sender<Result<pb::ExportResultsResponse, Status>>;

/// Columns before those of the list, with their widths in characters.
const FIRST: [(&str, u16); 2] = [("id", 16), ("name", 28)];
/// Columns after those of the list.
const LAST: [(&str, u16); 14] = [
    ("state", 14),
    ("because", 30),
    ("next_at", 20),
    ("attempts", 9),
    ("last_at", 20),
    ("number", 16),
    ("result", 20),
    ("agent", 20),
    ("talk_s", 8),
    ("heard_s", 8),
    ("digits", 10),
    ("disposition", 18),
    ("note", 40),
    ("call_at", 20),
];

/// Writes the file piece by piece and sends it.
pub(crate) async fn results(
    shared: &Shared,
    campaign: &Campaign,
    format: &str,
    out: &Out,
) -> Result<(), Error> {
    let scratch = Scratch::new(&shared.scratch, format)?;
    let (pages, written) = mpsc::channel(2);
    let path = scratch.path().to_owned();
    let (columns, fields) = columns(shared, campaign).await?;
    let name = campaign.config.name.clone();
    let writing =
        tokio::task::spawn_blocking(move || write(&path, &name, columns, &fields, written));
    let mut page = PageRequest::FIRST;
    loop {
        let found = shared.store.export(campaign.id, page).await?;
        let next = found.next;
        if pages.send(found.items).await.is_err() {
            // The writer gave up and says why below.
            break;
        }
        match next {
            Some(after) => page.after = after,
            None => break,
        }
    }
    drop(pages);
    writing
        .await
        .map_err(|e| Error::Internal(format!("writing a file broke off: {e}")))??;
    send(scratch.path(), out).await
}

/// The columns: ours, those of the campaign's lists, and the fields of its questionnaire.
async fn columns(shared: &Shared, campaign: &Campaign) -> Result<(Vec<OutColumn>, Fields), Error> {
    let mut fields = Fields::default();
    let mut page = PageRequest::FIRST;
    loop {
        let lists = shared.store.lists(page).await?;
        for list in lists
            .items
            .iter()
            .filter(|l| campaign.lists.contains(&l.id))
        {
            for column in &list.columns {
                if !fields.list.contains(column) {
                    fields.list.push(column.clone());
                }
            }
        }
        match lists.next {
            Some(after) => page.after = after,
            None => break,
        }
    }
    if let Some(id) = campaign.config.questionnaire {
        let questionnaire = shared.store.questionnaire(id).await?;
        fields.answers = crate::services::question_fields(&questionnaire)?;
    }
    let ours = |columns: &[(&str, u16)]| -> Vec<OutColumn> {
        columns
            .iter()
            .map(|(header, width)| OutColumn::new(*header, *width))
            .collect()
    };
    let mut columns = ours(&FIRST);
    columns.extend(fields.list.iter().map(|c| OutColumn::new(c.as_str(), 20)));
    columns.extend(ours(&LAST));
    columns.extend(
        fields
            .answers
            .iter()
            .map(|f| OutColumn::new(f.as_str(), 24)),
    );
    Ok((columns, fields))
}

/// Names of the columns that differ from campaign to campaign.
#[derive(Default)]
struct Fields {
    list: Vec<String>,
    answers: Vec<String>,
}

fn write(
    path: &Path,
    name: &str,
    columns: Vec<OutColumn>,
    fields: &Fields,
    mut pages: mpsc::Receiver<Vec<ExportRow>>,
) -> Result<(), Error> {
    let broken = |e: sheets::SheetError| Error::Internal(format!("writing results failed: {e}"));
    let mut file = ResultsWriter::create(path, name, columns).map_err(broken)?;
    while let Some(rows) = pages.blocking_recv() {
        for row in &rows {
            file.row(&values(row, fields)).map_err(broken)?;
        }
    }
    file.finish().map_err(broken)?;
    Ok(())
}

fn values<'a>(row: &'a ExportRow, fields: &Fields) -> Vec<Value<'a>> {
    let text = |text: &'a str| {
        if text.is_empty() {
            Value::Empty
        } else {
            Value::Text(text)
        }
    };
    let at = |at: Option<model::WallTime>| at.map_or(Value::Empty, Value::Instant);
    let find = |pairs: &'a [(String, String)], name: &str| {
        pairs
            .iter()
            .find(|(n, _)| n == name)
            .map_or(Value::Empty, |(_, v)| text(v))
    };
    let seconds = |length: Option<std::time::Duration>| {
        length.map_or(Value::Empty, |l| Value::Integer(count(l.as_secs())))
    };
    let last = row.last.as_ref();
    let outcome = row.outcome.as_ref();
    let mut values = vec![
        text(&row.external_id),
        text(row.name.as_deref().unwrap_or_default()),
    ];
    values.extend(fields.list.iter().map(|name| find(&row.fields, name)));
    values.extend([
        text(&row.state),
        text(&row.because),
        at(row.next_at),
        Value::Integer(count(row.attempts)),
        at(last.map(|l| l.at)),
        last.map_or(Value::Empty, |l| Value::Phone(l.number)),
        text(last.and_then(|l| l.result).map_or("", |r| r.as_str())),
        text(last.and_then(|l| l.agent.as_deref()).unwrap_or_default()),
        seconds(last.and_then(|l| l.talk)),
        seconds(last.and_then(|l| l.heard)),
        text(last.map_or("", |l| &l.digits)),
        text(outcome.map_or("", |o| &o.disposition)),
        text(outcome.map_or("", |o| &o.note)),
        at(outcome.and_then(|o| o.call_at)),
    ]);
    let answers = outcome.map_or(&[] as &[_], |o| o.answers.as_slice());
    values.extend(fields.answers.iter().map(|name| find(answers, name)));
    values
}

async fn send(path: &Path, out: &Out) -> Result<(), Error> {
    let mut file = tokio::fs::File::open(path)
        .await
        .map_err(|e| failed("reading", path, &e))?;
    loop {
        let mut chunk = vec![0; CHUNK];
        let n = file
            .read(&mut chunk)
            .await
            .map_err(|e| failed("reading", path, &e))?;
        if n == 0 {
            return Ok(());
        }
        chunk.truncate(n);
        if out
            .send(Ok(pb::ExportResultsResponse { chunk }))
            .await
            .is_err()
        {
            // The client has enough.
            return Ok(());
        }
    }
}
