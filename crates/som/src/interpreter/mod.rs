//! The interpreter.
//!
//! `interpret` is the *portal*: one loop over one `match`, one handler a bytecode, in the modules below. The state is
//! `method`, `pc`, `frame` ([`Regs`]; `code` is `method`'s first instruction, kept at hand) and nothing else, so that execution can be
//! entered and left at every instruction.
//!
//! # Calls
//! A send of SOM code changes the state, it does not call Rust: the caller's state goes to the link of the callee's frame. Depth
//! of recursion is thus bounded by the guest stack alone. Primitives never run SOM code; those that must (`value`, `perform:`,
//! `invokeOn:with:`, `restart`) are carried out by the interpreter ([`control`]). Hence an error or an exit, which are values
//! ([`Stopped`], with the reason left in the VM), end the loop at once, and a non-local return only moves `frame`.
//!
//! # Handlers
//! A handler does what is common and returns whether it could. What is rare (big numbers, real sends of operators, errors)
//! is in `#[cold]` functions that take the state and return the next one; they keep the loop small enough for its
//! variables to stay in machine registers.

mod arith;
pub(crate) mod control;
mod data;
mod execution;
pub(crate) mod frame;
mod intrinsics;
mod numeric;
mod operator;
mod returns;
mod send;

use tailor::jit;
use tailor_gc::Gc;

use crate::bytecode::{FOR_REGISTERS, LINK, Op};
use crate::errors::{Raise, Stopped, Unwind};
use crate::method::{Invokable, Method};
use crate::objects::Str;
use crate::value::Value;
use crate::vm::Vm;

pub(crate) use execution::Executor;
#[cfg(feature = "jit")]
pub use execution::jitcode;
pub use execution::{Execution, UnknownExecution};
use frame::Link;
pub(crate) use frame::SavedRegs;
pub use frame::{Frame, Regs};

/// Sends a message from outside and runs to its end.
pub(crate) fn run(vm: &mut Vm, receiver: Value, selector: Gc<Str>, args: &[Value]) -> Result<Value, Unwind> {
    let class = vm.class_of(receiver);
    match vm.lookup(class, selector) {
        Some(method) => run_method(vm, receiver, method, args),
        None => {
            let message = format!("{} does not understand #{}.", vm.describe(receiver), selector.as_str());
            Err(vm.unwind(Raise::error(message)))
        }
    }
}

/// Runs a method to its end.
pub(crate) fn run_method(vm: &mut Vm, receiver: Value, method: Gc<Method>, args: &[Value]) -> Result<Value, Unwind> {
    vm.saved.clear();
    vm.stack.rest();
    #[cfg(feature = "jit")]
    vm.prepare_to_compile();
    vm.run = vm.run.wrapping_add(1);
    if args.len() != usize::from(method.args) {
        let message = format!("#{} takes {} arguments, not {}.", method.selector().as_str(), method.args, args.len());
        return Err(vm.unwind(Raise::error(message)));
    }
    // SAFETY: the smallest stack has room for this frame's link and arguments; `enter` checks the rest.
    let frame = unsafe { Frame::at(vm.stack.base().wrapping_add(usize::from(LINK))) };
    if args.len() > MAX_OUTER_ARGS {
        return Err(vm.unwind(Raise::error(format!("More than {MAX_OUTER_ARGS} arguments from outside."))));
    }
    frame.set(0, receiver);
    for (i, &arg) in args.iter().enumerate() {
        frame.set(1 + i as u16, arg);
    }
    frame.set_link(method, Link::ENTRY);
    let result = send::start(vm, method, frame).and_then(|start| match start {
        send::Started::Running(Regs { method, pc, frame }) => execution::execute(vm, method, pc, frame),
        send::Started::Done(value) => Ok(value),
    });
    let result = result.map_err(|Stopped| vm.take_unwind());
    vm.saved.clear();
    result
}

/// Far below what the smallest stack holds.
const MAX_OUTER_ARGS: usize = 255;

