//! Lists of prospects: spreadsheets in, results out.

use std::pin::Pin;
use std::sync::Arc;

use model::{CampaignId, ListId};
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::list_service_server::ListService;
use store::{AccountId, PageRequest};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::convert::{count, next_page, page, stamp};
use crate::identity::caller;
use crate::import::{Sent, Upload, import};
use crate::requests::{Asked, Keep};
use crate::shared::Shared;
use crate::{Error, export};

pub(crate) struct Lists(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl ListService for Lists {
    async fn import_list(
        &self,
        request: Request<Streaming<pb::ImportListRequest>>,
    ) -> Result<Response<pb::ImportListResponse>, Status> {
        let me = caller(&request)?;
        let mut parts = request.into_inner();
        let sent = receive(&self.0, &mut parts, me.account).await?;
        let header = sent.header.clone();
        let id = Asked {
            account: me.account,
            method: "ImportList",
            id: &header.request_id,
            request: &header,
        };
        let work = import(self.0.clone(), sent);
        let answer = Box::pin(self.0.requests.once(Keep::Durably, id, work)).await?;
        Ok(Response::new(answer))
    }

    async fn list_lists(
        &self,
        request: Request<pb::ListListsRequest>,
    ) -> Result<Response<pb::ListListsResponse>, Status> {
        let asked = request.into_inner();
        let page = page(asked.page_size, &asked.page_token)?;
        let found = self.0.store.lists(page).await.map_err(Error::from)?;
        let lists = found
            .items
            .into_iter()
            .map(|list| pb::List {
                list_id: list.id.0,
                name: list.name,
                columns: list.columns,
                prospects: count(list.prospects),
                created_at: Some(stamp(list.created_at)),
            })
            .collect();
        Ok(Response::new(pb::ListListsResponse {
            lists,
            next_page_token: next_page(found.next),
        }))
    }

    async fn list_imports(
        &self,
        request: Request<pb::ListImportsRequest>,
    ) -> Result<Response<pb::ListImportsResponse>, Status> {
        let asked = request.into_inner();
        let page = page(asked.page_size, &asked.page_token)?;
        let found = self.0.store.imports(ListId(asked.list_id), page).await;
        let found = found.map_err(Error::from)?;
        let imports = found
            .items
            .into_iter()
            .map(|is| pb::Import {
                import_id: is.imported.id,
                file_name: is.file,
                rows: count(is.imported.rows),
                accepted: count(is.imported.accepted),
                duplicates: count(is.imported.duplicates),
                rejected: count(is.imported.rejected),
                imported_at: Some(stamp(is.at)),
                imported_by: is.by.unwrap_or_default(),
                assumed_zone: is.assumed_zone.unwrap_or_default(),
                assumed: count(is.imported.assumed),
                ranges_file: is.ranges_file.unwrap_or_default(),
                ranges: count(is.ranges),
            })
            .collect();
        Ok(Response::new(pb::ListImportsResponse {
            imports,
            next_page_token: next_page(found.next),
        }))
    }

    async fn get_rejected(
        &self,
        request: Request<pb::GetRejectedRequest>,
    ) -> Result<Response<pb::GetRejectedResponse>, Status> {
        let asked = request.into_inner();
        let PageRequest { after, size } = page(asked.page_size, &asked.page_token)?;
        let after = u64::try_from(after).unwrap_or(0);
        let found = self
            .0
            .store
            .import_rejects(asked.import_id, after, size)
            .await
            .map_err(Error::from)?;
        // A page ends with a whole row of the file, however many of its cells were refused.
        let next = (found.len() >= size as usize)
            .then(|| found.last().map(|r| r.row))
            .flatten();
        let rows = found
            .into_iter()
            .map(|r| pb::RejectedRow {
                row: count(r.row),
                reason: r.reason,
                raw: r.raw,
            })
            .collect();
        Ok(Response::new(pb::GetRejectedResponse {
            rows,
            next_page_token: next_page(next.map(count)),
        }))
    }

    type ExportResultsStream =
        Pin<Box<dyn Stream<Item = Result<pb::ExportResultsResponse, Status>> + Send + 'static>>;

    async fn export_results(
        &self,
        request: Request<pb::ExportResultsRequest>,
    ) -> Result<Response<Self::ExportResultsStream>, Status> {
        let asked = request.into_inner();
        let format = match asked.format() {
            pb::SheetFormat::Unspecified | pb::SheetFormat::Xlsx => "xlsx",
            pb::SheetFormat::Csv => "csv",
        };
        let campaign = CampaignId(asked.campaign_id);
        // Before the stream, so that an unknown campaign is an error and not an empty file.
        let campaign = self.0.store.campaign(campaign).await.map_err(Error::from)?;
        let (out, chunks) = mpsc::channel(2);
        let shared = self.0.clone();
        tokio::spawn(async move {
            if let Err(error) = export::results(&shared, &campaign, format, &out).await
                && out.send(Err(error.into())).await.is_err()
            {
                tracing::debug!(
                    campaign_id = campaign.id.0,
                    "a client left before its export failed"
                );
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(chunks))))
    }
}

/// Takes the header, the ranges if there are any, then the file.
async fn receive(
    shared: &Shared,
    parts: &mut Streaming<pb::ImportListRequest>,
    by: AccountId,
) -> Result<Sent, Status> {
    use pb::import_list_request::Part;
    let Some(Part::Header(header)) = parts.message().await?.and_then(|m| m.part) else {
        return Err(
            Error::invalid("header", "missing", "the first message must be the header").into(),
        );
    };
    let mut upload = Upload::begin(&shared.scratch, &header.file_name).await?;
    let mut ranges: Option<Upload> = None;
    let mut begun = false;
    while let Some(message) = parts.message().await? {
        match message.part {
            Some(Part::Chunk(bytes)) => {
                begun = true;
                upload.write(&bytes).await?;
            }
            Some(Part::RangesChunk(bytes)) if !begun => {
                let ranges = match &mut ranges {
                    Some(ranges) => ranges,
                    None => ranges.insert(Upload::ranges(&shared.scratch).await?),
                };
                ranges.write(&bytes).await?;
            }
            Some(Part::Header(_) | Part::RangesChunk(_)) | None => {
                return Err(Error::invalid(
                    "chunk",
                    "missing",
                    "after the header only chunks of ranges, then chunks of the file may follow",
                )
                .into());
            }
        }
    }
    upload.finish().await?;
    if let Some(ranges) = &mut ranges {
        if header.ranges_file.is_empty() {
            let text = "name the file of ranges, for the record";
            return Err(Error::invalid("header.ranges_file", "missing", text).into());
        }
        ranges.finish().await?;
    }
    Ok(Sent {
        header,
        upload,
        ranges,
        by,
    })
}

/// The list of that name.
pub(crate) async fn list_named(shared: &Shared, name: &str) -> Result<Option<ListId>, Error> {
    let mut page = PageRequest::FIRST;
    loop {
        let found = shared.store.lists(page).await?;
        if let Some(list) = found.items.iter().find(|l| l.name == name) {
            return Ok(Some(list.id));
        }
        match found.next {
            Some(after) => page.after = after,
            None => return Ok(None),
        }
    }
}
