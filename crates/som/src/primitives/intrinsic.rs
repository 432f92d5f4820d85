//! Which primitives the JIT sees through.
//!
//! To compiled code a primitive is a call that may do anything to memory, and that takes its operands from the guest stack. Of some more is known: an
//! [`Intrinsic`] says what a primitive computes, and `interpreter::intrinsics` computes it in jitted code. The name goes by class and selector, as the primitive itself; it is
//! kept beside the function, since functions of equal machine code may have one address.

use tailor::jit;

/// What the JIT knows of a primitive.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrinsic {
    /// Nothing.
    None,
    /// That it looks at all frames of the guest stack.
    SeesStack,
    /// That it depends on its operands alone, as far as these are numbers and strings, which never change, and changes nothing that was there before.
    Function,
    /// That it depends on its operands, numbers and arrays, and changes, of what was there before, elements of arrays alone.
    OnArrays,
    /// `class`
    Class,
    /// `==`
    Identical,
    /// `hashcode` of anything
    Hashcode,
    /// `new` of classes
    New,
    /// `new:` of array classes
    NewArray,
    /// `length` of arrays
    ArrayLength,
    /// `at:` of arrays
    ArrayAt,
    /// `at:put:` of arrays
    ArrayAtPut,
    /// `length` of strings
    StringLength,
    /// `charAt:`
    CharAt,
    /// `=` of strings
    StringEqual,
    /// `max:`
    Max,
    /// `min:`
    Min,
    /// `abs`
    Abs,
    /// `sqrt`
    Sqrt,
    /// `asInteger`
    AsInteger,
    /// `asDouble`
    AsDouble,
    /// `round`
    Round,
    /// `floor`
    Floor,
    /// `ceiling`
    Ceiling,
    /// `sin`
    Sin,
    /// `cos`
    Cos,
}

impl Intrinsic {
    /// What is known of the primitive for a class (named as for [`super::find`]) and selector.
    pub(super) fn of(class: &str, selector: &str) -> Intrinsic {
        match (class, selector) {
            ("System", "printStackTrace") | ("Object", "halt") => Intrinsic::SeesStack,
            ("Object", "class") => Intrinsic::Class,
            ("Object" | "Integer" | "Double", "==") => Intrinsic::Identical,
            ("Object" | "Integer" | "Double" | "String" | "Symbol", "hashcode") => Intrinsic::Hashcode,
            ("Class", "new") => Intrinsic::New,
            ("Array class", "new:") => Intrinsic::NewArray,
            ("Array", "length") => Intrinsic::ArrayLength,
            ("Array", "at:") => Intrinsic::ArrayAt,
            ("Array", "at:put:") => Intrinsic::ArrayAtPut,
            ("Array", _) => Intrinsic::OnArrays,
            ("String" | "Symbol", "length") => Intrinsic::StringLength,
            ("String" | "Symbol", "charAt:") => Intrinsic::CharAt,
            ("String" | "Symbol", "=") => Intrinsic::StringEqual,
            ("Integer", "atRandom") => Intrinsic::None,
            ("Integer" | "Double", "max:") => Intrinsic::Max,
            ("Integer" | "Double", "min:") => Intrinsic::Min,
            ("Integer" | "Double", "abs") => Intrinsic::Abs,
            ("Integer" | "Double", "sqrt") => Intrinsic::Sqrt,
            ("Integer" | "Double", "asInteger") => Intrinsic::AsInteger,
            ("Integer" | "Double", "asDouble") => Intrinsic::AsDouble,
            ("Integer" | "Double", "round") => Intrinsic::Round,
            ("Double", "floor") => Intrinsic::Floor,
            ("Double", "ceiling") => Intrinsic::Ceiling,
            ("Double", "sin") => Intrinsic::Sin,
            ("Double", "cos") => Intrinsic::Cos,
            // `asSymbol` may enter a symbol into the table of symbols, which is of no consequence to anything else.
            ("Integer" | "Double" | "Integer class" | "Double class" | "String" | "Symbol", _) => Intrinsic::Function,
            _ => Intrinsic::None,
        }
    }
}