/// Executes from the given state on until the frame that was entered from Rust returns.
#[jit(portal, jit = vm.jit)]
#[allow(clippy::too_many_lines)] // One arm a bytecode; the work is in the handlers.
fn interpret(vm: &mut Vm, mut method: Gc<Method>, mut pc: usize, mut frame: Frame) -> Result<Value, Stopped> {
    'portal: loop {
        let mut code = method.code.get();

        // Goes on with the state that a handler returns.
        macro_rules! go {
            ($next:expr) => {{
                let next: Regs = $next?;
                Regs { method, pc, frame } = next;
                code = method.code.get();
            }};
        }
        // The same, where the handler may have entered a method.
        macro_rules! go_entering {
        ($next:expr) => {{
            go!($next);
            if pc == 0 {
                jit::can_enter!(call: vm, method, pc; frame);
            }
        }};
    }
        macro_rules! regs {
            () => {
                Regs { method, pc, frame }
            };
        }
        // The next instruction, if the handler could do its work; else the operator in general.
        macro_rules! operator {
            ($done:expr, $i:expr) => {{
                if $done {
                    pc += 1;
                } else {
                    go_entering!(operator::general(vm, regs!(), $i));
                }
            }};
        }
        // A jump back: the end of a loop's iteration. What it has left behind, from this register on, is of no use to the next, and must not tell one
        // from another.
        macro_rules! jump_back {
            ($target:expr, $dead:expr) => {{
                frame.release_from($dead);
                pc = $target;
                jit::can_enter!(vm, method, pc; frame);
            }};
        }
        // A comparison and the jump behind it.
        macro_rules! fused {
            ($outcome:expr, $i:expr) => {{
                match $outcome {
                    Some(outcome) => {
                        // SAFETY: the compiler puts a conditional jump behind each fused comparison.
                        let jump = unsafe { Method::instruction(code, pc + 1) };
                        if outcome == jump.op.jumps_if_true() {
                            keep_branch();
                            let target = usize::from(jump.b);
                            if target <= pc {
                                jump_back!(target, jump.a);
                            } else {
                                pc = target;
                            }
                        } else {
                            pc += 2;
                        }
                    }
                    None => go_entering!(operator::general(vm, regs!(), $i)),
                }
            }};
        }
        // A quickened send: done, if the receiver is as expected.
        macro_rules! send {
            ($hit:expr, $i:expr) => {{
                if jit::we_are_jitted() {
                    go_entering!(send::by_class(vm, regs!(), $i));
                } else if $hit {
                    pc += 1;
                } else {
                    go_entering!(send::miss(vm, regs!(), $i));
                }
            }};
        }
        // A quickened send to code: goes on there.
        macro_rules! call {
        ($callee:expr, $i:expr) => {{
            if jit::we_are_jitted() {
                go_entering!(send::by_class(vm, regs!(), $i));
            } else {
            match $callee {
                Some((callee, window)) => {
                    method = callee;
                    frame = window;
                    pc = 0;
                    code = method.code.get();
                    jit::can_enter!(call: vm, method, pc; frame);
                }
                None => go_entering!(send::miss(vm, regs!(), $i)),
            }
            }
        }};
    }
        // A send that is quickened for no class.
        macro_rules! slow_send {
            ($next:expr, $i:expr) => {{
                if jit::we_are_jitted() {
                    go_entering!(send::by_class(vm, regs!(), $i));
                } else {
                    go_entering!($next);
                }
            }};
        }
        // Returns from a frame.
        macro_rules! leave {
            ($frame:expr, $value:expr) => {{
                match returns::leave($frame, $value) {
                    returns::Left::To(next) => {
                        Regs { method, pc, frame } = next;
                        code = method.code.get();
                    }
                    returns::Left::Out(value) => return Ok(value),
                }
            }};
        }
        // A jump ahead whose condition the handler may be unable to decide; then the inlined message is sent.
        macro_rules! branch {
            ($outcome:expr, $i:expr) => {{
                match $outcome {
                    Some(true) => {
                        keep_branch();
                        pc = usize::from($i.b);
                    }
                    Some(false) => pc += 1,
                    None => go!(control::leave_for_stub(vm, regs!(), $i.c)),
                }
            }};
        }
        // The same back.
        macro_rules! branch_back {
            ($outcome:expr, $i:expr) => {{
                match $outcome {
                    Some(true) => {
                        keep_branch();
                        jump_back!(usize::from($i.b), $i.a);
                    }
                    Some(false) => pc += 1,
                    None => go!(control::leave_for_stub(vm, regs!(), $i.c)),
                }
            }};
        }
        // The jump back of a counting loop.
        macro_rules! back {
            ($again:expr, $i:expr) => {{
                if $again {
                    keep_branch();
                    jump_back!(usize::from($i.b), $i.a + FOR_REGISTERS);
                } else {
                    pc += 1;
                }
            }};
        }
        macro_rules! next {
            ($work:expr) => {{
                $work;
                pc += 1;
            }};
        }

        loop {
            jit::merge_point!(greens: vm, method, pc; reds: frame);
            // SAFETY: code ends in a return, and all jump targets lie in it.
            let i = unsafe { Method::instruction(code, pc) };
            match i.op {
                Op::Move => next!(data::move_(frame, i)),
                Op::LoadLiteral => next!(data::load_literal(method, frame, i)),
                Op::LoadInt => next!(data::load_int(frame, i)),
                Op::LoadNil => next!(frame.set(i.a, vm.nil)),
                Op::LoadTrue => next!(frame.set(i.a, vm.true_)),
                Op::LoadFalse => next!(frame.set(i.a, vm.false_)),
                Op::LoadGlobal => {
                    if data::load_global(method, frame, i) {
                        pc += 1;
                    } else {
                        go_entering!(control::unknown_global(vm, regs!(), i));
                    }
                }
                Op::SetGlobal => next!(data::set_global(vm, method, frame, i)),
                Op::GetField => next!(data::get_field(frame, i)),
                Op::SetField => next!(data::set_field(vm, frame, i)),
                Op::GetContext => next!(data::get_context(frame, i)),
                Op::SetContext => next!(data::set_context(vm, frame, i)),
                Op::GetOuter => next!(data::get_outer(frame, i)),
                Op::SetOuter => next!(data::set_outer(vm, frame, i)),
                Op::NewContext => next!(data::new_context(vm, regs!(), i)?),
                Op::NewContextInBlock => next!(data::new_context_in_block(vm, regs!(), i)?),
                Op::SetHome => next!(returns::set_home(vm, frame, i)),
                Op::KillHome => next!(returns::kill_home(frame, i.a)),
                Op::MakeBlock => next!(data::make_block(vm, regs!(), i)?),
                Op::MakeBlockInBlock => next!(data::make_block_in_block(vm, regs!(), i)?),
                Op::BlockSelf => next!(data::block_self(frame, i)),

                Op::Jump => pc = usize::from(i.b),
                Op::JumpIfFalse => branch!(data::is_boolean(vm, frame, i, false), i),
                Op::JumpIfTrue => branch!(data::is_boolean(vm, frame, i, true), i),
                Op::JumpBackIfFalse => branch_back!(data::is_boolean(vm, frame, i, false), i),
                Op::JumpBackIfTrue => branch_back!(data::is_boolean(vm, frame, i, true), i),
                Op::JumpIfNil => branch!(data::is_nil(vm, frame, i), i),
                Op::JumpIfNotNil => branch!(data::is_nil(vm, frame, i).map(|nil| !nil), i),
                Op::ForPrep => branch!(arith::for_prep(frame, i), i),
                Op::ForDownPrep => branch!(arith::for_down_prep(frame, i), i),
                Op::ForLoop => back!(arith::for_loop(frame, i), i),
                Op::ForDownLoop => back!(arith::for_down_loop(frame, i), i),
                Op::ForStepLoop => back!(arith::for_step_loop(frame, i), i),
                Op::Resume => {
                    method = returns::resumed(method);
                    code = method.code.get();
                    pc = usize::from(i.b);
                }

                Op::Return | Op::ReturnHome => {
                    let value = frame.get(i.a);
                    if i.op == Op::ReturnHome {
                        returns::kill_home(frame, i.b);
                    }
                    leave!(frame, value);
                }
                Op::ReturnNonLocal => match returns::unwind(vm, regs!(), i)? {
                    returns::Unwound::Home(home, value) => leave!(home, value),
                    returns::Unwound::Escaped(next) => {
                        Regs { method, pc, frame } = next;
                        code = method.code.get();
                    }
                },

                Op::SendMethod => call!(send::method_hit(vm, method, pc, frame, i), i),
                Op::SendBlock => call!(send::block_hit(vm, method, pc, frame, i), i),
                Op::SendPrimitive => send!(send::primitive_hit(vm, regs!(), i)?, i),
                Op::SendGetter => send!(send::getter_hit(method, frame, i), i),
                Op::SendSetter => send!(send::setter_hit(vm, method, frame, i), i),
                Op::SendConstant => send!(send::constant_hit(method, frame, i), i),
                Op::Send => slow_send!(send::first(vm, regs!(), i), i),
                Op::SendPoly => slow_send!(send::polymorphic(vm, regs!(), i), i),
                Op::SendMega => slow_send!(send::megamorphic(vm, regs!()), i),
                Op::SendSuper => go_entering!(send::to_super(vm, regs!(), i)),

                Op::Add => operator!(arith::add(frame, i), i),
                Op::Sub => operator!(arith::sub(frame, i), i),
                Op::Mul => operator!(arith::mul(frame, i), i),
                Op::Div => operator!(arith::div(frame, i), i),
                Op::DoubleDiv => operator!(arith::double_div(frame, i), i),
                Op::Mod => operator!(arith::modulo(frame, i), i),
                Op::Rem => operator!(arith::rem(frame, i), i),
                Op::BitAnd => operator!(arith::bit_and(frame, i), i),
                Op::Shl => operator!(arith::shl(frame, i), i),
                Op::Shr => operator!(arith::shr(frame, i), i),
                Op::BitXor => operator!(arith::bit_xor(frame, i), i),
                Op::AddImm => operator!(arith::add_imm(frame, i), i),
                Op::SubImm => operator!(arith::sub_imm(frame, i), i),
                Op::Lt => operator!(arith::set(vm, frame, i, arith::lt(frame, i)), i),
                Op::Le => operator!(arith::set(vm, frame, i, arith::le(frame, i)), i),
                Op::Gt => operator!(arith::set(vm, frame, i, arith::gt(frame, i)), i),
                Op::Ge => operator!(arith::set(vm, frame, i, arith::ge(frame, i)), i),
                Op::Eq => operator!(arith::set(vm, frame, i, arith::eq(frame, i)), i),
                Op::Ne => operator!(arith::set(vm, frame, i, arith::ne(frame, i)), i),
                Op::Identical => operator!(arith::set(vm, frame, i, arith::identical(vm, frame, i)), i),
                Op::LtBr => fused!(arith::lt(frame, i), i),
                Op::LeBr => fused!(arith::le(frame, i), i),
                Op::GtBr => fused!(arith::gt(frame, i), i),
                Op::GeBr => fused!(arith::ge(frame, i), i),
                Op::EqBr => fused!(arith::eq(frame, i), i),
                Op::NeBr => fused!(arith::ne(frame, i), i),
                Op::IdenticalBr => fused!(arith::identical(vm, frame, i), i),
                Op::LtImmBr => fused!(arith::lt_imm(frame, i), i),
                Op::LeImmBr => fused!(arith::le_imm(frame, i), i),
                Op::GtImmBr => fused!(arith::gt_imm(frame, i), i),
                Op::GeImmBr => fused!(arith::ge_imm(frame, i), i),
                Op::EqImmBr => fused!(arith::eq_imm(frame, i), i),
                Op::NeImmBr => fused!(arith::ne_imm(frame, i), i),
                Op::Not => operator!(data::not(vm, frame, i), i),
                Op::IsNil => operator!(data::nil_test(vm, frame, i, true), i),
                Op::NotNil => operator!(data::nil_test(vm, frame, i, false), i),
                Op::At => operator!(data::at(frame, i), i),
                Op::AtPut => operator!(data::at_put(vm, frame, i), i),
            }
        }
    }
}

/// Keeps the compiler from turning the branch around it into a conditional move. A branch is predicted; with a move, the fetch of
/// the next instruction would wait for the comparison, and the comparison for operands that were just stored (measured: 3 ns
/// an instruction in tight loops).
#[jit::ignore]
#[inline(always)]
fn keep_branch() {
    // SAFETY: no instruction at all.
    unsafe { std::arch::asm!("", options(nomem, nostack, preserves_flags)) }
}

/// Makes a method executable.
#[cold]
pub(crate) fn make_executable(vm: &mut Vm, method: Gc<Method>) -> Result<(), Raise> {
    if !matches!(method.invokable(), Invokable::Uncompiled) {
        return Ok(());
    }
    crate::compiler::compile(vm, method).map_err(|e| e.raise(&method.details().definition.source))
}
