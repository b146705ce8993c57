//! Which way a connector carries records: a word of the SQL dialect and of the connectors alike.

/// SOURCE or SINK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorKind {
    /// Brings records into a topic.
    Source,
    /// Carries a topic elsewhere.
    Sink,
}

impl ConnectorKind {
    /// `source` or `sink`, as Connect's REST API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectorKind::Source => "source",
            ConnectorKind::Sink => "sink",
        }
    }
}
