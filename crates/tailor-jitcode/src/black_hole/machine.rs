//! The machine: frames, and the loop that executes instructions.
//!
//! # Invariants
//! - `frame` points to the current frame, whose words (registers and constants) end where the register file's used words end, except during native calls: then arguments
//!   and results lie behind it.
//! - The code's registers, constants and targets are in range, since only [`Code`] makes instructions.

use super::panics;
use super::register_file::RegisterFile;
use super::{Mode, SavedFrame, Stop};
use crate::code::{Code, Instruction, Position, Register, form, opcode};
use crate::function::{JitFunction, Role};
use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::{Op, OpCode, Type};

/// An activation that waits for a call to return.
struct Waiting {
    code: &'static Code,
    frame: *mut u64,
    /// The call.
    position: Position,
}

/// Why the loop ended.
pub(super) enum End {
    /// The outermost activation has returned; its result is in the machine.
    Returned,
    /// As many instructions as allowed have been executed; the next one of the innermost frame is this.
    OutOfFuel(Position),
    /// The outermost activation is at a merge point; the words of its variables are in the machine.
    MergePoint,
    /// The outermost activation is at this call, which leaves a guest frame; the words of the arguments are in the machine.
    Leaving(Position),
    /// The outermost activation could enter compiled code; the words of its variables are in the machine, and this instruction is the next.
    Entry(Position),
}

/// What no program of ours computes with, and no address.
const GARBAGE: u64 = 0xdead_dead_dead_dead;

/// Executes one computation.
pub(super) struct Machine {
    mode: Mode,
    /// Where to stop; looked at if fuel is counted.
    stop: Option<Stop>,
    file: *const RegisterFile,
    /// Where this machine's frames begin in the register file.
    base: *mut u64,
    waiting: Vec<Waiting>,
    code: Option<&'static Code>,
    frame: *mut u64,
    position: Position,
    results: Vec<u64>,
}

impl Machine {
    pub fn new(mode: Mode) -> Machine {
        let file = RegisterFile::of_thread();
        // SAFETY: it lives as long as the thread; a machine does not leave its thread, being full of raw pointers.
        let base = unsafe { &*file }.top();
        Machine {
            mode,
            stop: None,
            file,
            base,
            waiting: Vec::new(),
            code: None,
            frame: base,
            position: 0,
            results: Vec::new(),
        }
    }

    /// Makes the outermost activation stop somewhere.
    pub fn stop_at(&mut self, stop: Stop) {
        self.stop = Some(stop);
    }

