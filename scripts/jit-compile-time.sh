#!/bin/sh
# What `#[jit]` costs when compiling: rustc's user time for a crate of annotated functions, with the second reading and without, per function.
#
#   scripts/jit-compile-time.sh [FUNCTIONS]      (default 200)
#
# The functions are what an interpreter is made of: handlers that take frames and instructions, decode, branch, loop over words, call each other,
# use Option, Result and `?`, closures, small structs and enums. The release build of the synthetic crate alone is measured (dependencies are built before),
# one codegen unit, no LTO, so that the time is rustc's own. The bar is 15 ms a function.
set -eu
count=${1:-200}
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat > "$dir/Cargo.toml" <<EOF
[package]
name = "synthetic"
version = "0.0.0"
edition = "2024"
[dependencies]
tailor = { path = "$root/crates/tailor", default-features = false }
[features]
jit = ["tailor/jit"]
[profile.release]
codegen-units = 1
[workspace]
EOF
cp "$root/Cargo.lock" "$dir/Cargo.lock"

{
    cat <<'EOF'
#![allow(dead_code)]
use tailor::{GuestStack, jit};

#[jit::value]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value(u64);
#[jit]
impl Value {
    #[inline(always)]
    pub fn is_small(self) -> bool {
        self.0 & 1 == 1
    }
    #[inline(always)]
    pub fn as_small(self) -> i64 {
        self.0 as i64 >> 1
    }
    #[inline(always)]
    pub fn try_small(i: i64) -> Option<Value> {
        let word = i << 1;
        (word >> 1 == i).then_some(Value((word | 1) as u64))
    }
}
#[jit::value]
#[derive(Clone, Copy)]
pub struct Frame(GuestStack<Value>);
#[jit]
impl Frame {
    #[inline(always)]
    pub fn get(self, r: u16) -> Value {
        unsafe { self.0.get(r as isize) }
    }
    #[inline(always)]
    pub fn set(self, r: u16, value: Value) {
        unsafe { self.0.set(r as isize, value) }
    }
}
#[jit::value]
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Op {
    Add,
    Sub,
    Jump,
    Test,
    Other,
}
#[jit::value]
#[derive(Clone, Copy)]
pub struct Instr {
    op: Op,
    a: u16,
    b: u16,
    c: u16,
}
#[jit::value]
#[derive(Clone, Copy)]
pub enum Failure {
    Overflow,
    Type(Value),
}
#[jit::residual]
#[inline(never)]
pub fn slow(a: Value, b: Value, op: Op) -> Result<Value, Failure> {
    if op == Op::Other { Err(Failure::Type(a)) } else { Ok(b) }
}
EOF
    n=0
    while [ "$n" -lt "$count" ]; do
        case $((n % 5)) in
        0) cat <<EOF
#[jit]
pub fn handler$n(frame: Frame, i: Instr) -> Result<bool, Failure> {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    if a.is_small() && b.is_small() {
        if let Some(sum) = a.as_small().checked_add(b.as_small() + $n) {
            if let Some(value) = Value::try_small(sum) {
                frame.set(i.a, value);
                return Ok(true);
            }
        }
        return Err(Failure::Overflow);
    }
    let value = slow(a, b, i.op)?;
    frame.set(i.a, value);
    Ok(false)
}
EOF
        ;;
        1) cat <<EOF
#[jit]
pub fn handler$n(frame: Frame, i: Instr, pc: usize) -> usize {
    let mut count = 0;
    let mut r = i.a;
    while r < i.b {
        let value = frame.get(r);
        if value.is_small() && value.as_small() > $n {
            count += value.as_small() % 7;
        } else if r == i.c {
            break;
        }
        r += 1;
    }
    if count as usize > pc { usize::from(i.c) } else { pc + 1 }
}
EOF
        ;;
        2) cat <<EOF
#[jit]
pub fn handler$n(frame: Frame, i: Instr, mut pc: usize) -> Result<usize, Failure> {
    match i.op {
        Op::Add => pc += 1,
        Op::Sub | Op::Test => {
            let value = frame.get(i.a);
            pc = if value.is_small() { usize::from(i.b) } else { pc + 2 };
        }
        Op::Jump => pc = usize::from(i.c) + $n,
        Op::Other => {
            frame.set(i.a, slow(frame.get(i.b), frame.get(i.c), i.op)?);
            pc += 1;
        }
    }
    Ok(pc)
}
EOF
        ;;
        3) cat <<EOF
#[jit]
pub fn handler$n(frame: Frame, i: Instr) -> bool {
    let a = frame.get(i.b);
    let limit = i64::from(i.c as i16) << 1;
    let result = a.is_small().then(|| a.as_small().wrapping_mul($n)).filter(|x| *x < limit);
    match result.map(|x| x + 1).and_then(Value::try_small) {
        Some(value) => {
            frame.set(i.a, value);
            true
        }
        None => false,
    }
}
EOF
        ;;
        4) cat <<EOF
#[jit]
pub fn handler$n(frame: Frame, i: Instr) -> Option<Instr> {
    let mut sum = $n;
    for r in i.a..i.b {
        let value = frame.get(r);
        if !value.is_small() {
            return None;
        }
        sum = (sum ^ value.as_small()).rotate_left(3);
    }
    let next = Instr { a: i.c, ..i };
    if sum < 0 && handler$((n - 1))(frame, next) { Some(next) } else { Some(Instr { op: Op::Jump, ..next }) }
}
EOF
        ;;
        esac
        n=$((n + 1))
    done
} > "$dir/src/lib.rs"

cd "$dir"
measure() {
    # Builds the dependencies, then the crate alone; prints its user time in milliseconds.
    cargo build --release --quiet "$@" 2>/dev/null
    export TIMEFORMAT=%U
    # The least of five: other work on the machine only adds.
    for _ in 1 2 3 4 5; do
        touch src/lib.rs
        bash -c "time cargo rustc --release --quiet --lib $*" 2>&1 | tail -1
    done | sort -n | head -1 | awk '{ print $1 * 1000 }'
}
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$dir/target}/compile-time"
plain=$(measure)
jitted=$(measure --features jit)
echo "plain: $plain ms; with the second reading: $jitted ms; $count functions"
awk -v p="$plain" -v j="$jitted" -v n="$count" 'BEGIN { printf "%.1f ms a function\n", (j - p) / n }'
