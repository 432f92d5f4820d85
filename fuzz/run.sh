#!/bin/sh
# Fuzzes on a stable toolchain: builds a target with the coverage instrumentation of LLVM (what `cargo fuzz` does on nightly, less
# the address sanitizer) and runs it, beginning with the SOM programs of this repository.
#
# Usage: fuzz/run.sh TARGET SECONDS [libFuzzer option...]
#
# New inputs are kept in fuzz/corpus/TARGET; one that breaks something goes to fuzz/artifacts/TARGET, and the exit code is not 0.
set -eu

target=$1
seconds=$2
shift 2

cd "$(dirname "$0")"
mkdir -p "corpus/$target" "artifacts/$target" seeds
host=$(rustc -vV | sed -n 's/^host: //p')

# A target triple keeps the instrumentation out of build scripts and procedural macros.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build --release --bin "$target" --target "$host"

find .. -name '*.som' -not -path '*/fuzz/*' -not -path '*/target/*' | while read -r file; do
    cp "$file" "seeds/$(printf %s "$file" | tr '/' '_')"
done

"${CARGO_TARGET_DIR:-target}/$host/release/$target" "corpus/$target" seeds \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -dict=som.dict -artifact_prefix="artifacts/$target/" "$@"
