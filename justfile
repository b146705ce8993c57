# `just` alone lists these; `just ci` is exactly what CI runs.
_default:
    @just --list --unsorted

# formatting and lints
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# all tests, golden scripts included
test *ARGS:
    cargo test --workspace --locked {{ARGS}}

# golden scripts only; ACCEPT=1 writes what came out
golden *ARGS:
    cargo test --workspace --locked golden {{ARGS}}

# the recorded feed, the bot in this terminal: no network, no keys
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# an empty server, as someone who brings SQL wants it
run *ARGS:
    cargo run --release -- up {{ARGS}}

# each benchmark, a JSON object a line
bench *ARGS:
    cargo run --release -- bench --json {{ARGS}}

# a fuzz target for so many seconds (needs cargo-fuzz)
fuzz NAME SECONDS="60":
    cd fuzz && cargo fuzz run {{NAME}} --sanitizer none -- -max_total_time={{SECONDS}} -rss_limit_mb=2048

# the API documentation
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# exactly what CI runs
ci:
    bash .ci/run
