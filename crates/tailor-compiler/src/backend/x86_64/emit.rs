//! From an allocated unit to bytes: the walk over operations, operands, and what is filled in at the end.
//!
//! # Layout of a unit's code
//! | part | content |
//! |---|---|
//! | entry | check of the native stack, frame, arguments of the area |
//! | operations | in the order of the list |
//! | cold part | slow paths, moves of branches forwards, other entries |
//! | stubs | one for each exit: a call of the machine's exit routine, 8 bytes, aligned, so that it can be patched at once |
//! | pool | constants that instructions read from memory |
//!
//! # Frame
//! `rsp` is the frame's lower end; slot `n` lies `8 (n + 1)` bytes below its upper end, where the return address is. The size is 8 more than a multiple of 16, so that
//! `rsp` is aligned at calls.
//!
//! # Where constants go
//! What fits an instruction's immediate is there; other right operands are read from the pool; left ones are made in the register that is the
//! emitter's own. So no operation needs more than that one.

use super::super::analysis::{Analysis, Role};
use super::super::moves::Resolver;
use super::super::regalloc::Allocation;
use super::super::target::{Agreements, Loc, Place, Reg};
use super::assembler::{Assembler, Cc, Goal, Mem, Rm, narrow, second, wide};
use super::registers::{ANCHOR, RBX, RSP, SCRATCH};
use super::routines::Routines;
use super::shapes::X86;
use super::stubs::{STUB_BYTES, STUB_REST, STUB_RETURN};
use crate::code::layout;
use crate::ir::{BoxDesc, Descriptors, LabelId, MemId, OpCode, Ref, Type, Unit};
use crate::runtime::Runtime;

/// A place in the code where a unit can be left, in the order of their stubs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// The operation: a guard or exit, a call of a unit; or the label of an entry that could not be entered.
    pub op: u32,
    /// What it is.
    pub kind: SiteKind,
}

/// What kind of place a [`Site`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// A guard or exit.
    Exit,
    /// A call of a unit, whose callee has been left. The number is the offset of the return address.
    Call(u32),
    /// An entry, by its number, at which the native stack was too deep.
    Refused(u32),
}

/// Where a label can be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPoint {
    /// The label.
    pub label: LabelId,
    /// Offset for calls: checks the stack.
    pub call: u32,
    /// Offset for jumps.
    pub jump: u32,
}

/// What a unit's code consists of, besides the bytes; it keeps its memory.
#[derive(Debug, Default)]
pub struct Emitter {
    /// The bytes, and what is to be filled in.
    pub asm: Assembler,
    /// Where the unit can be left; those with stubs come first.
    pub sites: Vec<Site>,
    /// Calls of units: sites without stubs.
    pub calls: Vec<Site>,
    /// Offset of the first stub.
    pub stubs: u32,
    /// Places of five bytes that can become a jump to a stub: offset, stub.
    pub patches: Vec<(u32, u32)>,
    /// Where the unit can be entered; the first is its own entry.
    pub entries: Vec<EntryPoint>,
    /// Which operation the code from an offset on belongs to.
    pub listing: Vec<(u32, u32)>,
    /// Where the cold part of a piece begins.
    pub cold_part: u32,
    /// Where a piece is left, if it can be: the mark, and whether it has been placed.
    pub(super) leave: Option<u32>,
    pub(super) left: bool,
    /// The mark of the jump at a piece's end.
    pub(super) end: Option<u32>,
    /// What the call there returns to, if it can be.
    pub left_behind: Option<u32>,
    /// What a piece hands out that is the same each time: where, and the words; and what the call there returns to.
    pub returned: Option<(u32, Vec<u64>)>,
    /// See there.
    pub returned_behind: Option<u32>,
    /// Offsets of labels and other marks.
    marks: Vec<u32>,
    /// By constant: its place in the pool.
    pooled: Vec<u32>,
    cold: Vec<Cold>,
    pub(super) resolver: Resolver,
    pub(super) pairs: Vec<(Loc, Loc)>,
    pub(super) words: Vec<u64>,
}

