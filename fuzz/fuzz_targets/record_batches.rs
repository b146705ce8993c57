//! Any bytes may come; none may bring the process down.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| journal::record_batch::fuzz_record_batches(data));
