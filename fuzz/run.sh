#!/bin/sh
# Runs every fuzz target for some seconds each (60 unless told): fuzz/run.sh [seconds] [target…]
#
# Needs cargo-fuzz (cargo install cargo-fuzz) and, for the sanitizer, a nightly toolchain (rustup toolchain install nightly).
# What is found lies in fuzz/artifacts/<target>/; run one again with: cargo +nightly fuzz run <target> <file>
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: cargo-fuzz is missing; install it with: cargo install cargo-fuzz" >&2
    exit 2
fi
if ! rustc +nightly --version >/dev/null 2>&1; then
    echo "fuzz: no nightly toolchain; install it with: rustup toolchain install nightly" >&2
    exit 2
fi

targets=${*:-$(cargo +nightly fuzz list)}
for target in $targets; do
    echo "== $target, $seconds s"
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus"
    for seeds in "fuzz/seeds/$target"; do
        [ ! -d "$seeds" ] || cp -n "$seeds"/* "$corpus"/ 2>/dev/null || true
    done
    nice -n 15 cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536
done
