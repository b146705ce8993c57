//! A file for each command.

pub(crate) mod bench;
pub(crate) mod consume;
pub(crate) mod demo;
pub(crate) mod produce;
pub(crate) mod sql;
pub(crate) mod test;
pub(crate) mod topics;
pub(crate) mod up;
