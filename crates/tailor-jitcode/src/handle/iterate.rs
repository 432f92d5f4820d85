//! Ranges and `for`.

use super::aggregate::{make, part};
use super::compare::{JitOrd, ge, le, lt};
use super::control::{BlockId, check};
use super::layout::Layout;
use super::place::{get, set, var};
use super::scalar::{Int, lit};
use super::session::located;
use super::slice::SliceOps;
use super::value::{Id, JitType, V, ops};
use crate::tape::{Arithmetic, Overflow, Shape};
use std::ops::{Range, RangeInclusive};

ops! {
    /// Methods of ranges.
    RangeOps<R>
}

// SAFETY: start and end.
unsafe impl<T: JitType> JitType for Range<T> {
    type Ops = RangeOps<Range<T>>;
    const SHAPE: &'static Shape = &Shape::Product(&[T::SHAPE, T::SHAPE]);
    const LAYOUT: &'static Layout = &Layout::Struct(&[
        (std::mem::offset_of!(Range<T>, start), T::LAYOUT),
        (std::mem::offset_of!(Range<T>, end), T::LAYOUT),
    ]);
}

// SAFETY: start and end; never used up, since jitted code iterates by counting.
unsafe impl<T: JitType> JitType for RangeInclusive<T> {
    type Ops = RangeOps<RangeInclusive<T>>;
    const SHAPE: &'static Shape = &Shape::Product(&[T::SHAPE, T::SHAPE]);
    const LAYOUT: &'static Layout = &Layout::Unknown;
}

/// `a..b`
#[inline(never)]
pub fn range<T: JitType>(start: V<T>, end: V<T>) -> V<Range<T>> {
    V::__from(make(<Range<T>>::SHAPE, &[(0, start.0), (1, end.0)]))
}

/// `a..=b`
#[inline(never)]
pub fn range_inclusive<T: JitType>(start: V<T>, end: V<T>) -> V<RangeInclusive<T>> {
    V::__from(make(<RangeInclusive<T>>::SHAPE, &[(0, start.0), (1, end.0)]))
}

impl<T: JitOrd> RangeOps<Range<T>> {
    /// The start, a place if the range is one.
    pub fn __f_start(self) -> V<T> {
        V::__from(part(self.0, 0))
    }
    /// The start's value.
    pub fn __g_start(self) -> V<T> {
        get(self.__f_start())
    }
    /// The end's value.
    pub fn __g_end(self) -> V<T> {
        get(self.__f_end())
    }
    /// The end.
    pub fn __f_end(self) -> V<T> {
        V::__from(part(self.0, 1))
    }
    /// As the method of ranges.
    #[track_caller]
    pub fn contains(self, value: V<&'static T>) -> V<bool> {
        let value = V::<T>::__from(value.0);
        super::both(&[le(self.__f_start(), value), lt(value, self.__f_end())])
    }
    /// As the method of ranges.
    #[track_caller]
    pub fn is_empty(self) -> V<bool> {
        ge(self.__f_start(), self.__f_end())
    }
}

impl<T: JitOrd> RangeOps<RangeInclusive<T>> {
    /// As the method of ranges.
    #[track_caller]
    pub fn contains(self, value: V<&'static T>) -> V<bool> {
        let value = V::<T>::__from(value.0);
        let (start, end) = (V::<T>::__from(part(self.0, 0)), V::<T>::__from(part(self.0, 1)));
        super::both(&[le(start, value), le(value, end)])
    }
}

/// What `for` counts with.
#[derive(Clone, Copy)]
pub struct Counter<T> {
    next: V<T>,
    end: V<T>,
    /// For inclusive ranges: whether the end has been reached, a mutable local.
    done: Option<V<bool>>,
}

/// `for _ in start..end`
#[inline(never)]
pub fn count<T: Int + JitOrd>(start: V<T>, end: V<T>) -> Counter<T> {
    Counter { next: var(start), end, done: None }
}

/// `for _ in start..=end`
#[inline(never)]
pub fn count_inclusive<T: Int + JitOrd>(start: V<T>, end: V<T>) -> Counter<T> {
    let done = super::gt(start, end);
    Counter { next: var(start), end, done: Some(var(done)) }
}

/// A number and one, where that is known not to overflow (or not to matter).
#[cold]
#[inline(never)]
fn successor(ty: crate::tape::IntType, value: Id) -> Id {
    located(|s| {
        let one = s.tape().int(1);
        Id::of(s.tape().arithmetic(Arithmetic::Add, ty, value.node(), one, Overflow::Wrap))
    })
}

