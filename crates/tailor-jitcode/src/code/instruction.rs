//! Instructions: how jitcode lies in memory, and how it reads.
//!
//! # Terms
//! - An [`Instruction`] is 16 bytes, made for the black hole: an opcode byte, register numbers, words. Everyone else reads [`Operation`]s, which
//!   [`Code::operation`](super::Code::operation) decodes from them.
//! - A [`Register`] below the code's register count is a place in a frame, of one type for its whole life. The numbers from there on are the code's constants: a frame
//!   has them behind its registers, so that operands need not be told apart.
//!
//! # Opcode bytes
//! Pure operations have the numbers of [`OpCode`]; what only jitcode has is numbered from 128 on ([`opcode`]). Loads and stores have one opcode for each width
//! and form, so that executing one needs no second decision.

use tailor_compiler::ir::{AliasClass, OpCode, Width};

use crate::function::JitFunction;
use crate::tape::{Color, Memory};

/// A register, or a constant; see [the module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Register(pub u16);

impl Register {
    /// Its place in a frame.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// An instruction's number in its code.
pub type Position = u32;

/// An instruction as it lies in memory. What the fields mean is said in [`opcode`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Instruction {
    pub opcode: u8,
    pub bits: u8,
    pub d: u16,
    pub a: u16,
    pub b: u16,
    pub x: u32,
    pub y: u32,
}

const _: () = assert!(size_of::<Instruction>() == 16);

impl Instruction {
    pub fn new(opcode: u8) -> Instruction {
        Instruction { opcode, bits: 0, d: 0, a: 0, b: 0, x: 0, y: 0 }
    }
}

/// Opcode bytes that are not [`OpCode`]s.
pub(crate) mod opcode {
    /// `d = a`
    pub const MOVE: u8 = 128;
    /// Goes to instruction `x`.
    pub const JUMP: u8 = 129;
    /// Goes to `x` if `a` is not 0, else to `y`.
    pub const BRANCH: u8 = 130;
    /// Goes where switch `x` says for `a`.
    pub const SWITCH: u8 = 131;
    /// Call `x`.
    pub const CALL: u8 = 132;
    /// Returns list `x`.
    pub const RETURN: u8 = 133;
    /// Panics as `x` says.
    pub const PANIC: u8 = 134;
    /// `d = a`; units guard that it is what it is now.
    pub const PROMOTE: u8 = 135;
    /// `d =` whether this runs in a unit.
    pub const WE_ARE_JITTED: u8 = 136;
    /// Merge point with mark `x`.
    pub const MERGE_POINT: u8 = 137;
    /// Entry point with mark `x`.
    pub const CAN_ENTER: u8 = 138;
    /// The guest stack from `a` up is dead.
    pub const RELEASE: u8 = 139;
    /// Plus a form ([`super::form`]): `d =` what is at `a + y`; memory `x`.
    pub const LOAD: u8 = 144;
    /// Plus a form: the same at `a + b * 2^bits + y`.
    pub const LOAD_INDEXED: u8 = 152;
    /// Plus a form: stores `d` at `a + y`.
    pub const STORE: u8 = 160;
    /// Plus a form: stores `d` at `a + b * 2^bits + y`.
    pub const STORE_INDEXED: u8 = 168;
}

/// Which of the opcodes of a load or store serves a width. For stores, the signed and the unsigned one are the same.
pub(crate) mod form {
    use super::Width;

    pub const I8: u8 = 0;
    pub const U8: u8 = 1;
    pub const I16: u8 = 2;
    pub const U16: u8 = 3;
    pub const I32: u8 = 4;
    pub const U32: u8 = 5;
    pub const WORD: u8 = 6;

    pub fn of_load(width: Width) -> u8 {
        match width {
            Width::I8 => I8,
            Width::U8 => U8,
            Width::I16 => I16,
            Width::U16 => U16,
            Width::I32 => I32,
            Width::U32 => U32,
            Width::I64 | Width::F64 | Width::Ref => WORD,
        }
    }

    pub fn of_store(width: Width) -> u8 {
        match width {
            Width::I8 | Width::U8 => U8,
            Width::I16 | Width::U16 => U16,
            Width::I32 | Width::U32 => U32,
            Width::I64 | Width::F64 | Width::Ref => WORD,
        }
    }
}

