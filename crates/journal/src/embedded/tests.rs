//! Tests of the embedded journal as a whole.
