//! Recording calls and directives.

use super::control::InlinedCall;
use super::graph::{Inst, Mark};
use super::{Node, Shape, Tape};
use crate::function::JitFunction;

/// What a variable of a portal is to its compilers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// It names the guest program's point: constant in a unit.
    Green,
    /// It is the guest's state.
    Red,
}

/// A variable named at a merge point or an entry point.
#[derive(Clone, Copy, Debug)]
pub struct MarkVariable {
    /// Its name, for people.
    pub name: &'static str,
    /// What it is.
    pub color: Color,
    /// Its value here.
    pub value: Node,
}

impl Tape {
    /// Calls a function, jitted or residual. The result.
    ///
    /// A function that is to be [inlined](JitFunction::inline) is recorded here instead, unless it calls itself, or is called directly from a portal: there it stays a call, so that
    /// a portal's jitcode is no larger than need be, but for what is marked [`inline_in_tier1`](crate::Traits::inline_in_tier1).
    ///
    /// # Panics
    /// The arguments do not have the shapes of the parameters.
    #[cold]
    #[inline(never)]
    pub fn call(&self, function: &'static JitFunction, args: &[Node]) -> Node {
        assert_eq!(args.len(), function.signature.parameters.len(), "arguments of {}", function.signature.name);
        for (&arg, shape) in args.iter().zip(function.signature.parameters) {
            self.expect_shape(arg, shape);
        }
        if let Some(builder) = function.builder
            && self.inlines(function)
        {
            let call = InlinedCall { function, arguments: args.to_vec(), taken: 0 };
            self.begin_activation(function.signature.result, Some(call));
            builder(self);
            return self.end_inline();
        }
        let mut values = Vec::new();
        args.iter().for_each(|&arg| self.add_leaves(arg, &mut values));
        let (result, dests) = self.fresh(function.signature.result);
        self.push(Inst::Call { function, args: values, dests });
        result
    }

    fn inlines(&self, function: &'static JitFunction) -> bool {
        let (caller, recursive) = self.with_inlined_calls(|calls| {
            calls.fold((self.function, self.function == function), |(_, found), call| {
                (call.function, found || call.function == function)
            })
        });
        let wanted = function.inline && (!caller.traits.portal || function.traits.inline_in_tier1);
        wanted && !recursive && !self.is_dead()
    }

    /// `merge_point!`. The variables are exactly the portal's parameters, in the order of its declaration.
    ///
    /// # Panics
    /// They are not.
    #[cold]
    #[inline(never)]
    pub fn merge_point(&self, variables: &[MarkVariable]) {
        assert_eq!(
            variables.len(),
            self.function.signature.parameters.len(),
            "merge point of {}",
            self.function.signature.name
        );
        for (variable, shape) in variables.iter().zip(self.function.signature.parameters) {
            self.expect_shape(variable.value, shape);
        }
        let mark = self.mark(variables);
        self.push(Inst::MergePoint(mark));
    }

    /// `can_enter!`: variables as for [`Tape::merge_point`], with the values that they are going to have at the merge point that is reached next.
    #[cold]
    #[inline(never)]
    pub fn can_enter(&self, variables: &[MarkVariable]) {
        let mark = self.mark(variables);
        self.push(Inst::CanEnter(mark));
    }

    fn mark(&self, variables: &[MarkVariable]) -> Mark {
        let mut mark = Mark { variables: Vec::new(), values: Vec::new() };
        for variable in variables {
            let leaves = self.leaves_of(variable.value);
            mark.variables.push((variable.name, variable.color, leaves.len() as u32));
            mark.values.extend(leaves);
        }
        mark
    }

    /// `promote(x)`: the same value, which units take for a constant, guarded. Leaf by leaf.
    #[cold]
    #[inline(never)]
    pub fn promote(&self, value: Node) -> Node {
        let (result, dests) = self.fresh(self.shape(value));
        for (value, dest) in self.leaves_of(value).into_iter().zip(dests) {
            self.push(Inst::Promote { value, dest });
        }
        result
    }

    /// Says that the words of the guest stack at `base` and above will be written before they are read.
    #[cold]
    #[inline(never)]
    pub fn release(&self, base: Node) {
        let base = self.leaf(base);
        self.push(Inst::Release { base });
    }

    /// `we_are_jitted()`: 1 in units, 0 in the black hole.
    #[cold]
    #[inline(never)]
    pub fn we_are_jitted(&self) -> Node {
        let (result, dests) = self.fresh(Shape::INT);
        self.push(Inst::WeAreJitted { dest: dests[0] });
        result
    }
}
