//! What makes a function's body: the state, and how it chooses.

use tailor_compiler::random::Rng;

use super::features::{Feature, enabled};
use super::function::Signature;
use super::scope::{Mark, Scope};
use super::tree::Code;
use super::types::{Type, Types};

/// Makes code of a type, of about a size (0: a leaf); `None` if it can't here.
pub type Make = fn(&mut Maker<'_>, &Type, usize) -> Option<Code>;

/// A way to make an expression: how likely, what it needs, how.
pub type Row = (usize, Feature, Make);

/// Makes the body of one function.
pub struct Maker<'a> {
    /// Where choices come from.
    pub rng: &'a mut Rng,
    /// The program's types.
    pub types: &'a Types,
    /// The program's functions.
    pub functions: &'a [Signature],
    /// Whether the function is inlined wherever it is called, as those with closures are: two of them may not call each other.
    pub inlined: bool,
    /// What can be named.
    pub scope: Scope,
    /// Numbers of names.
    pub fresh: usize,
}

impl Maker<'_> {
    /// A new name.
    pub fn name(&mut self, prefix: &str) -> String {
        self.fresh += 1;
        format!("{prefix}{}", self.fresh)
    }

    /// Code by one of the rows that are possible.
    pub fn by_table(&mut self, tables: &[&[Row]], ty: &Type, size: usize) -> Option<Code> {
        let rows = || tables.iter().flat_map(|t| t.iter()).filter(|row| enabled(row.1));
        let total: usize = rows().map(|row| row.0).sum();
        for _ in 0..12 {
            let mut choice = self.rng.below(total);
            let row = rows().find(|row| {
                let here = choice < row.0;
                choice = choice.wrapping_sub(row.0);
                here
            })?;
            if let Some(code) = row.2(self, ty, size) {
                return Some(code);
            }
        }
        None
    }

    /// Code in a scope of its own.
    pub fn scoped<R>(&mut self, make: impl FnOnce(&mut Self) -> R) -> R {
        let mark: Mark = self.scope.enter();
        let result = make(self);
        self.scope.leave(mark);
        result
    }

    /// Code that assigns to nothing outside of it.
    pub fn without_assignments<R>(&mut self, make: impl FnOnce(&mut Self) -> R) -> R {
        self.scoped(|m| {
            m.scope.forbid_assignments();
            make(m)
        })
    }

    /// The simplest value of a type.
    pub fn simplest(&self, ty: &Type) -> String {
        self.types.simplest(ty)
    }

    /// Marks an expression as a part.
    pub fn part(&self, code: Code, ty: &Type) -> Code {
        code.part(self.simplest(ty))
    }

    /// A random type.
    pub fn any_type(&mut self, depth: usize) -> Type {
        self.types.any(self.rng, depth)
    }
}
