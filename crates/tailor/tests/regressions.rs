//! What `tailor-fuzz` found: each difference between the two readings, in its smallest form.

// The patterns are as they were found.
#![allow(clippy::manual_range_patterns)]

mod common;

use std::cell::Cell;

use tailor::jit;

#[jit::object]
#[derive(Default)]
struct Cells {
    option: Cell<Option<i32>>,
    narrow: Cell<Option<u8>>,
}

#[jit]
fn options_in_cells(cells: &Cells, x: i32, y: Option<u8>) -> (Option<i32>, Option<u8>) {
    let before = cells.option.get();
    cells.option.set(if x > 0 { Some(x) } else { None });
    cells.narrow.set(y);
    (if x > 9 { before } else { cells.option.get() }, cells.narrow.get())
}

/// The payload of an `Option` of a number in memory was neither stored nor loaded.
#[test]
fn an_option_in_a_cell_has_its_payload() {
    for x in [-1, 3, 12] {
        for y in [None, Some(0), Some(255)] {
            let cells: &'static Cells = Box::leak(Box::default());
            cells.option.set(Some(77));
            let native = options_in_cells(cells, x, y);
            let after = (cells.option.replace(Some(77)), cells.narrow.replace(None));
            let jitted = common::jitted(
                options_in_cells::__function(),
                &[
                    tailor::__jit::constant_words(cells),
                    tailor::__jit::constant_words(x),
                    tailor::__jit::constant_words(y),
                ]
                .concat(),
                || native,
            );
            assert_eq!(common::native(|| native), jitted);
            assert_eq!(after, (cells.option.get(), cells.narrow.get()));
        }
    }
}

#[jit]
fn moved(x: i32) -> (i32, i32, i32) {
    let mut v = x;
    let c = move |a: i32| -> i32 { v.wrapping_add(a) };
    let first = c(1);
    v = v.wrapping_mul(3);
    (first, c(1), v)
}

/// A `move` closure saw later assignments to what it had captured.
#[test]
fn a_moving_closure_has_its_own_copy() {
    both!(moved(5));
    both!(moved(-7));
}

#[jit]
fn clamped(x: i8, low: i8, high: i8) -> i8 {
    x.clamp(low, high)
}

/// The message was another one.
#[test]
fn clamp_with_bounds_the_wrong_way_round_panics() {
    both!(clamped(5, 22, -128));
    both!(clamped(5, -1, 4));
}

#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Point,
    Circle(u32),
}

#[jit]
fn or_point(radius: Option<u32>) -> Shape {
    radius.map_or(Shape::Point, |r: u32| -> Shape { Shape::Circle(r) })
}

/// A variant without data as a default was taken for a function.
#[test]
fn the_default_of_map_or_can_be_a_variant() {
    both!(or_point(None::<u32>));
    both!(or_point(Some(4)));
}

#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    words: [u64; 2],
    flag: bool,
}

#[jit]
fn same(a: u64, b: u64) -> (bool, bool) {
    let left = Pair { words: [a, 1], flag: true };
    let right = Pair { flag: true, words: [b, 1] };
    (left == right, left.words != right.words)
}

/// Arrays could not be compared.
#[test]
fn arrays_are_compared_by_their_elements() {
    both!(same(1, 1));
    both!(same(1, 2));
}

#[jit]
fn by_macro(x: i32) -> Result<i32, u8> {
    macro_rules! either {
        ($condition:expr, $a:expr, $b:expr, $t:ty) => {
            if $condition {
                let t: $t = $a;
                t
            } else {
                $b
            }
        };
    }
    either!(x > 0, Ok(x), Err(3), Result<i32, u8>)
}

/// A macro's argument ended at a comma within a type.
#[test]
fn a_local_macro_takes_types_with_commas() {
    both!(by_macro(1));
    both!(by_macro(-1));
}

#[jit]
fn element(words: [i32; 2], index: usize) -> i32 {
    words[index]
}

/// A large index in the message had a sign.
#[test]
fn an_index_out_of_bounds_is_told_as_it_is() {
    for index in [0, 1, 2, usize::MAX] {
        both!(element([3, 4], index));
    }
}

#[jit]
fn difference(x: u64) -> u64 {
    (x - (x | { x } | 1))
        - (match x {
            0 => 1,
            p => p,
        } - 7)
}

/// The place of the panic was that of the attribute.
#[test]
fn a_panic_is_where_it_is_in_the_source() {
    both!(difference(5));
    both!(difference(6));
}

#[jit]
fn guarded(count: &Cell<i32>, x: i32, y: Option<i32>) -> i32 {
    match (x, y) {
        (1 | 2 | 3, None) if tried(count, x) => 1,
        (1 | 0..=5 | _, Some(_) | None) if tried(count, x) => 2,
        (_, None | Some(_)) if tried(count, 7) => 3,
        _ => i32::from(matches!(x, 4 | 2..=8 if tried(count, x))) + 4,
    }
}

#[jit]
fn tried(count: &Cell<i32>, x: i32) -> bool {
    count.set(count.get() + 1);
    x == 2 && count.get() > 2
}

/// A guard was tried once only, whatever the number of alternatives before it that match.
#[test]
fn a_guard_is_tried_for_each_alternative() {
    for x in 0..9 {
        for y in [None, Some(3)] {
            let count = Cell::new(0);
            let native = guarded(&count, x, y);
            let tried = count.replace(0);
            let address = std::ptr::from_ref(&count) as u64;
            let words = [vec![address], tailor::__jit::constant_words(x), tailor::__jit::constant_words(y)].concat();
            let jitted = common::jitted(guarded::__function(), &words, || native);
            assert_eq!(common::native(|| native), jitted);
            assert_eq!(count.get(), tried, "{x} {y:?}");
        }
    }
}

#[jit]
fn shifted(x: u16, by: u32) -> u16 {
    by_reference(&(x << by))
}

#[jit]
fn by_reference(x: &u16) -> u16 {
    *x
}

/// Parentheses behind `&` did not count for the place.
#[test]
fn parentheses_behind_a_borrow_belong_to_the_place() {
    both!(shifted(3, 2));
    both!(shifted(3, 16));
}

#[jit]
#[allow(unconditional_panic, clippy::out_of_bounds_indexing)]
fn behind_the_end(x: u32) -> u32 {
    let mut v = [x];
    let mut pairs = [(x, [x; 2])];
    match x {
        1 => v[3 % 2] &= 5,
        2 => v[1] = x,
        3 => pairs[1].0 += 1,
        4 => pairs[1].1[0] = 1,
        5 => pairs[0].1[2] = 1,
        _ => pairs[0].1[1] = 9,
    }
    v[0] + pairs[0].1[1]
}

/// There was no place behind the end of an array, even where it is known that nothing gets there.
#[test]
fn an_assignment_behind_the_end_of_an_array_panics() {
    for x in 0..7 {
        both!(behind_the_end(x));
    }
}
