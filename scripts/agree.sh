#!/usr/bin/env bash
# Runs all SOM programs of the repository in the ordinary way and in another, and compares what they print and how they end. (That the
# ordinary way is right is for `cargo test` to say; here, benchmarks and TestSuite must at least succeed.)
#
#   scripts/agree.sh WAY [CHECKOUT]
#
#   stress          with a collection at every allocation, and a check of the whole heap after each (10 minutes)
#   jitcode         the interpreter's jitcode executed in the black hole (5 minutes)
#   jitcode-unit    the same on the paths that compiled code takes (6 minutes)
#   jitcode-stress, jitcode-unit-stress
#                   with collections as well (half an hour)
#   jit             compiled by tier 2, everything at once
#   tier1           compiled by tier 1 alone, each piece when it is reached first
#   tiers           compiled by tier 1 at once, and a little later by tier 2
#   jit-random, tier1-random, tiers-random
#                   the same, with thresholds that differ from place to place, by SEED
#   jit-stress, tier1-stress, tiers-stress
#                   the same, with collections
# With a checkout of SOM-st/SOM, its TestSuite as well.
# SOM    a built `som` to test; else the release build is made and used
# JIT    the JIT's parameters, in place of those of the way
# SEED   for those with -random, and for the few programs that are sampled (see mode_of): which allocations collect; else random
# ONLY   a part of the names of the programs to run
set -uo pipefail
usage() { sed -n '2,24s/^# \{0,1\}//p' "$0"; exit 2; }
[ $# -ge 1 ] && [ $# -le 2 ] || usage
way=$1
case $way in
  stress) execution=native stress=yes ;;
  jitcode) execution=jitcode stress= ;;
  jitcode-unit) execution=jitcode-unit stress= ;;
  jitcode-stress) execution=jitcode stress=yes ;;
  jitcode-unit-stress) execution=jitcode-unit stress=yes ;;
  jit | tier1 | tiers | jit-random | tier1-random | tiers-random) execution=native stress= ;;
  jit-stress | tier1-stress | tiers-stress) execution=native stress=yes ;;
  *) usage ;;
esac
checkout=
if [ $# -eq 2 ]; then
  [ -d "$2/TestSuite" ] || usage
  checkout=$(cd "$2" && pwd)
fi
[ -z "${SOM:-}" ] || SOM=$(realpath "$SOM")
cd "$(dirname "$0")/.." || exit 1
if [ -z "${SOM:-}" ]; then
  cargo build --quiet --release -p som || exit 1
  SOM=${CARGO_TARGET_DIR:-target}/release/som
fi
SEED=${SEED:-$RANDOM}
# The JIT's parameters for the other way.
few=2 tier1=1
case $way in *-random) few=20 tier1=4 ;; esac
eager="budget=0,short_unit=0,threshold=$few,function_threshold=$few,trace_eagerness=$((few < 10 ? few : 10))"
case $way in
  jit | jit-*) jit=${JIT:-tier1=off,$eager} ;;
  tier1*) jit=${JIT:-tier1=on,tier2=off,tier1_threshold=$tier1,budget=0} ;;
  tiers*) jit=${JIT:-tier1=on,tier1_threshold=$tier1,tier2_patience=1,$eager} ;;
  *) jit=off ;;
esac
case $way in *-random) jit=$jit,seed=$SEED ;; esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
count=0 sampled=0 failed=()

# The mode for a program. Sampled are those that would take more than ten minutes, since each collection has to look at much:
mode_of() {
  [ -n "$stress" ] || return
  case $1 in
    # 12 million allocations, 3 to 8 MB alive.
    benchmarks/Havlak) echo "stress=100,verify,seed=$SEED" ;;
    # A million allocations, up to 24 MB alive.
    tests/gc_long_list.som) echo "stress=50,verify,seed=$SEED" ;;
    # 90,000 allocations, with a guest stack that grows as long; compiled code has all of it scanned.
    tests/deep_recursion.som) echo "stress=500,verify,seed=$SEED" ;;
    # A million allocations, with a guest stack of up to 128 MB to scan.
    tests/error_stack_overflow_hook.som) echo "stress=2000,verify,seed=$SEED" ;;
    *) echo stress,verify ;;
  esac
}

# output MODE EXECUTION COMMAND...: status and both streams; times differ from run to run.
output() {
  local mode=$1 execution=$2
  shift 2
  TAILOR_GC=$mode TAILOR_EXEC=$execution "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
  echo "status $?"
  cat "$scratch/out" - "$scratch/err" <<<"--- standard error:" | sed 's/[0-9][0-9]*us/-us/g'
}

# A run without an error; if it was TestSuite's, with all tests passed.
succeeded() {
  grep -qx 'status 0' "$1" &&
    [ "$(sed -n 's/^Total number of tests: *//p' "$1")" = "$(sed -n 's/^Number of successful tests: *//p' "$1")" ]
}

# check NAME COMMAND...
check() {
  local name=$1 mode begin=$SECONDS
  shift
  case $name in *"${ONLY:-}"*) ;; *) return ;; esac
  mode=$(mode_of "$name")
  count=$((count + 1))
  case $mode in *seed*) sampled=$((sampled + 1)) ;; esac
  printf '%4d  %-50s %s %s' "$count" "$name" "$execution, --jit $jit" "$mode"
  output "" native "$1" --jit off "${@:2}" >"$scratch/expected"
  output "$mode" $execution "$1" --jit "$jit" "${@:2}" >"$scratch/actual"
  if [[ $name != tests/* ]] && ! succeeded "$scratch/expected"; then
    printf '  FAILS in the ordinary way\n'
    failed+=("$name")
  elif cmp -s "$scratch/expected" "$scratch/actual"; then
    printf '  ok, %d s\n' $((SECONDS - begin))
  else
    printf '  DIFFERS:\n'
    diff "$scratch/expected" "$scratch/actual" | sed 20q
    failed+=("$name")
  fi
}

while read -r program; do
  check "$program" "$SOM" "$program"
done < <(grep -rl --include='*.som' '^VM:' tests | sort)

# The README's tables name the benchmarks, and in the last column their smallest sizes.
while read -r name size; do
  check "benchmarks/$name" "$SOM" -cp benchmarks benchmarks/BenchmarkHarness.som "$name" 1 "$size"
done < <(sed -n 's/^| \([A-Z][A-Za-z]*\) |.*| \([0-9][0-9]*\)[^|]*|$/\1 \2/p' benchmarks/README.md)

if [ -n "$checkout" ]; then
  check TestSuite "$SOM" -cp "$checkout/Smalltalk" "$checkout/TestSuite/TestHarness.som"
fi

echo "$((count - ${#failed[@]})) of $count programs agree; $sampled sampled, with SEED=$SEED; $SECONDS s"
[ ${#failed[@]} -eq 0 ] || printf 'failed: %s\n' "${failed[@]}"
[ $count -gt 0 ] && [ ${#failed[@]} -eq 0 ]
