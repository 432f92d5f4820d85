//! Whole units by text: entering and leaving, exits of every kind, calls, allocation, limits.

use super::super::{CompileError, Machine, Run, listing};
use super::{Fixture, Heap};
use crate::code::CodeMemoryError;
use crate::exit::{Interrupted, Refused};
use crate::interp::{Exit, Interpreter, Outcome};
use crate::ir::{EntryDesc, Type};

/// Runs a unit in the IR interpreter and, with several allocations, as machine code; what both yield.
fn same(text: &str, arguments: &[u64]) -> Outcome {
    let mut fixture = Fixture::new();
    let unit = fixture.parse(text);
    let runtime = fixture.heap.runtime();
    let entries = |entry| unit.exports.iter().find(|export| export.entry == entry).map(|export| (&unit, export.label));
    let mut interpreter = Interpreter::new(&fixture.descriptors, &runtime);
    interpreter.entries = &entries;
    // SAFETY: the units of these tests are sound.
    let expected = unsafe { interpreter.run(&unit, arguments) };
    for seed in 0..12 {
        if seed > 0 {
            fixture.random(seed);
        }
        let code = fixture.compile(text);
        let found = fixture.run(&code, arguments);
        assert_eq!(found, Run::Ended(expected.clone()), "seed {seed}");
    }
    expected
}

fn float(value: f64) -> u64 {
    value.to_bits()
}

#[test]
fn many_arguments_and_results() {
    let names: Vec<String> = (0..40).map(|n| format!("%v{n}: {}", ["int", "float", "ref"][n % 3])).collect();
    let values: Vec<String> = (0..40).rev().map(|n| format!("%v{n}")).collect();
    let text = format!("entry({}):\n return({})", names.join(", "), values.join(", "));
    let arguments: Vec<u64> = (0..40).map(|n| n * 0x0101_0101_0101).collect();
    assert_eq!(same(&text, &arguments), Outcome::Returned(arguments.iter().rev().copied().collect()));
    assert_eq!(same("entry(%x: float):\n return(%x)", &[float(1.5)]), Outcome::Returned(vec![float(1.5)]));
    assert_eq!(same("entry():\n return()", &[]), Outcome::Returned(vec![]));
}

