//! The project's golden scripts of pipelines (`testscripts/`): statements, timed inputs, and the
//! records that come out, as text.
//!
//! ```text
//! # what it shows
//! CREATE …;
//! inputs
//! topic "key" {"V":1} @10   # a remark
//! outputs TOPIC
//! "key" [0..20] {"C":1} @10
//! ```
//!
//! A script whose statements are refused has lines that begin with `error:` instead.

use bytes::Bytes;
use model::{Record, TimestampMs};

use crate::test::instance::Instance;
use crate::test::pipeline::{Batching, Input};
use crate::test::qtt::record::split_key;
use crate::test::{Finding, Job, Verdict};

/// A golden script.
pub(crate) struct GoldenScript {
    name: String,
    statements: String,
    inputs: Vec<Input>,
    sink: String,
    expected: Vec<String>,
}

/// Reads a script; `None`: this is none of a pipeline.
pub(crate) fn read(name: &str, text: &str) -> Option<Result<GoldenScript, String>> {
    let (head, expected) = text.split_once("\noutputs ")?;
    let (statements, inputs) = head.split_once("\ninputs\n")?;
    let (sink, rows) = expected.split_once('\n').unwrap_or((expected, ""));
    let inputs = inputs.lines().filter(|line| !line.is_empty()).map(input).collect();
    let statements: Vec<_> = statements.lines().filter(|line| !line.starts_with('#')).collect();
    let script = |inputs| GoldenScript {
        name: name.to_owned(),
        statements: statements.join("\n"),
        inputs,
        sink: sink.trim().to_owned(),
        expected: rows.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
    };
    let inputs: Result<Vec<Input>, String> = inputs;
    Some(inputs.map(script))
}

fn input(line: &str) -> Result<Input, String> {
    let wrong = || format!("`{line}` is not: topic key value @time");
    let told = line.split("  #").next().unwrap_or(line).trim();
    let (told, time) = told.rsplit_once(" @").ok_or_else(wrong)?;
    let mut parts = told.splitn(3, ' ');
    let mut part = || parts.next().ok_or_else(wrong);
    let topic = part()?.to_owned();
    let payload = |text: &str| (text != "null").then(|| Bytes::from(text.to_owned()));
    let (key, value) = (payload(part()?), payload(part()?));
    let timestamp = TimestampMs(time.trim().parse().map_err(|_| wrong())?);
    Ok(Input { topic, record: Record { key, value, timestamp, headers: Vec::new() } })
}

impl GoldenScript {
    fn run_once(&self, batching: Batching) -> Result<Vec<String>, String> {
        let instance = Instance::start()?;
        for input in &self.inputs {
            instance.ensure_topic(&input.topic, 1)?;
        }
        if let Err(error) = instance.execute(&self.statements, &Default::default()) {
            return Ok(error.to_string().lines().map(|line| format!("error: {line}")).collect());
        }
        for input in &self.inputs {
            instance.append(&input.topic, input.record.clone())?;
            if batching == Batching::Single {
                instance.engine.run_until_idle();
            }
        }
        instance.engine.run_until_idle();
        let records = instance.records(&self.sink);
        records.iter().map(|record| self.told(&instance, record)).collect()
    }

    fn told(&self, instance: &Instance, record: &Record) -> Result<String, String> {
        let source = instance.source_of(&self.sink);
        let (key, window) = split_key(source.as_deref(), record)?;
        let text = |bytes: &Option<Bytes>| match bytes {
            None => "null".to_owned(),
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let window = window.map(|window| {
            let told = window.told(true);
            format!(" [{}..{}]", told["start"], told["end"])
        });
        let window = window.unwrap_or_default();
        Ok(format!("{}{window} {} @{}", text(&key), text(&record.value), record.timestamp))
    }

    fn check(&self, batching: Batching) -> Result<(), String> {
        let rows = self.run_once(batching)?;
        for (at, (row, expected)) in rows.iter().zip(&self.expected).enumerate() {
            if row != expected {
                return Err(format!("line {}: {row} instead of {expected}", at + 1));
            }
        }
        match rows.len() == self.expected.len() {
            true => Ok(()),
            false => Err(format!("{} lines instead of {}", rows.len(), self.expected.len())),
        }
    }
}

impl Job for GoldenScript {
    fn cases(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        let result = Batching::ALL
            .into_iter()
            .try_for_each(|batching| self.check(batching).map_err(|d| batching.told(d)));
        vec![Finding::new(&self.name, Verdict::of(result))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_scripts_are_none_of_a_pipeline() {
        assert!(read("x", "create topic\n---\nok\n").is_none());
        let script = read("x", "# a\nA;\ninputs\nt \"k\" {\"V\": 1} @5  # first\noutputs OUT\n1\n");
        let script = script.expect("a script").expect("well-formed");
        assert_eq!((script.sink.as_str(), script.statements.as_str()), ("OUT", "A;"));
        assert_eq!(script.inputs[0].record.timestamp, TimestampMs(5));
        assert!(read("x", "A;\ninputs\nt 1\noutputs OUT\n").is_some_and(|s| s.is_err()));
    }
}
