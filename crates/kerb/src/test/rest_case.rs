//! ksqlDB's REST query tests (RQTT): statements, inputs, and the rows that SELECTs answer with.
//!
//! Statements go to the engine as the server would hand them over; the answers are compared as the
//! server would write them: responses by subset, rows as a bag, numbers to the digit. Cases with
//! `testPullWithProtoFormat` ask all queries again, for rows in PROTOBUF (`queryProto`).

mod messages;

use std::collections::BTreeMap;

use model::{Namespace, Schema};
use serde_json::{Value as Json, json};
use stream::answer::{AnswerBody, ResultHeader};
use stream::push::{PushEvent, QueryEnd};
use stream::rows::RowBatch;
use stream::{PullAnswer, PushQuery, QueryAnswer, Request, RequestError, RequestErrorKind};

use crate::test::compare::Precision;
use crate::test::instance::Instance;
use crate::test::json::plain_text;
use crate::test::number::{Exact, same_long_double};
use crate::test::pipeline::{Batching, Input};
use crate::test::qtt::record::{ExpectedRecord, RecordCase};
use crate::test::qtt::{properties, script};
use crate::test::{Finding, Job, Verdict, topics};

/// A REST query test.
pub(crate) struct RestCase {
    name: String,
    case: Json,
}

/// Is this the JSON of a file of REST query tests?
pub(crate) fn is_rest_file(file: &Json) -> bool {
    let mut tests = file["tests"].as_array().into_iter().flatten();
    tests.any(|case| ["responses", "expectedError"].iter().any(|name| case.get(name).is_some()))
}

/// The cases of a file's JSON.
pub(crate) fn cases(file: &Json) -> Vec<RestCase> {
    let tests = file["tests"].as_array().into_iter().flatten();
    let enabled = tests.filter(|case| case["enabled"] != Json::Bool(false));
    enabled.map(|c| RestCase { name: plain_text(&c["name"]), case: c.clone() }).collect()
}

/// Why a run ended early.
enum Stop {
    /// A statement was refused.
    Refused(Box<RequestError>),
    /// Something else is not as expected.
    Failed(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Stop::Failed(reason)
    }
}

impl From<RequestError> for Stop {
    fn from(error: RequestError) -> Self {
        Stop::Refused(Box::new(error))
    }
}

impl RestCase {
    fn check(&self, batching: Batching) -> (Verdict, Option<bool>) {
        let expected = &self.case["expectedError"];
        match (self.run_once(batching), expected.is_null()) {
            (Ok(()), true) => (Verdict::Passed, None),
            (Ok(()), false) => {
                let wanted = plain_text(&expected["message"]);
                (Verdict::Failed(format!("was not refused: {wanted}")), None)
            }
            (Err(Stop::Failed(reason)), _) => (Verdict::Failed(reason), None),
            (Err(Stop::Refused(error)), true) => {
                (Verdict::Failed(format!("refused: {error}")), None)
            }
            (Err(Stop::Refused(error)), false) if error.kind == RequestErrorKind::Internal => {
                (Verdict::Failed(format!("refused as our own fault: {error}")), None)
            }
            (Err(Stop::Refused(error)), false) => {
                let wanted = expected["message"].as_str();
                (Verdict::Passed, wanted.map(|wanted| error.message.contains(wanted)))
            }
        }
    }

    fn run_once(&self, batching: Batching) -> Result<(), Stop> {
        let instance = Instance::start()?;
        let properties = properties(&self.case);
        topics::prepare(&instance, &self.case, &script(&self.case))?;
        let statements = self.case["statements"].as_array().into_iter().flatten().map(plain_text);
        let (queries, others): (Vec<_>, Vec<_>) =
            statements.partition(|text| text.starts_with("SELECT "));
        let mut responses = Vec::new();
        for answer in instance.execute(&others.join("\n"), &properties)? {
            let kind = match answer.body {
                AnswerBody::CommandStatus(_) => "currentStatus",
                AnswerBody::Warning { .. } => "warning_entity",
                _ => "other",
            };
            responses.push(json!({ "admin": { "@type": kind } }));
        }
        instance.engine.run_until_idle();
        let waits = self.case["inputConditions"]["waitForActivePushQuery"] == Json::Bool(true);
        if !waits {
            self.produce(&instance, batching)?;
        }
        for text in &queries {
            let answer = self.answer(&instance, text, &properties, waits, batching)?;
            responses.push(json!({ "query": answer.rows()? }));
        }
        if self.case["testPullWithProtoFormat"] == Json::Bool(true) {
            for text in &queries {
                let answer = self.answer(&instance, text, &properties, false, batching)?;
                responses.push(json!({ "queryProto": answer.messages()? }));
            }
        }
        self.verify_responses(&responses)?;
        let rules = ExpectedRecord { precision: Precision::Exact, zero_is_any_time: false };
        rules.verify(&instance, &self.records("outputs")?)?;
        Ok(())
    }