/// What an instruction does. Registers stand for what they hold.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// `dest = code(operands)`, a pure operation of the unit IR.
    Pure {
        /// The operation.
        code: OpCode,
        /// Width of an extension, else 0.
        bits: u8,
        /// The result.
        dest: Register,
        /// As many as the operation has; the others are register 0.
        operands: [Register; 3],
    },
    /// `dest = source`
    Move {
        /// The target.
        dest: Register,
        /// The source.
        source: Register,
    },
    /// Reads memory.
    Load {
        /// The result.
        dest: Register,
        /// What is touched.
        memory: &'a Memory,
        /// Its alias class.
        class: AliasClass,
        /// The base.
        base: Register,
        /// The index, if there is a scale.
        index: Option<Register>,
    },
    /// Writes memory.
    Store {
        /// What is touched.
        memory: &'a Memory,
        /// Its alias class.
        class: AliasClass,
        /// The base.
        base: Register,
        /// The index, if there is a scale.
        index: Option<Register>,
        /// The value.
        value: Register,
    },
    /// Calls a function, jitted or residual.
    Call {
        /// The function.
        function: &'static JitFunction,
        /// Its arguments' leaves.
        arguments: &'a [Register],
        /// Where its result's leaves go.
        results: &'a [Register],
    },
    /// `dest = source`, to be made a constant of units.
    Promote {
        /// The target.
        dest: Register,
        /// The source.
        source: Register,
    },
    /// `dest =` whether this runs in a unit.
    WeAreJitted {
        /// The target.
        dest: Register,
    },
    /// The words of the guest stack at this position and above will be written before they are read.
    Release {
        /// The position.
        base: Register,
    },
    /// A merge point.
    MergePoint(&'a Mark),
    /// An entry point.
    CanEnter(&'a Mark),
    /// Goes to another instruction.
    Jump {
        /// Which.
        target: Position,
    },
    /// Goes to one of two instructions.
    Branch {
        /// Decides.
        condition: Register,
        /// Where to if it is not 0.
        then: Position,
        /// Where to if it is 0.
        otherwise: Position,
    },
    /// Goes to one of many instructions.
    Switch {
        /// Decides.
        value: Register,
        /// Where to.
        table: &'a SwitchTable,
    },
    /// Returns.
    Return {
        /// The result's leaves.
        values: &'a [Register],
    },
    /// Panics.
    Panic {
        /// The message, `{}` standing for an argument.
        template: &'static str,
        /// Arguments, signed integers.
        arguments: &'a [Register],
    },
}

/// Where a switch goes.
#[derive(Clone, Debug)]
pub struct SwitchTable {
    /// If the values lie close together: the least of them, and the targets of it and those that follow.
    pub(crate) dense: Option<(u64, Box<[Position]>)>,
    /// Values and targets, by increasing value.
    pub cases: Box<[(u64, Position)]>,
    /// Where to go for any other value.
    pub default: Position,
}

impl SwitchTable {
    pub(crate) fn new(mut cases: Vec<(u64, Position)>, default: Position) -> SwitchTable {
        cases.sort_unstable_by_key(|&(value, _)| value);
        let dense = match (cases.first(), cases.last()) {
            (Some(&(least, _)), Some(&(greatest, _))) if greatest - least < 4 * cases.len() as u64 + 8 => {
                let mut targets = vec![default; (greatest - least + 1) as usize];
                for &(value, target) in &cases {
                    targets[(value - least) as usize] = target;
                }
                Some((least, targets.into_boxed_slice()))
            }
            _ => None,
        };
        SwitchTable { dense, cases: cases.into_boxed_slice(), default }
    }

    /// Calls `f` with each target.
    pub(crate) fn for_each_target(&mut self, mut f: impl FnMut(&mut Position)) {
        self.cases.iter_mut().for_each(|(_, target)| f(target));
        self.dense.iter_mut().flat_map(|(_, targets)| targets).for_each(&mut f);
        f(&mut self.default);
    }

    /// Where to go for `value`.
    #[inline(always)]
    pub fn target(&self, value: u64) -> Position {
        match &self.dense {
            Some((least, targets)) => {
                let index = usize::try_from(value.wrapping_sub(*least)).unwrap_or(usize::MAX);
                targets.get(index).copied().unwrap_or(self.default)
            }
            None => match self.cases.binary_search_by_key(&value, |&(case, _)| case) {
                Ok(i) => self.cases[i].1,
                Err(_) => self.default,
            },
        }
    }
}

/// A variable of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedVariable {
    /// Its name.
    pub name: &'static str,
    /// Green or red.
    pub color: Color,
    /// The first of its leaves in [`Mark::values`].
    pub first: u32,
    /// The number of its leaves.
    pub count: u32,
}

/// The variables at a merge point or entry point: the portal's parameters in the order of its declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// One for each parameter.
    pub variables: Box<[MarkedVariable]>,
    /// Their leaves: the words to call the portal with.
    pub values: Box<[Register]>,
}

impl Mark {
    /// The leaves of the variables of one colour, in order.
    pub fn leaves(&self, color: Color) -> impl Iterator<Item = Register> + '_ {
        self.variables
            .iter()
            .filter(move |variable| variable.color == color)
            .flat_map(|variable| &self.values[variable.first as usize..(variable.first + variable.count) as usize])
            .copied()
    }
}
