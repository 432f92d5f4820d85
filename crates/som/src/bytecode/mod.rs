//! The register bytecode.
//!
//! # Frames
//! A method's registers `r0, r1, ...` are a window on the guest stack. `r0` is the receiver (in a block's code: the block),
//! the arguments follow, then the locals, then temporaries. Directly below `r0` lie the two *link* words that say
//! where to go on after a return (see [`crate::interpreter::frame`]).
//!
//! # Calls
//! A send's receiver and arguments are computed into consecutive temporaries, the *call window*; the two
//! words below the window are left free for the link. The callee's `r0` is the window's first register, so nothing is copied.
//! Operators (`Add`, `Lt`, `At`, ...) take their operands from any register; only when they turn out to be real sends
//! are operands copied to a window at the end of the frame.
//!
//! # Instructions
//! One 64-bit word each: an opcode and three 16-bit operands `a`, `b`, `c`. `a` is the destination unless noted. In the
//! table, `r[x]` is a register, `k[x]` a literal, `#x` the operand itself, signed where noted.
//!
//! A *fused* comparison (`LtBr`, ...) is followed by one of the four conditional jumps on its destination and takes the jump
//! itself when operands are numbers; otherwise it sends, and the jump is executed on the result.
//!
//! Jumps to the beginnings of loops have opcodes of their own: only there iterations are counted, and compiled code is entered. They also say what an iteration has left behind that is of no use to the next: the registers of the loop's body and
//! condition, which lie above all that live on. Those are from `r[a]` on, which holds the condition; in a counting loop, from [`FOR_REGISTERS`] above `r[a]` on.
//!
//! # Quickening
//! [`Op::Send`] rewrites itself, by what it finds, into one of the `Send...` forms for a single receiver class, into
//! `SendPoly` for up to four, and into `SendMega` beyond that. Rewriting changes the opcode only; operands stay.

mod disassemble;

use tailor::jit;

pub use disassemble::disassemble;

/// An operand that names no register.
pub const NO_REGISTER: u16 = u16::MAX;

/// Registers of a counting loop: counter, limit and result. What its body computes lies above them, and is of no use behind an iteration.
pub const FOR_REGISTERS: u16 = 3;

/// Words of the link below a frame's `r0`.
pub const LINK: u16 = 2;

/// One instruction.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Instr {
    /// What to do.
    pub op: Op,
    /// Usually the destination register.
    pub a: u16,
    /// An operand.
    pub b: u16,
    /// An operand.
    pub c: u16,
}

#[jit]
impl Instr {
    /// An instruction from its parts.
    pub const fn new(op: Op, a: u16, b: u16, c: u16) -> Instr {
        Instr { op, a, b, c }
    }

    /// `b` and `c` taken as one signed number.
    #[inline(always)]
    pub const fn imm32(self) -> i32 {
        (self.b as u32 | (self.c as u32) << 16) as i32
    }

    /// An instruction with a signed 32-bit operand in `b` and `c`.
    pub const fn with_imm32(op: Op, a: u16, imm: i32) -> Instr {
        Instr { op, a, b: imm as u16, c: (imm >> 16) as u16 }
    }
}

#[jit]
impl Op {
    /// Whether the conditional jump behind a fused comparison is taken if that is true, not if it is false.
    #[inline(always)]
    pub fn jumps_if_true(self) -> bool {
        // One comparison: those that are taken if it is false come first.
        self as u16 >= Op::JumpIfTrue as u16
    }
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident $shape:ident,)*) => {
        /// Opcodes.
        #[jit::value]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Op { $($(#[$doc])* $name,)* }

        impl Op {
            /// How the operands are to be printed.
            pub fn shape(self) -> Shape {
                match self { $(Op::$name => Shape::$shape,)* }
            }
        }
    };
}