    fn file(&self) -> &'static RegisterFile {
        // SAFETY: as in `new`; no reference outlives the machine.
        unsafe { &*self.file }
    }

    /// Prepares to execute a function from its beginning.
    pub fn begin(&mut self, function: &'static JitFunction, arguments: &[u64]) {
        assert_eq!(arguments.len(), function.argument_words(), "argument words of {}", function.signature.name);
        let code = function.code();
        let base = self.base;
        self.push_frame(code, base);
        for (i, &word) in arguments.iter().enumerate() {
            // SAFETY: the function's parameters are the frame's first registers.
            unsafe { *self.frame.add(i) = word };
        }
    }

    /// Makes a frame at `at` the current one, its registers being whatever was there.
    fn push_frame(&mut self, code: &'static Code, at: *mut u64) {
        self.file().reserve(at, code.frame_words());
        // SAFETY: the words have been reserved.
        unsafe { fill_constants(code, at) };
        self.code = Some(code);
        self.frame = at;
        self.position = 0;
    }

    /// Prepares to continue interrupted frames.
    pub fn restore(&mut self, frames: &[SavedFrame]) {
        let mut at = self.base;
        for (i, saved) in frames.iter().enumerate() {
            let code = saved.function.code();
            self.push_frame(code, at);
            let innermost = i + 1 == frames.len();
            let registers = if innermost {
                code.live(saved.position)
            } else {
                code.live_across(saved.position).expect("a frame that is not the innermost is at a call")
            };
            assert_eq!(registers.len(), saved.values.len(), "live values of {}", saved.function.signature.name);
            for (register, &word) in registers.iter().zip(&saved.values) {
                // SAFETY: the registers are words of the frame.
                unsafe { *at.add(register.index()) = word };
            }
            self.position = saved.position;
            if !innermost {
                self.waiting.push(Waiting { code, frame: at, position: saved.position });
            }
            at = at.wrapping_add(code.frame_words());
        }
    }

    /// Fills the words that these frames are going to have with garbage.
    pub fn spoil(&mut self, frames: &[SavedFrame]) {
        let words = frames.iter().map(|saved| saved.function.code().frame_words()).sum();
        self.file().reserve(self.base, words);
        for i in 0..words {
            // SAFETY: the words have been reserved.
            unsafe { *self.base.add(i) = GARBAGE };
        }
    }

    /// The interrupted frames, the innermost being before `position`.
    pub fn save(&self, position: Position) -> Vec<SavedFrame> {
        let save = |code: &'static Code, frame: *mut u64, position, registers: &[Register]| {
            // SAFETY: the registers are words of the frame.
            let values = registers.iter().map(|register| unsafe { *frame.add(register.index()) }).collect();
            SavedFrame { function: code.function(), position, values }
        };
        let waiting = self.waiting.iter().map(|waiting| {
            let registers = waiting.code.live_across(waiting.position).unwrap_or_default();
            save(waiting.code, waiting.frame, waiting.position, registers)
        });
        let current = self.code.map(|code| save(code, self.frame, position, code.live(position)));
        waiting.chain(current).collect()
    }

    /// What the current frame, which is at this call, keeps across it.
    pub fn values_across(&self, call: Position) -> Vec<u64> {
        let registers = self.code.and_then(|code| code.live_across(call)).unwrap_or_default();
        // SAFETY: the registers are words of the frame.
        registers.iter().map(|register| unsafe { *self.frame.add(register.index()) }).collect()
    }

    /// The words that the outermost activation has returned, or those of where it has stopped.
    pub fn take_results(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.results)
    }

    /// Executes from the current position on; at most `fuel` instructions if `LIMITED`.
    ///
    /// # Safety
    /// What the frames hold is such that the native readings of their functions could be there.
    #[allow(clippy::too_many_lines)] // One arm an opcode.
    pub unsafe fn execute<const LIMITED: bool>(&mut self, fuel: &mut u64) -> End {
        let mut code = self.code.expect("there is something to execute");
        let mut frame = self.frame;
        let mut next = &raw const code.instructions()[self.position as usize];

        // A register or constant of the current frame.
        macro_rules! word {
            ($register:expr) => {{
                let register = usize::from($register);
                // SAFETY: the code's operands are words of its frames.
                unsafe { *frame.add(register) }
            }};
        }
        macro_rules! set {
            ($register:expr, $word:expr) => {{
                let (register, word) = (usize::from($register), $word);
                // SAFETY: the code's operands are words of its frames.
                unsafe { *frame.add(register) = word }
            }};
        }
        macro_rules! go {
            ($position:expr) => {{
                let position = $position as usize;
                // SAFETY: the code's targets are instructions of it.
                next = unsafe { code.instructions().as_ptr().add(position) }
            }};
        }
        // The number of the instruction that comes next.
        macro_rules! next_position {
            () => {
                // SAFETY: both point into the code.
                (unsafe { next.offset_from(code.instructions().as_ptr()) }) as Position
            };
        }
        macro_rules! address {
            ($i:expr) => {
                word!($i.a).wrapping_add($i.y as i32 as u64)
            };
        }
        macro_rules! indexed {
            ($i:expr) => {
                address!($i).wrapping_add(word!($i.b) << $i.bits)
            };
        }
        macro_rules! load {
            ($ty:ty, $i:expr, $address:expr) => {{
                let address = $address as *const $ty;
                // SAFETY: the caller's promise: the native reading reads there.
                let word = unsafe { address.read_unaligned() } as u64;
                set!($i.d, word)
            }};
        }
        macro_rules! store {
            ($ty:ty, $i:expr, $address:expr) => {{
                let (address, word) = ($address as *mut $ty, word!($i.d) as $ty);
                // SAFETY: the caller's promise: the native reading writes there.
                unsafe { address.write_unaligned(word) }
            }};
        }
        // An operation that is done right here; see `other`.
        macro_rules! pure {
            ($i:expr, |$a:ident| $result:expr) => {{
                let $a = word!($i.a);
                set!($i.d, $result)
            }};
            ($i:expr, |$a:ident, $b:ident| $result:expr) => {{
                let ($a, $b) = (word!($i.a), word!($i.b));
                set!($i.d, $result)
            }};
        }
        macro_rules! truth {
            ($i:expr, |$a:ident, $b:ident| $result:expr) => {
                pure!($i, |$a, $b| u64::from($result))
            };
        }
        macro_rules! float {
            ($i:expr, |$a:ident, $b:ident| $result:expr) => {
                pure!($i, |a, b| {
                    let ($a, $b) = (f64::from_bits(a), f64::from_bits(b));
                    $result
                })
            };
        }
        // Goes on in the frame that waits, if there is one, whose call has these results.
        macro_rules! deliver {
            ($results:expr) => {{
                let Some(Waiting { code: caller, frame: below, position }) = self.waiting.pop() else {
                    self.results = $results.collect();
                    self.code = None;
                    return End::Returned;
                };
                let call = caller.call(caller.instructions()[position as usize].x);
                for (dest, word) in call.results.iter().zip($results) {
                    // SAFETY: results are registers of the frame.
                    unsafe { *below.add(dest.index()) = word };
                }
                code = caller;
                frame = below;
                self.file().set_top(frame.wrapping_add(code.frame_words()));
                go!(position + 1);
            }};
        }

        loop {
            if LIMITED {
                if *fuel == 0 {
                    self.code = Some(code);
                    self.frame = frame;
                    return End::OutOfFuel(next_position!());
                }
                *fuel -= 1;
            }
            // SAFETY: code ends in an instruction that does not go on.
            let i: &Instruction = unsafe { &*next };
            next = next.wrapping_add(1);
            match i.opcode {
                opcode::MOVE | opcode::PROMOTE => set!(i.d, word!(i.a)),
                opcode::WE_ARE_JITTED => set!(i.d, u64::from(self.mode == Mode::AsUnit)),
                opcode::RELEASE => {}
                opcode::CAN_ENTER => {
                    if LIMITED && self.waiting.is_empty() && self.stop.is_some_and(|stop| stop.entry) {
                        self.results = code.mark(i.x).values.iter().map(|value| word!(value.0)).collect();
                        self.code = Some(code);
                        self.frame = frame;
                        return End::Entry(next_position!());
                    }
                }
                opcode::JUMP => go!(i.x),
                opcode::BRANCH => go!(if word!(i.a) != 0 { i.x } else { i.y }),
                opcode::SWITCH => go!(code.switch(i.x).target(word!(i.a))),

                LOAD_I8 => load!(i8, i, address!(i)),
                LOAD_U8 => load!(u8, i, address!(i)),
                LOAD_I16 => load!(i16, i, address!(i)),
                LOAD_U16 => load!(u16, i, address!(i)),
                LOAD_I32 => load!(i32, i, address!(i)),
                LOAD_U32 => load!(u32, i, address!(i)),
                LOAD_WORD => load!(u64, i, address!(i)),
                LOAD_INDEXED_I8 => load!(i8, i, indexed!(i)),
                LOAD_INDEXED_U8 => load!(u8, i, indexed!(i)),
                LOAD_INDEXED_I16 => load!(i16, i, indexed!(i)),
                LOAD_INDEXED_U16 => load!(u16, i, indexed!(i)),
                LOAD_INDEXED_I32 => load!(i32, i, indexed!(i)),
                LOAD_INDEXED_U32 => load!(u32, i, indexed!(i)),
                LOAD_INDEXED_WORD => load!(u64, i, indexed!(i)),
                STORE_8 => store!(u8, i, address!(i)),
                STORE_16 => store!(u16, i, address!(i)),
                STORE_32 => store!(u32, i, address!(i)),
                STORE_WORD => store!(u64, i, address!(i)),
                STORE_INDEXED_8 => store!(u8, i, indexed!(i)),
                STORE_INDEXED_16 => store!(u16, i, indexed!(i)),
                STORE_INDEXED_32 => store!(u32, i, indexed!(i)),
                STORE_INDEXED_WORD => store!(u64, i, indexed!(i)),

                opcode::CALL => {
                    let call = code.call(i.x);
                    let end = frame.wrapping_add(code.frame_words());
                    let function = call.function;
                    if LIMITED
                        && function.role == Role::Leave
                        && let Some(Stop { leaving: Some(left), .. }) = self.stop
                        && call.arguments.first().is_some_and(|argument| word!(argument.0) == left)
                    {
                        self.code = Some(code);
                        self.frame = frame;
                        let position = next_position!() - 1;
                        if !self.waiting.is_empty() {
                            return End::OutOfFuel(position);
                        }
                        self.results = call.arguments.iter().map(|argument| word!(argument.0)).collect();
                        return End::Leaving(position);
                    }
                    if function.is_residual() || (function.traits.portal && self.mode == Mode::ToMergePoint) {
                        let arguments = call.arguments.iter();
                        // SAFETY: the caller's promise; the operands are the function's arguments.
                        let results = unsafe { self.call_native(function, arguments, call.results.len(), frame, end) };
                        for (k, dest) in call.results.iter().enumerate() {
                            // SAFETY: as many results were written.
                            let word = unsafe { *results.add(k) };
                            set!(dest.0, word);
                        }
                        continue;
                    }
                    let callee = function.code();
                    self.file().reserve(end, callee.frame_words());
                    for (k, argument) in call.arguments.iter().enumerate() {
                        let word = word!(argument.0);
                        // SAFETY: the words have been reserved; parameters are the first registers.
                        unsafe { *end.add(k) = word };
                    }
                    // SAFETY: the words have been reserved.
                    unsafe { fill_constants(callee, end) };
                    self.waiting.push(Waiting { code, frame, position: next_position!() - 1 });
                    code = callee;
                    frame = end;
                    go!(0);
                }
                opcode::RETURN => {
                    let values = code.returned(i.x);
                    let above = frame;
                    deliver!(values.iter().map(|value| {
                        // SAFETY: operands are words of the frame, which stays as it is until the next call.
                        unsafe { *above.add(value.index()) }
                    }));
                }
                opcode::MERGE_POINT => {
                    if LIMITED
                        && self.waiting.is_empty()
                        && let Some(stop) = self.stop
                    {
                        if stop.merge_point {
                            self.results = code.mark(i.x).values.iter().map(|value| word!(value.0)).collect();
                            self.code = Some(code);
                            self.frame = frame;
                            return End::MergePoint;
                        }
                    } else if self.mode == Mode::ToMergePoint {
                        let (portal, mark) = (code.function(), code.mark(i.x));
                        let end = frame.wrapping_add(code.frame_words());
                        let count = portal.signature.result.leaf_count();
                        // SAFETY: a merge point's variables are its portal's parameters; the rest is the caller's promise.
                        let results = unsafe { self.call_native(portal, mark.values.iter(), count, frame, end) };
                        // SAFETY: as many results were written.
                        deliver!((0..count).map(|k| unsafe { *results.add(k) }));
                    }
                }
                opcode::PANIC => {
                    let (template, arguments) = code.panic_message(i.x);
                    let arguments: Vec<u64> = arguments.iter().map(|argument| word!(argument.0)).collect();
                    panics::raise(template, &arguments, code.location(next_position!() - 1));
                }

                ADD | PTR_ADD => pure!(i, |a, b| a.wrapping_add(b)),
                SUB => pure!(i, |a, b| a.wrapping_sub(b)),
                MUL => pure!(i, |a, b| a.wrapping_mul(b)),
                AND => pure!(i, |a, b| a & b),
                OR => pure!(i, |a, b| a | b),
                XOR => pure!(i, |a, b| a ^ b),
                SHL => pure!(i, |a, b| a.wrapping_shl(b as u32)),
                SHR => pure!(i, |a, b| a.wrapping_shr(b as u32)),
                SAR => pure!(i, |a, b| (a as i64).wrapping_shr(b as u32) as u64),
                OVF_ADD => truth!(i, |a, b| (a as i64).overflowing_add(b as i64).1),
                OVF_SUB => truth!(i, |a, b| (a as i64).overflowing_sub(b as i64).1),
                OVF_MUL => truth!(i, |a, b| (a as i64).overflowing_mul(b as i64).1),
                EQ | REF_EQ => truth!(i, |a, b| a == b),
                NE | REF_NE => truth!(i, |a, b| a != b),
                LT => truth!(i, |a, b| (a as i64) < b as i64),
                LE => truth!(i, |a, b| a as i64 <= b as i64),
                LT_U => truth!(i, |a, b| a < b),
                LE_U => truth!(i, |a, b| a <= b),
                F_ADD => float!(i, |a, b| (a + b).to_bits()),
                F_SUB => float!(i, |a, b| (a - b).to_bits()),
                F_MUL => float!(i, |a, b| (a * b).to_bits()),
                F_DIV => float!(i, |a, b| (a / b).to_bits()),
                F_EQ => float!(i, |a, b| u64::from(a == b)),
                F_LT => float!(i, |a, b| u64::from(a < b)),
                F_LE => float!(i, |a, b| u64::from(a <= b)),
                INT_TO_FLOAT => pure!(i, |a| (a as i64 as f64).to_bits()),
                FLOAT_BITS | BITS_FLOAT | INT_TO_REF | REF_TO_INT => pure!(i, |a| a),
                ZERO_EXTEND => pure!(i, |a| a & ((1 << i.bits) - 1)),
                SIGN_EXTEND => pure!(i, |a| ((a as i64) << (64 - i.bits) >> (64 - i.bits)) as u64),
                SELECT => {
                    let chosen = if word!(i.a) != 0 { i.b } else { i.x as u16 };
                    set!(i.d, word!(chosen));
                }
                _ => set!(i.d, other(i, word!(i.a), word!(i.b), word!(i.x as u16))),
            }
        }
    }

    /// Calls a function's native reading with operands of the frame; where its results are. They stay there until the next call.
    ///
    /// # Safety
    /// The native reading can be called with these arguments.
    #[inline(never)]
    unsafe fn call_native<'a>(
        &self,
        function: &'static JitFunction,
        arguments: impl ExactSizeIterator<Item = &'a Register>,
        results: usize,
        frame: *const u64,
        end: *mut u64,
    ) -> *const u64 {
        let count = arguments.len();
        self.file().reserve(end, count + results);
        for (i, argument) in arguments.enumerate() {
            // SAFETY: the words have been reserved; operands are words of the frame.
            unsafe { *end.add(i) = *frame.add(argument.index()) };
        }
        let to = end.wrapping_add(count);
        // SAFETY: the caller's promise.
        unsafe { (function.native)(end, to) };
        self.file().set_top(end);
        to
    }
}

