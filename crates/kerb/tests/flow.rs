//! The whole program, started as people start it, on feeds of our own making.

#[path = "flow/cities.rs"]
mod cities;
#[path = "flow/conversation.rs"]
mod conversation;
#[path = "flow/demo.rs"]
mod demo;
#[path = "flow/kills.rs"]
mod kills;
#[path = "flow/own_city.rs"]
mod own_city;
#[path = "flow/program.rs"]
mod program;
#[path = "flow/refusals.rs"]
mod refusals;
#[path = "flow/shell.rs"]
mod shell;
#[path = "flow/telegram.rs"]
mod telegram;
