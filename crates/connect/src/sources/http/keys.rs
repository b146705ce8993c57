//! The keys of an `http` source, each defined once.

use std::time::Duration;

use crate::config::{ConfigError, Fallback, Key, Kind, Settings};
use crate::source::{Pacing, Target};

/// All keys, in the order a reader may want them.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "connector.class",
        kind: Kind::Text,
        fallback: Fallback::Required,
        help: "`http`.",
    },
    Key {
        name: "url",
        kind: Kind::Text,
        fallback: Fallback::Required,
        help: "The document's address, http or https. `${env:NAME}` stands for an environment \
               variable, here and in every other value.",
    },
    Key {
        name: "topic",
        kind: Kind::Topic,
        fallback: Fallback::Required,
        help: "The topic that records are appended to; made if it is not there.",
    },
    Key {
        name: "partitions",
        kind: Kind::Integer(1, 10_000),
        fallback: Fallback::Value("1"),
        help: "How many partitions a new topic gets.",
    },
    Key {
        name: "format",
        kind: Kind::Choice(&["csv", "json", "xml", "lines"]),
        fallback: Fallback::Required,
        help: "What the document is. `csv`: a record a row. `json`, `xml`: a record for each \
               element found at `record.path`, as JSON. `lines`: a record for each line that is \
               not blank.",
    },
    Key {
        name: "encoding",
        kind: Kind::Text,
        fallback: Fallback::Value("auto"),
        help: "The document's encoding, such as `utf-8` or `latin-1`. `auto`: what a byte order \
               mark, the XML declaration or the Content-Type says, else UTF-8; and Windows-1252 \
               where that cannot be.",
    },
    Key {
        name: "csv.header",
        kind: Kind::Choice(&["skip", "names", "none"]),
        fallback: Fallback::Value("skip"),
        help: "The first row. `skip`: left out, and each other row is a record as it stands (for \
               VALUE_FORMAT='DELIMITED'). `names`: names the columns, and each other row is a JSON \
               object of texts. `none`: a record like the others.",
    },
    Key {
        name: "csv.delimiter",
        kind: Kind::Text,
        fallback: Fallback::Value(","),
        help: "What stands between cells: a character, or `tab`.",
    },
    Key {
        name: "csv.unpivot",
        kind: Kind::List,
        fallback: Fallback::Absent,
        help: "For a wide table: the columns to keep. Each other cell of a row becomes a record \
               of the kept cells, the name of its column, and the cell, delimited as the document \
               is (with `csv.header` = `names`: a JSON object with `column` and `value`).",
    },
    Key {
        name: "record.path",
        kind: Kind::Text,
        fallback: Fallback::Absent,
        help: "Where in a JSON or XML document the records are: names with a `/` before each, \
               such as `/results`. Arrays on the way are passed through. Absent: the document \
               itself.",
    },
    Key {
        name: "record.key",
        kind: Kind::Text,
        fallback: Fallback::Absent,
        help: "What becomes the record's key: a column's name or number from 1, or in JSON and \
               XML a path within the record, such as `/id`.",
    },
    Key {
        name: "xml.namespaces",
        kind: Kind::List,
        fallback: Fallback::Absent,
        help: "`prefix=address` for each namespace whose prefix names are to have in JSON, \
               whatever prefix the document uses; an address may end in `*`. Names in other \
               namespaces have none. `xsi` is known.",
    },
    Key {
        name: "document.kind",
        kind: Kind::Choice(&["snapshot", "log"]),
        fallback: Fallback::Value("snapshot"),
        help: "`snapshot`: all of a changed document is new. `log`: it grows, and only what stands \
               behind the newest record of the last time is new.",
    },
    Key {
        name: "document.order",
        kind: Kind::Choice(&["oldest-first", "newest-first"]),
        fallback: Fallback::Value("oldest-first"),
        help: "How records stand in the document; they are appended oldest first.",
    },
    Key {
        name: "unchanged",
        kind: Kind::Choice(&["skip", "emit"]),
        fallback: Fallback::Value("skip"),
        help: "A document that is byte for byte what it was: `skip` appends nothing, `emit` \
               appends its records again.",
    },
    Key {
        name: "poll.interval",
        kind: Kind::Duration,
        fallback: Fallback::Value("3m"),
        help: "From one poll to the next.",
    },
    Key {
        name: "poll.jitter",
        kind: Kind::Integer(0, 100),
        fallback: Fallback::Value("10"),
        help: "How far chance moves that, in percent.",
    },
    Key {
        name: "retry.initial",
        kind: Kind::Duration,
        fallback: Fallback::Value("5s"),
        help: "The wait after a failed poll; it doubles with each further one.",
    },
    Key {
        name: "retry.max",
        kind: Kind::Duration,
        fallback: Fallback::Value("10m"),
        help: "The longest such wait. A Retry-After of the server's that is longer is followed instead.",
    },
    Key {
        name: "timeout.connect",
        kind: Kind::Duration,
        fallback: Fallback::Value("10s"),
        help: "How long a connection may take.",
    },
    Key {
        name: "timeout.total",
        kind: Kind::Duration,
        fallback: Fallback::Value("30s"),
        help: "How long a poll may take, from name to last byte.",
    },
    Key {
        name: "document.max",
        kind: Kind::Size,
        fallback: Fallback::Value("16MB"),
        help: "The largest document, unpacked; a larger one is refused.",
    },
    Key {
        name: "conditional",
        kind: Kind::Flag,
        fallback: Fallback::Value("true"),
        help: "Ask with If-None-Match and If-Modified-Since, so that an unchanged document is not \
               sent.",
    },
    Key {
        name: "auth.user",
        kind: Kind::Secret,
        fallback: Fallback::Absent,
        help: "The user of basic authentication; best `${env:NAME}`.",
    },
    Key {
        name: "auth.password",
        kind: Kind::Secret,
        fallback: Fallback::Absent,
        help: "Its password; best `${env:NAME}`.",
    },
    Key {
        name: "header.*",
        kind: Kind::Secret,
        fallback: Fallback::Absent,
        help: "A header of the request: `header.X-Api-Key` = `${env:NAME}`.",
    },
    Key {
        name: "errors.deadletterqueue.topic.name",
        kind: Kind::Topic,
        fallback: Fallback::Absent,
        help: "A topic for parts of a document that cannot be read, each with its reason in the \
               header `kerb.error`. Absent: they are counted and the last one is told.",
    },
    Key {
        name: "tasks.max",
        kind: Kind::Integer(1, 1),
        fallback: Fallback::Value("1"),
        help: "Always 1; for configurations written for Kafka Connect.",
    },
];