impl Drop for Machine {
    /// Also when a native function, or jitcode, panics.
    fn drop(&mut self) {
        self.file().set_top(self.base);
    }
}

/// Puts the constants behind the registers of a frame.
///
/// # Safety
/// The frame's words are reserved.
#[inline(always)]
unsafe fn fill_constants(code: &Code, frame: *mut u64) {
    let constants = code.constants();
    let to = frame.wrapping_add(code.register_count());
    for (i, &(_, word)) in constants.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { *to.add(i) = word };
    }
}

/// An operation that the loop does not do itself. Those that it does are the frequent ones: a machine instruction or two, where deciding again which it is would cost more.
/// That both agree is tested.
#[inline(never)]
fn other(i: &Instruction, a: u64, b: u64, c: u64) -> u64 {
    let code = OpCode::ALL[usize::from(i.opcode)];
    let mut op = Op::new(code, Type::Int);
    op.aux = u16::from(i.bits);
    match evaluate(&op, a, b, c) {
        Some(word) => word,
        None => panic!("{code:?} of operands for which it is not defined: jitcode has no check before it"),
    }
}

const LOAD_I8: u8 = opcode::LOAD + form::I8;
const LOAD_U8: u8 = opcode::LOAD + form::U8;
const LOAD_I16: u8 = opcode::LOAD + form::I16;
const LOAD_U16: u8 = opcode::LOAD + form::U16;
const LOAD_I32: u8 = opcode::LOAD + form::I32;
const LOAD_U32: u8 = opcode::LOAD + form::U32;
const LOAD_WORD: u8 = opcode::LOAD + form::WORD;
const LOAD_INDEXED_I8: u8 = opcode::LOAD_INDEXED + form::I8;
const LOAD_INDEXED_U8: u8 = opcode::LOAD_INDEXED + form::U8;
const LOAD_INDEXED_I16: u8 = opcode::LOAD_INDEXED + form::I16;
const LOAD_INDEXED_U16: u8 = opcode::LOAD_INDEXED + form::U16;
const LOAD_INDEXED_I32: u8 = opcode::LOAD_INDEXED + form::I32;
const LOAD_INDEXED_U32: u8 = opcode::LOAD_INDEXED + form::U32;
const LOAD_INDEXED_WORD: u8 = opcode::LOAD_INDEXED + form::WORD;
const STORE_8: u8 = opcode::STORE + form::U8;
const STORE_16: u8 = opcode::STORE + form::U16;
const STORE_32: u8 = opcode::STORE + form::U32;
const STORE_WORD: u8 = opcode::STORE + form::WORD;
const STORE_INDEXED_8: u8 = opcode::STORE_INDEXED + form::U8;
const STORE_INDEXED_16: u8 = opcode::STORE_INDEXED + form::U16;
const STORE_INDEXED_32: u8 = opcode::STORE_INDEXED + form::U32;
const STORE_INDEXED_WORD: u8 = opcode::STORE_INDEXED + form::WORD;

