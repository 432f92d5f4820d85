//! Which passes run, and what the optimiser is told of the world.

use std::fmt;

use crate::runtime::{IsLasting, nothing_lasts};

macro_rules! passes {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// Which passes run. Each can be switched off alone; any set of them is correct.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Passes {
            $($(#[$doc])* pub $name: bool,)*
        }

        impl Passes {
            /// All passes.
            pub const ALL: Passes = Passes { $($name: true),* };
            /// No pass.
            pub const NONE: Passes = Passes { $($name: false),* };
            /// The passes' names.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The switch of the pass with this name.
            fn switch(&mut self, name: &str) -> Option<&mut bool> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

passes! {
    /// Constants are computed, operations simplified by rules; see [`rules`](super::rules).
    fold
    /// Intervals and known bits.
    ranges
    /// What has been computed is not computed again.
    cse
    /// Contents of memory, and stores that are put off.
    heap
    /// Objects that need not be allocated.
    virtuals
    /// Conditions that are known are not tested again.
    guards
    /// What a guard has found when it fails is known at its exit.
    exits
    /// Loops are emitted twice.
    peel
    /// What nobody needs is left out.
    dce
}

impl Passes {
    /// What a list of names says: `fold,cse` are these passes alone, `-peel` are all but this one, `all` and `none` mean that; what comes later counts.
    ///
    /// # Errors
    /// A name that no pass has.
    ///
    /// # Examples
    /// ```
    /// use tailor_compiler::opt::Passes;
    /// let passes = Passes::parse("-peel,-virtuals").unwrap();
    /// assert!(passes.fold && !passes.peel && !passes.virtuals);
    /// assert!(!Passes::parse("fold,cse").unwrap().dce);
    /// assert!(Passes::parse("flod").unwrap_err().to_string().contains("fold, ranges, cse"));
    /// ```
    pub fn parse(text: &str) -> Result<Passes, UnknownPass> {
        let names = || text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let subtracts = names().next().is_none_or(|first| first.starts_with('-'));
        let mut passes = if subtracts { Passes::ALL } else { Passes::NONE };
        for name in names() {
            let (wanted, name) = name.strip_prefix('-').map_or((true, name), |name| (false, name));
            match (name, wanted) {
                ("all", wanted) => passes = if wanted { Passes::ALL } else { Passes::NONE },
                ("none", true) => passes = Passes::NONE,
                _ => *passes.switch(name).ok_or_else(|| UnknownPass { name: name.to_owned() })? = wanted,
            }
        }
        Ok(passes)
    }
}

/// A name that no pass has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPass {
    /// The name.
    pub name: String,
}

impl fmt::Display for UnknownPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no pass `{}`; passes are {}", self.name, Passes::NAMES.join(", "))
    }
}

impl std::error::Error for UnknownPass {}

/// How to optimise.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which passes run.
    pub passes: Passes,
    /// Loops with more operations than this are not peeled.
    pub peel_limit: usize,
    /// What to fill words of new objects with until they get their values; see [`Runtime::harmless`](crate::runtime::Runtime::harmless).
    pub harmless: u64,
    /// Which constants need no barrier when they are stored, with its first argument; see [`Runtime::is_lasting`](crate::runtime::Runtime::is_lasting).
    pub is_lasting: (IsLasting, usize),
}

impl Default for Options {
    fn default() -> Self {
        Options { passes: Passes::ALL, peel_limit: 10_000, harmless: 0, is_lasting: (nothing_lasts, 0) }
    }
}
