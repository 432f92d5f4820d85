//! What pure operations compute: the one definition that the IR interpreter, constant folding and the tests of machine code share.

use crate::ir::{Op, OpCode};

/// The value of `op` for the words of its operands (unused ones are ignored), or `None` if it is not pure or has no value for them (division by zero, or of the most
/// negative integer by -1).
///
/// Words are integers in two's complement, or the bits of doubles. The sign and payload of a NaN result are those of the machine that runs
/// this, and are not specified.
pub fn evaluate(op: &Op, a: u64, b: u64, c: u64) -> Option<u64> {
    let (sa, sb) = (a as i64, b as i64);
    let (fa, fb) = (f64::from_bits(a), f64::from_bits(b));
    let word = match op.code {
        OpCode::Add => a.wrapping_add(b),
        OpCode::Sub => a.wrapping_sub(b),
        OpCode::Mul => a.wrapping_mul(b),
        OpCode::DivS => sa.checked_div(sb)? as u64,
        OpCode::RemS => sa.checked_rem(sb)? as u64,
        OpCode::DivU => a.checked_div(b)?,
        OpCode::RemU => a.checked_rem(b)?,
        OpCode::MulHiS => ((i128::from(sa) * i128::from(sb)) >> 64) as u64,
        OpCode::MulHiU => ((u128::from(a) * u128::from(b)) >> 64) as u64,
        OpCode::And => a & b,
        OpCode::Or => a | b,
        OpCode::Xor => a ^ b,
        OpCode::Shl => a.wrapping_shl(b as u32),
        OpCode::Shr => a.wrapping_shr(b as u32),
        OpCode::Sar => sa.wrapping_shr(b as u32) as u64,
        OpCode::RotL => a.rotate_left((b & 63) as u32),
        OpCode::Neg => a.wrapping_neg(),
        OpCode::Not => !a,
        OpCode::Clz => u64::from(a.leading_zeros()),
        OpCode::Ctz => u64::from(a.trailing_zeros()),
        OpCode::PopCount => u64::from(a.count_ones()),
        OpCode::SignExtend => {
            let unused = 64 - u32::from(op.aux);
            (sa << unused >> unused) as u64
        }
        OpCode::ZeroExtend => {
            let unused = 64 - u32::from(op.aux);
            a << unused >> unused
        }
        OpCode::Select => {
            if a != 0 {
                b
            } else {
                c
            }
        }
        OpCode::OvfAdd => truth(sa.checked_add(sb).is_none()),
        OpCode::OvfSub => truth(sa.checked_sub(sb).is_none()),
        OpCode::OvfMul => truth(sa.checked_mul(sb).is_none()),
        OpCode::Eq | OpCode::RefEq => truth(a == b),
        OpCode::Ne | OpCode::RefNe => truth(a != b),
        OpCode::Lt => truth(sa < sb),
        OpCode::Le => truth(sa <= sb),
        OpCode::LtU => truth(a < b),
        OpCode::LeU => truth(a <= b),
        OpCode::FAdd => (fa + fb).to_bits(),
        OpCode::FSub => (fa - fb).to_bits(),
        OpCode::FMul => (fa * fb).to_bits(),
        OpCode::FDiv => (fa / fb).to_bits(),
        OpCode::FNeg => (-fa).to_bits(),
        OpCode::FAbs => fa.abs().to_bits(),
        OpCode::FSqrt => fa.sqrt().to_bits(),
        OpCode::FFloor => fa.floor().to_bits(),
        OpCode::FCeil => fa.ceil().to_bits(),
        OpCode::FTrunc => fa.trunc().to_bits(),
        OpCode::FRoundEven => fa.round_ties_even().to_bits(),
        OpCode::FEq => truth(fa == fb),
        OpCode::FNe => truth(fa != fb),
        OpCode::FLt => truth(fa < fb),
        OpCode::FLe => truth(fa <= fb),
        OpCode::IntToFloat => (sa as f64).to_bits(),
        OpCode::FloatToInt => fa as i64 as u64,
        OpCode::FloatBits | OpCode::BitsFloat | OpCode::IntToRef | OpCode::RefToInt => a,
        OpCode::PtrAdd => a.wrapping_add(b),
        _ => return None,
    };
    Some(word)
}