    fn records(&self, which: &str) -> Result<Vec<RecordCase>, String> {
        let records = self.case[which].as_array().into_iter().flatten();
        records.map(RecordCase::of_json).collect()
    }

    fn produce(&self, instance: &Instance, batching: Batching) -> Result<(), String> {
        let inputs = self.records("inputs")?;
        let inputs: Result<Vec<Input>, String> =
            inputs.iter().map(|input| input.encode(instance)).collect();
        for input in inputs? {
            instance.produce(&input.topic, input.record)?;
            if batching == Batching::Single {
                instance.engine.run_until_idle();
            }
        }
        instance.engine.run_until_idle();
        Ok(())
    }

    /// What a query answers.
    fn answer(
        &self,
        instance: &Instance,
        text: &str,
        properties: &BTreeMap<String, String>,
        waits: bool,
        batching: Batching,
    ) -> Result<Answered, Stop> {
        let request = Request { properties: properties.clone(), ..Request::new(text) };
        let mut push = match instance.engine.query(&request)? {
            QueryAnswer::Pull(PullAnswer { header, rows, .. }) => {
                return Ok(Answered { header, batches: vec![rows], message: None });
            }
            QueryAnswer::Print(_) => return Err(Stop::Failed("PRINT".to_owned())),
            QueryAnswer::Push(push) => push,
        };
        instance.engine.run_until_idle();
        if waits {
            self.produce(instance, batching)?;
        }
        Ok(drain(instance, &mut push)?)
    }

    fn verify_responses(&self, actual: &[Json]) -> Result<(), String> {
        let expected = self.case["responses"].as_array().into_iter().flatten();
        let expected: Vec<_> = expected.collect();
        if expected.len() > actual.len() {
            let (wanted, got) = (expected.len(), actual.len());
            return Err(format!("{got} responses instead of {wanted}"));
        }
        for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
            let told = |difference| format!("response {}: {difference}", at + 1);
            match (expected["query"].as_array(), actual["query"].as_array()) {
                (Some(expected), Some(actual)) => same_rows(actual, expected).map_err(told)?,
                _ => match (expected["queryProto"].as_array(), actual["queryProto"].as_array()) {
                    (Some(expected), Some(actual)) => {
                        messages::same(actual, expected).map_err(told)?;
                    }
                    _ => subset(actual, expected).map_err(told)?,
                },
            }
        }
        Ok(())
    }
}

/// What a query answered.
struct Answered {
    header: ResultHeader,
    batches: Vec<RowBatch>,
    message: Option<&'static str>,
}

impl Answered {
    /// Header, rows and final message.
    fn rows(&self) -> Result<Vec<Json>, String> {
        let schema = &self.header.schema;
        let mut rows = vec![header(&self.header.query_id, schema)];
        for batch in &self.batches {
            write_rows(schema, batch, &mut rows)?;
        }
        rows.extend(self.message.map(|message| json!({ "finalMessage": message })));
        Ok(rows)
    }

    /// The same with rows in PROTOBUF.
    fn messages(&self) -> Result<Vec<Json>, String> {
        messages::told(&self.header, &self.batches, self.message)
    }
}

/// Everything that a push query says until it has no more to say.
fn drain(instance: &Instance, push: &mut PushQuery) -> Result<Answered, String> {
    let mut answered = Answered { header: push.header.clone(), batches: Vec::new(), message: None };
    loop {
        match push.events.try_recv() {
            Ok(PushEvent::Rows(batch)) => answered.batches.push(batch),
            Ok(PushEvent::End(end)) => {
                answered.message = match end {
                    QueryEnd::LimitReached => Some("Limit Reached"),
                    QueryEnd::Completed => Some("Query Completed"),
                    QueryEnd::Terminated => None,
                    QueryEnd::TooSlow(why) | QueryEnd::Failed(why) => {
                        return Err(format!("the query failed: {why}"));
                    }
                };
                return Ok(answered);
            }
            Err(_) => {
                // The queue is bounded: there may be more behind it.
                instance.engine.run_until_idle();
                if push.events.is_empty() {
                    return Ok(answered);
                }
            }
        }
    }
}

fn header(query_id: &str, schema: &Schema) -> Json {
    let columns = schema.columns.iter().map(|column| {
        let key = if column.namespace == Namespace::Key { " KEY" } else { "" };
        format!("`{}` {}{key}", column.name, column.ty)
    });
    let columns: Vec<_> = columns.collect();
    json!({ "header": { "queryId": query_id, "schema": columns.join(", ") } })
}