/// Code that is put behind the operations.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cold {
    /// The moves of an edge, then its label.
    Edge { mark: u32, moves: (u32, u32), label: u32 },
    /// The slow path of an allocation.
    Allocate { mark: u32, back: u32, to: Reg, size: u32, header: u64 },
    /// The box of a double that becomes an object.
    Box { mark: u32, back: u32, to: Reg, from: Operand, header: u64 },
    /// The slow path of a barrier.
    Barrier { mark: u32, back: u32, object: Reg },
    /// A conversion to an integer that is out of range.
    Saturate { mark: u32, back: u32, to: Reg, from: Rm },
}

/// No mark, no pool entry.
const NONE: u32 = u32::MAX;

/// What is to be emitted.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The processor.
    pub x86: X86,
    /// The unit.
    pub unit: &'a Unit,
    /// What it refers to.
    pub descriptors: &'a Descriptors,
    /// What is known of it.
    pub analysis: &'a Analysis,
    /// Where its values are.
    pub allocation: &'a Allocation,
    /// How to allocate.
    pub runtime: &'a Runtime,
    /// The machine's routines.
    pub routines: &'a Routines,
    /// Where entries find their arguments.
    pub agreements: &'a Agreements,
    /// The slots of the unit whose exit this continues, if it is a bridge.
    pub parent_slots: Option<u16>,
    /// Whether it is a piece; see [`crate::backend::pieces`].
    pub piece: bool,
}

/// Slots of the frame that all pieces share.
pub const PIECE_SLOTS: u16 = 24;

/// The operation that is a piece's only parameter.
const ROOT: usize = 1;

/// Bytes of a frame with so many slots.
pub fn frame_bytes(slots: u16) -> u32 {
    (u32::from(slots) * 8 + 7) / 16 * 16 + 8
}

/// An operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// In a register.
    Reg(Reg),
    /// In memory.
    Mem(Mem),
    /// A constant: its bits, and its number in the unit.
    Constant(u64, u32),
}

impl Operand {
    /// The constant, if it fits an instruction's immediate.
    pub fn immediate(self) -> Option<i32> {
        match self {
            Operand::Constant(bits, _) => i32::try_from(bits as i64).ok(),
            _ => None,
        }
    }

    pub fn is_reg(self, register: Reg) -> bool {
        self == Operand::Reg(register)
    }
}

/// The walk.
pub(super) struct Emit<'a> {
    pub out: &'a mut Emitter,
    pub input: Input<'a>,
    pub unit: &'a Unit,
    pub at: usize,
    /// Bytes of the frame.
    pub frame: u32,
    reload: usize,
    pub argument: usize,
    pub edge: usize,
    /// Whether the `JumpUnit` that comes next has become part of the branch before it.
    pub folded: bool,
}

impl Emitter {
    /// Emits a unit. Displacements to the arena outside of the unit are filled in when its place is known.
    pub fn run(&mut self, input: Input) {
        let unit = input.unit;
        self.asm.clear();
        self.asm.holes = input.piece;
        self.asm.anchor = input.piece.then_some(input.runtime.context as u64);
        self.sites.clear();
        self.calls.clear();
        self.patches.clear();
        self.entries.clear();
        self.listing.clear();
        self.cold.clear();
        self.marks.clear();
        self.marks.resize(unit.labels.len(), NONE);
        self.pooled.clear();
        self.pooled.resize(unit.constants.len(), NONE);
        (self.leave, self.left, self.left_behind, self.end) = (None, false, None, None);
        (self.returned, self.returned_behind) = (None, None);
        let slots = if input.piece { PIECE_SLOTS } else { input.allocation.slot_count };
        let frame = frame_bytes(slots);
        let mut emit = Emit { out: self, input, unit, at: 0, frame, reload: 0, argument: 0, edge: 0, folded: false };
        for at in 0..unit.ops.len() {
            emit.at = at;
            emit.operation();
            if input.piece {
                emit.island();
            }
        }
        emit.out.cold_part = emit.out.asm.here();
        emit.cold();
        if input.piece {
            emit.leave_piece();
            self.marks_of_piece();
            self.shorten();
            return;
        }
        emit.exported_entries();
        self.stubs_and_pool(input.routines);
        self.fill_in();
    }

