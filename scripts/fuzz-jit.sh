#!/usr/bin/env bash
# Holds the two readings of #[jit] against each other on random functions, one seed after another, with overflow checks and
# without, until the time is over or something differs; then makes that function smaller.
#
#     scripts/fuzz-jit.sh SECONDS [FIRST-SEED]
#
# TAILOR_FUZZ_FUNCTIONS (150) functions are made for a seed, and called for TAILOR_FUZZ_SECONDS (20).
set -euo pipefail
cd "$(dirname "$0")/.."

limit=${1:?usage: scripts/fuzz-jit.sh SECONDS [FIRST-SEED]}
seed=${2:-$(date +%s)}
export TAILOR_FUZZ_FUNCTIONS=${TAILOR_FUZZ_FUNCTIONS:-150} TAILOR_FUZZ_SECONDS=${TAILOR_FUZZ_SECONDS:-20}
# Without overflow checks is what release builds are for here; they need not be the best possible.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
log=$(mktemp)
trap 'rm -f "$log"' EXIT

start=$SECONDS
round=0
while ((SECONDS - start < limit)); do
  options=()
  # Every fourth seed without overflow checks.
  if ((round % 4 == 3)); then options=(--release); fi
  if ! TAILOR_FUZZ_SEED=$seed cargo test --quiet --package tailor-fuzz --test differential "${options[@]}" -- --nocapture >"$log" 2>&1; then
    cat "$log"
    name=$(sed -n 's/^DIFFERENCE in \([a-z0-9]*\) .*/\1/p' "$log" | head -1)
    echo "seed $seed ${options[*]}: failed after $((SECONDS - start)) s"
    if [[ -n $name ]]; then
      cargo run --quiet --package tailor-fuzz -- minimise "$seed" "$TAILOR_FUZZ_FUNCTIONS" "$name" "${options[@]}"
    fi
    exit 1
  fi
  echo "$((SECONDS - start)) s: $(grep '^seed' "$log") ${options[*]}"
  seed=$((seed + 1))
  round=$((round + 1))
done
