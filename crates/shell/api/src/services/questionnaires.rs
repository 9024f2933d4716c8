//! What an agent asks and fills in.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::QuestionnaireId;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::questionnaire_service_server::QuestionnaireService;
use serde::{Deserialize, Serialize};
use tonic::{Request, Response, Status};

use super::admin::once;
use crate::convert::text_within;
use crate::identity::caller;
use crate::requests::{Asked, Keep};
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// Questions of one questionnaire.
const QUESTIONS: usize = 200;

pub(crate) struct Questionnaires(pub(crate) Arc<Shared>);

/// A question as it is kept in the questionnaire's body, a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Name of the answer in results.
    pub field: String,
    /// What is asked.
    pub text: String,
    /// What is answered.
    pub kind: QuestionKind,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether an outcome needs it.
    #[serde(default)]
    pub required: bool,
    /// Column whose value stands in it at first; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefill: String,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// Free text.
    Text,
    /// One of the choices.
    Choice,
    /// Any of the choices.
    Choices,
    /// A number.
    Number,
    /// A date.
    Date,
    /// Yes or no.
    YesNo,
}

#[tonic::async_trait]
impl QuestionnaireService for Questionnaires {
    async fn create_questionnaire(
        &self,
        request: Request<pb::CreateQuestionnaireRequest>,
    ) -> Result<Response<pb::CreateQuestionnaireResponse>, Status> {
        once!(
            self,
            request,
            "CreateQuestionnaire",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::CreateQuestionnaireRequest| async move {
                let validate_only = asked.validate_only;
                let (name, questions) = check(asked)?;
                let body = serde_json::to_value(&questions)
                    .map_err(|e| Error::Internal(format!("questions cannot be written: {e}")))?;
                if validate_only {
                    let would_be = store::Questionnaire {
                        id: QuestionnaireId(0),
                        name,
                        version: 0,
                        body,
                    };
                    return Ok(pb::CreateQuestionnaireResponse {
                        questionnaire: Some(to_proto(would_be)?),
                    });
                }
                let id = shared.store.create_questionnaire(&name, &body).await?;
                let made = shared.store.questionnaire(id).await?;
                Ok(pb::CreateQuestionnaireResponse {
                    questionnaire: Some(to_proto(made)?),
                })
            }
        )
    }

    async fn get_questionnaire(
        &self,
        request: Request<pb::GetQuestionnaireRequest>,
    ) -> Result<Response<pb::GetQuestionnaireResponse>, Status> {
        let id = QuestionnaireId(request.into_inner().questionnaire_id);
        let found = self.0.store.questionnaire(id).await.map_err(Error::from)?;
        let questionnaire = Some(to_proto(found)?);
        Ok(Response::new(pb::GetQuestionnaireResponse {
            questionnaire,
        }))
    }

    async fn list_questionnaires(
        &self,
        _: Request<pb::ListQuestionnairesRequest>,
    ) -> Result<Response<pb::ListQuestionnairesResponse>, Status> {
        let found = self.0.store.questionnaires().await.map_err(Error::from)?;
        let questionnaires = found
            .into_iter()
            .map(to_proto)
            .collect::<Result<_, Error>>()?;
        Ok(Response::new(pb::ListQuestionnairesResponse {
            questionnaires,
        }))
    }
}

fn check(asked: pb::CreateQuestionnaireRequest) -> Result<(String, Vec<Question>), Error> {
    let mut problems = Vec::new();
    let name = text_within("name", &asked.name, 200)
        .map_err(|p| problems.push(p))
        .unwrap_or_default();
    if asked.questions.is_empty() || asked.questions.len() > QUESTIONS {
        problems.push(FieldProblem::new(
            "questions",
            "length",
            "give 1 to 200 questions",
        ));
    }
    let mut seen = BTreeSet::new();
    let mut questions = Vec::with_capacity(asked.questions.len());
    for (i, question) in asked.questions.into_iter().enumerate() {
        let at = |field: &str| format!("questions[{i}].{field}");
        let kind = kind(question.kind());
        let field = text_within(&at("field"), &question.field, 100)
            .map_err(|p| problems.push(p))
            .unwrap_or_default();
        let text = text_within(&at("text"), &question.text, 2_000)
            .map_err(|p| problems.push(p))
            .unwrap_or_default();
        if !field.is_empty() && !seen.insert(field.clone()) {
            let text = format!("\"{field}\" stands there twice");
            problems.push(FieldProblem::new(at("field"), "repeated", text));
        }
        let chooses = matches!(kind, QuestionKind::Choice | QuestionKind::Choices);
        if chooses == question.choices.is_empty() {
            let text = "CHOICE and CHOICES need choices, others have none";
            problems.push(FieldProblem::new(at("choices"), "length", text));
        }
        let (choices, required, prefill) = (question.choices, question.required, question.prefill);
        questions.push(Question {
            field,
            text,
            kind,
            choices,
            required,
            prefill,
        });
    }
    if problems.is_empty() {
        Ok((name, questions))
    } else {
        Err(Error::Invalid(problems))
    }
}

const fn kind(kind: pb::QuestionKind) -> QuestionKind {
    match kind {
        pb::QuestionKind::Unspecified | pb::QuestionKind::Text => QuestionKind::Text,
        pb::QuestionKind::Choice => QuestionKind::Choice,
        pb::QuestionKind::Choices => QuestionKind::Choices,
        pb::QuestionKind::Number => QuestionKind::Number,
        pb::QuestionKind::Date => QuestionKind::Date,
        pb::QuestionKind::YesNo => QuestionKind::YesNo,
    }
}

/// Names of the answers, in the order asked.
pub(crate) fn question_fields(is: &store::Questionnaire) -> Result<Vec<String>, Error> {
    Ok(questions(is)?.into_iter().map(|q| q.field).collect())
}

fn questions(is: &store::Questionnaire) -> Result<Vec<Question>, Error> {
    serde_json::from_value(is.body.clone())
        .map_err(|e| Error::Internal(format!("questionnaire {} cannot be read: {e}", is.id)))
}

fn to_proto(is: store::Questionnaire) -> Result<pb::Questionnaire, Error> {
    let questions = questions(&is)?;
    Ok(pb::Questionnaire {
        questionnaire_id: is.id.0,
        name: is.name,
        version: crate::convert::small(is.version),
        questions: questions
            .into_iter()
            .map(|q| {
                let kind = match q.kind {
                    QuestionKind::Text => pb::QuestionKind::Text,
                    QuestionKind::Choice => pb::QuestionKind::Choice,
                    QuestionKind::Choices => pb::QuestionKind::Choices,
                    QuestionKind::Number => pb::QuestionKind::Number,
                    QuestionKind::Date => pb::QuestionKind::Date,
                    QuestionKind::YesNo => pb::QuestionKind::YesNo,
                };
                pb::Question {
                    field: q.field,
                    text: q.text,
                    kind: kind.into(),
                    choices: q.choices,
                    required: q.required,
                    prefill: q.prefill,
                }
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_questionnaire_reports_every_fault_at_once() {
        let question = |field: &str, kind: pb::QuestionKind| pb::Question {
            field: field.to_owned(),
            text: "?".to_owned(),
            kind: kind.into(),
            ..Default::default()
        };
        let asked = pb::CreateQuestionnaireRequest {
            questions: vec![
                question("a", pb::QuestionKind::Text),
                question("a", pb::QuestionKind::Choice),
            ],
            ..Default::default()
        };
        let Err(Error::Invalid(problems)) = check(asked) else {
            panic!("it was taken");
        };
        let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(
            fields,
            ["name", "questions[1].field", "questions[1].choices"]
        );
    }
}
