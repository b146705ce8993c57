//! Stand-ins for the world: a clock that runs fast, and a server that plays recorded feeds.
//!
//! `kerb demo` and the tests of other crates use them; what is here is as careful as the rest.

pub mod clock;
pub mod fake_telegram;
pub mod feed_server;
pub mod vectors;

pub use clock::ScaledClock;
pub use feed_server::{Fault, FeedServer, Recording, RecordingError};
