//! Encodes x86-64 instructions.
//!
//! # Why not a library
//! What a JIT wants of an assembler is short forms chosen at run time (a displacement of one byte, none, or four; an immediate of one byte or four) and few
//! instructions per instruction. Assemblers whose forms are fixed when Rust is compiled (dynasm) leave the choice of the form to the caller, at every place; those that take
//! instructions as data (iced) spend a hundred nanoseconds on each. All integer and SSE instructions that units need share one encoding scheme: prefix, REX, opcode, ModRM, SIB,
//! displacement, immediate; [`Assembler::encode`] is that scheme, and everything else is a table of opcodes.
//!
//! # References
//! What is not known while emitting is noted as a [`Fixup`]: jumps to labels and stubs, constants in the unit's pool, data and routines of the machine. All are four bytes
//! relative to the end of the instruction.

use super::super::holes::{Filling, Hole, HoleSize, distance};
use super::super::target::Reg;
use super::registers::ANCHOR;

/// What a four-byte displacement shall lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A mark in this unit: a label, or another place.
    Mark(u32),
    /// A word of this unit's pool.
    Pool(u32),
    /// The stub of an exit of this unit.
    Stub(u32),
    /// An offset in the arena: data and routines of the machine, which lie before and in it.
    Arena(i32),
    /// What comes after a piece, by the number that its `JumpUnit` has for it.
    Next(u32),
}

/// A displacement to be filled in.
#[derive(Clone, Copy, Debug)]
pub struct Fixup {
    /// Offset of its four bytes.
    pub at: u32,
    /// How many bytes of the instruction follow it.
    pub behind: u8,
    /// Where it leads.
    pub goal: Goal,
    /// Whether the instruction is a jump, conditional or not.
    pub jump: bool,
}

/// A memory operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mem {
    /// At register plus index times 1, 2, 4 or 8 plus displacement.
    At {
        /// The base; none for an absolute address.
        base: Option<Reg>,
        /// The index and the logarithm of its factor.
        index: Option<(Reg, u8)>,
        /// The displacement.
        displacement: i32,
    },
    /// Relative to the instruction.
    Relative(Goal),
}

impl Mem {
    /// At `base + displacement`.
    pub fn base(base: Reg, displacement: i32) -> Mem {
        Mem::At { base: Some(base), index: None, displacement }
    }
}

/// A register or memory operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rm {
    /// A register.
    Reg(Reg),
    /// Memory.
    Mem(Mem),
}

impl From<Reg> for Rm {
    fn from(register: Reg) -> Rm {
        Rm::Reg(register)
    }
}

impl From<Mem> for Rm {
    fn from(mem: Mem) -> Rm {
        Rm::Mem(mem)
    }
}

/// An opcode: its prefix, map and byte.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    prefix: u8,
    map: u8,
    byte: u8,
    wide: bool,
    /// Whether the register operands are single bytes, which need a REX prefix from number 4 on.
    bytes: bool,
}

/// Opcodes of the first map with 64-bit operands.
pub const fn wide(byte: u8) -> Code {
    Code { prefix: 0, map: 0, byte, wide: true, bytes: false }
}

/// Opcodes of the first map with 32-bit operands.
pub const fn narrow(byte: u8) -> Code {
    Code { wide: false, ..wide(byte) }
}

/// Opcodes of the first map with byte operands.
pub const fn bytes(byte: u8) -> Code {
    Code { bytes: true, ..narrow(byte) }
}

/// Opcodes of the second map (0F), with a prefix or 0.
pub const fn second(prefix: u8, byte: u8) -> Code {
    Code { prefix, map: 1, byte, wide: false, bytes: false }
}

/// The same with 64-bit operands.
pub const fn second_wide(prefix: u8, byte: u8) -> Code {
    Code { wide: true, ..second(prefix, byte) }
}

/// Opcodes of the map 0F 3A with prefix 66.
pub const fn third(byte: u8) -> Code {
    Code { prefix: 0x66, map: 3, byte, wide: false, bytes: false }
}

