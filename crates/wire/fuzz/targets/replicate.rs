#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire_fuzz::dialect::check(wire::api::Api::Replicate, bytes));
