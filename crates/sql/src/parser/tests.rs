//! What `parser` promises.
