//! Operators in general: numbers of all kinds, and real sends.

use tailor::jit;

use super::{Regs, send};
use crate::bytecode::{Instr, Op};
use crate::errors::{Raise, Stopped};
use crate::numbers::{self, Num, NumError};
use crate::value::Value;
use crate::vm::Vm;

/// What a numeric operator computes.
enum Outcome {
    Number(Result<Num, NumError>),
    Truth(bool),
}

/// The operands of an operator instruction: the receiver and at most two arguments.
fn operands(regs: Regs, i: Instr) -> ([Value; 3], usize) {
    let get = |r| regs.frame.get(r);
    let imm = || Value::small(i64::from(i.c as i16));
    match i.op {
        Op::AddImm | Op::SubImm | Op::LtImmBr | Op::LeImmBr | Op::GtImmBr | Op::GeImmBr | Op::EqImmBr | Op::NeImmBr => {
            ([get(i.b), imm(), imm()], 2)
        }
        Op::AtPut => ([get(i.a), get(i.b), get(i.c)], 3),
        Op::Not | Op::IsNil | Op::NotNil => ([get(i.b), get(i.b), get(i.b)], 1),
        _ => ([get(i.b), get(i.c), get(i.c)], 2),
    }
}

fn compute(op: Op, a: &Num, b: &Num) -> Option<Outcome> {
    use Outcome::{Number, Truth};
    let ordering = || numbers::compare(a, b);
    Some(match op {
        Op::Add | Op::AddImm => Number(numbers::add(a, b)),
        Op::Sub | Op::SubImm => Number(numbers::sub(a, b)),
        Op::Mul => Number(numbers::mul(a, b)),
        Op::Div => Number(numbers::div(a, b)),
        Op::DoubleDiv => Number(numbers::double_div(a, b)),
        Op::Mod => Number(numbers::modulo(a, b)),
        Op::Rem => Number(numbers::rem(a, b)),
        Op::BitAnd => Number(numbers::bit_and(a, b)),
        Op::BitXor => Number(numbers::bit_xor(a, b)),
        Op::Shl => Number(numbers::shl(a, b)),
        Op::Shr => Number(numbers::shr(a, b)),
        Op::Lt | Op::LtBr | Op::LtImmBr => Truth(ordering().is_some_and(|o| o.is_lt())),
        Op::Le | Op::LeBr | Op::LeImmBr => Truth(ordering().is_some_and(|o| o.is_le())),
        Op::Gt | Op::GtBr | Op::GtImmBr => Truth(ordering().is_some_and(|o| o.is_gt())),
        Op::Ge | Op::GeBr | Op::GeImmBr => Truth(ordering().is_some_and(|o| o.is_ge())),
        Op::Eq | Op::EqBr | Op::EqImmBr => Truth(ordering().is_some_and(|o| o.is_eq())),
        Op::Ne | Op::NeBr | Op::NeImmBr => Truth(!ordering().is_some_and(|o| o.is_eq())),
        _ => return None,
    })
}

/// Whether a message is one that doubles understand.
fn doubles_have(op: Op) -> bool {
    !matches!(op, Op::BitAnd | Op::BitXor | Op::Shl | Op::Shr | Op::Rem | Op::Div)
}

/// Executes an operator whose handler could not.
#[jit::residual]
#[cold]
#[inline(never)]
pub(super) fn general(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    vm.saved.set(regs);
    let (values, count) = operands(regs, i);
    if let (Some(a), Some(b)) = (vm.number(values[0]), vm.number(values[1]))
        && count == 2
        && (doubles_have(i.op) || !matches!(a, Num::Double(_)))
        && let Some(outcome) = compute(i.op, &a, &b)
    {
        let value = match outcome {
            Outcome::Truth(b) => Ok(vm.boolean(b)),
            Outcome::Number(Ok(number)) => vm.new_number(number),
            Outcome::Number(Err(e)) => Err(Raise::error(e.to_string())),
        };
        regs.frame.set(i.a, value.map_err(|raise| vm.stop(raise))?);
        return Ok(Regs { pc: regs.pc + 1, ..regs });
    }
    let window = regs.method.scratch_window.get();
    for (n, &value) in values[..count].iter().enumerate() {
        regs.frame.set(window + n as u16, value);
    }
    // `at:put:` is an operator only where its result is not used: it goes to the word behind the window.
    let target = if i.op == Op::AtPut { window + 3 } else { i.a };
    // SAFETY: the compiler gives each operator a site.
    let site = unsafe { regs.method.operator_site(regs.pc) };
    send::operator(vm, regs, site, window, target)
}
