//! What `text` promises.
