//! Twice the length is twice the work: for shapes of units that would show it if some table were searched to its end.

use crate::ir::{Descriptors, Unit};
use crate::opt::{Options, Scratch, Summary, optimise};
use crate::text::parse;
use std::fmt::Write;

const HEAD: &str = "unit {
  mem x = field class=1 offset=8 i64
  mem y = field class=2 offset=8 ref
  mem e = element class=3 offset=16 scale=8 i64
  mem s = stack class=4 offset=0 i64
  alloc p = size=16 header=7
  call f = \"f\" (int) -> int reads=all writes=all collects
}
";

fn work(text: &str) -> Summary {
    let mut descriptors = Descriptors::default();
    let unit = parse(&format!("{HEAD}{text}"), &mut descriptors).unwrap();
    optimise(&unit, &mut descriptors, &Options::default(), &mut Scratch::default(), &mut Unit::default())
}

/// `unit` makes the text of a unit with so many pieces.
#[track_caller]
fn is_linear(unit: impl Fn(usize) -> String) {
    let [once, twice, four] = [500, 1000, 2000].map(|length| work(&unit(length)).work);
    assert!(once > 500, "nothing was counted: {once}");
    // A little more than twice, for what grows up to its bound at first.
    assert!(twice * 10 <= once * 23 && four * 10 <= twice * 23, "{once}, {twice}, {four}");
}

fn pieces(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        write!(text, "{}", piece(number)).unwrap();
        text
    })
}

#[test]
fn arithmetic_with_guards() {
    is_linear(|count| {
        let body = pieces(count, |n| {
            format!(
                "%a{} = add %a{n}, %k\n %o{n} = ovf_add %a{n}, %k\n guard_false %o{n} [ 1@{n} {{ %a{n}, %k }} ]\n",
                n + 1
            )
        });
        format!("entry(%a0: int, %k: int):\n{body} return(%a{count})")
    });
}

#[test]
fn memory() {
    is_linear(|count| {
        let body = pieces(count, |n| {
            format!(
                "store.e %r, %i{n}, %i{n}\n %q{n} = load.e %r, %i0\n %i{} = add %i{n}, %q{n}\n guard_true %q{n} [ 1@{n} {{ %i{n} }} ]\n",
                n + 1
            )
        });
        format!("entry(%r: ref, %i0: int):\n{body} return(%i{count})")
    });
}

#[test]
fn guest_stack() {
    is_linear(|count| {
        let body = pieces(count, |n| {
            format!(
                "%p{n} = ptr_add %r, {}\n store.s %p{n}, %i{n}\n %i{} = add %i{n}, %k\n guard_true %i{n} [ 1@{n} {{ %i{n} }} ]\n",
                n * 8,
                n + 1
            )
        });
        format!("entry(%r: ref, %i0: int, %k: int):\n{body} return(%i{count})")
    });
}

#[test]
fn objects() {
    is_linear(|count| {
        let body = pieces(count, |n| {
            format!(
                "%o{n} = new.p\n store.x %o{n}, %i{n}\n %q{n} = load.x %o{n}\n %i{} = add %q{n}, %k\n guard_true %q{n} [ 1@{n} {{ %o{n} }} ]\n",
                n + 1
            )
        });
        format!("entry(%k: int, %i0: int):\n{body} return(%i{count})")
    });
}

#[test]
fn a_long_list_of_virtual_objects() {
    is_linear(|count| {
        let body = pieces(count, |n| format!("%o{} = new.p\n store.y %o{}, %o{n}\n", n + 1, n + 1));
        let guards = pieces(count, |n| format!("%c{n} = lt %i, {n}\n guard_false %c{n} [ 1@{n} {{ %o{count} }} ]\n"));
        format!("entry(%o0: ref, %i: int):\n{body}{guards} return(%o{count})")
    });
}

#[test]
fn calls() {
    is_linear(|count| {
        let body = pieces(count, |n| format!("store.x %r, %i{n}\n %i{} = call.f(%i{n})\n", n + 1));
        format!("entry(%r: ref, %i0: int):\n{body} return(%i{count})")
    });
}

#[test]
fn a_loop() {
    is_linear(|count| {
        let body = pieces(count, |n| {
            format!(
                "%q{n} = load.x %r\n %t{n} = add %q{n}, %i{n}\n store.x %r, %t{n}\n %i{} = add %t{n}, %k\n %c{n} = lt %t{n}, 77\n guard_true %c{n} [ 1@{n} {{ %i{n} }} ]\n",
                n + 1
            )
        });
        format!("entry(%r: ref, %i: int, %k: int):\n jump loop(%i)\nloop(%i0: int):\n{body} jump loop(%i{count})")
    });
}

#[test]
fn a_chain_of_joins() {
    is_linear(|count| {
        let body = pieces(count, |n| {
            format!(
                "%c{n} = lt %i{n}, %k\n br_if %c{n}, join{}(%k)\n %j{n} = add %i{n}, %k\n jump join{}(%j{n})\njoin{}(%i{}: int):\n",
                n + 1,
                n + 1,
                n + 1,
                n + 1
            )
        });
        format!("entry(%i0: int, %k: int):\n{body} return(%i{count})")
    });
}

#[test]
fn many_loops() {
    is_linear(|count| {
        let body = pieces(count / 10, |n| {
            format!(
                " jump loop{n}(%i{n})\nloop{n}(%l{n}: int):\n %m{n} = add %l{n}, %k\n %c{n} = lt %m{n}, 100\n br_unless %c{n}, next{n}(%m{n})\n jump loop{n}(%m{n})\nnext{n}(%i{}: int):\n",
                n + 1
            )
        });
        format!("entry(%i0: int, %k: int):\n{body} return(%i{})", count / 10)
    });
}
