# Usual commands; `just` lists them.

[private]
default:
    @just --list

# The whole stack on this machine
run *args:
    cargo run -- {{args}}

# A scripted day, checked at its end
demo:
    cargo run -- demo

# The operator's command line; `just connector --local order list shop`
connector *args:
    cargo run --quiet --package cli -- {{args}}

# All tests
test *args:
    cargo test --workspace {{args}}

# What one runs while working: format, lints, and all tests but those of the whole system
quick:
    .ci/quick

# What takes hours, before a release: load, new histories, every kill, an hour of fuzzing, mutants, cold starts; `just long kills`
long *steps:
    .ci/long {{steps}}

# Histories of the breaking machine from a seed that was never tried
machine histories="200":
    MACHINE_FIRST=$(date +%s) MACHINE_HISTORIES={{histories}} cargo test -p system --test it machine:: -- --nocapture

# Every story killed at every step
kills:
    KILLS=all cargo test -p system --test it kills:: -- --nocapture

# Format, lints and documentation
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The template, also translated, and against the code
template:
    tests/template/run

# Whether the functions are granted what they call, and nothing else
permissions: template
    rm -rf target/calls
    CALLS_DIR="$PWD/target/calls" cargo test --workspace
    target/template-venv/bin/python tests/template/permissions.py target/calls

# The functions for Lambda; `just build --arm64` for Graviton
build *args:
    cargo lambda build --release {{args}}

# What a release consists of, in target/releases; --snapshot of the tree as it is
release *args:
    infra/release/run {{args}}

# The built functions on another AWS emulator
acceptance:
    tests/acceptance/run

# The merchant's pages in a real browser; pictures in target/browser/pictures
browser:
    tests/browser/run

# Everything that reads a stranger's bytes, fuzzed by coverage: an hour per target, two at a time; `just fuzz 60 orders`; needs cargo-fuzz
fuzz seconds="3600" *targets:
    fuzz/run {{seconds}} {{targets}}

# Packs what fuzzing found into fuzz/corpus, which it begins with elsewhere
fuzz-keep:
    fuzz/keep

# Mutants of the Rust that changed since a base, tried by all tests; needs cargo-mutants (cargo install cargo-mutants)
mutants base="origin/main" *args:
    mkdir -p target
    git diff --merge-base {{base}} -- '*.rs' > target/changed.diff
    cargo mutants --in-diff target/changed.diff --test-workspace=true {{args}}

# Hours of polls of many merchants: 100,000 orders by default; prints looks a second and the connector's memory, its table in a file
soak tenants="200" rounds="46" orders="10" crowd="10000":
    export SOAK_DIRECTORY="$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)" && \
    SOAK_TENANTS={{tenants}} SOAK_ROUNDS={{rounds}} SOAK_ORDERS={{orders}} SOAK_CROWD={{crowd}} \
        cargo test --profile bench -p system --test it soak:: -- --nocapture && rm -r "$SOAK_DIRECTORY"

# How long a webhook's answer takes, warm
bench-webhook:
    cargo bench -p system --bench webhook

# How many idle connections one poll gets through; POLL_CONNECTIONS=1000,10000,50000 and POLL_SHARDS=4
bench-poll:
    cargo bench -q -p system --bench poll

# What orders take of process-order, one by one and by the ten: wall time and processor time
bench-look:
    cargo bench -q -p system --bench look

# The calls of an order's whole life, by kind of order
bench-calls:
    cargo test -q -p system --bench calls

# The rules alone, beside what the last run on this machine measured
bench-core *args:
    cargo bench -q -p domain --bench plan -- {{args}}

# Waiting orders against Robaws' limit, in real time; DRAIN_ORDERS=2500 DRAIN_ONLY=open for 5,000
bench-drain:
    cargo bench -q -p system --bench drain

# Cold starts, sizes and memory of the functions, beside a function that does nothing, Python and Node.js
bench-cold *args:
    tests/bench/cold {{args}}

# What an order and an idle connection use of AWS and of the peers, and what that costs
cost:
    cargo test -q -p system --bench usage > target/usage.json
    python3 infra/cost/cost.py target/usage.json

# Licences, bans and sources of the dependencies
deny:
    cargo deny check bans licenses sources

# Known vulnerabilities of the dependencies; needs the advisory database
audit:
    cargo deny check advisories

# Everything that must pass before a change lands
ci:
    bash .ci/run
