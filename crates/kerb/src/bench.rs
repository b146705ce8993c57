//! Benchmarks that anyone can run. A claim of speed is a ratio: each is measured beside something
//! plain, in the same run, and checked to give the same answers where there are answers.

mod alerts;
mod append;
mod engine;
mod http;
mod measure;
mod pipeline;
mod plain;
mod queries;
mod rows;
mod start;

use serde_json::{Map, Value};

/// A benchmark.
pub(crate) struct Benchmark {
    /// How it is called.
    pub(crate) name: &'static str,
    /// What it measures, beside what.
    pub(crate) about: &'static str,
}

/// All of them, in the order they are run.
pub(crate) const BENCHES: &[Benchmark] = &[
    Benchmark {
        name: "pipeline",
        about: "the talk's rows, from topic to finished view; beside a plain loop over the rows",
    },
    Benchmark {
        name: "aggregate",
        about: "five aggregates of 10,000 groups over generated sales; beside a plain loop",
    },
    Benchmark {
        name: "join",
        about: "sales joined with a table of 10,000 shops, added up by region; beside a plain loop",
    },
    Benchmark {
        name: "window",
        about: "sales of a hundred shops in windows of a minute; beside a plain loop",
    },
    Benchmark {
        name: "append",
        about: "records of 110 bytes into the journal, flushed; beside the same bytes into a file",
    },
    Benchmark {
        name: "pull",
        about: "a view's row by key over HTTP; beside a handler that returns the same bytes",
    },
    Benchmark {
        name: "alerts",
        about: "from a reading's append to the alert in the transport's hands",
    },
    Benchmark { name: "start", about: "from the start of the process to its first answer" },
];

/// What a benchmark found; what does not apply is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) name: String,
    pub(crate) rows: Option<u64>,
    pub(crate) rows_per_s: Option<f64>,
    pub(crate) baseline: Option<&'static str>,
    pub(crate) baseline_rows_per_s: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) cpu_s: Option<f64>,
    pub(crate) peak_rss_bytes: Option<u64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) answers_equal: Option<bool>,
}

impl Figures {
    /// One JSON object, the figures that apply in a fixed order.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(name.to_string(), value);
            }
        };
        let round = |n: f64| Value::from((n * 1e4).round() / 1e4);
        put("name", Some(self.name.as_str().into()));
        put("rows", self.rows.map(Value::from));
        put("rows_per_s", self.rows_per_s.map(|n| Value::from(n.round())));
        put("baseline", self.baseline.map(Value::from));
        put("baseline_rows_per_s", self.baseline_rows_per_s.map(|n| Value::from(n.round())));
        put("ratio", self.ratio.map(round));
        put("cpu_s", self.cpu_s.map(round));
        put("peak_rss_bytes", self.peak_rss_bytes.map(Value::from));
        put("p50_ms", self.p50_ms.map(round));
        put("p99_ms", self.p99_ms.map(round));
        put("answers_equal", self.answers_equal.map(Value::from));
        Value::Object(object)
    }
}

/// Runs one benchmark in this process.
pub(crate) async fn run(name: &str, rows: u64) -> anyhow::Result<Vec<Figures>> {
    match name {
        "pipeline" => Ok(vec![pipeline::run(rows).await?]),
        "aggregate" => Ok(vec![queries::aggregate(rows).await?]),
        "join" => Ok(vec![queries::join(rows).await?]),
        "window" => Ok(vec![queries::window(rows).await?]),
        "append" => append::run(rows),
        "pull" => Ok(vec![http::run().await?]),
        "alerts" => alerts::run().await,
        "start" => start::run().await,
        other => anyhow::bail!("there is no benchmark '{other}'"),
    }
}

/// A line of figures for people.
pub(crate) fn readable(line: &str) -> String {
    let Ok(Value::Object(figures)) = serde_json::from_str(line) else { return line.to_string() };
    let figure = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name} {text}"),
        None => format!("{name} {value}"),
    };
    figures.iter().map(figure).collect::<Vec<_>>().join(", ")
}
