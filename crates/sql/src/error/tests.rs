//! What `error` promises.
