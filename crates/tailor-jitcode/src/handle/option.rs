//! `Option` and `Result`.
//!
//! The methods that take functions build the function's body in a branch of their own: the closure runs, at build time, where the call would be.

use tailor_compiler::ir::{Type, Width};

use super::aggregate::{is_variant, unit};
use super::control::{Fork, check, fork};
use super::layout::Layout;
use super::place::{get, set, var};
use super::scalar::lit;
use super::session::{located, with};
use super::value::{Id, JitType, V, ops};
use super::words::{Arguments, Results, Words, held_by_value};
use crate::tape::Shape;

// SAFETY: tag, then the payload; `None` is 0. In memory only pointers are known to have null as `None`.
unsafe impl<T: JitType> JitType for Option<T> {
    type Ops = OptionOps<T>;
    const SHAPE: &'static Shape = &Shape::Sum(&[Shape::UNIT, T::SHAPE]);
    const LAYOUT: &'static Layout = if is_pointer(T::SHAPE, T::LAYOUT) && size_of::<Option<T>>() == 8 {
        &Layout::Nullable(T::LAYOUT)
    } else if size_of::<Option<T>>() == 2 * size_of::<T>()
        && let Some(width) = scalar_width(T::LAYOUT)
    {
        // Without a niche a tag as wide as the scalar comes first, and the scalar behind it: so rustc lays them out, and `tests/memory.rs` would notice if it did not.
        &Layout::Optional { tag: tag_width(width), offset: size_of::<T>(), some: T::LAYOUT }
    } else {
        &Layout::Unknown
    };
}

const fn is_pointer(shape: &Shape, layout: &Layout) -> bool {
    match (shape, layout) {
        (Shape::Scalar(Type::Ref), Layout::Scalar(Width::Ref)) => true,
        (Shape::Product([only]), Layout::Struct([(0, inner)])) => is_pointer(only, inner),
        _ => false,
    }
}

/// The width of the one scalar that a layout is.
const fn scalar_width(layout: &Layout) -> Option<Width> {
    match layout {
        Layout::Scalar(width) => Some(*width),
        Layout::Struct([(0, inner)]) => scalar_width(inner),
        _ => None,
    }
}

/// The width of the tag before a scalar.
const fn tag_width(payload: Width) -> Width {
    match payload {
        Width::I8 | Width::U8 => Width::U8,
        Width::I16 | Width::U16 => Width::U16,
        Width::I32 | Width::U32 => Width::U32,
        _ => Width::I64,
    }
}

// SAFETY: tag, then the payload.
unsafe impl<T: Words> Words for Option<T> {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            if words.word() != 0 {
                Some(T::read(words))
            } else {
                words.skip(const { T::SHAPE.leaf_count() });
                None
            }
        }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(u64::from(self.is_some()));
        match self {
            Some(value) => value.write(words),
            None => words.skip(const { T::SHAPE.leaf_count() }),
        }
    }
}

// SAFETY: tag, then both payloads; `Ok` is 0.
unsafe impl<T: JitType, E: JitType> JitType for Result<T, E> {
    type Ops = ResultOps<T, E>;
    const SHAPE: &'static Shape = &Shape::Sum(&[T::SHAPE, E::SHAPE]);
    const LAYOUT: &'static Layout = &Layout::Unknown;
}

// SAFETY: tag, then both payloads.
unsafe impl<T: Words, E: Words> Words for Result<T, E> {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            if words.word() == 0 {
                let value = T::read(words);
                words.skip(const { E::SHAPE.leaf_count() });
                Ok(value)
            } else {
                words.skip(const { T::SHAPE.leaf_count() });
                Err(E::read(words))
            }
        }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(u64::from(self.is_err()));
        match self {
            Ok(value) => {
                value.write(words);
                words.skip(const { E::SHAPE.leaf_count() });
            }
            Err(error) => {
                words.skip(const { T::SHAPE.leaf_count() });
                error.write(words);
            }
        }
    }
}

held_by_value! {
    [T: Words] Option<T>,
    [T: Words, E: Words] Result<T, E>,
}

ops! {
    /// Methods of options.
    OptionOps<T>
}
ops! {
    /// Methods of results.
    ResultOps<T, E>
}

#[cold]
#[inline(never)]
fn variant(shape: &'static Shape, index: usize, payload: Id) -> Id {
    with(|s| Id::of(s.tape().variant(shape, index, payload.node())))
}

#[cold]
#[inline(never)]
fn contents(sum: Id, index: usize) -> Id {
    with(|s| Id::of(s.tape().payload(sum.node(), index)))
}

