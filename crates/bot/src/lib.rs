//! The conversation with drivers: where to park, how full it is, tell me, how was it over time.
//!
//! Messages flow in from a [`transports`] (Telegram, or the terminal) and answers flow back; all
//! that the bot knows it reads through [`client`] from ksqlDB's REST API, by statements with bound
//! values. Subscriptions and positions are rows behind that API. In memory it keeps, for minutes, a
//! location that was shared and the question it belongs to, and the alerts that are under way: the
//! bot can be stopped anywhere, and tells an alert at most once. `kerb` runs it against
//! the server in its own process. The client speaks HTTP as well; against ksqlDB itself the views
//! would have to be there (`cities/interface.sql`, whose LATEST_BY_TIME is ours).
//!
//! To follow a question: [`transports::telegram`] or [`transports::terminal`] -> [`conversation`]
//! -> [`commands`] (one file each) -> [`views`] -> [`client`] -> the REST API, and the [`reply`]
//! back.
//! Alerts go the other way: [`alerts`] reads a push query and hands messages to the transport.

pub mod alerts;
pub mod chart;
pub mod client;
pub mod commands;
pub mod conversation;
pub mod places;
pub mod reply;
mod seldom;
pub mod transports;
pub mod views;
pub mod words;
