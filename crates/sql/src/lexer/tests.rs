//! What `lexer` promises.
