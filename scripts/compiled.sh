#!/usr/bin/env bash
# What tier 2 compiles for a program that does many things (benchmarks/Workload.som), with tier 1 below it and without:
# medians over several orders of what `som --jit-stats` counts.
#
#     scripts/compiled.sh [ROUNDS [ORDERS]]
#
# ROUNDS (10) is how often the list of sixteen benchmarks is done, ORDERS (20) in how many orders.
# SOM    a built `som`; else the release build is made and used
set -euo pipefail
rounds=${1:-10} orders=${2:-20}
case $rounds$orders in *[!0-9]*) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;; esac
[ -z "${SOM:-}" ] || SOM=$(realpath "$SOM")
cd "$(dirname "$0")/.."
if [ -z "${SOM:-}" ]; then
  cargo build --quiet --release -p som
  SOM=${CARGO_TARGET_DIR:-target}/release/som
fi

# The value after a name in the statistics' table.
stat() { sed -n "s/.*\b$1  *\([0-9.]*\).*/\1/p" <<<"$statistics" | head -1; }
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

printf '%-8s %8s %8s %11s %9s %11s %12s\n' policy units bridges operations emitted "code bytes" "compile, ms"
for policy in tier1=off tier1=on; do
  rows=
  for ((order = 1; order <= orders; order++)); do
    statistics=$("$SOM" --jit "$policy" --jit-stats benchmarks/BenchmarkHarness.som Workload "$rounds" "$order" 2>&1 >/dev/null)
    time=$(awk -v a="$(stat tracing)" -v b="$(stat optimising)" -v c="$(stat assembling)" 'BEGIN { print a + b + c }')
    rows+="$(stat units) $(stat bridges) $(stat operations) $(stat emitted) $(stat 'code bytes') $time"$'\n'
  done
  column() { printf %s "$rows" | awk -v c="$1" '{ print $c }' | median; }
  printf '%-8s %8s %8s %11s %9s %11s %12s\n' "$policy" "$(column 1)" "$(column 2)" "$(column 3)" "$(column 4)" "$(column 5)" "$(column 6)"
done
