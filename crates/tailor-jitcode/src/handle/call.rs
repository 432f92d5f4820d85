//! Calls, panics and directives.

use super::session::{located, with};
use super::value::{Id, JitType, V};
use crate::function::JitFunction;
use crate::tape::{Color, MarkVariable};

/// Calls a function.
#[cold]
#[inline(never)]
#[track_caller]
pub fn call(function: &'static JitFunction, arguments: &[Id]) -> Id {
    located(|s| {
        let arguments: Vec<_> = arguments.iter().map(|a| a.node()).collect();
        Id::of(s.tape().call(function, &arguments))
    })
}

/// Gives the function that is called. (Passing it rather than its result keeps calls small where they are made.)
pub type Callee = fn() -> &'static JitFunction;

/// Calls a function without arguments.
#[cold]
#[inline(never)]
#[track_caller]
pub fn call0(callee: Callee) -> Id {
    call(callee(), &[])
}

/// Calls a function with one argument.
#[cold]
#[inline(never)]
#[track_caller]
pub fn call1(callee: Callee, a: Id) -> Id {
    call(callee(), &[a])
}

/// Calls a function with two arguments.
#[cold]
#[inline(never)]
#[track_caller]
pub fn call2(callee: Callee, a: Id, b: Id) -> Id {
    call(callee(), &[a, b])
}

/// Calls a function with three arguments.
#[cold]
#[inline(never)]
#[track_caller]
pub fn call3(callee: Callee, a: Id, b: Id, c: Id) -> Id {
    call(callee(), &[a, b, c])
}

/// Calls a function with four arguments.
#[cold]
#[inline(never)]
#[track_caller]
pub fn call4(callee: Callee, a: Id, b: Id, c: Id, d: Id) -> Id {
    call(callee(), &[a, b, c, d])
}

/// Panics with this message, which has no `{}` in it.
#[cold]
#[inline(never)]
#[track_caller]
pub fn panic(message: &'static str) {
    located(|s| s.tape().panic(message, &[]));
}

/// A variable of a merge point.
pub type Mark = (&'static str, Id);

/// One variable of a merge point or an entry.
#[inline(always)]
pub fn mark<T>(name: &'static str, value: V<T>) -> Mark {
    (name, value.0)
}

fn variables(greens: &[Mark], reds: &[Mark], order: &[&str]) -> Vec<MarkVariable> {
    let colored = |marks: &[Mark], color| {
        marks.iter().map(move |(name, id)| MarkVariable { name, color, value: id.node() }).collect()
    };
    let mut all: Vec<MarkVariable> = colored(greens, Color::Green);
    let mut more: Vec<MarkVariable> = colored(reds, Color::Red);
    all.append(&mut more);
    all.sort_by_key(|v| order.iter().position(|name| *name == v.name));
    all
}

/// `merge_point!`, with the variables in any order.
#[cold]
#[inline(never)]
#[track_caller]
pub fn merge_point(greens: &[Mark], reds: &[Mark]) {
    located(|s| {
        let order = s.tape().function().signature.parameter_names;
        s.tape().merge_point(&variables(greens, reds, order));
    });
}

/// `can_enter!`
#[cold]
#[inline(never)]
#[track_caller]
pub fn can_enter(greens: &[Mark], reds: &[Mark]) {
    located(|s| {
        let order = s.tape().function().signature.parameter_names;
        s.tape().can_enter(&variables(greens, reds, order));
    });
}

#[cold]
#[inline(never)]
#[track_caller]
fn promoted(value: Id) -> Id {
    located(|s| Id::of(s.tape().promote(value.node())))
}

/// `promote(value)`
#[inline(always)]
#[track_caller]
pub fn promote<T: JitType>(value: V<T>) -> V<T> {
    V::__from(promoted(value.0))
}

/// `we_are_jitted()`
#[cold]
#[inline(never)]
pub fn we_are_jitted() -> V<bool> {
    with(|s| V::of(s.tape().we_are_jitted()))
}
