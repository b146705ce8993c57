//! One file for each kind of system that records come from.

pub mod http;
