//! Random programs in the subset of Rust that `#[jit]` understands.
//!
//! A program is some types and functions that rustc accepts and that end, whatever they are called with. The same seed and number of functions give
//! the same program, within a version of this crate. Functions get at two objects of the support library ([`world`](crate::world)): `w: &World`, whose cells are the
//! side effects, and `m: &mut Mobile`.
//!
//! # How programs end
//! The world has *fuel*. Each function that has a world takes some when it is entered and in each turn of its loops; without fuel functions return at once and
//! loops are left. Functions without a world call nothing and have short loops only.
//!
//! # How rustc is kept content
//! Types are known all the way down. Values are `Copy`. What is borrowed is tracked coarsely (see [`scope`]): rather less is generated than the borrow checker would
//! take. Lints are for the including module to allow.
//!
//! | module | what |
//! |---|---|
//! | [`features`] | what may occur |
//! | [`types`] | types |
//! | [`function`] | functions and calls |
//! | [`expression`] | expressions of any type |
//! | [`integer`], [`scalar`], [`aggregate`] | expressions of some types |
//! | [`places`] | variables, literals, fields |
//! | [`pattern`] | patterns and `match` |
//! | [`closure`] | closures |
//! | [`statement`] | statements |
//! | [`maker`], [`scope`] | the state of generation |
//! | [`tree`] | source of which parts can be left out |

pub mod aggregate;
pub mod closure;
pub mod expression;
pub mod features;
pub mod function;
pub mod integer;
pub mod maker;
pub mod pattern;
pub mod places;
pub mod scalar;
pub mod scope;
pub mod statement;
pub mod tree;
pub mod types;

use std::collections::BTreeSet;

use function::Signature;
use tailor_compiler::random::Rng;
use tree::Code;
use types::Types;

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its types.
    pub types: Types,
    /// Its functions.
    pub functions: Vec<Function>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its signature.
    pub signature: Signature,
    code: Code,
    /// The number of its first part, in the program.
    first_part: usize,
}

/// Which parts of a program are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this function, and what it calls.
    pub only: Option<String>,
    /// Parts that are left out.
    pub without: BTreeSet<usize>,
}

impl Selection {
    /// One function or all, without the parts of a list of numbers.
    ///
    /// # Panics
    /// The list has something else between its commas.
    pub fn new(only: Option<String>, without: &str) -> Selection {
        let numbers = without.split(',').filter(|number| !number.is_empty());
        let without = numbers.map(|number| number.parse().expect("numbers of parts, with commas between")).collect();
        Selection { only, without }
    }
}

/// The program for a seed.
pub fn generate(seed: u64, functions: usize) -> Program {
    let mut rng = Rng::new(seed);
    let types = Types::random(&mut rng);
    let signatures: Vec<_> = (0..functions).map(|i| Signature::random(&mut rng, &types, i)).collect();
    let mut first_part = 0;
    let functions = signatures
        .iter()
        .map(|signature| {
            let most = if rng.chance(15) { 100 } else { 40 };
            let size = 6 + rng.below(most);
            let code = signature.body(&mut rng, &types, &signatures, size);
            let function = Function { signature: signature.clone(), first_part, code };
            first_part += function.code.parts();
            function
        })
        .collect();
    Program { types, functions }
}

impl Program {
    /// The functions that are wanted, with their sources.
    pub fn sources(&self, selection: &Selection) -> Vec<(&Function, String)> {
        let all: Vec<_> = self.functions.iter().map(|f| (f, f.source(&selection.without))).collect();
        let Some(only) = &selection.only else { return all };
        let mut wanted = BTreeSet::new();
        let mut queue = vec![only.clone()];
        while let Some(name) = queue.pop() {
            let Some((_, source)) = all.iter().find(|(f, _)| f.signature.name == name) else { continue };
            if wanted.insert(name) {
                queue.extend(source.split(|c: char| !c.is_alphanumeric()).map(str::to_string));
            }
        }
        all.into_iter().filter(|(f, _)| wanted.contains(&f.signature.name)).collect()
    }

    /// The module's source: types, functions, and the table `FUNCTIONS` of those that can be called from outside.
    pub fn write(&self, selection: &Selection) -> String {
        let mut text = String::from(
            "use tailor::{GuestStack, jit};\nuse tailor_fuzz::Entry;\nuse tailor_fuzz::world::{Mobile, Rec0, Sum0, Tag0, World, or_else, pick, swapped};\n\n",
        );
        text += &self.types.write();
        for int in types::INTS {
            let name = int.name;
            text += &format!("pub const SLICE_{}: &[{name}] = &[1, {name}::MAX, 7];\n", name.to_uppercase());
        }
        let mut entries = String::new();
        for (function, source) in self.sources(selection) {
            text += &format!("\n{source}");
            let name = &function.signature.name;
            if function.signature.is_entry() && selection.only.as_ref().is_none_or(|only| only == name) {
                entries += &format!("    Entry {{ name: {name:?}, function: {name}::__function }},\n");
            }
        }
        text + &format!("\npub static FUNCTIONS: &[Entry] = &[\n{entries}];\n")
    }

    /// The numbers of the parts that these functions have.
    pub fn parts(&self, selection: &Selection) -> Vec<usize> {
        let functions = self.sources(selection);
        functions.iter().flat_map(|(f, _)| f.first_part..f.first_part + f.code.parts()).collect()
    }
}

impl Function {
    fn source(&self, without: &BTreeSet<usize>) -> String {
        let own = without.range(self.first_part..).map(|number| number - self.first_part).collect();
        self.code.write(&own)
    }
}

#[cfg(test)]
mod tests;
