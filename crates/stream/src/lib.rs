//! Plans in, changes out: the engine that runs `sql`'s plans over a `journal`.
//!
//! The life of a row: a task reads records, a source operator decodes them into a [`batch`], the
//! [`topology`] of [`operators`] turns batches into batches, a sink encodes them again; outputs,
//! changed [`state`] and positions go into one commit. [`engine`] is the door for everybody else:
//! statements in, [`answer`]s and rows out.

pub mod answer;
pub mod batch;
pub mod connectors;
pub mod engine;
pub mod expression;
pub mod operators;
mod print;
pub mod processing_log;
pub mod pull;
pub mod push;
pub mod request;
pub mod rows;
pub mod run;
pub mod schema_topic;
pub mod state;
pub mod timestamps;
pub mod topology;
pub mod view;

pub use engine::properties::check_setting;
pub use engine::{Engine, EngineOptions, Execution, PipedRecord, PullAnswer, QueryAnswer};
pub use push::{PrintQuery, PushEvent, PushQuery, QueryEnd};
pub use request::{Client, Request, RequestError, RequestErrorKind};