fn truth(condition: bool) -> u64 {
    u64::from(condition)
}

#[cfg(test)]
mod tests {
    use super::evaluate;
    use crate::ir::opcode::Class;
    use crate::ir::{Op, OpCode, Type};

    #[track_caller]
    fn check(code: OpCode, aux: u16, operands: [i64; 2], expected: Option<i64>) {
        let op = Op { aux, ..Op::new(code, Type::Int) };
        let value = evaluate(&op, operands[0] as u64, operands[1] as u64, 99);
        assert_eq!(value.map(|value| value as i64), expected, "{code:?} {operands:?}");
    }

    #[test]
    fn integers() {
        check(OpCode::Add, 0, [i64::MAX, 1], Some(i64::MIN));
        check(OpCode::DivS, 0, [-7, 2], Some(-3));
        check(OpCode::RemS, 0, [-7, 2], Some(-1));
        check(OpCode::DivS, 0, [1, 0], None);
        check(OpCode::RemS, 0, [i64::MIN, -1], None);
        check(OpCode::DivU, 0, [-1, 2], Some(i64::MAX));
        check(OpCode::RemU, 0, [1, 0], None);
        check(OpCode::MulHiS, 0, [-1, 1], Some(-1));
        check(OpCode::MulHiU, 0, [-1, -1], Some(-2));
        check(OpCode::Shl, 0, [1, 65], Some(2));
        check(OpCode::Shr, 0, [-1, 63], Some(1));
        check(OpCode::Sar, 0, [-8, 66], Some(-2));
        check(OpCode::RotL, 0, [i64::MIN + 1, 1], Some(3));
        check(OpCode::RotL, 0, [5, 64], Some(5));
        check(OpCode::Clz, 0, [0, 0], Some(64));
        check(OpCode::Ctz, 0, [0, 0], Some(64));
        check(OpCode::SignExtend, 8, [0x1ff, 0], Some(-1));
        check(OpCode::ZeroExtend, 16, [-1, 0], Some(0xffff));
        check(OpCode::Select, 0, [2, 5], Some(5));
        check(OpCode::Select, 0, [0, 5], Some(99));
        check(OpCode::OvfAdd, 0, [i64::MAX, 1], Some(1));
        check(OpCode::OvfSub, 0, [i64::MIN, 1], Some(1));
        check(OpCode::OvfMul, 0, [1 << 32, 1 << 31], Some(1));
        check(OpCode::OvfMul, 0, [1 << 32, 1 << 30], Some(0));
        check(OpCode::LtU, 0, [1, -1], Some(1));
        check(OpCode::Lt, 0, [1, -1], Some(0));
    }

    #[test]
    fn floats() {
        let bits = |float: f64| float.to_bits() as i64;
        check(OpCode::FloatToInt, 0, [bits(f64::NAN), 0], Some(0));
        check(OpCode::FloatToInt, 0, [bits(1e300), 0], Some(i64::MAX));
        check(OpCode::FloatToInt, 0, [bits(-2.9), 0], Some(-2));
        check(OpCode::FRoundEven, 0, [bits(2.5), 0], Some(bits(2.0)));
        check(OpCode::FNeg, 0, [bits(0.0), 0], Some(bits(-0.0)));
        check(OpCode::FEq, 0, [bits(f64::NAN), bits(f64::NAN)], Some(0));
        check(OpCode::FNe, 0, [bits(f64::NAN), bits(f64::NAN)], Some(1));
        check(OpCode::FEq, 0, [bits(0.0), bits(-0.0)], Some(1));
        check(OpCode::FLe, 0, [bits(f64::NAN), bits(1.0)], Some(0));
    }

    #[test]
    fn pure_operations_have_values_and_others_do_not() {
        for &code in OpCode::ALL {
            let op = Op { aux: 8, ..Op::new(code, Type::Int) };
            // What a box is, its descriptor says.
            let has_value = code.class() == Class::Pure && code != OpCode::Box;
            assert_eq!(evaluate(&op, 6, 3, 1).is_some(), has_value, "{code:?}");
        }
    }
}