/// The same opcode with a prefix.
pub const fn prefixed(prefix: u8, code: Code) -> Code {
    Code { prefix, ..code }
}

/// Condition codes, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cc {
    /// Overflow.
    O = 0,
    /// No overflow.
    No = 1,
    /// Below, unsigned.
    B = 2,
    /// Above or equal, unsigned.
    Ae = 3,
    /// Equal.
    E = 4,
    /// Not equal.
    Ne = 5,
    /// Below or equal, unsigned.
    Be = 6,
    /// Above, unsigned.
    A = 7,
    /// Negative.
    S = 8,
    /// Not negative.
    Ns = 9,
    /// Parity: unordered.
    P = 10,
    /// No parity: ordered.
    Np = 11,
    /// Less, signed.
    L = 12,
    /// Greater or equal, signed.
    Ge = 13,
    /// Less or equal, signed.
    Le = 14,
    /// Greater, signed.
    G = 15,
}

impl Cc {
    /// The opposite.
    pub fn opposite(self) -> Cc {
        match self {
            Cc::O => Cc::No,
            Cc::No => Cc::O,
            Cc::B => Cc::Ae,
            Cc::Ae => Cc::B,
            Cc::E => Cc::Ne,
            Cc::Ne => Cc::E,
            Cc::Be => Cc::A,
            Cc::A => Cc::Be,
            Cc::S => Cc::Ns,
            Cc::Ns => Cc::S,
            Cc::P => Cc::Np,
            Cc::Np => Cc::P,
            Cc::L => Cc::Ge,
            Cc::Ge => Cc::L,
            Cc::Le => Cc::G,
            Cc::G => Cc::Le,
        }
    }
}

/// What is kept free behind the code: more than any piece of an instruction.
const ROOM: usize = 32;

/// Code under construction.
#[derive(Debug, Default)]
pub struct Assembler {
    bytes: Vec<u8>,
    /// Displacements to be filled in.
    pub fixups: Vec<Fixup>,
    /// Whether words may stand for holes.
    pub holes: bool,
    /// Where their values go.
    pub fillings: Vec<Filling>,
    /// What is in the anchor's register, if it has one: addresses near it take four bytes.
    pub anchor: Option<u64>,
    /// Words that instructions read from memory.
    pub pool: Vec<u64>,
}

