//! Checks that a unit obeys the rules of form of [`crate::ir`], by number. Run in debug builds behind every pass, and in tests.
//!
//! It comes in two steps, each of which may rely on the one before: [`shape`] looks at each operation alone (numbers in range, types, order of blocks), [`dominance`] at which
//! values are there. The first violation is reported; a unit that breaks rules in one place mostly breaks them in many.
//!
//! Not checked, since they cannot be seen in the form: what divisors are (rule 9), canonical forms, whether new objects are filled in time.

mod dominance;
mod shape;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::ir::{Descriptors, Ref, SnapshotId, Unit};

/// A violation of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The index of the operation; the number of all operations if the unit's end is wrong.
    pub op: usize,
    /// The rule's number in [`crate::ir`].
    pub rule: u8,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {}: {} (rule {})", self.op, self.message, self.rule)
    }
}

impl std::error::Error for VerifyError {}

/// Whether `unit` is well-formed.
///
/// # Errors
/// The first violation.
pub fn verify(unit: &Unit, descriptors: &Descriptors) -> Result<(), VerifyError> {
    shape::check(unit, descriptors)?;
    dominance::check(unit)
}

/// Panics, with the unit's text, if it is not well-formed; in release builds does nothing. `pass` is who made it.
///
/// # Panics
/// See above: a unit that is not well-formed is a bug of `pass`.
pub fn debug_verify(unit: &Unit, descriptors: &Descriptors, pass: &str) {
    if cfg!(debug_assertions)
        && let Err(error) = verify(unit, descriptors)
    {
        let text = crate::text::print(unit, descriptors, crate::text::Addresses::Hidden);
        panic!("after {pass}: {error}\n{text}");
    }
}

/// Calls `visit` with every value that a snapshot mentions, with its frames, recipes and pending stores; all numbers in it are in range.
pub fn for_each_value(unit: &Unit, snapshot: SnapshotId, mut visit: impl FnMut(Ref)) {
    use crate::ir::Slot;
    let all = &unit.snapshots;
    let snapshot = &all.snapshots[snapshot.0 as usize];
    let mut visit = |slot: Slot| {
        if let Slot::Value(value) = slot {
            visit(value);
        }
    };
    all.chain(snapshot.frames).flat_map(|frame| all.slots_of(frame)).copied().for_each(&mut visit);
    for recipe in snapshot.recipes.clone() {
        all.recipes[recipe as usize].fields.iter().for_each(|&(_, slot)| visit(slot));
    }
    for store in snapshot.stores.clone() {
        let store = all.stores[store as usize];
        visit(store.base);
        store.index.into_iter().for_each(&mut visit);
        visit(store.value);
    }
}
