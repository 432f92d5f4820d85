//! What generated code may name at a place, and what the borrow checker lets it do there.
//!
//! # Terms
//! - A variable is *frozen* while something borrows it (a closure, a reference): it can be read only.
//! - The *floor* is the number of variables that may not be assigned to at all: those outside of a closure or match guard.

use super::types::Type;

/// A local variable or parameter.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it is declared `mut`.
    pub mutable: bool,
    /// See the module.
    pub frozen: bool,
    /// Whether it is a `&` of that type, which has to be dereferenced.
    pub reference: bool,
}

/// A closure in a variable.
#[derive(Clone, Debug)]
pub struct Closure {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub parameters: Vec<Type>,
    /// Its result.
    pub result: Type,
}

/// A slice parameter, of an integer type.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Its name.
    pub name: String,
    /// Of its elements.
    pub element: super::types::Int,
}

/// A loop or labelled block around the place.
#[derive(Clone, Debug)]
pub struct Label {
    /// With the quote.
    pub name: String,
    /// What `break` must give.
    pub value: Option<Type>,
    /// Whether it can be continued.
    pub is_loop: bool,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Outermost first.
    pub variables: Vec<Variable>,
    /// Outermost first.
    pub closures: Vec<Closure>,
    /// Parameters.
    pub slices: Vec<Slice>,
    /// Outermost first.
    pub labels: Vec<Label>,
    /// See the module.
    pub floor: usize,
    /// Whether the world `w` is there.
    pub world: bool,
    /// Whether the exclusively borrowed `m` is there.
    pub mobile: bool,
    /// What `return` must give; `None` where there is no `return`.
    pub result: Option<Type>,
    /// How many variables are outside of the closure around the place.
    pub closure_floor: usize,
    /// Which of these it reads.
    pub captured: Vec<usize>,
}

impl Scope {
    /// What to restore at the end of a block.
    pub fn enter(&self) -> Mark {
        Mark {
            variables: self.variables.len(),
            closures: self.closures.len(),
            frozen: self.variables.iter().map(|v| v.frozen).collect(),
            floor: self.floor,
            mobile: self.mobile,
        }
    }

    /// Forgets what was declared since, and what was borrowed.
    pub fn leave(&mut self, mark: Mark) {
        self.variables.truncate(mark.variables);
        self.closures.truncate(mark.closures);
        for (variable, frozen) in self.variables.iter_mut().zip(mark.frozen) {
            variable.frozen = frozen;
        }
        self.floor = mark.floor;
        self.mobile = mark.mobile;
    }

    /// Nothing that is declared so far can be assigned to from here on.
    pub fn forbid_assignments(&mut self) {
        self.floor = self.variables.len();
        self.mobile = false;
    }

    /// The variables that can be named: those that no later one hides.
    pub fn visible(&self) -> impl Iterator<Item = (usize, &Variable)> {
        let hidden = |i: usize, v: &Variable| self.variables[i + 1..].iter().any(|later| later.name == v.name);
        self.variables.iter().enumerate().filter(move |(i, v)| !hidden(*i, v))
    }

    /// The variables that can be assigned to.
    pub fn assignable(&self) -> impl Iterator<Item = &Variable> {
        let free = |i: usize, v: &Variable| i >= self.floor && v.mutable && !v.frozen && !v.reference;
        self.visible().filter(move |(i, v)| free(*i, v)).map(|(_, v)| v)
    }

    /// Notes that variable `i` is read here: a closure borrows what is outside of it.
    pub fn read(&mut self, i: usize) {
        if i < self.closure_floor {
            self.captured.push(i);
        }
    }

    /// A variable with a plain value.
    pub fn declare(&mut self, name: &str, ty: &Type, mutable: bool) {
        let (name, ty) = (name.to_string(), ty.clone());
        self.variables.push(Variable { name, ty, mutable, frozen: false, reference: false });
    }
}

/// See [`Scope::enter`].
#[derive(Debug)]
pub struct Mark {
    variables: usize,
    closures: usize,
    frozen: Vec<bool>,
    floor: usize,
    mobile: bool,
}
