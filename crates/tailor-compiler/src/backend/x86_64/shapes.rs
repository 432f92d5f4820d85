//! What the code for each operation demands, and which operations can be fused.
//!
//! # Features
//! Code needs x86-64-v2 (SSE 4.1 for rounding, POPCNT). With BMI1, BMI2 and LZCNT, which have come together since 2013, shifts by a register and the counting of zeros
//! take one instruction; without, a few more.

use super::super::target::{Reg, RegSet, Shape, Target, Use};
use super::registers::{self, RAX, RDX};
use crate::ir::{Op, OpCode, Ref, Unit};

/// An x86-64 processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct X86 {
    /// BMI1, BMI2 and LZCNT are there.
    pub bmi: bool,
}

impl X86 {
    /// The processor that this runs on; `None` if it is older than what is needed.
    pub fn detect() -> Option<X86> {
        use std::arch::is_x86_feature_detected as has;
        let enough = has!("sse4.1") && has!("popcnt");
        enough.then(|| X86 { bmi: has!("bmi1") && has!("bmi2") && has!("lzcnt") })
    }
}

const ANY: Shape = Shape { uses: [Use::Any; 3], late: 0, tied: 0, result: None, clobbers: RegSet::EMPTY };
const TWO_ADDRESS: Shape = Shape { late: 0b010, tied: 0b001, ..ANY };
const COMMUTATIVE: Shape = Shape { tied: 0b011, ..ANY };
const ALL_LATE: Shape = Shape { late: 0b111, ..ANY };
const REGISTERS: Shape = Shape { uses: [Use::Register; 3], ..ANY };
const LOW_HALF: Shape = Shape { result: Some(RAX), clobbers: RegSet::of(&[RAX, RDX]), ..ANY };
const HIGH_HALF: Shape = Shape { result: Some(RDX), ..LOW_HALF };

impl Target for X86 {
    const ALLOCATABLE: RegSet = registers::ALLOCATABLE;
    const PRESERVED: RegSet = registers::PRESERVED;
    const ENTRY_GENERAL: &'static [Reg] = registers::ENTRY_GENERAL;
    const ENTRY_FLOAT: &'static [Reg] = registers::ENTRY_FLOAT;
    const CALL_GENERAL: &'static [Reg] = registers::CALL_GENERAL;
    const CALL_FLOAT: &'static [Reg] = registers::CALL_FLOAT;
    const RESULT_GENERAL: Reg = RAX;
    const ANCHOR: Reg = registers::ANCHOR;
    const RESULT_FLOAT: Reg = registers::xmm(0);

    fn shape(&self, _unit: &Unit, op: &Op) -> Shape {
        let constant = Ref::from_word(op.b).as_constant().is_some();
        match op.code {
            OpCode::Add | OpCode::PtrAdd | OpCode::And | OpCode::Or | OpCode::Xor | OpCode::Mul => COMMUTATIVE,
            OpCode::FAdd | OpCode::FMul => COMMUTATIVE,
            OpCode::Sub | OpCode::FSub | OpCode::FDiv => TWO_ADDRESS,
            OpCode::Shl | OpCode::Shr | OpCode::Sar if constant => TWO_ADDRESS,
            OpCode::Shl | OpCode::Shr | OpCode::Sar if self.bmi => {
                Shape { uses: [Use::Any, Use::Register, Use::Any], ..ANY }
            }
            OpCode::RotL if constant => TWO_ADDRESS,
            OpCode::Shl | OpCode::Shr | OpCode::Sar | OpCode::RotL => ALL_LATE,
            OpCode::Neg | OpCode::Not | OpCode::FNeg | OpCode::FAbs | OpCode::IntToRef | OpCode::RefToInt => {
                Shape { tied: 0b001, ..ANY }
            }
            OpCode::DivS | OpCode::DivU => LOW_HALF,
            OpCode::RemS | OpCode::RemU | OpCode::MulHiS | OpCode::MulHiU => HIGH_HALF,
            OpCode::Select => Shape { late: 0b011, tied: 0b100, ..ANY },
            OpCode::FloatToInt => ALL_LATE,
            OpCode::Load | OpCode::Store | OpCode::Barrier | OpCode::Box => REGISTERS,
            _ => ANY,
        }
    }

    fn folds(&self, op: &Op, field: usize) -> bool {
        match op.code {
            OpCode::Add | OpCode::Sub | OpCode::And | OpCode::Or | OpCode::Xor | OpCode::Mul => field == 1,
            OpCode::FAdd | OpCode::FSub | OpCode::FMul | OpCode::FDiv => field == 1,
            OpCode::Eq | OpCode::Ne | OpCode::Lt | OpCode::Le | OpCode::LtU | OpCode::LeU => true,
            OpCode::RefEq | OpCode::RefNe => true,
            _ => false,
        }
    }

    fn sets_flags(&self, op: &Op) -> bool {
        matches!(
            op.code,
            OpCode::Eq
                | OpCode::Ne
                | OpCode::Lt
                | OpCode::Le
                | OpCode::LtU
                | OpCode::LeU
                | OpCode::RefEq
                | OpCode::RefNe
        ) || matches!(op.code, OpCode::FEq | OpCode::FNe | OpCode::FLt | OpCode::FLe | OpCode::And)
    }
}