/// `None`
#[inline(never)]
pub fn none<T: JitType>() -> V<Option<T>> {
    V::__from(variant(<Option<T>>::SHAPE, 0, unit().0))
}

/// `Some(value)`
#[inline(never)]
pub fn some<T: JitType>(value: V<T>) -> V<Option<T>> {
    V::__from(variant(<Option<T>>::SHAPE, 1, value.0))
}

/// `Ok(value)`
#[inline(never)]
pub fn ok<T: JitType, E: JitType>(value: V<T>) -> V<Result<T, E>> {
    V::__from(variant(<Result<T, E>>::SHAPE, 0, value.0))
}

/// `Err(error)`
#[inline(never)]
pub fn err<T: JitType, E: JitType>(error: V<E>) -> V<Result<T, E>> {
    V::__from(variant(<Result<T, E>>::SHAPE, 1, error.0))
}

/// A value that is computed in one of two ways.
#[derive(Clone, Copy)]
struct Either {
    result: Id,
    fork: Fork,
}

/// Begins the way for the case that `sum` is variant `index`.
#[cold]
#[inline(never)]
#[track_caller]
fn either(sum: Id, index: u32, result: &'static Shape) -> Either {
    let this = Either { result: super::place::uninit_of(result), fork: fork() };
    check(is_variant(sum, index), this.fork.otherwise());
    this
}

impl Either {
    /// Ends the first way with this value, begins the other one.
    #[cold]
    #[inline(never)]
    fn or(self, value: Id) {
        super::place::write(self.result, value);
        self.fork.turn();
    }

