//! Any bytes may come; none may bring the process down.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| format::fuzz::fuzz_json_schema(data));
