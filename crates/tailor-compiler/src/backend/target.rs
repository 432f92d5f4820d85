//! What differs between machines, as the allocator sees it: registers, and where each operation wants its operands.
//!
//! # Terms
//! - A *register* ([`Reg`]) is a number: general registers from 0, float registers from 32. Two classes, two halves of a set ([`RegSet`]) in one word.
//! - A *location* ([`Loc`]) is where an operand is: a register, a slot of the unit's frame, a place of the argument area, or nowhere since it is a constant
//!   or is loaded by the very instruction that uses it.
//! - A *shape* ([`Shape`]) says what the machine's code for an operation demands.
//!
//! # Why the demands are few
//! Every machine keeps one general and one float register for itself (they are in no set of this module). So whatever is rare can be done by
//! the emitter without the allocator's knowledge: constants too wide for an instruction, cycles of moves, operands that lie in a register that an
//! instruction needs for itself. The allocator does what is frequent: it keeps values in registers.

use std::collections::HashMap;
use std::rc::Rc;

use crate::ir::{Op, Type, Unit};

/// A machine register: below 32 a general one, from 32 on a float one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(pub u8);

impl Reg {
    /// Whether it holds doubles.
    pub fn is_float(self) -> bool {
        self.0 >= 32
    }
}

/// A set of registers of both classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegSet(pub u64);

impl RegSet {
    /// No register.
    pub const EMPTY: RegSet = RegSet(0);
    /// All general registers.
    pub const GENERAL: RegSet = RegSet(0xffff_ffff);
    /// All float registers.
    pub const FLOAT: RegSet = RegSet(0xffff_ffff << 32);

    /// The set of these registers.
    pub const fn of(registers: &[Reg]) -> RegSet {
        let (mut set, mut number) = (0, 0);
        while number < registers.len() {
            set |= 1 << registers[number].0;
            number += 1;
        }
        RegSet(set)
    }

    /// The registers that hold values of a type.
    pub fn class(ty: Type) -> RegSet {
        if ty == Type::Float { RegSet::FLOAT } else { RegSet::GENERAL }
    }

    /// Whether `register` is in it.
    pub fn contains(self, register: Reg) -> bool {
        self.0 >> register.0 & 1 == 1
    }

    /// With `register`.
    pub fn insert(&mut self, register: Reg) {
        self.0 |= 1 << register.0;
    }

    /// Without `register`.
    pub fn remove(&mut self, register: Reg) {
        self.0 &= !(1 << register.0);
    }

    /// What is in both.
    pub fn and(self, other: RegSet) -> RegSet {
        RegSet(self.0 & other.0)
    }

    /// What is in this but not in `other`.
    pub fn minus(self, other: RegSet) -> RegSet {
        RegSet(self.0 & !other.0)
    }

    /// What is in either.
    pub fn or(self, other: RegSet) -> RegSet {
        RegSet(self.0 | other.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The register with the lowest number.
    pub fn first(self) -> Option<Reg> {
        (self.0 != 0).then(|| Reg(self.0.trailing_zeros() as u8))
    }

    /// How many there are.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// All, by increasing number.
    pub fn iter(self) -> impl Iterator<Item = Reg> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let first = rest.first()?;
            rest.0 &= rest.0 - 1;
            Some(first)
        })
    }
}

/// Where an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Loc(u16);

/// A [`Loc`], for matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: nobody needs it.
    None,
    /// It is a constant.
    Constant,
    /// It is what a load yields that becomes part of the instruction.
    Folded,
    /// In a register.
    Reg(Reg),
    /// In this slot of the frame; slots count from the frame's upper end, so that a bridge's larger frame keeps those of its parent.
    Slot(u16),
    /// In this word of the argument area.
    Argument(u16),
}

impl Loc {
    /// See [`Place::None`].
    pub const NONE: Loc = Loc(u16::MAX);
    /// See [`Place::Constant`].
    pub const CONSTANT: Loc = Loc(0x4000);
    /// See [`Place::Folded`].
    pub const FOLDED: Loc = Loc(0x4001);
    /// Slots and words of the argument area are below this.
    pub const LIMIT: u16 = 0x2000;