impl Assembler {
    /// Begins anew.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fixups.clear();
        self.fillings.clear();
        self.pool.clear();
    }

    /// Bytes so far.
    pub fn here(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// The code so far.
    pub fn code(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Takes away what lies behind this offset.
    pub fn truncate(&mut self, length: u32) {
        self.bytes.truncate(length as usize);
    }

    /// Appends the low `count` bytes (at most 8) of `word`.
    #[inline]
    pub fn put(&mut self, word: u64, count: usize) {
        debug_assert!(count <= 8);
        self.bytes.reserve(ROOM);
        let length = self.bytes.len();
        // SAFETY: there is room for eight bytes behind the length, `count` of which are initialised by the write.
        unsafe {
            self.bytes.as_mut_ptr().add(length).cast::<u64>().write_unaligned(word.to_le());
            self.bytes.set_len(length + count);
        }
    }

    /// Appends an immediate of `count` bytes.
    #[inline]
    pub fn immediate(&mut self, word: u64, count: usize) {
        match self.hole(word) {
            Some((hole, plus)) => {
                let distance = hole.size == HoleSize::Near && count == 4;
                self.fillings.push(Filling { at: self.here(), bytes: count as u8, hole: hole.number, plus, distance });
                self.put(0, count);
            }
            None => self.put(word, count),
        }
    }

    #[inline]
    fn hole(&self, word: u64) -> Option<(Hole, u8)> {
        if self.holes { Hole::of(word) } else { None }
    }

    /// How far an address that needs more than four bytes lies from the anchor, if that fits them.
    pub fn anchored(&self, address: u64) -> Option<i32> {
        let anchor =
            self.anchor.filter(|_| u32::try_from(address).is_err() && i32::try_from(address as i64).is_err())?;
        match self.hole(address) {
            Some((hole, plus)) if hole.size == HoleSize::Near => Some(hole.distance() + i32::from(plus)),
            Some((hole, plus)) => (hole.size == HoleSize::Anchor).then_some(i32::from(plus)),
            // What looks like a hole is none.
            None => distance(address, anchor).filter(|&distance| self.hole(distance as u32 as u64).is_none()),
        }
    }

    /// What lies at an address, which is near the anchor or is brought into this register.
    pub fn word_at(&mut self, address: u64, by: Reg) -> Mem {
        if let Some(distance) = self.anchored(address) {
            return Mem::base(ANCHOR, distance);
        }
        self.constant(by, address);
        Mem::base(by, 0)
    }

    /// A word in the pool.
    pub fn pooled(&mut self, word: u64) -> Goal {
        self.pool.push(word);
        Goal::Pool(self.pool.len() as u32 - 1)
    }

    /// A word in the pool, which others may use as well.
    pub fn pooled_once(&mut self, word: u64) -> Goal {
        match self.pool.iter().position(|&pooled| pooled == word) {
            Some(number) => Goal::Pool(number as u32),
            None => self.pooled(word),
        }
    }

    /// Whether an immediate or displacement fits a byte.
    #[inline]
    fn is_byte(&self, word: i32) -> bool {
        match self.hole(word as u32 as u64) {
            Some((hole, _)) => hole.size == HoleSize::Byte,
            None => i8::try_from(word).is_ok(),
        }
    }

    /// Appends bytes that do nothing until the length is a multiple of `alignment` (a power of two) plus `remainder`.
    pub fn align(&mut self, alignment: u32, remainder: u32) {
        const NOPS: [u64; 8] = [
            0x90,
            0x9066,
            0x1f0f,
            0x0040_1f0f,
            0x0000_0044_1f0f,
            0x0000_441f_0f66,
            0x0000_0000_0080_1f0f,
            0x0000_0000_0084_1f0f,
        ];
        let mut missing = remainder.wrapping_sub(self.here()) & (alignment - 1);
        while missing > 0 {
            let count = missing.min(8);
            self.put(NOPS[count as usize - 1], count as usize);
            missing -= count;
        }
    }

    /// Appends an instruction whose ModRM byte has `reg` (a register, or more of the opcode) and `rm`; `behind` bytes of immediate will follow.
    #[inline]
    pub fn encode(&mut self, code: Code, reg: u8, rm: Rm, behind: u8) {
        let reg = reg & 31;
        let (mut word, mut count) = (0u64, 0);
        let mut byte = |byte: u8| {
            word |= u64::from(byte) << (8 * count);
            count += 1;
        };
        if code.prefix != 0 {
            byte(code.prefix);
        }
        let (base, index) = match rm {
            Rm::Reg(register) => (register.0 & 31, 0),
            Rm::Mem(Mem::At { base, index, .. }) => (base.map_or(0, |base| base.0), index.map_or(0, |index| index.0.0)),
            Rm::Mem(Mem::Relative(_)) => (0, 0),
        };
        let rex = u8::from(code.wide) << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3;
        let low_bytes = code.bytes && (reg >= 4 || matches!(rm, Rm::Reg(register) if register.0 >= 4));
        if rex != 0 || low_bytes {
            byte(0x40 | rex);
        }
        if code.map != 0 {
            byte(0x0f);
        }
        if code.map == 3 {
            byte(0x3a);
        }
        byte(code.byte);
        let middle = (reg & 7) << 3;
        match rm {
            Rm::Reg(register) => {
                byte(0xc0 | middle | register.0 & 7);
                self.put(word, count);
            }
            Rm::Mem(Mem::Relative(goal)) => {
                byte(middle | 5);
                self.put(word, count);
                self.relative(goal, behind);
            }
            Rm::Mem(Mem::At { base: None, index, displacement }) => {
                byte(middle | 4);
                byte(index.map_or(0x25, |(index, scale)| scale << 6 | (index.0 & 7) << 3 | 5));
                self.put(word, count);
                self.immediate(u64::from(displacement as u32), 4);
            }
            Rm::Mem(Mem::At { base: Some(base), index, displacement }) => {
                let low = base.0 & 7;
                // A base of rbp or r13 without displacement is another form.
                let mode = match displacement {
                    0 if low != 5 => 0,
                    _ if self.is_byte(displacement) => 1,
                    _ => 2,
                };
                // A base of rsp or r12 needs the longer form.
                if index.is_some() || low == 4 {
                    byte(mode << 6 | middle | 4);
                    byte(index.map_or(0x20, |(index, scale)| scale << 6 | (index.0 & 7) << 3) | low);
                } else {
                    byte(mode << 6 | middle | low);
                }
                self.put(word, count);
                match mode {
                    0 => {}
                    1 => self.immediate(u64::from(displacement as u32), 1),
                    _ => self.immediate(u64::from(displacement as u32), 4),
                }
            }
        }
    }

    /// Appends an instruction with two operands.
    #[inline]
    pub fn op(&mut self, code: Code, reg: Reg, rm: impl Into<Rm>) {
        self.encode(code, reg.0, rm.into(), 0);
    }

    /// Appends four bytes that will be the distance to `goal`, counted from `behind` bytes after them.
    pub fn relative(&mut self, goal: Goal, behind: u8) {
        self.displacement(Fixup { at: self.here(), behind, goal, jump: false });
    }

    fn displacement(&mut self, fixup: Fixup) {
        self.fixups.push(fixup);
        self.put(0, 4);
    }

    /// One of eight operations whose number `group` is part of the opcode (add 0, or 1, and 4, sub 5, xor 6, cmp 7), with an immediate, in 64 bits.
    pub fn group1(&mut self, group: u8, rm: impl Into<Rm>, immediate: i32) {
        let (byte, count) = if self.is_byte(immediate) { (0x83, 1) } else { (0x81, 4) };
        self.encode(wide(byte), group, rm.into(), count);
        self.immediate(u64::from(immediate as u32), usize::from(count));
    }

    /// The same with a register or memory as the right operand.
    pub fn group1_rm(&mut self, group: u8, to: Reg, rm: impl Into<Rm>) {
        self.op(wide(group << 3 | 3), to, rm);
    }

    /// The same with memory as the left operand.
    pub fn group1_mr(&mut self, group: u8, mem: Mem, reg: Reg) {
        self.op(wide(group << 3 | 1), reg, mem);
    }

    /// Loads or copies 64 bits.
    pub fn mov(&mut self, to: Reg, from: impl Into<Rm>) {
        self.op(wide(0x8b), to, from);
    }

    /// Stores 64 bits.
    pub fn store(&mut self, to: Mem, from: Reg) {
        self.op(wide(0x89), from, to);
    }

    /// Sets a register to a constant without touching the flags.
    pub fn constant(&mut self, to: Reg, value: u64) {
        let (high, low) = (u64::from(to.0 >> 3), u64::from(0xb8 | to.0 & 7));
        let wide_hole = matches!(self.hole(value), Some((Hole { size: HoleSize::Word, .. }, _)));
        if let Some(distance) = self.anchored(value) {
            self.lea(to, Mem::base(ANCHOR, distance));
        } else if wide_hole {
            let word = self.pooled(value);
            self.mov(to, Mem::Relative(word));
        } else if let Some((hole, _)) = self.hole(value) {
            match hole.size {
                HoleSize::Byte | HoleSize::Signed => self.encode(wide(0xc7), 0, Rm::Reg(to), 4),
                HoleSize::Number => self.put(0x48 | high | low << 8, 2),
                HoleSize::Unsigned if high == 1 => self.put(0x41 | low << 8, 2),
                _ => self.put(low, 1),
            }
            self.immediate(value, if hole.size == HoleSize::Number { 8 } else { 4 });
        } else if let Ok(value) = u32::try_from(value) {
            if high == 1 {
                self.put(0x41, 1);
            }
            self.put(low | u64::from(value) << 8, 5);
        } else if let Ok(value) = i32::try_from(value as i64) {
            self.encode(wide(0xc7), 0, Rm::Reg(to), 4);
            self.put(u64::from(value as u32), 4);
        } else {
            self.put(0x48 | high | low << 8, 2);
            self.put(value, 8);
        }
    }

    /// The address of a memory operand.
    pub fn lea(&mut self, to: Reg, mem: Mem) {
        self.op(wide(0x8d), to, mem);
    }

    /// Jumps to `goal`.
    pub fn jmp(&mut self, goal: Goal) {
        self.put(0xe9, 1);
        self.displacement(Fixup { at: self.here(), behind: 0, goal, jump: true });
    }

    /// Calls `goal`.
    pub fn call(&mut self, goal: Goal) {
        self.put(0xe8, 1);
        self.relative(goal, 0);
    }

    /// Jumps to `goal` under a condition.
    pub fn jcc(&mut self, cc: Cc, goal: Goal) {
        self.put(0x0f | (0x80 | cc as u64) << 8, 2);
        self.displacement(Fixup { at: self.here(), behind: 0, goal, jump: true });
    }

    /// Jumps forwards by less than 128 bytes under a condition, to where [`Assembler::land`] is called with the result.
    pub fn jcc_short(&mut self, cc: Cc) -> u32 {
        self.put(0x70 | cc as u64, 2);
        self.here()
    }

    /// See [`Assembler::jcc_short`].
    pub fn land(&mut self, from: u32) {
        let distance = self.here() - from;
        debug_assert!(distance < 128);
        self.bytes[from as usize - 1] = distance as u8;
    }

    /// Jumps backwards to a place that is known, under a condition or always; in the short form if possible.
    pub fn back(&mut self, cc: Option<Cc>, to: u32) {
        let short = i64::from(to) - i64::from(self.here() + 2);
        if short >= -128 {
            self.put(cc.map_or(0xeb, |cc| 0x70 | cc as u64) | u64::from(short as u8) << 8, 2);
            return;
        }
        match cc {
            Some(cc) => self.put(0x0f | (0x80 | cc as u64) << 8, 2),
            None => self.put(0xe9, 1),
        }
        let distance = i64::from(to) - i64::from(self.here() + 4);
        self.put(u64::from(distance as u32), 4);
    }

    /// A register's low byte becomes 1 or 0 by a condition.
    pub fn setcc(&mut self, cc: Cc, to: Reg) {
        self.encode(Code { bytes: true, ..second(0, 0x90 | cc as u8) }, 0, Rm::Reg(to), 0);
    }

    /// Zero-extends a register's low byte.
    pub fn zero_extend_byte(&mut self, to: Reg, from: Reg) {
        self.op(Code { bytes: true, ..second(0, 0xb6) }, to, from);
    }

    /// A shift by a register, without flags (BMI2): `prefix` 66 left, F2 right, F3 right with sign.
    pub fn shift_by(&mut self, prefix: u8, to: Reg, from: Rm, count: Reg) {
        let pp = match prefix {
            0x66 => 1,
            0xf3 => 2,
            _ => 3,
        };
        let (index, base) = match from {
            Rm::Reg(register) => (0, register.0),
            Rm::Mem(Mem::At { base, index, .. }) => (index.map_or(0, |index| index.0.0), base.map_or(0, |base| base.0)),
            Rm::Mem(Mem::Relative(_)) => (0, 0),
        };
        // The VEX prefix has the high bits of the registers, inverted.
        let first = (to.0 >> 3 ^ 1) << 7 | (index >> 3 ^ 1) << 6 | (base >> 3 ^ 1) << 5 | 2;
        let second = 1 << 7 | (!count.0 & 15) << 3 | pp;
        self.put(0xc4 | u64::from(first) << 8 | u64::from(second) << 16, 3);
        let low = |register: Reg| Reg(register.0 & 7);
        let from = match from {
            Rm::Reg(register) => Rm::Reg(low(register)),
            Rm::Mem(Mem::At { base, index, displacement }) => Rm::Mem(Mem::At {
                base: base.map(low),
                index: index.map(|(index, scale)| (low(index), scale)),
                displacement,
            }),
            relative => relative,
        };
        self.op(narrow(0xf7), low(to), from);
    }
}