impl<T: Int + JitOrd> Counter<T> {
    /// The next item, or out of the loop.
    #[inline(never)]
    pub fn next(self, exit: BlockId) -> V<T> {
        let item = get(self.next);
        match self.done {
            None => check(lt(item, self.end), exit),
            Some(done) => {
                check(super::not(get(done)), exit);
                set(done, ge(item, self.end));
            }
        }
        set(self.next, V::__from(successor(T::TYPE, item.0)));
        item
    }
}

/// What `for` goes through.
pub struct Items<T: 'static> {
    slice: V<&'static [T]>,
    counter: Counter<usize>,
}

/// A type that `for` can go through.
#[diagnostic::on_unimplemented(
    message = "jitted code can't iterate over `{Self}`",
    note = "`for` goes through ranges of integers and through slices (`slice.iter()` or `slice`); write an index and `while` for others, \
            or move the loop to a #[jit::residual] function"
)]
pub trait Iterate: JitType {
    /// What holds the state.
    type State;
    /// Before the loop.
    fn start(this: V<Self>) -> Self::State;
}

/// `for _ in value`
#[inline(always)]
pub fn iterate<I: Iterate>(value: V<I>) -> I::State {
    I::start(value)
}

impl<T: JitType> Iterate for &'static [T] {
    type State = Items<T>;
    fn start(this: V<Self>) -> Items<T> {
        Items { slice: this, counter: count(lit(0), this.len()) }
    }
}

/// What `for` goes through.
#[derive(Clone, Copy)]
pub struct Elements<T, const N: usize> {
    array: V<[T; N]>,
    counter: Counter<usize>,
}

impl<T: JitType, const N: usize> Iterate for [T; N] {
    type State = Elements<T, N>;
    fn start(this: V<Self>) -> Elements<T, N> {
        Elements { array: this, counter: count(lit(0), lit(N)) }
    }
}

impl<T: JitType, const N: usize> Elements<T, N> {
    /// The next element, or out of the loop.
    #[inline(never)]
    pub fn next(self, exit: BlockId) -> V<T> {
        let index = self.counter.next(exit);
        get(super::index(self.array, index))
    }
}

impl<T: Int + JitOrd> Iterate for Range<T> {
    type State = Counter<T>;
    fn start(this: V<Self>) -> Counter<T> {
        count(get(this.__f_start()), get(this.__f_end()))
    }
}

impl<T: JitType> Items<T> {
    /// The next item, or out of the loop.
    #[inline(never)]
    pub fn next(self, exit: BlockId) -> V<&'static T> {
        let index = self.counter.next(exit);
        self.slice.get_unchecked(index)
    }
}

// ---- Searching.

impl<T: JitType> SliceOps<T> {
    fn search<U: JitType>(self, found: impl FnOnce(V<&'static T>, V<usize>) -> V<Option<U>>) -> V<Option<U>> {
        let result = var(super::none::<U>());
        let state = count(lit(0), self.len());
        let this = super::loop_();
        let index = state.next(this.exit());
        let outcome = found(self.get_unchecked(index), index);
        set(result, outcome);
        check(outcome.is_none(), this.exit());
        this.end();
        get(result)
    }
    /// As the function of iterators.
    #[track_caller]
    pub fn find_map<U: JitType>(self, f: impl FnOnce(V<&'static T>) -> V<Option<U>>) -> V<Option<U>> {
        self.search(|item, _| f(item))
    }
    /// As the function of iterators.
    #[track_caller]
    pub fn find(self, f: impl FnOnce(V<&'static &'static T>) -> V<bool>) -> V<Option<&'static T>> {
        self.search(|item, _| f(V::__from(item.0)).then_some(item))
    }
    /// As the function of iterators.
    #[track_caller]
    pub fn position(self, f: impl FnOnce(V<&'static T>) -> V<bool>) -> V<Option<usize>> {
        self.search(|item, index| f(item).then_some(index))
    }
    /// As the function of iterators.
    #[track_caller]
    pub fn any(self, f: impl FnOnce(V<&'static T>) -> V<bool>) -> V<bool> {
        self.search(|item, index| f(item).then_some(index)).is_some()
    }
    /// As the function of iterators.
    #[track_caller]
    pub fn all(self, f: impl FnOnce(V<&'static T>) -> V<bool>) -> V<bool> {
        self.search(|item, index| super::not(f(item)).then_some(index)).is_none()
    }
}
