//! Sends: inline caches, quickening, and entering methods.
//!
//! A fresh `Send` looks its method up and becomes the `Send...` form for what it found ([`first`]). These forms check the
//! receiver's class against the site's first cache entry; on a miss ([`miss`]) the site becomes polymorphic, searched in
//! order, and finally megamorphic, where the VM's lookup cache serves all.

use tailor::jit;
use tailor_gc::Gc;

use super::frame::Link;
use super::{Frame, Regs, control, intrinsics, make_executable};
use crate::bytecode::{Instr, LINK, Op};
use crate::errors::{ErrorKind, Raise, Stopped};
use crate::method::{CacheEntry, Invokable, Message, Method, POLYMORPHIC_LIMIT, Site};
use crate::objects::{Block, ClassId, Instance, Str};
use crate::primitives::{Args, Function, Intrinsic, Primitive};
use crate::value::Value;
use crate::vm::{Vm, class_id};

/// Words kept free above the registers of every frame: a window for messages that the VM itself sends.
const SLACK: usize = 16;

/// The first cache entry of a send's site. It is set before the instruction is quickened, and never again.
#[jit]
#[inline(always)]
fn entry(method: Gc<Method>, i: Instr) -> CacheEntry {
    numbered_entry(method, i, 0)
}

/// A cache entry of a send's site. If it is empty, it may be set later, once: who has read it then (tier 1, when it looked at the site) just does not know that class.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
#[inline(always)]
fn numbered_entry(method: Gc<Method>, i: Instr, number: usize) -> CacheEntry {
    // SAFETY: the compiler made the site and its number together.
    unsafe { method.site(i.c) }.entries[number].get()
}

/// Makes the frame of a call; `None` if the stack has no room for it.
#[jit]
#[inline(always)]
pub(super) fn push(vm: &Vm, caller: Gc<Method>, callee: Gc<Method>, frame: Frame, link: Link) -> Option<Frame> {
    let new = frame.window(link.window() as u16);
    let end = new.address().wrapping_add(usize::from(callee.registers.get()) + SLACK);
    if end > vm.stack.limit() {
        return None;
    }
    new.set_link(caller, link);
    let locals = callee.locals.get();
    if locals > 0 {
        clear(new, callee.args + 1, locals, vm.nil);
    }
    Some(new)
}

/// Sets registers to nil. A function of its own, since tier 1 calls what has a loop that it cannot decide.
#[jit]
#[inline]
fn clear(frame: Frame, first: u16, count: u16, nil: Value) {
    for r in first..first + count {
        frame.set(r, nil);
    }
}

/// `SendMethod`, if the receiver has the expected class: callee and its frame.
#[jit]
#[inline(always)]
pub(super) fn method_hit(
    vm: &Vm,
    method: Gc<Method>,
    pc: usize,
    frame: Frame,
    i: Instr,
) -> Option<(Gc<Method>, Frame)> {
    let entry = entry(method, i);
    if class_id(frame.get(i.b)) != entry.class {
        return None;
    }
    let callee = entry.target?;
    let new = push(vm, method, callee, frame, Link::new(pc + 1, i.b, i.a))?;
    Some((callee, new))
}

/// `SendBlock`, if the receiver is a block with the right number of arguments.
#[jit]
#[inline(always)]
pub(super) fn block_hit(vm: &Vm, method: Gc<Method>, pc: usize, frame: Frame, i: Instr) -> Option<(Gc<Method>, Frame)> {
    let receiver = frame.get(i.b);
    if class_id(receiver) != entry(method, i).class {
        return None;
    }
    // SAFETY: the site's class is one of the block classes, whose instances are blocks; each class has its number of
    // arguments, and the compiler has compiled all blocks.
    let callee = unsafe { receiver.as_gc::<Block>() }.method();
    let new = push(vm, method, callee, frame, Link::new(pc + 1, i.b, i.a))?;
    Some((callee, new))
}

