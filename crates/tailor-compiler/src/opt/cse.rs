//! The pass `cse`: an operation that has been done is not done again.
//!
//! Pure operations, loads of immutable memory and elidable calls are found by their opcode and operands in an open hash table of output operations. An entry is valid in what
//! its operation dominates; the [trail](super::trail) removes it elsewhere. Since it does so youngest first, linear probing needs no tombstones.
//!
//! # Invariants
//! - The table does not grow while a unit is walked (the trail has positions in it): it is sized for the source unit, and what would fill it beyond three quarters is not
//!   entered.
//! - Operands are compared as they stand: they have been simplified, and operands of commutative operations are ordered.

use super::trail::Event;
use super::walk::Walk;
use crate::ir::{ListRange, Op, OpCode, Ref, Unit};

/// How many values that have become constants are looked through.
const KNOWN: usize = 32;

/// A hash table of output operations by what they compute.
#[derive(Debug, Default)]
pub struct Expressions {
    /// Operation index + 1, or 0.
    entries: Vec<u32>,
    used: usize,
}

impl Expressions {
    /// Makes it empty, with room for `count` operations.
    pub fn reset(&mut self, count: usize) {
        self.entries.clear();
        self.entries.resize((count * 2).next_power_of_two().max(64), 0);
        self.used = 0;
    }

    /// Undoes an insertion, the youngest that has not been undone.
    pub fn remove(&mut self, place: u32) {
        self.entries[place as usize] = 0;
        self.used -= 1;
    }

    /// The operation that `matches`, or the free place for it.
    fn find(&self, hash: u64, matches: impl Fn(usize) -> bool) -> Result<usize, usize> {
        let mask = self.entries.len() - 1;
        let mut place = (hash >> 32) as usize & mask;
        loop {
            match self.entries[place] {
                0 => return Err(place),
                entry if matches(entry as usize - 1) => return Ok(entry as usize - 1),
                _ => place = (place + 1) & mask,
            }
        }
    }
}

/// Multiplicative hashing by a random odd constant.
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn hash_of(op: &Op) -> u64 {
    let head = op.code as u64 | u64::from(op.aux) << 8 | u64::from(op.a) << 32;
    mix(mix(0, head), u64::from(op.b) | u64::from(op.c) << 32)
}

fn hash_of_call(unit: &Unit, op: &Op) -> u64 {
    let arguments = unit.elements(ListRange(op.a));
    arguments.fold(u64::from(op.aux), |hash, argument| mix(hash, u64::from(argument.word())))
}

impl Walk<'_> {
    /// The operation in the output that computes the same as `op`, which is pure or a load of immutable memory.
    pub(super) fn find_expression(&self, op: &Op) -> Option<Ref> {
        if !self.options.passes.cse {
            return None;
        }
        let found = self.s.expressions.find(hash_of(op), |at| self.out.ops[at] == *op);
        found.ok().map(Ref::op)
    }

    /// The load from immutable memory at a constant address that was done when the address was not known to be that constant.
    pub(super) fn find_load_before(&self, op: &Op) -> Option<Ref> {
        let base = Ref::from_word(op.a);
        base.as_constant()?;
        let known = self.s.known.iter().rev().take(KNOWN).filter(|&&(constant, _)| constant == base);
        known.map(|&(_, at)| Ref::op(at as usize)).find_map(|value| {
            let found = self.find_expression(&Op { a: value.word(), ..*op })?;
            // Asks for it, so that whoever relies on the load relies on the address.
            (self.resolve(value) == base).then_some(found)
        })
    }

    /// Makes output operation `at` available.
    pub(super) fn enter_expression(&mut self, at: usize) {
        let op = self.out.ops[at];
        self.enter_at(hash_of(&op), at);
    }

    /// The elidable call in the output that has the same arguments as `op`, a call whose list is the output's.
    pub(super) fn find_call(&self, op: &Op) -> Option<Ref> {
        if !self.options.passes.cse {
            return None;
        }
        let unit = &*self.out;
        let found = self.s.expressions.find(hash_of_call(unit, op), |at| {
            let other = &unit.ops[at];
            other.code == OpCode::Call
                && other.aux == op.aux
                && unit.elements(ListRange(other.a)).eq(unit.elements(ListRange(op.a)))
        });
        found.ok().map(Ref::op)
    }

    /// Makes the elidable call at `at` of the output available.
    pub(super) fn enter_call(&mut self, at: usize) {
        let hash = hash_of_call(self.out, &self.out.ops[at]);
        self.enter_at(hash, at);
    }

    fn enter_at(&mut self, hash: u64, at: usize) {
        let table = &mut self.s.expressions;
        if !self.options.passes.cse || table.used * 4 > table.entries.len() * 3 {
            return;
        }
        if let Err(place) = table.find(hash, |_| false) {
            table.entries[place] = at as u32 + 1;
            table.used += 1;
            self.s.trail.push(Event::Expression(place as u32));
        }
    }
}
