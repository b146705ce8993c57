//! What ksqlDB gave, recorded as vectors, against parser, analyzer, expressions and aggregates: all
//! that can be judged without a running engine. Skipped with a word where the vectors are missing.

#[path = "vectors/aggregates.rs"]
mod aggregates;
#[path = "vectors/expressions.rs"]
mod expressions;
#[path = "vectors/inserts.rs"]
mod inserts;
#[path = "vectors/world.rs"]
mod world;
