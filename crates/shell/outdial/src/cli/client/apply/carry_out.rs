//! The plan carried out, step by step, until one fails.

use proto::admin::v1::{DeleteGroupRequest, DeleteTrunkGroupRequest, DeleteTrunkRequest};

use super::kind::Kind;
use super::known::{Known, Services};
use super::plan::{Action, Step};
use super::send::{How, send};
use crate::cli::client::connection::Refusal;
use crate::cli::client::credentials::{Credentials, CredentialsFile};
use crate::cli::client::request_id;

/// Carries out what is to be done. Passwords that were drawn are in `drawn` also when a later step fails; the error
/// names the step that failed, and those before it are marked as done.
///
/// # Errors
/// The refusal of a step.
pub async fn carry_out(
    services: &mut Services,
    known: &mut Known,
    steps: &mut [Step],
    how: How<'_>,
    drawn: &mut Vec<Credentials>,
    mut file: Option<CredentialsFile>,
) -> anyhow::Result<()> {
    for step in steps {
        match (step.action, &step.ready) {
            (Action::Create | Action::Change, Some(ready)) => {
                let sent = send(services, known, ready, how)
                    .await
                    .map_err(|e| e.context(failed(step)))?;
                if let Some(credentials) = sent.credentials {
                    if let Some(file) = &mut file {
                        file.add(&credentials)?;
                    }
                    drawn.push(credentials);
                }
            }
            (Action::Remove, _) => remove(services, known, step)
                .await
                .map_err(|e| e.context(failed(step)))?,
            (Action::Unchanged | Action::LeaveAlone, _) | (_, None) => continue,
        }
        step.done = true;
    }
    Ok(())
}

fn failed(step: &Step) -> String {
    format!(
        "{} \"{}\" could not be applied",
        step.kind.as_str(),
        step.name
    )
}

async fn remove(services: &mut Services, known: &Known, step: &Step) -> anyhow::Result<()> {
    let admin = &mut services.admin;
    match step.kind {
        Kind::Group => {
            let request = DeleteGroupRequest {
                group_id: known.group_id(&step.name).unwrap_or_default(),
                request_id: request_id()?,
            };
            admin.delete_group(request).await.map_err(Refusal::from)?;
        }
        Kind::TrunkGroup => {
            let request = DeleteTrunkGroupRequest {
                trunk_group_id: known.trunk_group_id(&step.name).unwrap_or_default(),
                request_id: request_id()?,
            };
            admin
                .delete_trunk_group(request)
                .await
                .map_err(Refusal::from)?;
        }
        Kind::Trunk => {
            let request = DeleteTrunkRequest {
                trunk_id: known
                    .trunk(&step.name)
                    .map(|t| t.trunk_id)
                    .unwrap_or_default(),
                request_id: request_id()?,
            };
            admin.delete_trunk(request).await.map_err(Refusal::from)?;
        }
        Kind::User | Kind::Questionnaire | Kind::Campaign => {}
    }
    Ok(())
}
