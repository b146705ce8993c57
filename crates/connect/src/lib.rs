//! Connectors: other systems' data into topics, and (later) topics into other systems.
//!
//! Flows in: HTTP answers of feeds, and configurations from `CREATE … CONNECTOR` or `city.toml`.
//! Flows out: records, appended raw to a topic together with the position they were read up to.
//!
//! [`classes`] is the list of what there is; [`runtime`] runs, paces, retries, pauses and reports
//! connectors, which themselves only say what went wrong; [`sources`] has one file for each kind of
//! system; [`config`] one definition of every key; [`city`] reads `city.toml`.

pub mod city;
pub mod classes;
pub mod config;
pub mod error;
mod ledger;
mod pace;
pub mod runtime;
pub mod secret;
pub mod source;
pub mod sources;

pub use city::{City, CityError};
pub use config::{ConfigError, Environment, Properties};
pub use error::{ChangeError, CreateError, UnknownConnector};
pub use ledger::Owner;
pub use runtime::{Connectors, Description, State, Status};