    /// See [`Place::Reg`].
    pub fn reg(reg: Reg) -> Loc {
        Loc(u16::from(reg.0))
    }

    /// See [`Place::Slot`].
    pub fn slot(slot: u16) -> Loc {
        Loc(0x8000 | slot)
    }

    /// See [`Place::Argument`].
    pub fn argument(word: u16) -> Loc {
        Loc(0x6000 | word)
    }

    /// What it is.
    pub fn place(self) -> Place {
        match self.0 {
            u16::MAX => Place::None,
            0x4000 => Place::Constant,
            0x4001 => Place::Folded,
            word if word & 0x8000 != 0 => Place::Slot(word & 0x7fff),
            word if word & 0x6000 == 0x6000 => Place::Argument(word & 0x1fff),
            word => Place::Reg(Reg(word as u8)),
        }
    }

    /// The register, if it is one.
    pub fn as_reg(self) -> Option<Reg> {
        (self.0 < 64).then_some(Reg(self.0 as u8))
    }
}

impl std::fmt::Debug for Loc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.place().fmt(f)
    }
}

/// How an operand is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// In a register or a slot.
    Any,
    /// In a register.
    Register,
}

/// What the code for an operation demands. Constants are always allowed as operands.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How the operands `a`, `b`, `c` are wanted.
    pub uses: [Use; 3],
    /// Bit `n`: operand `n` is still read after the result's register has been written, so they may not be the same register.
    pub late: u8,
    /// Bit `n`: the result is best in the register of operand `n`, if that is free then.
    pub tied: u8,
    /// Where the machine leaves the result, if not where one likes.
    pub result: Option<Reg>,
    /// What is lost.
    pub clobbers: RegSet,
}

/// A machine.
pub trait Target {
    /// Registers that values may be in.
    const ALLOCATABLE: RegSet;
    /// Those of them that native functions preserve.
    const PRESERVED: RegSet;
    /// Where units find their general arguments, in order; further ones are in the argument area.
    const ENTRY_GENERAL: &'static [Reg];
    /// The same for float arguments.
    const ENTRY_FLOAT: &'static [Reg];
    /// Where native functions find their general arguments.
    const CALL_GENERAL: &'static [Reg];
    /// The same for float arguments.
    const CALL_FLOAT: &'static [Reg];
    /// Where functions and units leave a general result, or the first.
    const RESULT_GENERAL: Reg;
    /// What holds the anchor in [pieces](super::pieces): one that native functions preserve, and behind the first five of a unit's arguments.
    const ANCHOR: Reg;
    /// The same for a float.
    const RESULT_FLOAT: Reg;

    /// What `op` demands. Calls, jumps and the like are none of it: they follow the conventions above.
    fn shape(&self, unit: &Unit, op: &Op) -> Shape;

    /// Whether a load that yields 8 bytes may become part of the instruction for `op`, in place of operand `field`.
    fn folds(&self, op: &Op, field: usize) -> bool;

    /// Whether an immediately following guard or branch can use the flags that `op` leaves instead of its value.
    fn sets_flags(&self, op: &Op) -> bool;
}

/// Where those entries find their arguments that do not follow the convention: blocks that do nothing but lead into a loop, which find them where the loop keeps them. By number of the entry.
pub type Agreements = HashMap<u16, Rc<[Loc]>>;

/// Where an entry finds arguments of these types.
pub fn locations_of_entry<T: Target>(
    agreements: &Agreements,
    entry: u16,
    types: impl Iterator<Item = Type>,
) -> Vec<Loc> {
    match agreements.get(&entry) {
        Some(agreed) => agreed.to_vec(),
        None => entry_locations::<T>(types).collect(),
    }
}

/// Where arguments of the given types are found by a unit: the convention of all entries.
pub fn entry_locations<T: Target>(types: impl Iterator<Item = Type>) -> impl Iterator<Item = Loc> {
    let (mut general, mut float, mut words) = (T::ENTRY_GENERAL.iter(), T::ENTRY_FLOAT.iter(), 0..);
    types.map(move |ty| {
        let register = if ty == Type::Float { float.next() } else { general.next() };
        match register {
            Some(&register) => Loc::reg(register),
            // The range has no end.
            None => Loc::argument(words.next().unwrap_or(0)),
        }
    })
}
