#!/usr/bin/env bash
# Runs SOM's own suites, from a checkout of SOM-st/SOM, on this VM: with its embedded core library and with upstream's.
#
#   scripts/conformance.sh CHECKOUT
#
# Set SOM to a built `som` to test that one; else the release build is made and used. IntegrationTests need python3 with pytest and
# pyyaml, and their runner: if the checkout does not have it, it is taken from refs/pull/128/merge of its origin.
set -uo pipefail
usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
[ $# -eq 1 ] && [ -d "$1/TestSuite" ] || usage
checkout=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${SOM:-}" ]; then
  (cd "$root" && cargo build --quiet --release -p som) || exit 1
  SOM=${CARGO_TARGET_DIR:-$root/target}/release/som
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
empty=$scratch/empty
mkdir "$empty"
failed=0

# report NAME PASSED TOTAL BAR
report() {
  local verdict=ok
  [ "$2" -ge "$4" ] || { verdict="FAILED (the bar is $4)"; failed=1; }
  printf '  %-34s %4d of %4d  %s\n' "$1" "$2" "$3" "$verdict"
}

test_suite() {
  local out passed total
  out=$("$SOM" -cp "$1" "$checkout/TestSuite/TestHarness.som" 2>&1)
  total=$(sed -n 's/^Total number of tests: *//p' <<<"$out")
  passed=$(sed -n 's/^Number of successful tests: *//p' <<<"$out")
  report TestSuite "${passed:-0}" "${total:-0}" 221
  sed -n 's/^Number of assertions tested: */    assertions: /p; s/^Number of unsupported optionals: */    unsupported optionals: /p' <<<"$out"
}

basic() {
  local passed=0 total=0 class selector expected got
  while read -r class selector expected; do
    case $class in '' | '#'*) continue ;; esac
    total=$((total + 1))
    got=$("$SOM" -cp "$1:$checkout/TestSuite/BasicInterpreterTests" -e "$class $selector" 2>"$scratch/err")
    if [ $? -eq 3 ]; then got=error; fi
    # A class is printed by its name; nil is not printed.
    if [ "$got" = "$expected" ]; then passed=$((passed + 1)); else echo "    $class>>$selector: expected $expected, got $got"; fi
  done <"$root/scripts/basic-interpreter-tests.txt"
  report BasicInterpreterTests "$passed" "$total" 66
}

integration() {
  local runner=$checkout out passed failures
  if [ ! -f "$runner/IntegrationTests/test_runner.py" ]; then
    runner=$scratch/runner
    if [ ! -d "$runner" ]; then
      mkdir "$runner"
      git -C "$checkout" fetch --quiet origin refs/pull/128/merge 2>/dev/null &&
        git -C "$checkout" archive FETCH_HEAD IntegrationTests Smalltalk Examples | tar -x -C "$runner"
    fi
  fi
  if ! [ -f "$runner/IntegrationTests/test_runner.py" ] || ! python3 -c 'import pytest, yaml' 2>/dev/null; then
    echo "  IntegrationTests                   not run: needs their runner, python3, pytest, pyyaml"
    failed=1
    return
  fi
  out=$(cd "$runner" && VM=$SOM CLASSPATH=$1 AWFY=$checkout/Examples/AreWeFastYet/Core \
    python3 -m pytest -q -p no:cacheprovider IntegrationTests 2>&1)
  passed=$(sed -n 's/.*[^0-9]\([0-9][0-9]*\) passed.*/\1/p; s/^\([0-9][0-9]*\) passed.*/\1/p' <<<"$out" | tail -1)
  failures=$(sed -n 's/^FAILED [^[]*\[\([^]]*\)\].*/    not passed: \1/p' <<<"$out")
  report IntegrationTests "${passed:-0}" 200 150
  [ -z "${VERBOSE:-}" ] || echo "$failures"
}

parse_all() {
  local files total bad
  mapfile -t files < <(find "$checkout" -name '*.som' -not -path '*/IntegrationTests/*')
  total=${#files[@]}
  # Self.som is the one that must be rejected: it assigns to self and super.
  bad=0
  for file in "${files[@]}"; do
    "$SOM" --parse-only "$file" 2>/dev/null || { bad=$((bad + 1)); echo "    does not parse: ${file#"$checkout"/}"; }
  done
  report "files that parse" $((total - bad)) "$total" $((total))
}

# awfy NAME CORE DIRECTORY HARNESS
awfy() {
  local passed=0 name inner out core=$2 dir=$3 path
  path=$dir:$(find "$dir" -mindepth 1 -type d | paste -sd:)
  for name in Bounce:1 List:1 Permute:1 Queens:1 Sieve:1 Storage:1 Towers:1 Mandelbrot:1 NBody:1 Richards:1 DeltaBlue:10 Json:1 CD:10 Havlak:1; do
    inner=${name#*:}
    name=${name%:*}
    if out=$("$SOM" -cp "$path:$core" "$4" "$name" 1 "$inner" 2>&1) && grep -q "$name: iterations=1" <<<"$out"; then
      passed=$((passed + 1))
    else
      echo "    $name: $(tail -1 <<<"$out")"
    fi
  done
  report "$1" "$passed" 14 14
}

for core in "$empty" "$checkout/Smalltalk"; do
  if [ "$core" = "$empty" ]; then echo "With the embedded core library:"; else echo "With the core library of the checkout:"; fi
  test_suite "$core"
  basic "$core"
  integration "$core"
  awfy "Are We Fast Yet, upstream's" "$core" "$checkout/Examples/AreWeFastYet" Harness
  awfy "Are We Fast Yet, ours" "$core" "$root/benchmarks" BenchmarkHarness
done
echo "Without a library:"
parse_all
exit $failed
