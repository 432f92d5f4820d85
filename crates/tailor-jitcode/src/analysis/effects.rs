//! Effects: what a function, and all it calls, may do.
//!
//! A function's own instructions say what memory it touches; calls add what their callees do. Functions that call each other are iterated to the least fixed
//! point: what no instruction of any of them does, none does.

use tailor_compiler::ir::AliasSet;

use super::alias;
use crate::code::{Code, Operation, Position};
use crate::function::JitFunction;
use crate::tape::Mutability;

/// What a function may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Alias classes that it may read. Immutable memory does not count.
    pub reads: AliasSet,
    /// Alias classes that it may write.
    pub writes: AliasSet,
    /// Whether a collection may happen in it.
    pub collects: bool,
    /// Whether it may run a portal.
    pub reenters: bool,
    /// Whether it may panic.
    pub panics: bool,
}

impl Summary {
    /// What a residual function declares.
    pub fn of_residual(function: &JitFunction) -> Summary {
        let effects = &function.effects;
        Summary {
            reads: alias::set(effects.reads),
            writes: alias::set(effects.writes),
            collects: effects.collects,
            reenters: effects.reenters,
            panics: effects.panics,
        }
    }

    /// What any function may do, residual or not.
    pub fn of(function: &'static JitFunction) -> Summary {
        if function.is_residual() { Summary::of_residual(function) } else { *function.code().summary() }
    }

    /// Whether it only computes: calls can be shared and dropped, as far as memory goes.
    pub fn is_pure(&self) -> bool {
        *self == Summary { reads: self.reads, ..Summary::default() }
    }

    fn include(&mut self, other: &Summary) {
        self.reads.0 |= other.reads.0;
        self.writes.0 |= other.writes.0;
        self.collects |= other.collects;
        self.reenters |= other.reenters;
        self.panics |= other.panics;
    }
}

/// All jitted functions that `root` may call, itself included, each once.
pub fn reachable(root: &'static JitFunction) -> Vec<&'static JitFunction> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&function) = found.get(next) {
        next += 1;
        for callee in function.code().callees() {
            if !callee.is_residual() && !found.contains(&callee) {
                found.push(callee);
            }
        }
    }
    found
}

/// Makes the summary of `root` and of all it may call.
pub(crate) fn summarise(root: &'static JitFunction) {
    let functions: Vec<&'static Code> = reachable(root).into_iter().map(JitFunction::code).collect();
    let mut summaries: Vec<Summary> = functions.iter().map(|code| own(code)).collect();
    let number = |function: &'static JitFunction| functions.iter().position(|code| code.function() == function);
    let calls: Vec<Vec<usize>> = functions.iter().map(|code| code.callees().filter_map(number).collect()).collect();
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for (caller, callees) in calls.iter().enumerate() {
            let mut summary = summaries[caller];
            callees.iter().for_each(|&callee| summary.include(&summaries[callee]));
            changed |= summary != summaries[caller];
            summaries[caller] = summary;
        }
    }
    for (code, summary) in functions.iter().zip(summaries) {
        // Another thread, or a summary of a part of these, may have been first: with the same result.
        let _ = code.known_summary().set(summary);
    }
}

/// What a function does by itself and by its residual calls.
fn own(code: &Code) -> Summary {
    let mut summary = Summary::default();
    for position in 0..code.len() as Position {
        match code.operation(position) {
            Operation::Load { memory, class, .. } if memory.mutability == Mutability::Mutable => {
                summary.reads = summary.reads.with(class);
            }
            Operation::Store { class, .. } => summary.writes = summary.writes.with(class),
            Operation::Panic { .. } => summary.panics = true,
            Operation::Call { function, .. } => {
                summary.reenters |= function.traits.portal;
                if function.is_residual() {
                    summary.include(&Summary::of_residual(function));
                }
            }
            _ => {}
        }
    }
    summary
}