fn write_rows(schema: &Schema, batch: &RowBatch, rows: &mut Vec<Json>) -> Result<(), String> {
    for row in 0..batch.rows {
        let mut cells = Vec::new();
        for (column, array) in schema.columns.iter().zip(&batch.columns) {
            let mut text = Vec::new();
            model::text::write_json(&column.ty, array, row, &mut text);
            let cell: Json = serde_json::from_slice(&text).map_err(|error| {
                format!("a cell is no JSON: {}: {error}", String::from_utf8_lossy(&text))
            })?;
            cells.push(cell);
        }
        rows.push(match batch.is_tombstone(row) {
            true => json!({ "row": { "columns": cells, "tombstone": true } }),
            false => json!({ "row": { "columns": cells } }),
        });
    }
    Ok(())
}

/// The same header, the same rows in any order, the same end.
fn same_rows(actual: &[Json], expected: &[Json]) -> Result<(), String> {
    let split = |rows: &[Json]| -> (Vec<Json>, Vec<Json>) {
        rows.iter().cloned().partition(|row| row.get("row").is_some())
    };
    let ((rows, rest), (expected_rows, expected_rest)) = (split(actual), split(expected));
    if rest.len() != expected_rest.len() {
        return Err(format!("{} instead of {}", Json::from(rest), Json::from(expected_rest)));
    }
    for (actual, expected) in rest.iter().zip(&expected_rest) {
        subset(actual, expected)?;
    }
    let mut left: Vec<&Json> = rows.iter().collect();
    for expected in &expected_rows {
        match left.iter().position(|row| same_json(&row["row"], &expected["row"])) {
            Some(at) => {
                left.remove(at);
            }
            None => return Err(format!("no row {}; there are {}", expected["row"], show(&left))),
        }
    }
    match left.is_empty() {
        true => Ok(()),
        false => Err(format!("unexpected rows {}", show(&left))),
    }
}

fn show(rows: &[&Json]) -> String {
    let rows: Vec<_> = rows.iter().take(10).map(|row| row["row"]["columns"].to_string()).collect();
    rows.join(" ")
}

/// Has `actual` all that `expected` has? `name|starts_with` asks for how the text begins.
fn subset(actual: &Json, expected: &Json) -> Result<(), String> {
    let Some(fields) = expected.as_object() else {
        return match same_json(actual, expected) {
            true => Ok(()),
            false => Err(format!("{actual} instead of {expected}")),
        };
    };
    for (name, expected) in fields {
        match name.strip_suffix("|starts_with") {
            Some(name) => {
                let (text, start) = (plain_text(&actual[name]), plain_text(expected));
                let begins = text.to_uppercase().starts_with(&start.to_uppercase());
                if !begins {
                    return Err(format!("{name} {text} does not begin with {start}"));
                }
            }
            None => subset(&actual[name], expected)?,
        }
    }
    Ok(())
}

/// The same JSON, numbers by kind and scale.
fn same_json(actual: &Json, expected: &Json) -> bool {
    match (actual, expected) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.to_string(), b.to_string());
            let same_kind = Exact::is_integer(&a) == Exact::is_integer(&b);
            same_kind && (Exact::parse(&a) == Exact::parse(&b) || same_long_double(&a, &b))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let same = |(name, b)| a.get(name).is_some_and(|a| same_json(a, b));
            a.len() == b.len() && b.iter().all(same)
        }
        (a, b) => a == b,
    }
}

impl Job for RestCase {
    fn cases(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        let mut finding = Finding::new(&self.name, Verdict::Passed);
        for batching in Batching::ALL {
            let (verdict, wording) = self.check(batching);
            finding.wording = wording;
            if let Verdict::Failed(difference) = verdict {
                finding.verdict = Verdict::Failed(batching.told(difference));
                break;
            }
        }
        vec![finding]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn rows_come_in_any_order_and_numbers_keep_their_scale() {
        let row = |text: &str| json(&format!("{{\"row\":{{\"columns\":{text}}}}}"));
        let rows = [row("[1,\"a\"]"), row("[2,1.0]")];
        assert!(same_rows(&rows, &[row("[2,1.0]"), row("[1,\"a\"]")]).is_ok());
        assert!(same_rows(&rows, &[row("[2,1.00]"), row("[1,\"a\"]")]).is_err());
        assert!(same_rows(&rows, &[row("[1,\"a\"]")]).is_err());
    }

    #[test]
    fn responses_may_say_more() {
        let actual = json("{\"header\":{\"queryId\":\"SCALABLE_1\",\"schema\":\"x\"}}");
        assert!(subset(&actual, &json("{\"header\":{\"queryId|starts_with\":\"scal\"}}")).is_ok());
        assert!(subset(&actual, &json("{\"header\":{\"schema\":\"y\"}}")).is_err());
    }
}