    /// Ends the other way with this value; which value it is.
    #[cold]
    #[inline(never)]
    fn end(self, value: Id) -> Id {
        super::place::write(self.result, value);
        self.fork.end();
        super::place::read(self.result)
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn unless_panic(sum: Id, good: usize, message: &'static str) -> Id {
    located(|s| {
        let is_good = s.tape().is_variant(sum.node(), good);
        s.tape().panic_unless(is_good, message, &[]);
        Id::of(s.tape().payload(sum.node(), good))
    })
}

#[allow(non_snake_case)] // Names of patterns' variants.
impl<T: JitType> OptionOps<T> {
    /// Is it `Some`? (For patterns.)
    #[inline(always)]
    pub fn __is_Some(self) -> V<bool> {
        is_variant(self.0, 1)
    }
    /// Is it `None`?
    #[inline(always)]
    pub fn __is_None(self) -> V<bool> {
        is_variant(self.0, 0)
    }
    /// What is in `Some`.
    #[inline(always)]
    pub fn __v_Some_0(self) -> V<T> {
        V::__from(contents(super::place::read(self.0), 1))
    }
    fn value(self) -> V<T> {
        V::__from(contents(self.0, 1))
    }
    /// As the method of options.
    #[inline(always)]
    pub fn is_some(self) -> V<bool> {
        is_variant(self.0, 1)
    }
    /// As the method of options.
    #[inline(always)]
    pub fn is_none(self) -> V<bool> {
        is_variant(self.0, 0)
    }
    /// As the method of options.
    #[track_caller]
    pub fn unwrap(self) -> V<T> {
        V::__from(unless_panic(self.0, 1, "called `Option::unwrap()` on a `None` value"))
    }
    /// As the method of options.
    #[track_caller]
    pub fn expect(self, message: &'static str) -> V<T> {
        V::__from(unless_panic(self.0, 1, message))
    }
    /// As the method of options; must be right.
    pub fn unwrap_unchecked(self) -> V<T> {
        self.value()
    }
    /// As the method of options.
    #[track_caller]
    pub fn unwrap_or(self, default: V<T>) -> V<T> {
        let either = either(self.0, 1, <T>::SHAPE);
        let value: V<T> = self.value();
        either.or(value.0);
        let value: V<T> = default;
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn unwrap_or_else(self, f: impl FnOnce() -> V<T>) -> V<T> {
        let either = either(self.0, 1, <T>::SHAPE);
        let value: V<T> = self.value();
        either.or(value.0);
        let value: V<T> = f();
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn map<U: JitType>(self, f: impl FnOnce(V<T>) -> V<U>) -> V<Option<U>> {
        let either = either(self.0, 1, <Option<U>>::SHAPE);
        let value: V<Option<U>> = some(f(self.value()));
        either.or(value.0);
        let value: V<Option<U>> = none();
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn map_or<U: JitType>(self, default: V<U>, f: impl FnOnce(V<T>) -> V<U>) -> V<U> {
        let either = either(self.0, 1, <U>::SHAPE);
        let value: V<U> = f(self.value());
        either.or(value.0);
        let value: V<U> = default;
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn map_or_else<U: JitType>(self, default: impl FnOnce() -> V<U>, f: impl FnOnce(V<T>) -> V<U>) -> V<U> {
        let either = either(self.0, 1, <U>::SHAPE);
        let value: V<U> = f(self.value());
        either.or(value.0);
        let value: V<U> = default();
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn and_then<U: JitType>(self, f: impl FnOnce(V<T>) -> V<Option<U>>) -> V<Option<U>> {
        let either = either(self.0, 1, <Option<U>>::SHAPE);
        let value: V<Option<U>> = f(self.value());
        either.or(value.0);
        let value: V<Option<U>> = none();
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn or(self, other: V<Option<T>>) -> V<Option<T>> {
        let either = either(self.0, 1, <Option<T>>::SHAPE);
        let value: V<Option<T>> = V::__from(self.0);
        either.or(value.0);
        let value: V<Option<T>> = other;
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn or_else(self, f: impl FnOnce() -> V<Option<T>>) -> V<Option<T>> {
        let either = either(self.0, 1, <Option<T>>::SHAPE);
        let value: V<Option<T>> = V::__from(self.0);
        either.or(value.0);
        let value: V<Option<T>> = f();
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn filter(self, f: impl FnOnce(V<&'static T>) -> V<bool>) -> V<Option<T>> {
        let result = var(none::<T>());
        let fork = fork();
        check(self.is_some(), fork.otherwise());
        check(f(V::__from(self.value().0)), fork.otherwise());
        set(result, V::__from(self.0));
        fork.turn();
        fork.end();
        get(result)
    }
    /// As the method of options.
    #[track_caller]
    pub fn is_some_and(self, f: impl FnOnce(V<T>) -> V<bool>) -> V<bool> {
        let either = either(self.0, 1, <bool>::SHAPE);
        let value: V<bool> = f(self.value());
        either.or(value.0);
        let value: V<bool> = lit(false);
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn is_none_or(self, f: impl FnOnce(V<T>) -> V<bool>) -> V<bool> {
        let either = either(self.0, 1, <bool>::SHAPE);
        let value: V<bool> = f(self.value());
        either.or(value.0);
        let value: V<bool> = lit(true);
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn ok_or<E: JitType>(self, error: V<E>) -> V<Result<T, E>> {
        let either = either(self.0, 1, <Result<T, E>>::SHAPE);
        let value: V<Result<T, E>> = ok(self.value());
        either.or(value.0);
        let value: V<Result<T, E>> = err(error);
        V::__from(either.end(value.0))
    }
    /// As the method of options.
    #[track_caller]
    pub fn ok_or_else<E: JitType>(self, f: impl FnOnce() -> V<E>) -> V<Result<T, E>> {
        let either = either(self.0, 1, <Result<T, E>>::SHAPE);
        let value: V<Result<T, E>> = ok(self.value());
        either.or(value.0);
        let value: V<Result<T, E>> = err(f());
        V::__from(either.end(value.0))
    }
}

impl<T: JitType> OptionOps<&'static T> {
    /// As the method of options.
    pub fn copied(self) -> V<Option<T>> {
        V::__from(self.0)
    }
}

#[allow(non_snake_case)] // Names of patterns' variants.
impl<T: JitType, E: JitType> ResultOps<T, E> {
    /// Is it `Ok`? (For patterns.)
    #[inline(always)]
    pub fn __is_Ok(self) -> V<bool> {
        is_variant(self.0, 0)
    }
    /// Is it `Err`?
    #[inline(always)]
    pub fn __is_Err(self) -> V<bool> {
        is_variant(self.0, 1)
    }
    /// What is in `Ok`.
    #[inline(always)]
    pub fn __v_Ok_0(self) -> V<T> {
        V::__from(contents(super::place::read(self.0), 0))
    }
    /// What is in `Err`.
    #[inline(always)]
    pub fn __v_Err_0(self) -> V<E> {
        V::__from(contents(super::place::read(self.0), 1))
    }
    fn value(self) -> V<T> {
        V::__from(contents(self.0, 0))
    }
    fn error(self) -> V<E> {
        V::__from(contents(self.0, 1))
    }
    /// As the method of results.
    #[inline(always)]
    pub fn is_ok(self) -> V<bool> {
        is_variant(self.0, 0)
    }
    /// As the method of results.
    #[inline(always)]
    pub fn is_err(self) -> V<bool> {
        is_variant(self.0, 1)
    }
    /// As the method of results.
    #[track_caller]
    pub fn ok(self) -> V<Option<T>> {
        let either = either(self.0, 0, <Option<T>>::SHAPE);
        let value: V<Option<T>> = some(self.value());
        either.or(value.0);
        let value: V<Option<T>> = none();
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn err(self) -> V<Option<E>> {
        let either = either(self.0, 1, <Option<E>>::SHAPE);
        let value: V<Option<E>> = some(self.error());
        either.or(value.0);
        let value: V<Option<E>> = none();
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn unwrap_or(self, default: V<T>) -> V<T> {
        let either = either(self.0, 0, <T>::SHAPE);
        let value: V<T> = self.value();
        either.or(value.0);
        let value: V<T> = default;
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn unwrap_or_else(self, f: impl FnOnce(V<E>) -> V<T>) -> V<T> {
        let either = either(self.0, 0, <T>::SHAPE);
        let value: V<T> = self.value();
        either.or(value.0);
        let value: V<T> = f(self.error());
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn map<U: JitType>(self, f: impl FnOnce(V<T>) -> V<U>) -> V<Result<U, E>> {
        let either = either(self.0, 0, <Result<U, E>>::SHAPE);
        let value: V<Result<U, E>> = ok(f(self.value()));
        either.or(value.0);
        let value: V<Result<U, E>> = err(self.error());
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn map_err<F: JitType>(self, f: impl FnOnce(V<E>) -> V<F>) -> V<Result<T, F>> {
        let either = either(self.0, 0, <Result<T, F>>::SHAPE);
        let value: V<Result<T, F>> = ok(self.value());
        either.or(value.0);
        let value: V<Result<T, F>> = err(f(self.error()));
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn and_then<U: JitType>(self, f: impl FnOnce(V<T>) -> V<Result<U, E>>) -> V<Result<U, E>> {
        let either = either(self.0, 0, <Result<U, E>>::SHAPE);
        let value: V<Result<U, E>> = f(self.value());
        either.or(value.0);
        let value: V<Result<U, E>> = err(self.error());
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn or_else<F: JitType>(self, f: impl FnOnce(V<E>) -> V<Result<T, F>>) -> V<Result<T, F>> {
        let either = either(self.0, 0, <Result<T, F>>::SHAPE);
        let value: V<Result<T, F>> = ok(self.value());
        either.or(value.0);
        let value: V<Result<T, F>> = f(self.error());
        V::__from(either.end(value.0))
    }
    /// As the method of results.
    #[track_caller]
    pub fn is_ok_and(self, f: impl FnOnce(V<T>) -> V<bool>) -> V<bool> {
        let either = either(self.0, 0, <bool>::SHAPE);
        let value: V<bool> = f(self.value());
        either.or(value.0);
        let value: V<bool> = lit(false);
        V::__from(either.end(value.0))
    }
}

/// What `?` does to a value of this type, in a function that returns `R`.
#[diagnostic::on_unimplemented(
    message = "`?` on `{Self}` is not possible in jitted code that returns `{R}`",
    label = "the error would have to be converted",
    note = "convert it yourself: `.map_err(..)?`, `.ok_or(..)?`"
)]
pub trait Question<R>: JitType {
    /// What it yields if it goes on.
    type Output;
    /// The variants that go on and that return; the returned variant's number is the same.
    const GOES_ON: usize;
}

impl<T: JitType, U: JitType> Question<Option<U>> for Option<T> {
    type Output = T;
    const GOES_ON: usize = 1;
}

impl<T: JitType, U: JitType, E: JitType> Question<Result<U, E>> for Result<T, E> {
    type Output = T;
    const GOES_ON: usize = 0;
}

/// `value?`
#[inline(never)]
#[track_caller]
pub fn question<X: Question<R>, R: JitType>(target: super::Return<R>, value: V<X>) -> V<X::Output> {
    let _ = target;
    V::__from(go_on_or_return(value.0, X::GOES_ON, R::SHAPE))
}

#[cold]
#[inline(never)]
#[track_caller]
fn go_on_or_return(value: Id, good: usize, result: &'static Shape) -> Id {
    located(|s| {
        let tape = s.tape();
        let (value, bad) = (value.node(), 1 - good);
        let (leave, go_on) = (tape.block(), tape.block());
        let is_good = tape.is_variant(value, good);
        tape.branch(is_good, go_on, leave);
        tape.enter(leave);
        tape.ret(tape.variant(result, bad, tape.payload(value, bad)));
        tape.enter(go_on);
        Id::of(tape.payload(value, good))
    })
}