    /// All that is to be filled in in a piece stays in the list, marks as offsets.
    fn marks_of_piece(&mut self) {
        for fixup in &mut self.asm.fixups {
            match fixup.goal {
                Goal::Mark(mark) => fixup.goal = Goal::Mark(self.marks[mark as usize]),
                Goal::Stub(_) => unreachable!("pieces have no stubs"),
                Goal::Pool(_) | Goal::Arena(_) | Goal::Next(_) => {}
            }
        }
    }

    /// A mark to be placed.
    pub(super) fn new_mark(&mut self) -> u32 {
        self.marks.push(NONE);
        self.marks.len() as u32 - 1
    }

    pub(super) fn place_mark(&mut self, mark: u32) {
        self.marks[mark as usize] = self.asm.here();
    }

    pub(super) fn mark(&self, mark: u32) -> Option<u32> {
        let place = self.marks[mark as usize];
        (place != NONE).then_some(place)
    }

    pub(super) fn later(&mut self, cold: Cold) {
        self.cold.push(cold);
    }

    /// A new site with a stub.
    pub(super) fn site(&mut self, op: usize, kind: SiteKind) -> Goal {
        self.sites.push(Site { op: op as u32, kind });
        Goal::Stub(self.sites.len() as u32 - 1)
    }

    fn stubs_and_pool(&mut self, routines: &Routines) {
        self.asm.align(8, 0);
        self.stubs = self.asm.here();
        for _ in 0..self.sites.len() {
            self.asm.call(Goal::Arena(routines.exit as i32));
            self.asm.put(STUB_REST, (STUB_BYTES - STUB_RETURN) as usize);
        }
        let pool = self.asm.here();
        for number in 0..self.asm.pool.len() {
            self.asm.put(self.asm.pool[number], 8);
        }
        // Marks are offsets from here on; so are stubs and the pool.
        for fixup in &mut self.asm.fixups {
            let place = match fixup.goal {
                Goal::Mark(mark) => self.marks[mark as usize],
                Goal::Stub(stub) => self.stubs + stub * STUB_BYTES,
                Goal::Pool(word) => pool + word * 8,
                Goal::Arena(_) | Goal::Next(_) => continue,
            };
            fixup.goal = Goal::Mark(place);
        }
    }

    /// Fills in what lies within the unit; what remains in the list leads out of it.
    fn fill_in(&mut self) {
        let mut fixups = std::mem::take(&mut self.asm.fixups);
        let code = self.asm.code();
        fixups.retain(|fixup| {
            let Goal::Mark(place) = fixup.goal else { return true };
            let distance = place.wrapping_sub(fixup.at + 4 + u32::from(fixup.behind));
            code[fixup.at as usize..][..4].copy_from_slice(&distance.to_le_bytes());
            false
        });
        self.asm.fixups = fixups;
    }

    /// The code, for a place at this offset in the arena.
    pub fn place(&mut self, start: u32) -> &[u8] {
        for number in 0..self.asm.fixups.len() {
            let fixup = self.asm.fixups[number];
            let Goal::Arena(to) = fixup.goal else { unreachable!("all others have been filled in") };
            let distance = (to as u32).wrapping_sub(start + fixup.at + 4 + u32::from(fixup.behind));
            self.asm.code()[fixup.at as usize..][..4].copy_from_slice(&distance.to_le_bytes());
        }
        self.asm.code()
    }
}

impl<'a> Emit<'a> {
    pub fn asm(&mut self) -> &mut Assembler {
        &mut self.out.asm
    }