/// The roles of an instruction's operands, for printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `r[a]`
    A,
    /// `r[a] <- r[b]`
    Move,
    /// `r[a] <- k[b]`
    Literal,
    /// `k[b] <- r[a]`
    LiteralStore,
    /// `r[a] <- #bc`
    Imm,
    /// `r[a] <- r[b], r[c]`
    Binary,
    /// `r[a] <- r[b], #c`
    BinaryImm,
    /// `r[a] <- field #c of r[b]`
    Load,
    /// `field #c of r[a] <- r[b]`
    Store,
    /// `r[a] <- slot #c, #b contexts out`
    OuterLoad,
    /// `slot #c, #b contexts out <- r[a]`
    OuterStore,
    /// `r[a] <- new context, #c slots, around it r[b]`
    NewContext,
    /// `r[a] <- block k[b], context r[c]`
    Block,
    /// `to #b`
    Jump,
    /// `r[a] to #b, inlined site #c`
    Branch,
    /// `r[a] <- window r[b], site #c`
    Send,
    /// `r[a] to #b, step #c`
    Step,
    /// `r[a] at r[b] put r[c]`
    Triple,
    /// `r[a] from the context #b steps out, window r[c]`
    NonLocal,
}

ops! {
    /// `r[a] <- r[b]`
    Move Move,
    /// `r[a] <- k[b]`
    LoadLiteral Literal,
    /// `r[a] <-` the signed number in `b`, `c`
    LoadInt Imm,
    /// `r[a] <- nil`
    LoadNil A,
    /// `r[a] <- true`
    LoadTrue A,
    /// `r[a] <- false`
    LoadFalse A,
    /// `r[a] <-` the value of the global whose association is `k[b]`; without one, sends `unknownGlobal:`
    LoadGlobal Literal,
    /// the value of the global whose association is `k[b] <- r[a]`
    SetGlobal LiteralStore,
    /// `r[a] <-` field `#c` of `r[b]`, which is `self`
    GetField Load,
    /// field `#c` of `r[a]`, which is `self`, `<- r[b]`
    SetField Store,
    /// `r[a] <-` slot `#c` of the context `r[b]`
    GetContext Load,
    /// slot `#c` of the context `r[a] <- r[b]`
    SetContext Store,
    /// in a block: `r[a] <-` slot `#c` of the context `#b` steps out from the block's own
    GetOuter OuterLoad,
    /// in a block: that slot `<- r[a]`
    SetOuter OuterStore,
    /// `r[a] <-` a context of `#c` slots, all nil, inside the context `r[b]`
    NewContext NewContext,
    /// as `NewContext`, inside the context of the block in `r0`
    NewContextInBlock NewContext,
    /// marks the context `r[a]` as the home context of this frame
    SetHome A,
    /// marks the home context `r[a]` as returned
    KillHome A,
    /// `r[a] <-` a block with the code `k[b]` in the context `r[c]`, with the receiver of this method
    MakeBlock Block,
    /// the same in a block's code: the receiver is the block's, the context without `r[c]` its own
    MakeBlockInBlock Block,
    /// in a block: `r[a] <- self`
    BlockSelf A,

    /// `pc <- #b`, which is ahead
    Jump Jump,
    /// to `#b`, which is ahead, if `r[a]` is false, on if it is true, else the inlined site `#c` becomes a send
    JumpIfFalse Branch,
    /// the same to the beginning of a loop
    JumpBackIfFalse Branch,
    /// to `#b`, which is ahead, if `r[a]` is true, on if it is false, else the inlined site `#c` becomes a send
    JumpIfTrue Branch,
    /// the same to the beginning of a loop
    JumpBackIfTrue Branch,
    /// to `#b` if `r[a]` is nil
    JumpIfNil Branch,
    /// to `#b` if `r[a]` is not nil
    JumpIfNotNil Branch,
    /// counting up: to `#b` if `r[a] > r[a+1]`; the site becomes a send unless both are small integers
    ForPrep Branch,
    /// `r[a] < r[a+1]`: adds 1 to `r[a]` and jumps back to `#b`
    ForLoop Branch,
    /// counting down: to `#b` if `r[a] < r[a+1]`; the site becomes a send unless both are small integers
    ForDownPrep Branch,
    /// `r[a] > r[a+1]`: subtracts 1 from `r[a]` and jumps back to `#b`
    ForDownLoop Branch,
    /// `r[a] + #c <= r[a+1]`: adds `#c` to `r[a]` and jumps back to `#b`
    ForStepLoop Step,
    /// returns `r[a]`
    Return A,
    /// marks the home context `r[b]` as returned and returns `r[a]`
    ReturnHome Move,
    /// in a block: returns `r[a]` from the home method, whose context is `#b` steps out; if it has returned already, sends
    /// `escapedBlock:` with the window `r[c]`, its result in `r[a]`
    ReturnNonLocal NonLocal,
    /// leaves a stub: goes on in the method it belongs to at `#b`
    Resume Jump,

    /// sends the message of site `#c` to `r[b]` and what follows it
    Send Send,
    /// as `Send`, for one receiver class and a method with bytecode
    SendMethod Send,
    /// as `Send`, for one receiver class and a primitive
    SendPrimitive Send,
    /// as `Send`, for one receiver class and a method that returns a field
    SendGetter Send,
    /// as `Send`, for one receiver class and a method that stores its argument into a field
    SendSetter Send,
    /// as `Send`, for one receiver class and a method that returns a constant
    SendConstant Send,
    /// as `Send`, for a block's `value` family
    SendBlock Send,
    /// as `Send`, for up to four receiver classes
    SendPoly Send,
    /// as `Send`, for many receiver classes
    SendMega Send,
    /// a send to super; the site is filled at its first execution
    SendSuper Send,

    /// `r[b] + r[c]`
    Add Binary,
    /// `r[b] - r[c]`
    Sub Binary,
    /// `r[b] * r[c]`
    Mul Binary,
    /// `r[b] / r[c]`, integer division
    Div Binary,
    /// `r[b] // r[c]`, division to a double
    DoubleDiv Binary,
    /// `r[b] % r[c]`
    Mod Binary,
    /// `r[b] rem: r[c]`
    Rem Binary,
    /// `r[b] & r[c]`
    BitAnd Binary,
    /// `r[b] << r[c]`
    Shl Binary,
    /// `r[b] >>> r[c]`
    Shr Binary,
    /// `r[b] bitXor: r[c]`
    BitXor Binary,
    /// `r[b] + #c`, signed
    AddImm BinaryImm,
    /// `r[b] - #c`, signed
    SubImm BinaryImm,
    /// `r[b] < r[c]`
    Lt Binary,
    /// `r[b] <= r[c]`
    Le Binary,
    /// `r[b] > r[c]`
    Gt Binary,
    /// `r[b] >= r[c]`
    Ge Binary,
    /// `r[b] = r[c]`
    Eq Binary,
    /// `r[b] <> r[c]`
    Ne Binary,
    /// `r[b] == r[c]`
    Identical Binary,
    /// fused `Lt`
    LtBr Binary,
    /// fused `Le`
    LeBr Binary,
    /// fused `Gt`
    GtBr Binary,
    /// fused `Ge`
    GeBr Binary,
    /// fused `Eq`
    EqBr Binary,
    /// fused `Ne`
    NeBr Binary,
    /// fused `Identical`
    IdenticalBr Binary,
    /// fused `Lt` with `#c`, signed
    LtImmBr BinaryImm,
    /// fused `Le` with `#c`, signed
    LeImmBr BinaryImm,
    /// fused `Gt` with `#c`, signed
    GtImmBr BinaryImm,
    /// fused `Ge` with `#c`, signed
    GeImmBr BinaryImm,
    /// fused `Eq` with `#c`, signed
    EqImmBr BinaryImm,
    /// fused `Ne` with `#c`, signed
    NeImmBr BinaryImm,
    /// `r[b] not`
    Not Move,
    /// `r[b] isNil`
    IsNil Move,
    /// `r[b] notNil`
    NotNil Move,
    /// `r[b] at: r[c]`
    At Binary,
    /// `r[a] at: r[b] put: r[c]`, the result unused
    AtPut Triple,
}
