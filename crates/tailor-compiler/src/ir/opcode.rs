//! Operation codes and their signatures.
//!
//! One table says all about an opcode that is not behaviour: its name in the text form, its operand types, its result type and its class. Printer, parser,
//! verifier, optimiser and backends ask it; none keeps a list of its own.
//!
//! # Operands
//! An [`Op`](super::Op) has three operand fields `a`, `b`, `c` and one `aux`. What they hold is said by the row's operand kinds, in this order:
//!
//! | kind | meaning |
//! |---|---|
//! | `i`, `f`, `r` | a value of type Int, Float, Ref |
//! | `o` | an optional Int value ([`Ref::NONE`](super::Ref::NONE) if absent) |
//! | `v` | a value of the type that the descriptor in `aux` says |
//! | `L` | a label; its arguments are the list in the next field |
//! | `*` | a list of values |
//! | `S` | a snapshot |
//! | `.` | unused |

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
    /// Nothing.
    Void,
    /// A 64-bit word: integers, truth values, tagged words.
    Int,
    /// An IEEE 754 double.
    Float,
    /// The address of an object or of memory.
    Ref,
}

/// What an operation may do, for those who may not reorder or drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A function of its operands: may be shared, moved, dropped.
    Pure,
    /// Reads memory.
    Load,
    /// Writes memory.
    Store,
    /// Makes an object.
    Alloc,
    /// A call: its descriptor says what it does.
    Call,
    /// Leaves the unit if its condition fails.
    Guard,
    /// Ends a block.
    Terminator,
    /// Branches, labels, parameters, marks.
    Structure,
}

/// What the `aux` field of an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuxKind {
    /// Unused, 0.
    None,
    /// A [`MemId`](super::MemId).
    Mem,
    /// An [`AllocId`](super::AllocId).
    Alloc,
    /// A [`CallId`](super::CallId).
    Call,
    /// An [`EntryId`](super::EntryId).
    Entry,
    /// A [`BoxId`](super::BoxId).
    Box,
    /// A number of bits: 8, 16 or 32.
    Bits,
}

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident $text:literal $operands:literal $result:ident $class:ident,)*) => {
        /// What an operation does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum OpCode { $(#[doc = concat!("`", $text, "`:")] $(#[$doc])* $name,)* }

        impl OpCode {
            /// All opcodes, in order.
            pub const ALL: &'static [OpCode] = &[$(OpCode::$name,)*];
            const TEXTS: &'static [&'static str] = &[$($text,)*];
            const OPERANDS: &'static [&'static [u8; 3]] = &[$($operands,)*];
            const RESULTS: &'static [ResultType] = &[$(ResultType::$result,)*];
            const CLASSES: &'static [Class] = &[$(Class::$class,)*];
        }
    };
}

/// The type of an opcode's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// None.
    V,
    /// Int.
    I,
    /// Float.
    F,
    /// Ref.
    R,
    /// As the descriptor in `aux`, or the operation's own type field, says.
    D,
}