/// Checks what no single key can.
pub(crate) fn check(settings: &Settings) -> Result<(), ConfigError> {
    super::fetch::check(settings)?;
    super::encoding::Wanted::from_settings(settings)?;
    super::document::Carrier::from_settings(settings)?;
    for key in ["poll.interval", "retry.initial", "timeout.connect", "timeout.total"] {
        if settings.duration(key).is_zero() {
            return Err(ConfigError::new(key, "must be longer than nothing"));
        }
    }
    if settings.duration("retry.max") < settings.duration("retry.initial") {
        return Err(ConfigError::new("retry.max", "is shorter than 'retry.initial'"));
    }
    Ok(())
}

/// How often to poll.
pub(crate) fn pacing(settings: &Settings) -> Pacing {
    let duration = |key| -> Duration { settings.duration(key) };
    Pacing {
        interval: duration("poll.interval"),
        jitter_percent: settings.number("poll.jitter"),
        retry_initial: duration("retry.initial"),
        retry_max: duration("retry.max"),
    }
}

/// Where records go.
pub(crate) fn target(settings: &Settings) -> Target {
    Target {
        topic: settings.text("topic").to_owned(),
        partitions: settings.number("partitions") as u32,
        dead_letters: settings.optional("errors.deadletterqueue.topic.name").map(str::to_owned),
    }
}
