#!/usr/bin/env bash
# What the JIT costs programs that are interpreted: the instructions that five benchmarks execute in a build with the JIT, which is off, and in one that
# has the native reading only (--no-default-features). The bar is 1 % a benchmark. Instructions, since neither other programs nor the machine change them.
#
#   scripts/native-cost.sh [WITHOUT WITH]
#
# WITHOUT and WITH are two built `som`, without and with the JIT; else both release builds are made. It takes valgrind, and five minutes with the builds.
# The first row is the start of a program that does nothing; it is taken away from the others.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ $# -eq 2 ]; then
  cp "$1" "$scratch/without"
  cp "$2" "$scratch/with"
elif [ $# -eq 0 ]; then
  for build in without with; do
    options=()
    if [ $build = without ]; then options=(--no-default-features); fi
    cargo build --quiet --release -p som "${options[@]}"
    cp "${CARGO_TARGET_DIR:-target}/release/som" "$scratch/$build"
  done
else
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit 2
fi

# instructions BUILD PROGRAM...: how many are executed.
instructions() {
  local options=()
  if [ "$1" = with ]; then options=(--jit off); fi
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$scratch/$1" "${options[@]}" -cp benchmarks "${@:2}" 2>&1 >"$scratch/out" |
    sed -n 's/.*Collected : //p' >"$scratch/count"
  if ! grep -q '[0-9]' "$scratch/count" || grep -qi error "$scratch/out"; then
    echo "$0: ${*:2} fails in the build $1 the JIT" >&2
    exit 1
  fi
  cat "$scratch/count"
}

# row NAME WITHOUT WITH
row() { awk -v name="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%-12s %15d %15d %+9.2f %%\n", name, a, b, 100 * (b - a) / a }'; }

printf '%-12s %15s %15s %11s\n' '' 'without JIT' 'with, off' 'difference'
without=$(instructions without -e nil)
with=$(instructions with -e nil)
row start "$without" "$with"
while read -r name inner; do
  a=$(instructions without benchmarks/BenchmarkHarness.som "$name" 1 "$inner")
  b=$(instructions with benchmarks/BenchmarkHarness.som "$name" 1 "$inner")
  row "$name" $((a - without)) $((b - with))
done <<'EOF'
Richards 2
Queens 20
Json 2
DeltaBlue 200
Bounce 30
EOF
