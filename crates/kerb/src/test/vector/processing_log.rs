//! What an instance's processing log says: the reasons why rows failed.

use serde_json::Value as Json;

use crate::test::instance::Instance;

/// The stream that the log is.
const STREAM: &str = "KSQL_PROCESSING_LOG";

/// A reader of the log that remembers how far it is.
#[derive(Default)]
pub(super) struct LogReader {
    seen: usize,
}

impl LogReader {
    /// The messages since the last call, cause included.
    pub(super) fn fresh(&mut self, instance: &Instance) -> Vec<String> {
        let catalog = instance.catalog();
        let stream = catalog.sources.get(STREAM);
        let Some(topic) = stream.map(|stream| stream.topic.clone()) else { return Vec::new() };
        let records = instance.records(&topic);
        let fresh = records.iter().skip(self.seen);
        let messages = fresh.map(|record| {
            let json: Json = record
                .value
                .as_deref()
                .and_then(|v| serde_json::from_slice(v).ok())
                .unwrap_or_default();
            message(&json["MESSAGE"])
        });
        let messages = messages.collect();
        self.seen = records.len();
        messages
    }
}

fn message(json: &Json) -> String {
    let parts = json.as_object().into_iter().flatten().filter_map(|(_, part)| part.as_object());
    let texts = parts.flat_map(|part| {
        let message = part.get("ERRORMESSAGE").and_then(Json::as_str);
        let causes = part.get("CAUSE").and_then(Json::as_array).into_iter().flatten();
        message.into_iter().chain(causes.filter_map(Json::as_str))
    });
    let texts: Vec<_> = texts.collect();
    texts.join(": ")
}