/// `SendPrimitive`: whether the receiver has the expected class.
#[jit]
#[inline(always)]
pub(super) fn primitive_hit(vm: &mut Vm, regs: Regs, i: Instr) -> Result<bool, Stopped> {
    let entry = entry(regs.method, i);
    if class_id(regs.frame.get(i.b)) != entry.class {
        return Ok(false);
    }
    let Some(target) = entry.target else { return Ok(false) };
    match target.invokable() {
        Invokable::Primitive(Primitive::Native(function, _)) => {
            let value = run_primitive(vm, regs, function, i.b)?;
            regs.frame.set(i.a, value);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// What a primitive returns for the receiver and arguments in the window.
///
/// Primitives never run SOM code.
#[jit]
#[inline(always)]
fn run_primitive(vm: &mut Vm, regs: Regs, function: Function, window: u16) -> Result<Value, Stopped> {
    vm.saved.set(regs);
    call_primitive(vm, function, regs.frame.window(window))
}

/// The same, once it is noted where it is called. Few words: units pass them in registers.
#[jit::residual(no_reenter)]
#[inline(always)]
fn call_primitive(vm: &mut Vm, function: Function, window: Frame) -> Result<Value, Stopped> {
    (function.0)(vm, Args::new(window)).map_err(|raise| vm.stop(raise))
}

/// Field `field` of an object.
///
/// # Safety
/// `object` is an instance of a class that has that field.
#[jit]
#[inline(always)]
unsafe fn get_field(object: Value, field: usize) -> Value {
    // SAFETY: classes with fields have instances of this kind; the rest is the caller's promise.
    unsafe { object.as_gc::<Instance>().slot(field).get() }
}

#[jit]
#[inline(always)]
pub(super) fn getter_hit(method: Gc<Method>, frame: Frame, i: Instr) -> bool {
    let entry = entry(method, i);
    let receiver = frame.get(i.b);
    let hit = class_id(receiver) == entry.class;
    if hit {
        // SAFETY: the class matches, and the entry's field is one of its fields.
        frame.set(i.a, unsafe { get_field(receiver, entry.field as usize) });
    }
    hit
}

#[jit]
#[inline(always)]
pub(super) fn setter_hit(vm: &mut Vm, method: Gc<Method>, frame: Frame, i: Instr) -> bool {
    let entry = entry(method, i);
    let receiver = frame.get(i.b);
    let hit = class_id(receiver) == entry.class;
    if hit {
        set_field(vm, receiver, entry.field as usize, frame.get(i.b + 1));
        frame.set(i.a, receiver);
    }
    hit
}

#[jit]
#[inline(always)]
fn set_field(vm: &mut Vm, receiver: Value, field: usize, value: Value) {
    // SAFETY: as for `getter_hit`.
    let object = unsafe { receiver.as_gc::<Instance>() };
    // SAFETY: as above.
    unsafe { object.slot(field) }.set(value);
    if value.is_ref() {
        vm.heap.write_barrier(object);
    }
}

#[jit]
#[inline(always)]
pub(super) fn constant_hit(method: Gc<Method>, frame: Frame, i: Instr) -> bool {
    let entry = entry(method, i);
    let hit = class_id(frame.get(i.b)) == entry.class;
    if hit
        && let Some(target) = entry.target
        && let Invokable::Constant(value) = target.invokable()
    {
        frame.set(i.a, value);
    }
    hit
}

// ---- Sends in units.
//
// A unit has no inline caches: it guards the receiver's class, and from then on the method is a constant of it. So all forms of a send are one there, and what the caches
// hold, which changes while a program runs, is not read.

/// A send, of whatever form.
#[jit]
pub(super) fn by_class(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    // SAFETY: the compiler made the site and its number together.
    let message = unsafe { regs.method.site(i.c) }.message;
    message_by_class(vm, regs, message, i.b, i.a)
}

/// Sends a message to the receiver in a window.
#[jit]
pub(super) fn message_by_class(
    vm: &mut Vm,
    regs: Regs,
    message: Message,
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    let class = jit::promote(class_id(regs.frame.get(window)));
    match executable(vm, class, message.selector) {
        Some(method) => invoke(vm, regs, method, message.args, window, target),
        // It is found out once more why not.
        None => uncached(vm, regs, message, window, target),
    }
}

/// The method that a class has for a selector, made executable; `None` if there is none, or if it cannot be compiled. It never changes: a class keeps its methods.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
pub(super) fn executable(vm: &mut Vm, class: ClassId, selector: Gc<Str>) -> Option<Gc<Method>> {
    let method = vm.lookup(class, selector)?;
    make_executable(vm, method).ok()?;
    Some(method)
}

/// A send that is executed for the first time.
#[jit::residual]
#[cold]
pub(super) fn first(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    // SAFETY: the compiler made the site and its number together.
    let site = unsafe { regs.method.site(i.c) };
    let class = class_id(regs.frame.get(i.b));
    if let Some(target) = find(vm, regs, class, site.message.selector)? {
        site.entries[0].set(cache_entry(class, target));
        let op = match target.invokable() {
            Invokable::Bytecode => Op::SendMethod,
            Invokable::Primitive(Primitive::Native(..)) => Op::SendPrimitive,
            // All blocks of a class have as many arguments as this one.
            Invokable::Primitive(Primitive::Control(control::Control::Value))
                if regs.frame.get(i.b).downcast::<Block>().is_some_and(|b| b.method().args == site.message.args) =>
            {
                Op::SendBlock
            }
            Invokable::Primitive(Primitive::Control(_)) | Invokable::Uncompiled => Op::SendPoly,
            Invokable::Getter(_) => Op::SendGetter,
            Invokable::Setter(_) => Op::SendSetter,
            Invokable::Constant(_) => Op::SendConstant,
        };
        // SAFETY: this is the instruction being executed; all forms of a send take the same operands.
        unsafe { regs.method.quicken(regs.pc, op) };
        return invoke(vm, regs, target, site.message.args, i.b, i.a);
    }
    not_understood(vm, regs, site.message, i.b, i.a)
}

fn cache_entry(class: ClassId, target: Gc<Method>) -> CacheEntry {
    let field = match target.invokable() {
        Invokable::Getter(field) | Invokable::Setter(field) => u32::from(field),
        _ => 0,
    };
    CacheEntry { class, field, target: Some(target) }
}

/// Looks a method up and makes it executable.
fn find(vm: &mut Vm, regs: Regs, class: ClassId, selector: Gc<Str>) -> Result<Option<Gc<Method>>, Stopped> {
    let Some(target) = vm.lookup(class, selector) else { return Ok(None) };
    if let Invokable::Uncompiled = target.invokable() {
        vm.saved.set(regs);
        make_executable(vm, target).map_err(|raise| vm.stop(raise))?;
    }
    Ok(Some(target))
}

/// A quickened send whose expectation failed: another class, or no room on the stack.
#[jit::residual]
#[cold]
#[inline(never)]
pub(super) fn miss(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    if class_id(regs.frame.get(i.b)) != entry(regs.method, i).class {
        // SAFETY: this is the instruction being executed; all forms of a send take the same operands.
        unsafe { regs.method.quicken(regs.pc, Op::SendPoly) };
    }
    polymorphic(vm, regs, i)
}

/// `SendPoly`.
#[jit]
#[inline(never)]
pub(super) fn polymorphic(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    let class = class_id(regs.frame.get(i.b));
    let mut number = 0;
    while number < POLYMORPHIC_LIMIT {
        let entry = numbered_entry(regs.method, i, number);
        if let Some(target) = entry.target
            && entry.class == class
        {
            // SAFETY: the compiler made the site and its number together.
            let args = unsafe { regs.method.site(i.c) }.message.args;
            return invoke(vm, regs, target, args, i.b, i.a);
        }
        number += 1;
    }
    extend(vm, regs, i)
}

#[inline(always)]
fn cached(site: &Site, class: ClassId) -> Option<Gc<Method>> {
    site.entries.iter().find_map(|entry| {
        let entry = entry.get();
        if entry.class == class { entry.target } else { None }
    })
}

/// Adds a class to a polymorphic site, or makes the site megamorphic.
#[jit::residual]
#[cold]
#[inline(never)]
fn extend(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    // SAFETY: the compiler made the site and its number together.
    let site = unsafe { regs.method.site(i.c) };
    let class = class_id(regs.frame.get(i.b));
    let Some(target) = find(vm, regs, class, site.message.selector)? else {
        return not_understood(vm, regs, site.message, i.b, i.a);
    };
    match site.entries.iter().find(|entry| entry.get().target.is_none()) {
        Some(free) => free.set(cache_entry(class, target)),
        // SAFETY: this is the instruction being executed; all forms of a send take the same operands.
        None => unsafe { regs.method.quicken(regs.pc, Op::SendMega) },
    }
    invoke(vm, regs, target, site.message.args, i.b, i.a)
}

/// `SendMega`.
#[jit::residual]
#[inline(never)]
pub(super) fn megamorphic(vm: &mut Vm, regs: Regs) -> Result<Regs, Stopped> {
    let i = regs.instruction();
    // SAFETY: the compiler made the site and its number together.
    let site = unsafe { regs.method.site(i.c) };
    uncached(vm, regs, site.message, i.b, i.a)
}

/// Sends a message without any cache.
#[jit::residual]
pub(super) fn uncached(vm: &mut Vm, regs: Regs, message: Message, window: u16, target: u16) -> Result<Regs, Stopped> {
    let class = class_id(regs.frame.get(window));
    match find(vm, regs, class, message.selector)? {
        Some(method) => invoke(vm, regs, method, message.args, window, target),
        None => not_understood(vm, regs, message, window, target),
    }
}

/// Sends the message of an operator, whose site is polymorphic from the start.
#[jit::residual]
pub(super) fn operator(vm: &mut Vm, regs: Regs, site: &Site, window: u16, target: u16) -> Result<Regs, Stopped> {
    let class = class_id(regs.frame.get(window));
    if let Some(method) = cached(site, class) {
        return invoke(vm, regs, method, site.message.args, window, target);
    }
    match find(vm, regs, class, site.message.selector)? {
        Some(method) => {
            if let Some(free) = site.entries.iter().find(|entry| entry.get().target.is_none()) {
                free.set(cache_entry(class, method));
            }
            invoke(vm, regs, method, site.message.args, window, target)
        }
        None => not_understood(vm, regs, site.message, window, target),
    }
}

/// A send to super: the method depends on where the code is, not on the receiver.
#[jit]
#[inline(never)]
pub(super) fn to_super(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    // SAFETY: the compiler made the site and its number together.
    let site = unsafe { regs.method.site(i.c) };
    match super_method(vm, regs.method, site) {
        Some(method) => invoke(vm, regs, method, site.message.args, i.b, i.a),
        None => no_super_method(vm, regs, i),
    }
}

/// The method of a send to super, made executable; `None` if there is none, or if it cannot be compiled. It never changes.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
#[inline(always)]
fn super_method(vm: &mut Vm, method: Gc<Method>, site: &Site) -> Option<Gc<Method>> {
    match site.entries[0].get().target {
        Some(target) => Some(target),
        None => find_super_method(vm, method, site),
    }
}

#[cold]
fn find_super_method(vm: &mut Vm, method: Gc<Method>, site: &Site) -> Option<Gc<Method>> {
    let superclass = vm.class_info(method.holder()).superclass?;
    let target = vm.lookup_uncached(superclass, site.message.selector)?;
    make_executable(vm, target).ok()?;
    site.entries[0].set(cache_entry(ClassId(u32::MAX), target));
    Some(target)
}

/// A send to super that finds no method to invoke.
#[jit::residual]
#[cold]
#[inline(never)]
fn no_super_method(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    // SAFETY: the compiler made the site and its number together.
    let message = unsafe { regs.method.site(i.c) }.message;
    let superclass = vm.class_info(regs.method.holder()).superclass;
    match superclass.and_then(|class| vm.lookup_uncached(class, message.selector)) {
        // It is compiled once more for the error.
        Some(target) => invoke(vm, regs, target, message.args, i.b, i.a),
        None => not_understood(vm, regs, message, i.b, i.a),
    }
}

/// Follows the links of all frames. A unit can't: it ends where it would look below its own frame, what it has put off is written, and from there the links are there for all to see.
#[jit]
fn write_links(innermost: Frame) {
    let mut frame = innermost;
    while frame.link() != Link::ENTRY {
        frame = frame.below(frame.link().window());
    }
}

/// Invokes a method on the receiver and arguments in a window; `args` is the number of arguments that were passed.
#[jit]
#[inline(never)]
pub(super) fn invoke(
    vm: &mut Vm,
    regs: Regs,
    method: Gc<Method>,
    args: u16,
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    let receiver = regs.frame.get(window);
    match method.invokable() {
        Invokable::Bytecode => return enter(vm, regs, method, window, target),
        Invokable::Primitive(Primitive::Native(function, known)) => {
            if jit::we_are_jitted() && known == Intrinsic::SeesStack {
                write_links(regs.frame);
            }
            let value = if jit::we_are_jitted()
                && let Some(value) = intrinsics::perform(vm, function, known, args, regs.frame.window(window))
            {
                value
            } else {
                run_primitive(vm, regs, function, window)?
            };
            regs.frame.set(target, value);
        }
        Invokable::Primitive(Primitive::Control(control)) => {
            return control::perform(vm, regs, control, args, window, target);
        }
        Invokable::Getter(field) => {
            // SAFETY: the method was found in the class of the receiver.
            regs.frame.set(target, unsafe { get_field(receiver, usize::from(field)) });
        }
        Invokable::Setter(field) => {
            set_field(vm, receiver, usize::from(field), regs.frame.get(window + 1));
            regs.frame.set(target, receiver);
        }
        Invokable::Constant(value) => regs.frame.set(target, value),
        Invokable::Uncompiled => return invoke_first(vm, regs, method, args, window, target),
    }
    Ok(Regs { pc: regs.pc + 1, ..regs })
}

/// Invokes a method that has to be compiled.
#[jit::residual]
#[cold]
#[inline(never)]
fn invoke_first(
    vm: &mut Vm,
    regs: Regs,
    method: Gc<Method>,
    args: u16,
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    vm.saved.set(regs);
    make_executable(vm, method).map_err(|raise| vm.stop(raise))?;
    invoke(vm, regs, method, args, window, target)
}

/// Calls a method that has bytecode.
#[jit]
#[inline(always)]
pub(super) fn enter(vm: &mut Vm, regs: Regs, method: Gc<Method>, window: u16, target: u16) -> Result<Regs, Stopped> {
    match push(vm, regs.method, method, regs.frame, Link::new(regs.pc + 1, window, target)) {
        Some(frame) => Ok(Regs { method, pc: 0, frame }),
        None => enter_on_more_stack(vm, regs, method, window, target),
    }
}

/// The same, where the present limit of the stack is in the way.
#[jit::residual]
#[cold]
#[inline(never)]
fn enter_on_more_stack(vm: &mut Vm, regs: Regs, method: Gc<Method>, window: u16, target: u16) -> Result<Regs, Stopped> {
    let end = regs.frame.address().wrapping_add(usize::from(window) + usize::from(method.registers.get()) + SLACK);
    vm.stack.reach(end);
    match push(vm, regs.method, method, regs.frame, Link::new(regs.pc + 1, window, target)) {
        Some(frame) => Ok(Regs { method, pc: 0, frame }),
        None => {
            vm.saved.set(regs);
            Err(vm.stop(stack_overflow(vm)))
        }
    }
}

#[cold]
pub(super) fn stack_overflow(vm: &Vm) -> Raise {
    let size = vm.stack.size();
    Raise::of(
        ErrorKind::StackOverflow,
        format!(
            "Stack overflow: calls are nested too deeply for the stack of {} KiB. \
             If this is no endless recursion, --stack-size gives it more.",
            size >> 10
        ),
    )
}

/// Checks that `words` words above a frame's registers are there.
#[jit::residual(no_reenter)]
#[cold]
pub(super) fn ensure_room(vm: &mut Vm, regs: Regs, words: usize) -> Result<(), Stopped> {
    if !vm.stack.reach(regs.top().wrapping_add(words + SLACK)) {
        vm.saved.set(regs);
        return Err(vm.stop(stack_overflow(vm)));
    }
    Ok(())
}

/// Goes on in a stub, in a frame that is there already.
#[jit]
#[inline(always)]
pub(super) fn enter_stub(vm: &mut Vm, stub: Regs) -> Result<Regs, Stopped> {
    if stub.frame.address().wrapping_add(usize::from(stub.method.registers.get()) + SLACK) > vm.stack.limit() {
        ensure_room(vm, stub, 0)?;
    }
    Ok(stub)
}

/// No method: sends `doesNotUnderstand:arguments:`.
#[cold]
#[inline(never)]
pub(super) fn not_understood(
    vm: &mut Vm,
    regs: Regs,
    message: Message,
    window: u16,
    target: u16,
) -> Result<Regs, Stopped> {
    vm.saved.set(regs);
    let arguments = regs.frame.slice(window + 1, usize::from(message.args));
    let array = vm.new_array_of(arguments).map_err(|raise| vm.stop(raise))?;
    let complaint = Message { selector: vm.symbols_used.does_not_understand, args: 2 };
    let receiver = regs.frame.get(window);
    if vm.lookup(class_id(receiver), complaint.selector).is_none() {
        let text = format!("{} does not understand #{}.", vm.describe(receiver), message.selector.as_str());
        return Err(vm.stop(Raise::error(text)));
    }
    // The window ends within the frame's slack at worst, and the receiver stays where it is.
    regs.frame.set(window + 1, Value::from_gc(message.selector));
    regs.frame.set(window + 2, array);
    uncached(vm, regs, complaint, window, target)
}

/// What [`start`] came to.
pub(super) enum Started {
    /// The method's code is to be executed.
    Running(Regs),
    /// The method needed no code.
    Done(Value),
}

/// Invokes a method from outside; receiver and arguments are in `frame`, its link is set.
pub(super) fn start(vm: &mut Vm, method: Gc<Method>, frame: Frame) -> Result<Started, Stopped> {
    make_executable(vm, method).map_err(|raise| vm.stop(raise))?;
    let done = |value| Ok(Started::Done(value));
    match method.invokable() {
        Invokable::Primitive(Primitive::Native(function, _)) => {
            done((function.0)(vm, Args::new(frame)).map_err(|raise| vm.stop(raise))?)
        }
        Invokable::Primitive(Primitive::Control(_)) => {
            let message = format!("#{} can't be sent from outside.", method.selector().as_str());
            Err(vm.stop(Raise::error(message)))
        }
        // SAFETY: the method was found in the class of the receiver.
        Invokable::Getter(field) => done(unsafe { get_field(frame.get(0), usize::from(field)) }),
        Invokable::Setter(field) => {
            set_field(vm, frame.get(0), usize::from(field), frame.get(1));
            done(frame.get(0))
        }
        Invokable::Constant(value) => done(value),
        Invokable::Bytecode | Invokable::Uncompiled => {
            let end = frame.address().wrapping_add(usize::from(method.registers.get()) + SLACK);
            if !vm.stack.reach(end) {
                return Err(vm.stop(stack_overflow(vm)));
            }
            for local in 1 + method.args..1 + method.args + method.locals.get() {
                frame.set(local, vm.nil);
            }
            Ok(Started::Running(Regs { method, pc: 0, frame }))
        }
    }
}

const _: () = assert!(LINK == 2, "frames are linked by two words");
