//! Operators in general: numbers of all kinds, and real sends.

use tailor::jit;

use super::numeric::{as_double, is_exact, on_numbers};
use super::{Regs, send};
use crate::bytecode::{Instr, Op};
use crate::errors::{Raise, Stopped};
use crate::method::{CacheEntry, Site};
use crate::numbers::{self, Num, NumError};
use crate::value::Value;
use crate::vm::{Vm, class_id};

/// What a numeric operator computes.
enum Outcome {
    Number(Result<Num, NumError>),
    Truth(bool),
}

/// The operands of an operator instruction; arguments that are not there repeat others.
#[jit::value]
#[derive(Clone, Copy)]
struct Operands {
    receiver: Value,
    first: Value,
    second: Value,
    count: u8,
}

#[jit]
#[inline(always)]
fn operands(regs: Regs, i: Instr) -> Operands {
    let frame = regs.frame;
    match i.op {
        Op::AddImm | Op::SubImm | Op::LtImmBr | Op::LeImmBr | Op::GtImmBr | Op::GeImmBr | Op::EqImmBr | Op::NeImmBr => {
            let immediate = Value::small(i64::from(i.c as i16));
            Operands { receiver: frame.get(i.b), first: immediate, second: immediate, count: 2 }
        }
        Op::AtPut => Operands { receiver: frame.get(i.a), first: frame.get(i.b), second: frame.get(i.c), count: 3 },
        Op::Not | Op::IsNil | Op::NotNil => {
            let receiver = frame.get(i.b);
            Operands { receiver, first: receiver, second: receiver, count: 1 }
        }
        _ => {
            let first = frame.get(i.c);
            Operands { receiver: frame.get(i.b), first, second: first, count: 2 }
        }
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

/// What a numeric operator yields; `None` if the operands are no numbers, or do not have the operator.
///
/// In place: most operands that come here are of other kinds, and [`quietly`], which units call, would make it a function apart.
#[inline(always)]
fn numeric(vm: &mut Vm, op: Op, a: Value, b: Value) -> Option<Result<Value, Raise>> {
    let (a, b) = (vm.number(a)?, vm.number(b)?);
    if !doubles_have(op) && matches!(a, Num::Double(_)) {
        return None;
    }
    Some(match compute(op, &a, &b)? {
        Outcome::Truth(b) => Ok(vm.boolean(b)),
        Outcome::Number(Ok(number)) => vm.new_number(number),
        Outcome::Number(Err(e)) => Err(Raise::error(e.to_string())),
    })
}

/// The same where an operand is a double, the other possibly an integer that is one, too; `None` where it is not, or something is unusual. Most numbers that come to [`natively`] are such: zero
/// above all, which is never immediate.
#[inline(always)]
fn on_doubles(vm: &mut Vm, op: Op, a: Value, b: Value) -> Option<Value> {
    if a.both_small(b) || !is_exact(a) || !is_exact(b) {
        return None;
    }
    let (x, y) = (as_double(a)?, as_double(b)?);
    let number = match op {
        Op::Add | Op::AddImm => x + y,
        Op::Sub | Op::SubImm => x - y,
        Op::Mul => x * y,
        Op::DoubleDiv => x / y,
        Op::Lt | Op::LtBr | Op::LtImmBr => return Some(vm.boolean(x < y)),
        Op::Le | Op::LeBr | Op::LeImmBr => return Some(vm.boolean(x <= y)),
        Op::Gt | Op::GtBr | Op::GtImmBr => return Some(vm.boolean(x > y)),
        Op::Ge | Op::GeBr | Op::GeImmBr => return Some(vm.boolean(x >= y)),
        Op::Eq | Op::EqBr | Op::EqImmBr => return Some(vm.boolean(x == y)),
        Op::Ne | Op::NeBr | Op::NeImmBr => return Some(vm.boolean(x != y)),
        _ => return None,
    };
    // If memory runs out, that is found out once more.
    vm.new_double(number).ok()
}

/// [`numeric`] for units: nothing if there is an error. It depends on its operands alone, and what it makes is new.
#[jit::residual(reads(), writes(), no_reenter)]
pub(super) fn quietly(vm: &mut Vm, op: Op, a: Value, b: Value) -> Option<Value> {
    vm.saved.clear();
    numeric(vm, op, a, b)?.ok()
}

/// Executes an operator whose handler could not.
#[jit]
#[inline(always)]
pub(super) fn general(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    if jit::we_are_jitted() { in_unit(vm, regs, i) } else { by_site(vm, regs, i) }
}

/// Executes an operator in the native interpreter: at once, if the receiver's class is the first for which the site had to look a method up.
#[jit]
#[inline(never)]
fn by_site(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    // SAFETY: the compiler gives each operator a site.
    let site = unsafe { regs.method.operator_site(regs.pc) };
    let operands = operands(regs, i);
    let known = first_entry(site);
    // In this order: tier 1 knows whether there is a target.
    if let Some(method) = known.target
        && known.class == class_id(operands.receiver)
    {
        let (window, target) = put_operands(regs, i, operands);
        return send::invoke(vm, regs, method, site.message.args, window, target);
    }
    natively(vm, regs)
}

/// The first cache entry of a site. It is set once at most: who has read it before does not know that class.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
#[inline(always)]
fn first_entry(site: &Site) -> CacheEntry {
    site.entries[0].get()
}

/// The same for all that is no site's business.
#[jit::residual(no_reenter)]
#[cold]
#[inline(never)]
fn natively(vm: &mut Vm, regs: Regs) -> Result<Regs, Stopped> {
    let i = regs.instruction();
    vm.saved.set(regs);
    let operands = operands(regs, i);
    let Operands { receiver, first, .. } = operands;
    if operands.count == 2
        && let Some(value) = on_doubles(vm, i.op, receiver, first)
    {
        regs.frame.set(i.a, value);
        return Ok(Regs { pc: regs.pc + 1, ..regs });
    }
    if operands.count == 2
        && let Some(value) = numeric(vm, i.op, receiver, first)
    {
        regs.frame.set(i.a, value.map_err(|raise| vm.stop(raise))?);
        return Ok(Regs { pc: regs.pc + 1, ..regs });
    }
    let (window, target) = put_operands(regs, i, operands);
    // SAFETY: the compiler gives each operator a site.
    let site = unsafe { regs.method.operator_site(regs.pc) };
    send::operator(vm, regs, site, window, target)
}

/// Executes an operator in a unit.
#[jit]
fn in_unit(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    let operands = operands(regs, i);
    if operands.count == 2
        && let Some(value) = on_numbers(vm, i.op, operands.receiver, operands.first)
    {
        regs.frame.set(i.a, value);
        return Ok(Regs { pc: regs.pc + 1, ..regs });
    }
    let (window, target) = put_operands(regs, i, operands);
    // SAFETY: the compiler gives each operator a site.
    let message = unsafe { regs.method.operator_site(regs.pc) }.message;
    send::message_by_class(vm, regs, message, window, target)
}

/// Puts the operands into the window for messages; answers it, and the register for the result.
#[jit]
#[inline(always)]
fn put_operands(regs: Regs, i: Instr, operands: Operands) -> (u16, u16) {
    let window = regs.method.scratch_window.get();
    regs.frame.set(window, operands.receiver);
    if operands.count > 1 {
        regs.frame.set(window + 1, operands.first);
    }
    if operands.count > 2 {
        regs.frame.set(window + 2, operands.second);
    }
    // `at:put:` is an operator only where its result is not used: it goes to the word behind the window.
    (window, if i.op == Op::AtPut { window + 3 } else { i.a })
}
