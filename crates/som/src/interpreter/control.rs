//! Primitives that change the flow of control, and messages that the VM itself sends.

use tailor::jit;
use tailor_gc::Gc;

use super::{Regs, send};
use crate::bytecode::Instr;
use crate::classes::{Core, InstanceFormat};
use crate::compiler;
use crate::errors::{Raise, Stopped};
use crate::method::{Message, Method};
use crate::objects::{Array, Association, Block, ClassId, Str};
use crate::value::Value;
use crate::vm::{Vm, class_id};

/// A primitive that the interpreter carries out, since it runs SOM code.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `value`, `value:`, `value:with:` of blocks.
    Value,
    /// `restart`: starts the sending activation anew.
    Restart,
    /// `perform:`
    Perform,
    /// `perform:withArguments:`
    PerformWith,
    /// `perform:inSuperclass:`
    PerformInSuper,
    /// `perform:withArguments:inSuperclass:`
    PerformWithInSuper,
    /// `invokeOn:with:`
    InvokeOn,
}

/// Carries out a control primitive; `args` is the number of arguments that were passed.
#[jit]
#[inline(always)]
pub(super) fn perform(
    vm: &mut Vm,
    regs: Regs,
    control: Control,
    args: u16,
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    match control {
        Control::Value => {
            if let Some(block) = regs.frame.get(window).downcast::<Block>()
                && block.method().args == args
            {
                return send::enter(vm, regs, jit::promote(block.method()), window, target);
            }
        }
        Control::Restart => {
            let (method, pc) = restart_of(regs.method);
            return Ok(Regs { method, pc, frame: regs.frame });
        }
        Control::Perform => {
            if jit::we_are_jitted()
                && let Some(method) = performed(vm, regs, window)
            {
                return send::invoke(vm, regs, method, 0, window, target);
            }
        }
        _ => {}
    }
    perform_in_general(vm, regs, control, args, window, target)
}

/// Where an activation starts anew.
#[jit::residual(pure, elidable)]
fn restart_of(method: Gc<Method>) -> (Gc<Method>, usize) {
    let method = match method.compiled() {
        Some(code) if code.is_stub => super::returns::resumed(method),
        _ => method,
    };
    (method, method.compiled().map_or(0, |code| code.restart as usize))
}

/// In a unit, the method for `perform:`, if there is one and it takes no arguments.
#[jit]
fn performed(vm: &mut Vm, regs: Regs, window: u16) -> Option<Gc<Method>> {
    let selector = symbol_of(vm, jit::promote(regs.frame.get(window + 1)))?;
    let class = jit::promote(class_id(regs.frame.get(window)));
    send::executable(vm, class, selector).filter(|method| method.args == 0)
}

/// The symbol that a value is.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
fn symbol_of(vm: &mut Vm, value: Value) -> Option<Gc<Str>> {
    value.downcast::<Str>().filter(|s| vm.class_info(s.class_id()).format == InstanceFormat::Symbol)
}

/// Carries out a control primitive, or finds out why it can't.
#[jit::residual(no_reenter)]
#[inline(never)]
fn perform_in_general(
    vm: &mut Vm,
    regs: Regs,
    control: Control,
    args: u16,
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    vm.saved.set(regs);
    let arg = |n: u16| regs.frame.get(window + n);
    match control {
        Control::Value => {
            let block = check(vm, arg(0).downcast::<Block>(), "A Block's method needs a Block as receiver.")?;
            let message = format!("A block with {} arguments was given {args}.", block.method().args);
            Err(vm.stop(Raise::error(message)))
        }
        Control::Restart => perform(vm, regs, control, args, window, target),
        Control::Perform => {
            let selector = symbol(vm, arg(1))?;
            send_found(vm, regs, class_id(arg(0)), selector, &[], window, target)
        }
        Control::PerformWith => {
            let selector = symbol(vm, arg(1))?;
            let arguments = arguments(vm, arg(2))?;
            send_found(vm, regs, class_id(arg(0)), selector, &arguments, window, target)
        }
        Control::PerformInSuper => {
            let selector = symbol(vm, arg(1))?;
            let class = superclass(vm, arg(0), arg(2))?;
            send_found(vm, regs, class, selector, &[], window, target)
        }
        Control::PerformWithInSuper => {
            let selector = symbol(vm, arg(1))?;
            let arguments = arguments(vm, arg(2))?;
            let class = superclass(vm, arg(0), arg(3))?;
            send_found(vm, regs, class, selector, &arguments, window, target)
        }
        Control::InvokeOn => {
            let method = check(vm, arg(0).downcast::<Method>(), "A Method's method needs a Method as receiver.")?;
            let arguments = arguments(vm, arg(2))?;
            let receiver = arg(1);
            if !vm.inherits(class_id(receiver), method.holder()) {
                let class = vm.class_name(method.holder());
                let message = format!("{} is no instance of {class}, whose method is invoked.", vm.describe(receiver));
                return Err(vm.stop(Raise::error(message)));
            }
            regs.frame.set(window, receiver);
            invoke_with(vm, regs, method, &arguments, window, target)
        }
    }
}

fn check<T>(vm: &mut Vm, value: Option<T>, otherwise: &str) -> Result<T, Stopped> {
    value.ok_or_else(|| vm.stop(Raise::error(otherwise)))
}