opcodes! {
    // Structure.
    /// Begins a block; `a` is its [`LabelId`](super::LabelId).
    Label "label" b"L.." V Structure,
    /// A parameter of the label above; its type is the operation's own.
    Param "param" b"..." D Structure,
    /// Goes to label `a` with arguments `b`.
    Jump "jump" b"L*." V Terminator,
    /// Goes to label `b` with arguments `c` if `a` is not 0.
    BranchIf "br_if" b"iL*" V Structure,
    /// Goes to label `b` with arguments `c` if `a` is 0.
    BranchUnless "br_unless" b"iL*" V Structure,
    /// Continues in another unit: at its entry point number `aux` of the table of external entries, with arguments `a`.
    JumpUnit "jump_unit" b"*.." V Terminator,
    /// Returns the values in list `a` to whoever entered the unit.
    Return "return" b"*.." V Terminator,
    /// Leaves the unit by snapshot `a`, unconditionally.
    Exit "exit" b"S.." V Terminator,
    /// Guards: leave by snapshot `b` unless `a` is as expected.
    GuardTrue "guard_true" b"iS." V Guard,
    /// See `GuardTrue`.
    GuardFalse "guard_false" b"iS." V Guard,
    /// Leaves by snapshot `a` once the unit has been invalidated. Costs nothing: invalidation patches the code.
    GuardValid "guard_valid" b"S.." V Guard,

    // Integers. Division rounds towards zero.
    Add "add" b"ii." I Pure,
    Sub "sub" b"ii." I Pure,
    Mul "mul" b"ii." I Pure,
    /// Signed quotient.
    DivS "div_s" b"ii." I Pure,
    /// Signed remainder, with the dividend's sign.
    RemS "rem_s" b"ii." I Pure,
    DivU "div_u" b"ii." I Pure,
    RemU "rem_u" b"ii." I Pure,
    /// The high half of the signed 128-bit product.
    MulHiS "mulhi_s" b"ii." I Pure,
    /// The high half of the unsigned 128-bit product.
    MulHiU "mulhi_u" b"ii." I Pure,
    And "and" b"ii." I Pure,
    Or "or" b"ii." I Pure,
    Xor "xor" b"ii." I Pure,
    Shl "shl" b"ii." I Pure,
    /// Logical shift to the right.
    Shr "shr" b"ii." I Pure,
    /// Arithmetic shift to the right.
    Sar "sar" b"ii." I Pure,
    RotL "rotl" b"ii." I Pure,
    Neg "neg" b"i.." I Pure,
    Not "not" b"i.." I Pure,
    /// Number of leading zero bits; 64 for 0.
    Clz "clz" b"i.." I Pure,
    /// Number of trailing zero bits; 64 for 0.
    Ctz "ctz" b"i.." I Pure,
    PopCount "popcnt" b"i.." I Pure,
    /// The low `aux` bits (8, 16, 32), sign-extended.
    SignExtend "sext" b"i.." I Pure,
    /// The low `aux` bits (8, 16, 32), zero-extended.
    ZeroExtend "zext" b"i.." I Pure,
    /// `b` if `a` is not 0, else `c`.
    Select "select" b"iii" I Pure,
    /// Whether the signed addition of both overflows.
    OvfAdd "ovf_add" b"ii." I Pure,
    /// See `OvfAdd`.
    OvfSub "ovf_sub" b"ii." I Pure,
    /// See `OvfAdd`.
    OvfMul "ovf_mul" b"ii." I Pure,
    Eq "eq" b"ii." I Pure,
    Ne "ne" b"ii." I Pure,
    /// Signed.
    Lt "lt" b"ii." I Pure,
    /// Signed.
    Le "le" b"ii." I Pure,
    /// Unsigned.
    LtU "lt_u" b"ii." I Pure,
    /// Unsigned.
    LeU "le_u" b"ii." I Pure,

    // Floats.
    FAdd "fadd" b"ff." F Pure,
    FSub "fsub" b"ff." F Pure,
    FMul "fmul" b"ff." F Pure,
    FDiv "fdiv" b"ff." F Pure,
    FNeg "fneg" b"f.." F Pure,
    FAbs "fabs" b"f.." F Pure,
    FSqrt "fsqrt" b"f.." F Pure,
    FFloor "ffloor" b"f.." F Pure,
    FCeil "fceil" b"f.." F Pure,
    FTrunc "ftrunc" b"f.." F Pure,
    /// To the nearest integer, halves to even.
    FRoundEven "fround_even" b"f.." F Pure,
    FEq "feq" b"ff." I Pure,
    FNe "fne" b"ff." I Pure,
    FLt "flt" b"ff." I Pure,
    FLe "fle" b"ff." I Pure,
    /// From a signed integer.
    IntToFloat "i2f" b"i.." F Pure,
    /// To a signed integer: towards zero, saturating, 0 for NaN (as Rust's `as`).
    FloatToInt "f2i" b"f.." I Pure,
    /// The box of a double: a tagged word that codes it, or the address of an object that holds it; `aux` is the BoxId. It may collect.
    Box "box" b"f.." I Pure,
    /// The bits of a double.
    FloatBits "fbits" b"f.." I Pure,
    /// The double of these bits.
    BitsFloat "bitsf" b"i.." F Pure,

    // References.
    /// `a + b` bytes.
    PtrAdd "ptr_add" b"ri." R Pure,
    RefEq "req" b"rr." I Pure,
    RefNe "rne" b"rr." I Pure,
    IntToRef "i2r" b"i.." R Pure,
    RefToInt "r2i" b"r.." I Pure,

    // Memory: `aux` is the MemId.
    /// From base `a`, index `b`.
    Load "load" b"ro." D Load,
    /// To base `a`, index `b`: the value `c`.
    Store "store" b"rov" V Store,
    /// A new object; `aux` is the AllocId. Its header is written; its other words must be stored before anything that may collect.
    New "new" b"..." R Alloc,
    /// The write barrier of object `a`, after a reference may have been stored into it.
    Barrier "barrier" b"r.." V Store,
    /// The words of the guest stack at address `a` and above are dead: each will be written before it is read. Says something to the optimiser, and does nothing.
    Release "release" b"r.." V Structure,

    // Calls.
    /// Calls a function; `aux` is the CallId, `a` the list of arguments.
    Call "call" b"*.." D Call,
    /// Calls the unit entry number `aux` with arguments `a`; leaves by snapshot `b` if the callee did not return as expected.
    CallUnit "call_unit" b"*S." D Call,
}

impl OpCode {
    /// Its name in the text form.
    pub fn text(self) -> &'static str {
        Self::TEXTS[self as usize]
    }

    /// The kinds of its operands; see the module's header.
    pub fn operands(self) -> &'static [u8; 3] {
        Self::OPERANDS[self as usize]
    }

    /// The type of its result.
    pub fn result(self) -> ResultType {
        Self::RESULTS[self as usize]
    }

    /// What it may do.
    pub fn class(self) -> Class {
        Self::CLASSES[self as usize]
    }

    /// Whether its value is a truth value: 0 or 1.
    pub fn is_test(self) -> bool {
        use OpCode::{Eq, FEq, FLe, FLt, FNe, Le, LeU, Lt, LtU, Ne, OvfAdd, OvfMul, OvfSub, RefEq, RefNe};
        matches!(self, Eq | Ne | Lt | Le | LtU | LeU | OvfAdd | OvfSub | OvfMul | FEq | FNe | FLt | FLe | RefEq | RefNe)
    }

    /// What its operations' `aux` field is.
    pub fn aux(self) -> AuxKind {
        match self {
            OpCode::Load | OpCode::Store => AuxKind::Mem,
            OpCode::New => AuxKind::Alloc,
            OpCode::Box => AuxKind::Box,
            OpCode::Call => AuxKind::Call,
            OpCode::CallUnit | OpCode::JumpUnit => AuxKind::Entry,
            OpCode::SignExtend | OpCode::ZeroExtend => AuxKind::Bits,
            _ => AuxKind::None,
        }
    }

    /// The opcode with this name.
    pub fn from_text(text: &str) -> Option<OpCode> {
        Self::ALL.iter().copied().find(|code| code.text() == text)
    }
}
