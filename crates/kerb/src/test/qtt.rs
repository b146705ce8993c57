//! ksqlDB's query tests (QTT): JSON files of statements, timed inputs and expected outputs.
//!
//! Each case runs twice in fresh instances, record by record and with all consecutive records of a
//! topic as one batch. Only topics that `outputs` names are looked at: exact count, order, keys,
//! values, windows, headers, and timestamps where they are given. A case with `expectedException`
//! passes when a statement (or a record) is refused.

pub(crate) mod record;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::test::compare::Precision;
use crate::test::instance::Instance;
use crate::test::json::plain_text;
use crate::test::pipeline::{self, Batching};
use crate::test::{Finding, Job, Verdict, post, topics};
use record::{ExpectedRecord, RecordCase};

/// The harness's own switch among the properties: it is no property of the engine.
const EXACT_NUMBERS: &str = "use.exact.numeric.comparison";

/// A query test.
pub(crate) struct QttCase {
    name: String,
    case: Json,
}

/// The cases of a file's JSON.
pub(crate) fn cases(file: &Json) -> Vec<QttCase> {
    let tests = file["tests"].as_array().into_iter().flatten();
    let enabled = tests.filter(|case| case["enabled"] != Json::Bool(false));
    enabled.map(|case| QttCase { name: plain_text(&case["name"]), case: case.clone() }).collect()
}

/// The statements of a case, as one script.
pub(crate) fn script(case: &Json) -> String {
    let statements = case["statements"].as_array().into_iter().flatten();
    let statements: Vec<_> = statements.map(plain_text).collect();
    statements.join("\n")
}

/// The properties of a case.
pub(crate) fn properties(case: &Json) -> BTreeMap<String, String> {
    let properties = case["properties"].as_object().into_iter().flatten();
    let properties = properties.filter(|(name, _)| *name != EXACT_NUMBERS);
    properties.map(|(name, value)| (name.clone(), plain_text(value))).collect()
}

/// What a run that was refused says.
struct Refusal(String);

impl QttCase {
    fn check(&self, batching: Batching) -> (Verdict, Option<String>) {
        let run = self.run_once(batching);
        let expected = &self.case["expectedException"];
        match (run, expected.is_null()) {
            (Ok(verdict), true) => (verdict, None),
            (Ok(Verdict::Failed(difference)), false) => (Verdict::Failed(difference), None),
            (Ok(_), false) => {
                let wanted = plain_text(&expected["message"]);
                (Verdict::Failed(format!("was not refused: {wanted}")), None)
            }
            (Err(Refusal(message)), true) => (Verdict::Failed(format!("refused: {message}")), None),
            (Err(Refusal(message)), false) => (Verdict::Passed, Some(message)),
        }
    }

    fn run_once(&self, batching: Batching) -> Result<Verdict, Refusal> {
        let failed = |reason: String| Ok(Verdict::Failed(reason));
        let instance = match Instance::start() {
            Ok(instance) => instance,
            Err(reason) => return failed(reason),
        };
        let script = script(&self.case);
        if let Err(reason) = topics::prepare(&instance, &self.case, &script) {
            return failed(reason);
        }
        let executed = instance.execute(&script, &properties(&self.case));
        executed.map_err(|error| Refusal(error.to_string()))?;
        let inputs = match self.records("inputs") {
            Ok(records) => records,
            Err(reason) => return failed(reason),
        };
        let encoded: Result<Vec<_>, String> =
            inputs.iter().map(|input| input.encode(&instance)).collect();
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(reason) => return failed(format!("input: {reason}")),
        };
        pipeline::run(&instance, &encoded, batching).map_err(Refusal)?;
        Ok(Verdict::of(self.verify(&instance, inputs.is_empty())))
    }

    fn records(&self, which: &str) -> Result<Vec<RecordCase>, String> {
        let records = self.case[which].as_array().into_iter().flatten();
        records.map(RecordCase::of_json).collect()
    }

    fn verify(&self, instance: &Instance, has_no_inputs: bool) -> Result<(), String> {
        let exact = &self.case["properties"][EXACT_NUMBERS];
        let expected = ExpectedRecord {
            precision: match exact.is_null() || plain_text(exact) != "false" {
                true => Precision::Exact,
                false => Precision::Loose,
            },
            zero_is_any_time: has_no_inputs,
        };
        expected.verify(instance, &self.records("outputs")?)?;
        post::check(instance, &self.case["post"])
    }
}

impl Job for QttCase {
    fn cases(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        let mut finding = Finding::new(&self.name, Verdict::Passed);
        for batching in Batching::ALL {
            let (verdict, refusal) = self.check(batching);
            if let Some(message) = refusal {
                let wanted = self.case["expectedException"]["message"].as_str();
                finding.wording = wanted.map(|wanted| message.contains(wanted));
            }
            if let Verdict::Failed(difference) = verdict {
                finding.verdict = Verdict::Failed(batching.told(difference));
                break;
            }
        }
        vec![finding]
    }
}