    fn operation(&mut self) {
        let op = self.unit.ops[self.at];
        if self.input.analysis.roles[self.at] != Role::Own {
            return;
        }
        let here = self.out.asm.here();
        self.out.listing.push((here, self.at as u32));
        while self.reloads_before(self.at) {
            let reload = self.input.allocation.reloads[self.reload];
            self.reload += 1;
            let slot = self.input.allocation.slots[reload.value as usize];
            let from = self.slot(slot);
            self.load_word(reload.to, from);
        }
        match op.code {
            OpCode::Label => return self.label(&op),
            OpCode::Param => return,
            OpCode::Jump => self.jump(&op),
            OpCode::BranchIf | OpCode::BranchUnless => self.branch(&op),
            OpCode::GuardTrue | OpCode::GuardFalse => self.guard(&op),
            OpCode::GuardValid => self.guard_valid(),
            OpCode::Exit => self.exit(),
            OpCode::Return => self.give_back(&op),
            OpCode::JumpUnit if self.folded => {}
            OpCode::JumpUnit => self.jump_unit(&op),
            OpCode::Call => self.call(&op),
            OpCode::CallUnit => self.call_unit(&op),
            OpCode::New => self.allocate(&op),
            OpCode::Box => self.boxed(&op),
            OpCode::Barrier => self.barrier(),
            OpCode::Load => self.load(&op),
            OpCode::Store => self.store(&op),
            _ if op.ty == Type::Float => self.float(&op),
            _ => self.integer(&op),
        }
        if op.ty != Type::Void {
            self.save(self.at);
        }
    }

    /// Whether something has to be reloaded before an operation: this one or the next.
    pub fn reloads_before(&self, at: usize) -> bool {
        self.input.allocation.reloads.get(self.reload).is_some_and(|reload| reload.op == at as u32)
    }

    /// Stores a value that has just been computed into its slot, if it has one.
    pub fn save(&mut self, value: usize) {
        let slot = self.input.allocation.slots[value];
        if slot != u16::MAX
            && let Some(register) = self.input.allocation.ops[value].result.as_reg()
        {
            let to = self.slot(slot);
            self.store_word(to, register);
        }
    }

    /// The register of an operation's result.
    pub fn result(&self, at: usize) -> Reg {
        self.input.allocation.ops[at].result.as_reg().expect("results are computed in registers")
    }

    /// A slot of the frame.
    pub fn slot(&self, slot: u16) -> Mem {
        Mem::base(RSP, self.frame as i32 - 8 * (i32::from(slot) + 1))
    }

    /// The operand in field `field` of operation `at`.
    pub fn operand(&mut self, at: usize, field: usize) -> Operand {
        let op = &self.unit.ops[at];
        let value = Ref::from_word([op.a, op.b, op.c][field]);
        self.located(self.input.allocation.ops[at].operands[field], value)
    }

    /// The operand `value` that is at `loc`.
    pub fn located(&mut self, loc: Loc, value: Ref) -> Operand {
        match loc.place() {
            Place::Reg(register) => Operand::Reg(register),
            Place::Slot(slot) => Operand::Mem(self.slot(slot)),
            Place::Argument(word) => Operand::Mem(argument_word(word)),
            Place::Folded => {
                let load = value.as_op().expect("a folded operand is a load");
                Operand::Mem(self.address(load))
            }
            Place::Constant | Place::None => {
                let number = value.as_constant().expect("what is nowhere is a constant");
                Operand::Constant(self.unit.constants[number].1, number as u32)
            }
        }
    }

    /// An operand as an instruction reads it: constants in the pool.
    pub fn rm(&mut self, operand: Operand) -> Rm {
        match operand {
            Operand::Reg(register) => Rm::Reg(register),
            Operand::Mem(mem) => Rm::Mem(mem),
            Operand::Constant(bits, number) => {
                let pooled = &mut self.out.pooled[number as usize];
                if *pooled == NONE {
                    *pooled = self.out.asm.pool.len() as u32;
                    self.out.asm.pool.push(bits);
                }
                Rm::Mem(Mem::Relative(Goal::Pool(*pooled)))
            }
        }
    }

    /// Brings an operand into a general register, without touching the flags.
    pub fn bring(&mut self, to: Reg, operand: Operand) {
        match operand {
            Operand::Reg(from) if from == to => {}
            Operand::Reg(from) => self.asm().mov(to, from),
            Operand::Mem(mem) => self.asm().mov(to, mem),
            Operand::Constant(bits, _) => self.asm().constant(to, bits),
        }
    }