fn symbol(vm: &mut Vm, value: Value) -> Result<Gc<Str>, Stopped> {
    match symbol_of(vm, value) {
        Some(symbol) => Ok(symbol),
        None => {
            let message = crate::primitives::expected_instance(vm, Core::Symbol, value);
            Err(vm.stop(message))
        }
    }
}

/// The elements of an argument array. They are put on the guest stack before anything is allocated: the collector does not see them here.
fn arguments(vm: &mut Vm, value: Value) -> Result<Vec<Value>, Stopped> {
    match value.downcast::<Array>() {
        Some(array) => Ok(array.elements().iter().map(|e| e.get()).collect()),
        None => {
            let message = crate::primitives::expected_instance(vm, Core::Array, value);
            Err(vm.stop(message))
        }
    }
}

/// The class to start a lookup at; the receiver must be an instance of it, since its methods may use its fields.
fn superclass(vm: &mut Vm, receiver: Value, class: Value) -> Result<ClassId, Stopped> {
    let Some(id) = vm.as_class(class) else {
        let message = crate::primitives::expected_instance(vm, Core::Class, class);
        return Err(vm.stop(message));
    };
    if !vm.inherits(class_id(receiver), id) {
        let message = format!("{} is no superclass of {}.", vm.class_name(id), vm.class_name(class_id(receiver)));
        return Err(vm.stop(Raise::error(message)));
    }
    Ok(id)
}

/// Sends a message found by reflection to the receiver in the window.
fn send_found(
    vm: &mut Vm,
    regs: Regs,
    class: ClassId,
    selector: Gc<Str>,
    arguments: &[Value],
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    match vm.lookup(class, selector) {
        Some(method) => invoke_with(vm, regs, method, arguments, window, target),
        None => {
            put_arguments(vm, regs, arguments, window)?;
            let message = Message { selector, args: arguments.len() as u16 };
            send::not_understood(vm, regs, message, window, target)
        }
    }
}

/// The most arguments that reflection passes; no method has more, since registers are limited.
const MAX_ARGUMENTS: usize = 50_000;

fn put_arguments(vm: &mut Vm, regs: Regs, arguments: &[Value], window: u16) -> Result<(), Stopped> {
    if arguments.len() > MAX_ARGUMENTS - usize::from(window).min(MAX_ARGUMENTS) {
        return Err(vm.stop(Raise::error(format!("Too many arguments: {}.", arguments.len()))));
    }
    send::ensure_room(vm, regs, arguments.len())?;
    for (i, &argument) in arguments.iter().enumerate() {
        regs.frame.set(window + 1 + i as u16, argument);
    }
    Ok(())
}

fn invoke_with(
    vm: &mut Vm,
    regs: Regs,
    method: Gc<Method>,
    arguments: &[Value],
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    if arguments.len() != usize::from(method.args) {
        let message =
            format!("Tried passing {} arguments to a function that requires {}.", arguments.len(), method.args);
        return Err(vm.stop(Raise::error(message)));
    }
    put_arguments(vm, regs, arguments, window)?;
    send::invoke(vm, regs, method, method.args, window, target)
}

/// A global without a value: sends `unknownGlobal:` to `self`.
#[jit::residual]
#[cold]
#[inline(never)]
pub(super) fn unknown_global(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    // SAFETY: the literal of `LoadGlobal` is an association.
    let association: Gc<Association> = unsafe { regs.method.literal(i.b).as_gc() };
    let window = regs.method.scratch_window.get();
    regs.frame.set(window, this(regs));
    regs.frame.set(window + 1, Value::from_gc(association.name()));
    let message = Message { selector: vm.symbols_used.unknown_global, args: 1 };
    send::uncached(vm, regs, message, window, i.a)
}

/// `self` of an activation.
fn this(regs: Regs) -> Value {
    let first = regs.frame.get(0);
    match first.downcast::<Block>() {
        Some(block) if regs.method.is_block() => block.receiver(),
        _ => first,
    }
}

/// An inlined message met a receiver that its instructions can't handle: goes on in the stub that really sends it.
#[jit]
#[cold]
#[inline(never)]
pub(super) fn leave_for_stub(vm: &mut Vm, regs: Regs, site: u16) -> Result<Regs, Stopped> {
    match stub(vm, regs.method, site) {
        Some(stub) => send::enter_stub(vm, Regs { method: stub, pc: 0, frame: regs.frame }),
        None => no_stub(vm, regs, site),
    }
}

/// The stub of an inlined site; `None` if it can't be compiled.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
fn stub(vm: &mut Vm, method: Gc<Method>, site: u16) -> Option<Gc<Method>> {
    let known = method.details().stubs.borrow().iter().find(|(s, _)| *s == site).map(|(_, stub)| *stub);
    if known.is_some() {
        return known;
    }
    let stub = compiler::compile_stub(vm, method, site).ok()?;
    method.details().stubs.borrow_mut().push((site, stub));
    Some(stub)
}

/// The error for a stub that can't be compiled.
#[jit::residual(no_reenter)]
#[cold]
fn no_stub(vm: &mut Vm, regs: Regs, site: u16) -> Result<Regs, Stopped> {
    vm.saved.set(regs);
    let stub = compiler::compile_stub(vm, regs.method, site)
        .map_err(|e| vm.stop(e.raise(&regs.method.details().definition.source)))?;
    send::enter_stub(vm, Regs { method: stub, pc: 0, frame: regs.frame })
}
