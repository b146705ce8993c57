//! Analysis from outside: our own golden scripts, and ksqlDB's cases where they are at hand.

mod cases;
mod cities;
mod golden;
mod limits;
mod support;