    /// Brings a word from memory into a register of either class.
    pub fn load_word(&mut self, to: Reg, from: Mem) {
        if to.is_float() {
            self.asm().op(second(0xf2, 0x10), to, from);
        } else {
            self.asm().mov(to, from);
        }
    }

    /// The reverse.
    pub fn store_word(&mut self, to: Mem, from: Reg) {
        if from.is_float() {
            self.asm().op(second(0xf2, 0x11), from, to);
        } else {
            self.asm().store(to, from);
        }
    }

    /// Copies a register to another of the same class, or moves the bits if the classes differ.
    pub fn copy(&mut self, to: Reg, from: Reg) {
        use super::assembler::second_wide;
        match (to.is_float(), from.is_float()) {
            _ if to == from => {}
            (false, false) => self.asm().mov(to, from),
            (true, true) => self.asm().op(second(0, 0x28), to, from),
            (true, false) => self.asm().op(second_wide(0x66, 0x6e), to, from),
            (false, true) => self.asm().op(second_wide(0x66, 0x7e), from, to),
        }
    }

    /// The address that a load or store accesses. It may be in the emitter's register.
    pub fn address(&mut self, at: usize) -> Mem {
        let op = &self.unit.ops[at];
        let desc = self.input.descriptors.mem(MemId(op.aux));
        let (offset, scale) = (desc.offset, desc.scale);
        let has_index = Ref::from_word(op.b) != Ref::NONE && scale != 0;
        let base = self.operand(at, 0);
        let index = if has_index { Some(self.operand(at, 1)) } else { None };
        let mut fixed = offset as i64;
        let index = match index {
            Some(Operand::Constant(bits, _)) => {
                fixed = fixed.wrapping_add((bits as i64).wrapping_mul(i64::from(scale)));
                None
            }
            Some(Operand::Reg(register)) => Some((register, scale.trailing_zeros() as u8)),
            _ => None,
        };
        let base = match base {
            Operand::Constant(bits, _) => {
                fixed = fixed.wrapping_add(bits as i64);
                None
            }
            Operand::Reg(register) => Some(register),
            Operand::Mem(_) => unreachable!("bases are in registers"),
        };
        // The upper half of a word is at 4 more.
        let near = i32::try_from(fixed).ok().filter(|&displacement| displacement < i32::MAX - 4);
        match (near, base, index) {
            (Some(displacement), _, _) => Mem::At { base, index, displacement },
            (None, None, _) if self.out.asm.anchored(fixed as u64).is_some() => {
                let displacement = self.out.asm.anchored(fixed as u64).expect("it has just been asked");
                Mem::At { base: Some(ANCHOR), index, displacement }
            }
            (None, None, _) => {
                self.asm().constant(SCRATCH, fixed as u64);
                Mem::At { base: Some(SCRATCH), index, displacement: 0 }
            }
            (None, Some(_), None) => {
                self.asm().constant(SCRATCH, fixed as u64);
                Mem::At { base, index: Some((SCRATCH, 0)), displacement: 0 }
            }
            (None, Some(_), Some(_)) => unreachable!("descriptors' offsets fit"),
        }
    }

    /// Behind an operation of a piece from which nothing goes on: what can't be reached otherwise has its place here, as near as can be to what jumps there.
    fn island(&mut self) {
        let folded = self.folded && self.unit.ops[self.at].code == OpCode::JumpUnit;
        self.folded &= !folded;
        if self.ends(self.at) && !folded && self.at + 1 < self.unit.ops.len() {
            self.cold();
            self.leave_piece();
        }
    }

    /// Whether nothing goes on behind an operation.
    pub(super) fn ends(&self, at: usize) -> bool {
        let op = self.unit.ops[at];
        match op.code {
            OpCode::Return | OpCode::Exit | OpCode::JumpUnit => true,
            OpCode::Jump => self.unit.labels[op.a as usize] as usize != at + 1,
            _ => false,
        }
    }

