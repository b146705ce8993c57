//! The doors for clients: ksqlDB's REST API on one port, HTTP/1.1 and cleartext HTTP/2.
//!
//! A request flows in through [`server`] (or, in this process, straight into the [`router`]), finds
//! its handler in [`routes`], asks `stream`'s engine, and its answer is written by [`entities`]
//! (what statements answer) or [`rows`] (what queries answer). [`error`] turns refusals into the
//! protocol's error objects; nothing internal reaches a client any other way.

pub mod accept;
pub mod body;
pub mod entities;
pub mod error;
pub mod routes;
pub mod rows;
pub mod server;

pub use routes::{Api, router};