const ADD: u8 = OpCode::Add as u8;
const SUB: u8 = OpCode::Sub as u8;
const MUL: u8 = OpCode::Mul as u8;
const AND: u8 = OpCode::And as u8;
const OR: u8 = OpCode::Or as u8;
const XOR: u8 = OpCode::Xor as u8;
const SHL: u8 = OpCode::Shl as u8;
const SHR: u8 = OpCode::Shr as u8;
const SAR: u8 = OpCode::Sar as u8;
const OVF_ADD: u8 = OpCode::OvfAdd as u8;
const OVF_SUB: u8 = OpCode::OvfSub as u8;
const OVF_MUL: u8 = OpCode::OvfMul as u8;
const EQ: u8 = OpCode::Eq as u8;
const NE: u8 = OpCode::Ne as u8;
const LT: u8 = OpCode::Lt as u8;
const LE: u8 = OpCode::Le as u8;
const LT_U: u8 = OpCode::LtU as u8;
const LE_U: u8 = OpCode::LeU as u8;
const F_ADD: u8 = OpCode::FAdd as u8;
const F_SUB: u8 = OpCode::FSub as u8;
const F_MUL: u8 = OpCode::FMul as u8;
const F_DIV: u8 = OpCode::FDiv as u8;
const F_EQ: u8 = OpCode::FEq as u8;
const F_LT: u8 = OpCode::FLt as u8;
const F_LE: u8 = OpCode::FLe as u8;
const INT_TO_FLOAT: u8 = OpCode::IntToFloat as u8;
const FLOAT_BITS: u8 = OpCode::FloatBits as u8;
const BITS_FLOAT: u8 = OpCode::BitsFloat as u8;
const INT_TO_REF: u8 = OpCode::IntToRef as u8;
const REF_TO_INT: u8 = OpCode::RefToInt as u8;
const ZERO_EXTEND: u8 = OpCode::ZeroExtend as u8;
const SIGN_EXTEND: u8 = OpCode::SignExtend as u8;
const SELECT: u8 = OpCode::Select as u8;
const PTR_ADD: u8 = OpCode::PtrAdd as u8;
const REF_EQ: u8 = OpCode::RefEq as u8;
const REF_NE: u8 = OpCode::RefNe as u8;