    fn cold(&mut self) {
        let mut colds = std::mem::take(&mut self.out.cold);
        for &cold in &colds {
            let (Cold::Edge { mark, .. }
            | Cold::Allocate { mark, .. }
            | Cold::Box { mark, .. }
            | Cold::Barrier { mark, .. }
            | Cold::Saturate { mark, .. }) = cold;
            self.out.place_mark(mark);
            match cold {
                Cold::Edge { moves, label, .. } => {
                    self.moves(moves);
                    self.go(label);
                }
                Cold::Allocate { back, to, size, header, .. } => {
                    self.allocate_out_of_line(to, size, header);
                    self.back(None, back);
                }
                Cold::Box { back, to, from, header, .. } => {
                    self.allocate_out_of_line(to, BoxDesc::SIZE, header);
                    self.store_boxed(Mem::base(to, BoxDesc::OFFSET), from);
                    self.back(None, back);
                }
                Cold::Barrier { back, object, .. } => {
                    if object != SCRATCH {
                        self.asm().mov(SCRATCH, object);
                    }
                    self.call_routine(self.input.routines.barrier);
                    self.back(None, back);
                }
                Cold::Saturate { back, to, from, .. } => self.saturate(back, to, from),
            }
        }
        colds.clear();
        self.out.cold = colds;
    }

    /// A new object, by the slow path.
    fn allocate_out_of_line(&mut self, to: Reg, size: u32, header: u64) {
        self.asm().constant(SCRATCH, u64::from(size));
        self.asm().constant(to, header);
        self.asm().encode(narrow(0xff), 6, Rm::Reg(to), 0);
        self.call_routine(self.input.routines.allocate);
        self.asm().mov(to, SCRATCH);
    }

    /// Jumps back to a place in the unit, under a condition or always.
    pub(super) fn back(&mut self, cc: Option<Cc>, place: u32) {
        if !self.input.piece {
            return self.asm().back(cc, place);
        }
        // From a cold part, which will lie elsewhere.
        let mark = self.out.new_mark();
        self.out.marks[mark as usize] = place;
        match cc {
            Some(cc) => self.asm().jcc(cc, Goal::Mark(mark)),
            None => self.asm().jmp(Goal::Mark(mark)),
        }
    }

    /// Where a piece is left, unless that has been placed or is not wanted yet: the root goes where the convention has it.
    pub(super) fn leave_piece(&mut self) {
        let Some(mark) = self.out.leave.filter(|_| !self.out.left) else { return };
        self.out.left = true;
        self.out.place_mark(mark);
        let root = self.input.allocation.home(ROOT);
        if let Place::Slot(slot) = root.place() {
            let from = self.slot(slot);
            self.asm().mov(RBX, from);
        } else if let Some(register) = root.as_reg() {
            self.copy(RBX, register);
        }
        self.call_routine(self.input.routines.leave_piece);
        self.out.left_behind = Some(self.out.asm.here());
    }

    pub(super) fn call_routine(&mut self, offset: u32) {
        self.asm().call(Goal::Arena(offset as i32));
    }

    /// `op rm, 8-bit immediate` of a group.
    pub fn with_byte(&mut self, code: u8, group: u8, to: Reg, immediate: u8) {
        self.asm().encode(wide(code), group, Rm::Reg(to), 1);
        self.asm().put(u64::from(immediate), 1);
    }
}

/// Counts down the four bytes at an address, and goes to `out` when they are negative: what stands before a piece whose entries are counted.
pub fn counting(asm: &mut Assembler, counter: u64, out: Goal) {
    let mem = asm.word_at(counter, SCRATCH);
    asm.encode(narrow(0x83), 5, Rm::Mem(mem), 1);
    asm.put(1, 1);
    asm.jcc(Cc::S, out);
}

/// A word of the machine's argument area.
pub(super) fn argument_word(word: u16) -> Mem {
    Mem::Relative(Goal::Arena(layout::ARGUMENTS + 8 * i32::from(word)))
}
