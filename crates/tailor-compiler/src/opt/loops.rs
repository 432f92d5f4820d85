//! How a peeled loop can be entered from other units: what the optimiser of the loop tells, and that of another unit needs to know.
//!
//! # Why
//! A bridge that leads back into a loop could go to the loop's header: but there, everything has to be in memory, and is tested and loaded anew, since the first iteration of a peeled loop stands there. If what the bridge knows fits what the loop proper
//! relies on, it goes there directly, and passes in registers what the loop keeps in registers.
//!
//! # The contract
//! A [`LoopEntry`] describes the state that the loop's label expects, in terms of *variables*: values that are the same or others each time the loop is entered. Whoever enters
//! 1. *binds* each variable: by what a parameter of the loop's unit, a location, or a field of a virtual object [holds](Holding), or by computing it as its [`Definition`] says. A variable that is bound in several ways must be the same in all of them: what
//!    the loop derived from its definition is true of what a location holds only then;
//! 2. sees to it that each variable is within its [`Fact`]: what the first iteration has tested, the loop does not test again;
//! 3. leaves memory as the source says, but for locations that are *pending*: their contents need not be there, the loop has them;
//! 4. passes the variables that are parameters.
//!
//! Both sides are [`describe`](super::describe) and [`enter`](super::enter). The loop's unit gets a block for the purpose ([`open`](super::open)): it takes the parameters, has a `GuardValid` with the header's snapshot (so that a unit that has been
//! invalidated is left at once, also by who enters it so), and jumps to the loop.
//!
//! # What may be loaded
//! Who enters may have to load what the first iteration has loaded: before what the loop tests in each iteration. It may do so because of a rule for those who make units: *where an access is possible only under a condition, that is a condition on the address alone*
//! (its tag, the class of the object there), so one that is the same each time if the address is; and such conditions are shown before. (A loop that tests them anew in each iteration, since the passes were switched off that would have found it out, is not described.)
//!
//! # Which loops
//! Those of traces: the entry's block does nothing but jump to the loop, which begins with a `GuardValid` and is the unit's last block. And nothing that the loop relies on may be of such a kind that nobody else can have it: an object that the first iteration
//! has allocated, the result of a call.

use super::facts::Fact;
use super::inherit::Inherited;
use crate::ir::{AllocId, Derivation, EntryId, LabelId, MemId, Op, Type};

/// An operand of a definition or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Not there.
    None,
    /// A constant: type and bits.
    Constant(Type, u64),
    /// The variable with this number.
    Variable(u32),
}

/// What a place holds at the loop's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// This constant or variable.
    Term(Term),
    /// The virtual object with this number in [`LoopEntry::objects`].
    Virtual(u32),
    /// Something that the loop does not look at.
    Unused,
}

/// How a variable can be computed: by a pure operation or a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The operation; its operand fields mean nothing.
    pub op: Op,
    /// Its operands.
    pub operands: [Term; 3],
}

/// See the module's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its type.
    pub ty: Type,
    /// What it must be.
    pub fact: Fact,
    /// How to compute it, of variables before it; if that is not possible, some place holds it.
    pub definition: Option<Definition>,
    /// The variable with this number is a word that is derived from it so.
    pub decoded: Option<(u32, Derivation)>,
}

/// A virtual object at the label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldObject {
    /// What it is.
    pub alloc: AllocId,
    /// All its fields.
    pub fields: Vec<(MemId, Holding)>,
}

/// A location of memory at the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldLocation {
    /// What is accessed.
    pub mem: MemId,
    /// The base.
    pub base: Term,
    /// The index.
    pub index: Term,
    /// What is in it.
    pub holding: Holding,
    /// Memory need not have it.
    pub pending: bool,
    /// The loop does the barrier of the object as well.
    pub barrier: bool,
}

/// Where the loop finds what a parameter of its label in the source is, when its unit is entered by its own entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The entry's parameter of this number.
    Parameter(u32),
    /// A constant.
    Constant(Type, u64),
}

/// The way into a loop; see the module's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopEntry {
    /// The entry, to be bound to the label below in the unit's code.
    pub entry: EntryId,
    /// The label of the block that is entered.
    pub label: LabelId,
    /// The variables that it is passed.
    pub parameters: Vec<u32>,
    /// What the parameters of the loop's label in the source hold.
    pub arguments: Vec<(Passed, Holding)>,
    /// Variables; a definition refers to earlier ones.
    pub variables: Vec<Variable>,
    /// Virtual objects.
    pub objects: Vec<HeldObject>,
    /// Memory.
    pub locations: Vec<HeldLocation>,
}

/// What a unit has to do with others while it is optimised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Links<'a> {
    /// The name for an entry of the unit's loop, if it shall have one. No other loop has the same.
    pub loop_entry: Option<&'a str>,
    /// Loops that a `JumpUnit` to the entry that stands with them may enter instead. If a `GuardValid` stands directly before the `JumpUnit`, guards with its snapshot may be added.
    pub loops: &'a [(EntryId, &'a LoopEntry)],
    /// What the unit continues, if it is a bridge and that is known.
    pub inherited: Option<&'a Inherited>,
}

impl LoopEntry {
    /// Parameters of the label, which are the first so many variables, may have been found to be unused.
    pub(super) fn forget_unused(&mut self, labelled: usize) {
        let mut used = vec![true; self.variables.len()];
        (0..labelled).for_each(|number| used[number] = self.parameters.contains(&(number as u32)));
        // The words that they come from stand before doubles.
        for number in (0..labelled).rev().filter(|&number| self.parameters.contains(&(number as u32))) {
            if let Some((word, _)) = self.variables[number].decoded {
                used[word as usize] = true;
            }
        }
        let forget = |holding: &mut Holding| {
            if let Holding::Term(Term::Variable(number)) = *holding
                && !used[number as usize]
            {
                *holding = Holding::Unused;
            }
        };
        self.arguments.iter_mut().for_each(|(_, holding)| forget(holding));
        self.objects.iter_mut().flat_map(|object| &mut object.fields).for_each(|(_, holding)| forget(holding));
        self.locations.iter_mut().for_each(|location| forget(&mut location.holding));
        // A store that is pending and that nobody looks at need not be done.
        self.locations.retain(|location| location.holding != Holding::Unused || location.pending);
    }
}