#[test]
fn exits_tell_values_in_registers_slots_and_constants() {
    let text = "
unit { call twice = \"twice\" (int) -> int reads=none writes=none }
entry(%a: int, %x: float, %b: int):
  %c = add %a, %b
  %y = fadd %x, 1.0
  %d = call.twice(%c)
  %e = sub %d, %a
  %z = fmul %y, %x
  %big = lt %e, 1000
  guard_true %big [ 1@2 { %a, %x, %b, %c, %y, %d, %e, %z, dead, 7, 2.5, %big } < 3@4 { %c } ]
  return(%e)";
    assert_eq!(same(text, &[1, float(0.5), 2]), Outcome::Returned(vec![5]));
    let Outcome::Exited(exits) = same(text, &[1, float(0.5), 2000]) else { panic!("the guard fails") };
    let expected = [1, float(0.5), 2000, 2001, float(1.5), 4002, 4001, float(0.75), 0, 7, float(2.5), 0];
    assert_eq!(exits[0].frames[0].words, expected);
    assert_eq!(exits[0].frames[1].words, [2001]);
}

#[test]
fn overflow_is_tested_where_it_happens() {
    for order in ["%c = add %a, %b\n %o = ovf_add %a, %b\n GUARD", "%o = ovf_add %a, %b\n %c = add %a, %b\n GUARD"]
        .into_iter()
        .chain(["%o = ovf_add %a, %b\n GUARD\n %c = add %a, %b"])
    {
        let known = if order.ends_with("GUARD") { "%c" } else { "%a" };
        let guard = format!("guard_false %o [ 1@2 {{ %a, %b, {known} }} ]");
        let body = order.replace("GUARD", &guard);
        let text = format!("entry(%a: int, %b: int):\n {body}\n return(%c)");
        assert_eq!(same(&text, &[40, 2]), Outcome::Returned(vec![42]));
        let Outcome::Exited(exits) = same(&text, &[i64::MAX as u64, 1]) else { panic!("it overflows") };
        assert_eq!(exits[0].frames[0].words[..2], [i64::MAX as u64, 1]);
        let mut fixture = Fixture::new();
        let code = fixture.compile(&text);
        let instructions: Vec<String> = code.disassemble().into_iter().map(|line| line.2).collect();
        let unit = fixture.parse(&text);
        assert!(listing(&code, &unit).contains("= ovf_add %1, %2\n; "), "{}", listing(&code, &unit));
        assert_eq!(instructions.iter().filter(|text| text.starts_with("jo ")).count(), 1, "{instructions:?}");
        assert!(!instructions.iter().any(|text| text.starts_with("set")), "{instructions:?}");
        // On a branch, what it passes on is what it was before.
        let text = format!(
            "entry(%a: int, %b: int):\n {}\n return(%c)\nout(%p: int, %q: int):\n return(%q, %p)",
            order.replace("GUARD", "br_if %o, out(%a, %b)")
        );
        assert_eq!(same(&text, &[40, 2]), Outcome::Returned(vec![42]));
        assert_eq!(same(&text, &[i64::MAX as u64, 1]), Outcome::Returned(vec![1, i64::MAX as u64]));
    }
}

#[test]
fn native_calls_take_arguments_of_both_classes() {
    let text = "
unit { call f = \"add_floats\" (int, float, int, float) -> float reads=none writes=none }
entry(%a: int, %x: float, %b: int, %y: float):
  %r = call.f(%b, %y, %a, %x)
  %s = call.f(%a, %r, 3, 0.5)
  %t = fadd %r, %s
  return(%t, %a, %x, %b, %y)";
    let r = 2.0 + 5.0 + 100.0 + 250.0;
    let s = 1.0 + r * 10.0 + 300.0 + 500.0;
    let expected = vec![float(r + s), 1, float(0.25), 2, float(0.5)];
    assert_eq!(same(text, &[1, float(0.25), 2, float(0.5)]), Outcome::Returned(expected));
}

const FIBONACCI: &str = "
unit { entry fib = (int, int) -> int }
start(%n: int, %bad: int) export.fib:
  %small = lt %n, 2
  br_if %small, base()
  %wrong = eq %n, %bad
  guard_false %wrong [ 9@9 { %n } ]
  %n1 = add %n, -1
  %a = call_unit.fib(%n1, %bad) [ 0@1 { %n } ]
  %n2 = add %n, -2
  %b = call_unit.fib(%n2, %bad) [ 0@2 { %a, %n, 5 } < 1@7 { %n2 } ]
  %sum = add %a, %b
  return(%sum)
base():
  return(%n)";

#[test]
fn units_call_units() {
    assert_eq!(same(FIBONACCI, &[15, 100]), Outcome::Returned(vec![610]));
}

#[test]
fn an_exit_interrupts_all_callers() {
    let Outcome::Exited(exits) = same(FIBONACCI, &[6, 3]) else { panic!("it meets 3") };
    let frames: Vec<(u32, u32, Vec<u64>)> =
        exits.iter().flat_map(|exit| &exit.frames).map(|f| (f.code, f.position, f.words.clone())).collect();
    let expected = [(9, 9, vec![3]), (0, 1, vec![4]), (0, 1, vec![5]), (0, 1, vec![6])];
    assert_eq!(frames, expected);
    // The second call: its caller's values are in its frame.
    let second = FIBONACCI
        .replace("%wrong = eq %n, %bad", "%m = sub %n, %bad\n %wrong = eq %m, -1")
        .replace("%small = lt %n, 2", "%small = lt %n, 1");
    let Outcome::Exited(exits) = same(&second, &[3, 2]) else { panic!("it meets 1") };
    assert_eq!(exits.len(), 3);
}

#[test]
fn units_continue_in_units() {
    let mut fixture = Fixture::new();
    let types = "unit { entry odd = (int, float, int) -> int\n entry even = (int, float, int) -> int }";
    let even = format!(
        "{types}
start(%n: int, %x: float, %k: int):
  jump loop(%n, %x, %k)
loop(%i: int, %y: float, %j: int) export.even:
  %zero = eq %i, 0
  br_if %zero, out()
  %i1 = add %i, -1
  %j1 = add %j, 1
  %y1 = fadd %y, %y
  jump_unit.odd(%i1, %y1, %j1)
out():
  return(%y, %j)"
    );
    let odd = format!(
        "{types}
start(%n: int, %x: float, %k: int) export.odd:
  %n1 = add %n, -1
  %k1 = mul %k, 3
  jump_unit.even(%n1, %x, %k1)"
    );
    let code = fixture.compile(&even);
    let _odd = fixture.compile(&odd);
    let found = fixture.run(&code, &[4, float(1.0), 1]);
    assert_eq!(found, Run::Ended(Outcome::Returned(vec![float(4.0), 21])));
    // What is behind an entry can be taken away.
    let entry = EntryDesc {
        name: "odd".into(),
        arguments: vec![Type::Int, Type::Float, Type::Int],
        result: Type::Int,
        stack_arguments: Vec::new(),
    };
    let entry = fixture.descriptors.intern_entry(entry).unwrap();
    fixture.machine.unbind(entry);
    let mut refused = Vec::new();
    let mut handler = |interrupted: &mut Interrupted| {
        assert!(matches!(interrupted.refused(), Some(Refused::Unbound(id)) if *id == entry));
        refused = interrupted.refused_arguments(&[Type::Int, Type::Float, Type::Int]).collect();
        assert!(interrupted.next_unit().is_none());
    };
    // SAFETY: the unit is sound.
    let returned = unsafe { fixture.machine.enter(&code, 0, &[4, float(1.0), 1], &mut handler) };
    assert!(returned.is_none());
    assert_eq!(refused, [3, float(2.0), 2]);
}

#[test]
fn a_deep_stack_is_refused() {
    let text = "
unit { entry deep = (int) -> int }
start(%n: int) export.deep:
  %n1 = add %n, 1
  %r = call_unit.deep(%n1) [ 5@6 { %n } ]
  return(%r)";
    let mut fixture = Fixture::new();
    let here = 0u64;
    fixture.heap.set_stack_limit(&raw const here as usize - 20_000);
    let code = fixture.compile(text);
    let (mut frames, mut argument) = (Vec::new(), 0);
    let mut handler = |interrupted: &mut Interrupted| {
        let Some(Refused::Stack(_, 0)) = interrupted.refused() else { panic!("the stack is too deep") };
        argument = interrupted.refused_arguments(&[Type::Int]).next().unwrap();
        while let Some(unit) = interrupted.next_unit() {
            frames.extend(unit.frames().flat_map(|(id, _)| unit.words(id, &[]).collect::<Vec<_>>()));
        }
    };
    // SAFETY: the unit is sound, since its depth is limited.
    assert!(unsafe { fixture.machine.enter(&code, 0, &[0], &mut handler) }.is_none());
    assert!(argument > 100 && argument < 2000, "{argument} calls deep");
    assert_eq!(frames, (0..argument).rev().collect::<Vec<_>>());
    assert!(matches!(fixture.run(&code, &[0]), Run::Refused(exits) if !exits.is_empty()));
}

#[test]
fn allocation_and_barrier() {
    let text = "
unit {
  alloc pair = size=24 header=0x123456789abc
  mem first = field class=1 offset=8 i64
  mem second = field class=2 offset=16 ref
}
entry(%a: int, %x: float):
  %p = new.pair
  store.first %p, %a
  store.second %p, null
  %q = new.pair
  store.first %q, 5
  store.second %q, %p
  barrier %q
  %r = new.pair
  store.first %r, 0x123456789abcdef
  store.second %r, %q
  return(%r, %a, %x)";
    for seed in 0..8 {
        let mut fixture = Fixture::new();
        let code = fixture.random(seed).compile(text);
        let Run::Ended(Outcome::Returned(words)) = fixture.run(&code, &[9, float(1.5)]) else { panic!("it returns") };
        let start = &raw const fixture.heap.words[0] as u64;
        // The first fits; the others take the slow path.
        assert_eq!(words, [start + 48, 9, float(1.5)]);
        let heap: Vec<u64> = (0..9).map(|number| fixture.heap.word(number)).collect();
        let header = 0x1234_5678_9abc;
        let expected = [header, 9, 0, header, 5, start, header, 0x0123_4567_89ab_cdef, start + 24];
        assert_eq!(heap, expected);
    }
    // An object with the bit is noted, once.
    let barrier = "entry(%o: ref, %a: int):\n barrier %o\n return(%a)";
    let mut fixture = Fixture::new();
    let code = fixture.compile(barrier);
    let mut object = [0x72u64, 0];
    assert_eq!(fixture.run(&code, &[&raw mut object as u64, 4]), Run::Ended(Outcome::Returned(vec![4])));
    assert_eq!(object[0], 0x70);
}

#[test]
fn exits_make_virtual_objects_and_store_what_is_pending() {
    let text = "
unit {
  alloc pair = size=24 header=0x99
  mem first = field class=1 offset=8 i64
  mem second = field class=2 offset=16 ref
}
entry(%a: int, %o: ref):
  %b = mul %a, 3
  %c = lt %b, 10
  guard_true %c [ 1@2 { v1, %b } new.pair v0 { first = %b, second = v1 } new.pair v1 { first = %a, second = v0 } store.second %o, v0 barrier ]
  return(%b)";
    let mut fixture = Fixture::new();
    let code = fixture.compile(text);
    let mut object = [2u64, 0, 0];
    let Run::Ended(Outcome::Exited(exits)) = fixture.run(&code, &[7, &raw mut object as u64]) else {
        panic!("the guard fails")
    };
    let start = &raw const fixture.heap.words[0] as u64;
    assert_eq!(exits[0].frames[0].words, [start + 24, 21]);
    assert_eq!((object[0], object[2]), (0, start));
    let heap: Vec<u64> = (0..6).map(|number| fixture.heap.word(number)).collect();
    assert_eq!(heap, [0x99, 21, start + 24, 0x99, 7, start]);
}

/// Boxes that somebody reads and that only exits want, of doubles that are coded and that become objects; other values live across.
#[test]
fn doubles_are_boxed_in_place_and_by_exits() {
    let text = "
unit { boxing b = bias=0x1000000000000000 rotation=3 mask=3 tag=2 header=0x123456789abc }
entry(%a: int, %x: float, %y: float):
  %p = box.b %x
  %s = fadd %x, %y
  %q = box.b %s
  %r = box.b %y
  guard_true %a [ 1@2 { %q, %p, %r } < 3@4 { %a, %q } ]
  return(%p, %a, %q, %s)";
    let header = 0x1234_5678_9abc;
    let coded = |x: f64| (x.to_bits() + (1 << 60)).rotate_left(3);
    for seed in 0..8 {
        let mut fixture = Fixture::new();
        let code = fixture.random(seed).compile(text);
        let start = &raw const fixture.heap.words[0] as u64;
        let returned = fixture.run(&code, &[1, float(1.5), float(-1.5)]);
        // The sum is zero, which has no place among the coded ones.
        assert_eq!(returned, Run::Ended(Outcome::Returned(vec![coded(1.5), 1, start, float(0.0)])));
        assert_eq!([fixture.heap.word(0), fixture.heap.word(1)], [header, 0]);
        // Out of line, since the limit has been passed; nothing else is disturbed.
        let returned = fixture.run(&code, &[1, float(f64::INFINITY), float(2.0)]);
        let expected = vec![start + 16, 1, start + 32, float(f64::INFINITY)];
        assert_eq!(returned, Run::Ended(Outcome::Returned(expected)));
        let heap: Vec<u64> = (2..6).map(|number| fixture.heap.word(number)).collect();
        assert_eq!(heap, [header, float(f64::INFINITY), header, float(f64::INFINITY)]);
        // The exit boxes what is nowhere: a double that is mentioned twice is one object.
        let Run::Ended(Outcome::Exited(exits)) = fixture.run(&code, &[0, float(0.0), float(1e-300)]) else {
            panic!("the guard fails")
        };
        let [inner, outer] = &exits[0].frames[..] else { panic!("there are two frames") };
        let [sum, zero, small] = inner.words[..] else { panic!("there are three boxes") };
        assert_eq!((outer.words[0], outer.words[1]), (0, sum));
        let number = |address: u64| ((address - start) / 8) as usize;
        let contents = [sum, zero, small].map(|object| fixture.heap.word(number(object) + 1));
        assert_eq!(contents, [float(1e-300), float(0.0), float(1e-300)]);
        assert!([sum, zero, small].iter().all(|&object| fixture.heap.word(number(object)) == header));
        let Run::Ended(Outcome::Exited(exits)) = fixture.run(&code, &[0, float(2.0), float(3.0)]) else {
            panic!("the guard fails")
        };
        assert_eq!(exits[0].frames[0].words, [coded(5.0), coded(2.0), coded(3.0)]);
    }
}

#[test]
fn invalidated_units_leave() {
    let text = "
entry(%a: int):
  %b = add %a, 1
  guard_valid [ 1@1 { %b } ]
  %c = add %b, 1
  guard_valid [ 1@2 { %c } ]
  return(%c)";
    let mut fixture = Fixture::new();
    let code = fixture.compile(text);
    assert_eq!(fixture.run(&code, &[1]), Run::Ended(Outcome::Returned(vec![3])));
    code.invalidate();
    let Run::Ended(Outcome::Exited(exits)) = fixture.run(&code, &[1]) else { panic!("it is not valid any more") };
    assert_eq!((exits[0].frames[0].position, &exits[0].frames[0].words[..]), (1, &[2][..]));
}

#[test]
fn full_code_memory_is_an_error_value() {
    let heap = Heap::new();
    let mut fixture = Fixture { machine: Machine::new(heap.runtime(), 4096).unwrap(), ..Fixture::new() };
    let body: String = (0..200).map(|n| format!(" %v{} = mul %v{n}, %v0\n", n + 1)).collect();
    let text = format!("entry(%v0: int):\n{body} return(%v200)");
    let unit = fixture.parse(&text);
    let mut codes = Vec::new();
    let error = loop {
        match fixture.compiler.compile(&fixture.machine, &unit, &fixture.descriptors) {
            Ok(code) => codes.push(code),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, CompileError::Memory(CodeMemoryError::Full { .. })), "{error}");
    assert!(!codes.is_empty());
    let used = fixture.machine.used();
    // What was compiled works, and freeing makes room.
    assert_eq!(fixture.run(&codes[0], &[1]), Run::Ended(Outcome::Returned(vec![1])));
    codes.pop();
    assert!(fixture.machine.used() < used);
    assert!(fixture.compiler.compile(&fixture.machine, &unit, &fixture.descriptors).is_ok());
}

#[test]
fn a_handler_may_enter_other_units() {
    let mut fixture = Fixture::new();
    let inner = fixture.compile("entry(%a: int):\n %z = eq %a, 0\n guard_false %z [ 7@7 { %a } ]\n return(%a)");
    let outer = fixture.compile("entry(%a: int, %b: int):\n %c = add %a, %b\n exit [ 1@1 { %a, %b, %c } ]");
    let mut words = Vec::new();
    let mut handler = |interrupted: &mut Interrupted| {
        assert_eq!(fixture.run(&inner, &[5]), Run::Ended(Outcome::Returned(vec![5])));
        assert!(matches!(fixture.run(&inner, &[0]), Run::Ended(Outcome::Exited(_))));
        let unit = interrupted.next_unit().unwrap();
        words = unit.frames().flat_map(|(id, _)| unit.words(id, &[]).collect::<Vec<_>>()).collect();
    };
    // SAFETY: the unit is sound.
    assert!(unsafe { fixture.machine.enter(&outer, 0, &[2, 3], &mut handler) }.is_none());
    assert_eq!(words, [2, 3, 5]);
    assert_eq!(outer.count(outer.exit_at(4).unwrap()), 1);
}

#[test]
fn loops_with_more_values_than_registers() {
    let count = 40;
    let parameters: Vec<String> = (0..count).map(|n| format!("%p{n}: {}", ["int", "float"][n % 2])).collect();
    let starts: Vec<String> = (0..count).map(|n| if n % 2 == 0 { n.to_string() } else { format!("{n}.5") }).collect();
    let mut body = String::new();
    for n in 0..count {
        let code = if n % 2 == 0 { "add" } else { "fadd" };
        body += &format!("  %q{n} = {code} %p{n}, %p{}\n", (n + 2) % count);
    }
    let next: Vec<String> = (0..count).map(|n| format!("%q{}", (n + 6) % count)).collect();
    let last: Vec<String> = (0..count).map(|n| format!("%p{n}")).collect();
    let text = format!(
        "entry(%n: int):\n jump loop(%n, {})\nloop(%i: int, {}):\n{body}  %i1 = add %i, -1\n  %more = ne %i1, 0\n  guard_true %more [ 1@2 {{ {} }} ]\n  jump loop(%i1, {})",
        starts.join(", "),
        parameters.join(", "),
        last.join(", "),
        next.join(", ")
    );
    let Outcome::Exited(exits) = same(&text, &[9]) else { panic!("the loop ends by its guard") };
    let Exit { frames, .. } = &exits[0];
    assert_eq!(frames[0].words.len(), count);
}

#[test]
fn too_many_arguments_or_values_are_an_error_value() {
    let mut fixture = Fixture::new();
    for (parameters, results) in [(9000, 1), (1, 9000), (9000, 9000)] {
        let names: Vec<String> = (0..parameters).map(|n| format!("%v{n}: int")).collect();
        let text = format!("entry({}):\n return({})", names.join(", "), vec!["%v0"; results].join(", "));
        let unit = fixture.parse(&text);
        let result = fixture.compiler.compile(&fixture.machine, &unit, &fixture.descriptors);
        assert!(matches!(result, Err(CompileError::TooLarge)), "{parameters}, {results}");
    }
    let body: String = (0..9000).map(|n| format!(" %v{} = add %v{n}, %v0\n", n + 1)).collect();
    let all: Vec<String> = (0..9000).map(|n| format!("%v{n}")).collect();
    let text = format!("entry(%v0: int):\n{body} exit [ 1@1 {{ {} }} ]", all.join(", "));
    let unit = fixture.parse(&text);
    let result = fixture.compiler.compile(&fixture.machine, &unit, &fixture.descriptors);
    assert!(matches!(result, Err(CompileError::TooLarge)));
    // The compiler can go on with others.
    let code = fixture.compile("entry(%a: int):\n return(%a)");
    assert_eq!(fixture.run(&code, &[3]), Run::Ended(Outcome::Returned(vec![3])));
}

#[test]
fn overflow_on_branches_with_all_registers_in_use() {
    for count in 2..20 {
        let values = |prefix: &str| (0..count).map(|n| format!("%{prefix}{n}")).collect::<Vec<_>>().join(", ");
        let parameters = |prefix: &str| (0..count).map(|n| format!("%{prefix}{n}: int")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "entry({}):\n %o = ovf_add %a0, %a1\n br_if %o, out({})\n %c = add %a0, %a1\n return(%c, {})\nout({}):\n return({}, %p0)",
            parameters("a"),
            values("a"),
            values("a"),
            parameters("p"),
            values("p")
        );
        let mut arguments: Vec<u64> = (1..=count).collect();
        let mut expected = arguments.clone();
        expected.insert(0, 3);
        assert_eq!(same(&text, &arguments), Outcome::Returned(expected));
        arguments[1] = i64::MAX as u64;
        let mut expected = arguments.clone();
        expected.push(1);
        assert_eq!(same(&text, &arguments), Outcome::Returned(expected));
    }
}

#[test]
fn a_test_passes_what_comes_before_its_branch() {
    let text = "
unit { mem x = field class=1 offset=8 i64 }
entry(%p: ref, %a: int, %b: int):
  store.x %p, %a
  %old = load.x %p
  %less = lt %old, %b
  store.x %p, %b
  %new = load.x %p
  %sum = add %new, %old
  br_if %less, less(%sum)
  return(%sum)
less(%s: int):
  return(%s)";
    let mut words = [0u64; 4];
    let object = &raw mut words as u64;
    assert_eq!(same(text, &[object, 3, 4]), Outcome::Returned(vec![7]));
    assert_eq!(same(text, &[object, 4, 3]), Outcome::Returned(vec![7]));
    let mut fixture = Fixture::new();
    assert!(!fixture.compile(text).disassemble().iter().any(|line| line.2.starts_with("set")));
    let read_again = text.replace("return(%sum)", "return(%sum, %less)");
    assert_eq!(same(&read_again, &[object, 4, 3]), Outcome::Returned(vec![7, 0]));
    // What is in between may read what the test reads.
    let bits = "
entry(%a: int, %b: int):
  %bit = and %a, 4
  %none = eq %bit, 0
  %more = add %bit, %b
  br_if %none, none(%more)
  return(%more, %a)
none(%s: int):
  return(%s)";
    assert_eq!(same(bits, &[5, 10]), Outcome::Returned(vec![14, 5]));
    assert_eq!(same(bits, &[3, 10]), Outcome::Returned(vec![10]));
}

#[test]
fn tags_of_words_that_code_doubles_are_tested_on_the_doubles() {
    // Bias, rotation, mask, tag: the first as guest languages have it; the last four have to be tested on the word.
    let forms: [(u64, u32, u64, u64); 9] = [
        (1 << 60, 3, 3, 2),
        (1 << 60, 3, 3, 0),
        (1 << 59, 4, 6, 4),
        (0, 5, 0x1c, 0x14),
        (7 << 57, 3, 7, 5),
        (3, 3, 3, 2),
        (1 << 60, 3, 9, 1),
        (1 << 60, 40, 0xff_ffff, 0x12_3456),
        (1 << 60, 0, 3, 2),
    ];
    for (bias, rotation, mask, tag) in forms {
        let text = format!(
            "entry(%x: float, %k: int):
               %y = fmul %x, 1.0
               %b = fbits %y
               %s = add %b, {bias}
               %w = rotl %s, {rotation}
               %t = and %w, {mask}
               %e = eq %t, {tag}
               guard_true %e [ 1@1 {{ %w, %k, %y }} ]
               guard_true %k [ 1@2 {{ %w, %k }} ]
               return(%k)"
        );
        let mut fixture = Fixture::new();
        let code = fixture.compile(&text);
        for exponent in (0..2048u64).step_by(31).chain([767, 768, 1023, 1279, 1280, 2046]) {
            for sign in [0, 1 << 63] {
                for mantissa in [0, 1, 0x8_0000_0000_0001, 0xf_ffff_ffff_ffff] {
                    let bits = if exponent == 2047 { 0x7ff << 52 } else { exponent << 52 | mantissa };
                    let word = (bits | sign).wrapping_add(bias).rotate_left(rotation);
                    match fixture.run(&code, &[bits | sign, exponent & 1]) {
                        Run::Ended(Outcome::Returned(_)) => assert!(word & mask == tag && exponent & 1 == 1),
                        Run::Ended(Outcome::Exited(exits)) => {
                            let frame = &exits[0].frames[0];
                            assert_eq!(frame.words[0], word);
                            assert_eq!(frame.position == 1, word & mask != tag, "{bits:x} {bias:x} {rotation} {mask}");
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }
}
