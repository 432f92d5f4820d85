//! Tier 1 on a small guest language with what its recorder treats in ways of its own: cold functions, before and behind effects; handlers with loops; callees that are known only when they are called; native
//! functions that enter the portal again. What is done is told by the statistics, and what is recorded by the log.

#![cfg(feature = "jit")]

use tailor::engine::{Config, Jit, Log, Parameters, Runtime, Stats};
use tailor::{GuestStack, Heap, HeapConfig, jit};

/// Instructions. `a` is the destination.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u16)]
enum Op {
    /// `a = b` as a number
    Int,
    /// `a = b + c`; what does not fit is rare, and wraps.
    Add,
    Less,
    /// To `b` if `a` is 0.
    Unless,
    /// To `b`.
    Jump,
    /// Method `b` with the arguments from `c` on, which is above all registers in use.
    Call,
    /// The same with the method whose number is in `b`.
    CallFound,
    Return,
    /// `a` = the sum of all numbers below `b`, by a loop.
    Sum,
    /// The same below the number `b`.
    SumFixed,
    /// Counts, and then, if `b` is not 0, does what is rare.
    Late,
    /// Counts, and then, if `b` is 1 or 2, does what is rare with the number `c`.
    Twice,
    /// The method whose number is in `b`, with the arguments from `c` on, in an activation of the portal of its own.
    Again,
    /// `Int`, as is found out when it is executed first.
    Fresh,
    /// `a` = the factor.
    Factor,
    /// The factor becomes `a`, if that is a multiple of `b`.
    Adjust,
}

#[jit::value]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Instr {
    op: Op,
    a: i16,
    b: i16,
    c: i16,
}

#[jit::object]
struct Method {
    #[jit(immutable)]
    code: *const Instr,
}

#[jit::object]
struct Vm {
    #[jit(opaque)]
    jit: Jit,
    #[jit(immutable)]
    methods: *const *const Method,
    counted: u64,
    rare: u64,
    #[jit(quasi_immutable)]
    factor: u64,
}

#[jit::value]
#[derive(Clone, Copy)]
struct Frame(GuestStack<u64>);

#[jit]
impl Frame {
    #[inline(always)]
    fn get(self, r: i16) -> i64 {
        // SAFETY: registers of the frame.
        unsafe { self.0.get(r as isize) as i64 }
    }
    #[inline(always)]
    fn set(self, r: i16, value: i64) {
        // SAFETY: registers of the frame.
        unsafe { self.0.set(r as isize, value as u64) }
    }
    #[inline(always)]
    fn link(self, at: isize) -> u64 {
        // SAFETY: each frame has its link below.
        unsafe { self.0.get(at) }
    }
}

#[jit::value]
#[derive(Clone, Copy)]
struct Regs {
    method: *const Method,
    pc: usize,
    frame: Frame,
}

#[jit::elidable]
fn fetch(method: *const Method, pc: usize) -> Instr {
    // SAFETY: methods end in a return or jump.
    unsafe { *(*method).code.add(pc) }
}

#[jit::elidable]
fn method_of(vm: &Vm, number: usize) -> *const Method {
    // SAFETY: the program's methods are there.
    unsafe { *vm.methods.add(number) }
}

/// Where a return leads.
#[jit::value]
#[derive(Clone, Copy)]
enum Left {
    To(Regs),
    /// Out of the portal, with this value.
    Out(i64),
}

/// The method, where to go on, and the distance of the frames and the destination are in the link; a method of null is the outside.
#[jit(leaves)]
fn leave(frame: Frame, value: i64) -> Left {
    let method = frame.link(-2) as *const Method;
    if method.is_null() {
        return Left::Out(value);
    }
    let link = frame.link(-1);
    let caller = Frame(frame.0.down((link & 0xffff) as usize));
    caller.set((link >> 16 & 0xffff) as i16, value);
    // SAFETY: calls write links and arguments before anything reads them.
    unsafe { frame.0.down(2).release() };
    Left::To(Regs { method, pc: (link >> 32) as usize, frame: caller })
}

#[jit]
fn push(regs: Regs, method: *const Method, i: Instr) -> Regs {
    let frame = Frame(regs.frame.0.up(i.c as usize));
    let link = (regs.pc as u64 + 1) << 32 | (i.a as u64) << 16 | i.c as u64;
    // SAFETY: each frame has its link below.
    unsafe {
        frame.0.set(-2, regs.method as u64);
        frame.0.set(-1, link);
    }
    Regs { method, pc: 0, frame }
}

/// What rarely happens.
#[jit::residual(no_collect, no_reenter)]
#[cold]
fn rare(vm: &mut Vm, value: i64) -> i64 {
    vm.rare = vm.rare.wrapping_mul(31).wrapping_add(value as u64);
    value
}

/// What compiled code rests on changes.
#[jit::residual(no_collect, no_reenter)]
fn adjust(vm: &mut Vm, factor: i64) {
    vm.factor = factor as u64;
    vm.jit.changed(&raw const vm.factor);
}

/// Finds out what an instruction is.
#[jit::residual(no_collect, no_reenter)]
#[cold]
fn find_out(vm: &mut Vm, method: *const Method, pc: usize) {
    vm.rare = vm.rare.wrapping_add(1);
    // SAFETY: the instruction that is executed.
    unsafe { (*(*method).code.add(pc).cast_mut()).op = Op::Int };
}

/// Its loop ends where nothing says so beforehand.
#[jit]
fn sum_below(end: i64) -> i64 {
    let (mut sum, mut number) = (0_i64, 0_i64);
    while number < end {
        sum = sum.wrapping_add(number);
        number += 1;
    }
    sum
}

#[jit::residual]
fn again(vm: &mut Vm, number: i64, frame: Frame) -> i64 {
    // SAFETY: the program's methods are there, and the frame is above all that is in use.
    let method = unsafe {
        frame.0.set(-2, 0);
        *vm.methods.add(number as usize)
    };
    interpret(vm, method, 0, frame)
}

#[jit(portal, jit = vm.jit)]
fn interpret(vm: &mut Vm, mut method: *const Method, mut pc: usize, mut frame: Frame) -> i64 {
    'portal: loop {
        loop {
            jit::merge_point!(greens: vm, method, pc; reds: frame);
            let i = fetch(method, pc);
            match i.op {
                Op::Int => frame.set(i.a, i64::from(i.b)),
                Op::Add => match frame.get(i.b).checked_add(frame.get(i.c)) {
                    Some(sum) => frame.set(i.a, sum),
                    None => {
                        let value = rare(vm, frame.get(i.b));
                        frame.set(i.a, value.wrapping_add(frame.get(i.c)));
                    }
                },
                Op::Less => frame.set(i.a, i64::from(frame.get(i.b) < frame.get(i.c))),
                Op::Unless => {
                    if frame.get(i.a) == 0 {
                        pc = i.b as usize;
                        continue;
                    }
                }
                Op::Jump => {
                    let target = i.b as usize;
                    if target <= pc {
                        jit::can_enter!(vm, method, target; frame);
                    }
                    pc = target;
                    continue;
                }
                Op::Call | Op::CallFound => {
                    let callee = if i.op == Op::Call {
                        method_of(vm, i.b as usize)
                    } else {
                        // SAFETY: as there.
                        unsafe { *vm.methods.add(frame.get(i.b) as usize) }
                    };
                    Regs { method, pc, frame } = push(Regs { method, pc, frame }, callee, i);
                    jit::can_enter!(call: vm, method, pc; frame);
                    continue;
                }
                Op::Return => match leave(frame, frame.get(i.a)) {
                    Left::To(regs) => {
                        Regs { method, pc, frame } = regs;
                        continue;
                    }
                    Left::Out(value) => return value,
                },
                Op::Sum => frame.set(i.a, sum_below(frame.get(i.b))),
                Op::SumFixed => frame.set(i.a, sum_below(i64::from(i.b))),
                Op::Late => {
                    vm.counted = vm.counted.wrapping_add(1);
                    if frame.get(i.b) != 0 {
                        let value = rare(vm, frame.get(i.b));
                        frame.set(i.a, value);
                    }
                }
                Op::Twice => {
                    vm.counted = vm.counted.wrapping_add(1);
                    if frame.get(i.b) == 1 || frame.get(i.b) == 2 {
                        let value = rare(vm, i64::from(i.c));
                        frame.set(i.a, value);
                    }
                }
                Op::Again => {
                    let above = Frame(frame.0.up(i.c as usize));
                    let value = again(vm, frame.get(i.b), above);
                    frame.set(i.a, value);
                }
                Op::Factor => frame.set(i.a, vm.factor as i64),
                Op::Adjust => {
                    if frame.get(i.a) % i64::from(i.b) == 0 {
                        adjust(vm, frame.get(i.a));
                    }
                }
                Op::Fresh => {
                    find_out(vm, method, pc);
                    continue;
                }
            }
            pc += 1;
        }
    }
}

// ---- Programs.

fn i(op: Op, a: i16, b: i16, c: i16) -> Instr {
    Instr { op, a, b, c }
}

/// A program: its methods' instructions; the last is called with the argument in register 0.
type Program = Vec<Vec<Instr>>;

/// `for r1 in 0..r0` does `body`, with 1 in r2.
fn repeated(body: &[Instr]) -> Vec<Instr> {
    let end = body.len() as i16 + 6;
    let mut code = vec![i(Op::Int, 1, 0, 0), i(Op::Int, 2, 1, 0), i(Op::Less, 3, 1, 0), i(Op::Unless, 3, end, 0)];
    code.extend_from_slice(body);
    code.extend([i(Op::Add, 1, 1, 2), i(Op::Jump, 0, 2, 0), i(Op::Return, 10, 0, 0)]);
    code
}

#[derive(Debug, PartialEq)]
struct Behaviour {
    result: i64,
    counted: u64,
    rare: u64,
}

/// Runs the last method; what it does, and what was done for that.
fn run(program: &Program, argument: i64, parameters: &str) -> (Behaviour, Stats) {
    run_logging(program, argument, parameters, "")
}

fn run_logging(program: &Program, argument: i64, parameters: &str, log: &str) -> (Behaviour, Stats) {
    let parameters: Parameters = format!("budget=0,short_unit=0,tier2_patience=1,{parameters}").parse().unwrap();
    let log = Log::open(log).unwrap();
    let config =
        Config { runtime: Runtime::without_objects(), parameters, describe: |greens| format!("{}", greens[2]), log };
    let mut heap = Heap::new(HeapConfig::default());
    let mut codes = program.clone();
    let methods: Vec<Box<Method>> =
        codes.iter_mut().map(|code| Box::new(Method { code: code.as_mut_ptr().cast_const() })).collect();
    let table: Vec<*const Method> = methods.iter().map(|method| std::ptr::from_ref::<Method>(method)).collect();
    let mut stack = vec![0_u64; 20_000];
    let mut vm = Vm { jit: Jit::default(), methods: table.as_ptr(), counted: 0, rare: 0, factor: 1 };
    vm.jit.start(config, &mut heap).unwrap();
    let frame = Frame(GuestStack::at(stack.as_mut_ptr().wrapping_add(2)));
    frame.set(0, argument);
    let result = interpret(&mut vm, *table.last().unwrap(), 0, frame);
    let stats = vm.jit.stats().cloned().unwrap_or_default();
    (Behaviour { result, counted: vm.counted, rare: vm.rare }, stats)
}

const ALONE: &str = "tier1=on,tier2=off,tier1_threshold=1";

/// Runs a program by tier 1 alone, compares with the interpreter, and with both tiers at some thresholds; what tier 1 did.
fn threaded(program: &Program, argument: i64) -> Stats {
    let expected = run(program, argument, "off").0;
    for tier1 in [1, 2, 5] {
        for tier2 in [1, 3, 40] {
            let parameters = format!(
                "tier1=on,tier1_threshold={tier1},threshold={tier2},function_threshold={tier2},trace_eagerness=2"
            );
            for parameters in [parameters.clone(), format!("{parameters},seed=3"), format!("{parameters},fail_guards")]
            {
                assert_eq!(run(program, argument, &parameters).0, expected, "{parameters}");
            }
        }
    }
    let (behaviour, stats) = run(program, argument, ALONE);
    assert_eq!(behaviour, expected);
    assert_eq!((stats.units, stats.no_piece), (0, 0), "{stats}");
    stats
}

#[test]
fn a_loop_stays_in_its_pieces() {
    let program = vec![repeated(&[i(Op::Add, 10, 10, 1)])];
    let stats = threaded(&program, 10_000);
    assert_eq!((stats.piece_entries, stats.piece_exits, stats.piece_misses), (1, 0, 0), "{stats}");
    // All but the two instructions before the loop.
    assert_eq!(stats.pieces, program[0].len() as u64 - 2, "{stats}");
}

#[test]
fn tiers_are_there_as_wanted() {
    let program = vec![repeated(&[i(Op::Add, 10, 10, 1)])];
    let expected = run(&program, 5000, "off").0;
    let did = |parameters: &str| {
        let (behaviour, stats) = run(&program, 5000, parameters);
        assert_eq!(behaviour, expected, "{parameters}");
        (stats.pieces > 0, stats.units > 0)
    };
    let low = "threshold=30,tier1_threshold=10";
    assert_eq!(did(&format!("{low},tier1=on,tier2=on")), (true, true));
    assert_eq!(did(&format!("{low},tier1=on,tier2=off")), (true, false));
    assert_eq!(did(&format!("{low},tier1=off,tier2=on")), (false, true));
    assert_eq!(did(&format!("{low},tier1=off,tier2=off")), (false, false));
    assert_eq!(did("threshold=30,tier1=on,tier1_threshold=0"), (false, false));
    assert_eq!(did("threshold=0,function_threshold=0,tier1=on,tier1_threshold=10"), (true, false));
}

/// What is left of an instruction that does something rare again and again is made anew, with what is rare.
#[test]
fn pieces_that_are_left_are_made_anew() {
    let mut main = repeated(&[i(Op::Add, 10, 10, 11)]);
    // r11 + r11 does not fit.
    main.splice(2..2, [i(Op::Int, 11, i16::MAX, 0), i(Op::Int, 12, 0, 0)]);
    let doubling: Vec<Instr> = (0..48).map(|_| i(Op::Add, 11, 11, 11)).collect();
    main.splice(4..4, doubling);
    let shift = 50;
    for instr in &mut main {
        if matches!(instr.op, Op::Jump | Op::Unless) {
            instr.b += shift;
        }
    }
    let program = vec![main];
    let expected = run(&program, 2000, "off").0;
    assert_ne!(expected.rare, 0, "nothing rare happens");
    let stats = threaded(&program, 2000);
    assert!((1..40).contains(&stats.piece_exits), "{stats}");
}

/// What has not been executed yet when its piece is made is made anew when it is come to once more, and that is no reason to call what is rare.
#[test]
fn pieces_of_what_was_never_executed_are_made_anew() {
    let unless = |target: i16| i(Op::Unless, 4, target, 0);
    let mut main = repeated(&[i(Op::Int, 5, 50, 0), i(Op::Less, 4, 5, 1), unless(8), i(Op::Fresh, 10, 7, 0)]);
    main[3].b = main.len() as i16 - 1;
    let program = vec![main];
    let stats = threaded(&program, 200);
    assert_eq!((stats.piece_entries, stats.piece_exits), (3, 2), "{stats}");
    let pieces = recorded(&program, 200, "fresh");
    assert!(pieces.iter().all(|(_, text)| !text.contains("= call")), "{pieces:?}");
}

/// Behind an effect there is no leaving: the rare function is called.
#[test]
fn cold_functions_behind_effects_are_called() {
    let program = vec![repeated(&[i(Op::Late, 10, 1, 0)])];
    let stats = threaded(&program, 3000);
    assert_eq!(stats.piece_exits, 0, "{stats}");
}

/// A handler with a loop is called.
#[test]
fn handlers_with_loops_are_called() {
    let program = vec![repeated(&[
        i(Op::Sum, 11, 1, 0),
        i(Op::SumFixed, 12, 6, 0),
        i(Op::Add, 10, 10, 11),
        i(Op::Add, 10, 10, 12),
    ])];
    let stats = threaded(&program, 200);
    assert_eq!((stats.piece_entries, stats.piece_exits), (1, 0), "{stats}");
}

/// That a handler turns out to loop is no reason to record others again, which do not look into it.
#[test]
fn other_templates_stay_when_a_handler_is_called() {
    let templates = |body: &[Instr]| run(&vec![repeated(body)], 200, ALONE).1.templates;
    let (add, sum) = (i(Op::Add, 10, 10, 11), i(Op::Sum, 11, 1, 0));
    assert_eq!(templates(&[add, sum, add, add]), templates(&[add, add, add]) + 1);
}

/// A method that returns its argument and a number.
fn plus(number: i16) -> Vec<Instr> {
    vec![i(Op::Int, 1, number, 0), i(Op::Add, 0, 0, 1), i(Op::Return, 0, 0, 0)]
}

#[test]
fn calls_and_returns_stay_in_pieces() {
    let program = vec![plus(1), plus(2), {
        let body = [i(Op::Add, 20, 1, 1), i(Op::Call, 10, 0, 20), i(Op::Add, 20, 1, 1), i(Op::Call, 10, 1, 20)];
        repeated(&body)
    }];
    let stats = threaded(&program, 3000);
    assert_eq!(stats.piece_exits, 0, "{stats}");
    // Entered by the interpreter, by two hatches, and at two points to return to that had to be found.
    assert!(stats.piece_misses <= 2 && stats.piece_entries <= 6, "{stats}");
}

/// Instructions that are the same but for where they are have one piece: returns, above all.
#[test]
fn what_is_the_same_is_made_once() {
    let size = |registers: [i16; 4]| {
        let callee = |register: i16| vec![i(Op::Add, register, 0, 0), i(Op::Return, register, 0, 0)];
        let calls = (0..4).flat_map(|callee| [i(Op::Add, 20, 1, 1), i(Op::Call, 10, callee, 20)]);
        let program: Program =
            registers.into_iter().map(callee).chain([repeated(&calls.collect::<Vec<_>>())]).collect();
        let stats = threaded(&program, 300);
        (stats.pieces, stats.piece_bytes)
    };
    let (same, different) = (size([1; 4]), size([1, 2, 3, 4]));
    assert_eq!(same.0, different.0);
    assert!(same.1 + 120 < different.1, "{same:?}, {different:?}");
}

#[test]
fn callees_that_are_found_late_are_looked_up() {
    let mut body = vec![i(Op::Int, 11, 0, 0)];
    for _ in 0..4 {
        body.extend([i(Op::Add, 20, 1, 1), i(Op::CallFound, 10, 11, 20), i(Op::Add, 11, 11, 2)]);
    }
    let program: Program = (1..=4).map(plus).chain([repeated(&body)]).collect();
    let stats = threaded(&program, 3000);
    assert_eq!(stats.piece_exits, 0, "{stats}");
    // Each callee, and each point to return to, is missed once.
    assert!((6..20).contains(&stats.piece_misses), "{stats}");
}

/// What is never called has no pieces.
#[test]
fn callees_are_made_when_they_are_called() {
    let program = |called: bool| -> Program {
        let call = [i(Op::Add, 20, 1, 1), i(Op::Call, 10, 0, 20)];
        let skip: Vec<Instr> =
            [i(Op::Int, 12, i16::from(called), 0), i(Op::Unless, 12, 8, 0)].into_iter().chain(call).collect();
        vec![vec![i(Op::Int, 5, 0, 0); 50].into_iter().chain(plus(1)).collect(), repeated(&skip)]
    };
    let pieces = |called| threaded(&program(called), 100).pieces;
    let (without, with) = (pieces(false), pieces(true));
    assert_eq!(with - without, 53, "{with} pieces and {without}");
}

/// More points to return to than the table has places: they displace each other, and are found anew.
#[test]
fn points_displace_each_other() {
    let count = 9000;
    let body = vec![i(Op::Call, 10, 0, 20); count];
    let program = vec![vec![i(Op::Int, 0, 5, 0), i(Op::Return, 0, 0, 0)], repeated(&body)];
    let (expected, (behaviour, stats)) = (run(&program, 5, "off").0, run(&program, 5, ALONE));
    assert_eq!(behaviour, expected);
    assert!(stats.piece_misses > count as u64 + 1000, "{stats}");
    assert_eq!((stats.piece_exits, stats.no_piece), (0, 0), "{stats}");
}

/// Units are not entered from pieces that have changed what they rest on.
#[test]
fn what_changes_in_pieces_is_changed_for_units() {
    for every in [7, 40, 100] {
        let body = [i(Op::Adjust, 1, every, 0), i(Op::Factor, 11, 0, 0), i(Op::Add, 10, 10, 11)];
        let stats = threaded(&vec![repeated(&body)], 2000);
        assert_eq!(stats.piece_exits, 0, "{stats}");
    }
}

/// Hot loops go on in tier 2, and where that ends in their pieces again.
#[test]
fn hot_loops_move_to_tier_2() {
    let program = vec![repeated(&[i(Op::Add, 10, 10, 1)])];
    let expected = run(&program, 20_000, "off").0;
    let (behaviour, stats) = run(&program, 20_000, "tier1=on,tier1_threshold=3,threshold=100,trace_eagerness=0");
    assert_eq!(behaviour, expected);
    assert!(stats.pieces > 0 && stats.units > 0 && stats.entries <= 2, "{stats}");
    // An exit that never gets a bridge: the rest of the instructions are the pieces'.
    let branching =
        vec![plus(1), repeated(&[i(Op::Twice, 10, 1, 1), i(Op::Add, 20, 1, 1), i(Op::CallFound, 10, 4, 20)])];
    let expected = run(&branching, 2000, "off").0;
    let (behaviour, stats) = run(&branching, 2000, "tier1=on,tier1_threshold=3,threshold=100,trace_eagerness=0");
    assert_eq!(behaviour, expected);
    assert!(stats.pieces > 0 && stats.units > 0 && stats.piece_exits == 0, "{stats}");
}

/// Code stays as long as there are pieces of it on the native stack, even if there is no room for more.
#[test]
fn native_functions_enter_the_portal_again() {
    // Each is a loop around the one before, entered again natively.
    let inner = vec![i(Op::Add, 11, 11, 1); 300];
    let mut program = vec![vec![i(Op::Int, 0, 3, 0)].into_iter().chain(repeated(&inner)).collect::<Vec<_>>()];
    program[0].iter_mut().filter(|instr| matches!(instr.op, Op::Jump | Op::Unless)).for_each(|instr| instr.b += 1);
    for number in 0..8 {
        let body = [i(Op::Int, 11, number, 0), i(Op::Again, 12, 11, 30), i(Op::Add, 10, 10, 1)];
        let mut code = repeated(&body);
        if number < 7 {
            code.insert(0, i(Op::Int, 0, 3, 0));
            code.iter_mut().filter(|i| matches!(i.op, Op::Jump | Op::Unless)).for_each(|instr| instr.b += 1);
        }
        program.push(code);
    }
    let expected = run(&program, 4, "off").0;
    let (mut renewals, mut pieces) = (0, 0);
    for limit in [8, 12, 16, 64] {
        for way in [ALONE, "tier1=on,tier1_threshold=1,threshold=3,function_threshold=3,trace_eagerness=1"] {
            let parameters = format!("{way},code_limit={}", limit << 10);
            let (behaviour, stats) = run(&program, 4, &parameters);
            assert_eq!(behaviour, expected, "{parameters}");
            assert!(stats.renewals < 40, "{parameters}: compiled again and again\n{stats}");
            renewals += stats.renewals;
            pieces += stats.pieces;
        }
    }
    assert!(renewals > 0 && pieces > 0, "{renewals} renewals, {pieces} pieces");
}

// ---- What is recorded.

/// What was recorded for the instructions of the last method, by their numbers: those that are the first of their shape.
fn recorded(program: &Program, argument: i64, name: &str) -> Vec<(usize, String)> {
    let file = std::env::temp_dir().join(format!("tailor-threading-{}-{name}", std::process::id()));
    run_logging(program, argument, ALONE, &format!("trace:{}", file.display()));
    let text = std::fs::read_to_string(&file).expect("it has been written");
    std::fs::remove_file(&file).expect("it was made above");
    let pieces = text.split("; piece at ").skip(1).map(|piece| {
        let (at, text) = piece.split_once('\n').expect("the unit follows");
        let operations = text.split_once("entry(").expect("a unit").1;
        (at.trim().parse().expect("a number"), operations.to_owned())
    });
    pieces.collect()
}

/// Whether recordings consist of what is wanted: how often words occur in what was recorded for an instruction.
#[track_caller]
fn consists(recorded: &[(usize, String)], pc: usize, expected: &[(&str, usize)]) {
    let (_, text) = recorded.iter().find(|(at, _)| *at == pc).expect("it is the first of its shape");
    for &(word, count) in expected {
        assert_eq!(text.matches(word).count(), count, "{word} in\n{text}");
    }
}

/// Of an instruction only what depends on the guest's state is left; a branch to nothing but leaving is a guard; paths that come to the same cold call are joined.
#[test]
fn recordings_have_what_is_needed() {
    let program = vec![repeated(&[
        i(Op::Add, 11, 1, 2),
        i(Op::Late, 10, 1, 0),
        i(Op::Twice, 10, 1, 1),
        i(Op::Sum, 11, 2, 0),
        i(Op::Add, 10, 10, 10),
        i(Op::SumFixed, 12, 5, 0),
    ])];
    let pieces = recorded(&program, 3, "needed");
    let straight = [("br_", 0), ("guard_", 0), ("exit", 0), ("call", 0), ("jump_unit", 1)];
    // Less
    consists(&pieces, 2, &straight);
    consists(&pieces, 2, &[("= load", 2), ("= lt", 1), ("store", 1)]);
    // Unless: both sides are followed, each to another piece.
    consists(&pieces, 3, &[("= load", 1), ("br_", 1), ("store", 0), ("jump_unit", 2), ("guard_", 0)]);
    // Add: what does not fit is left to the interpreter.
    consists(&pieces, 4, &[("br_", 0), ("guard_", 1), ("exit", 0), ("call", 0), ("store", 1), ("jump_unit", 1)]);
    // Late: behind the effect, what is cold is called.
    consists(&pieces, 5, &[("br_", 1), ("guard_", 0), ("exit", 0), ("= call", 1)]);
    // Twice: two ways to one call.
    consists(&pieces, 6, &[("guard_", 0), ("exit", 0), ("= call", 1)]);
    // Sum: the loop is not looked into. (One store is of the argument, for the call.)
    consists(&pieces, 7, &[("br_", 0), ("= call", 1), ("= lt", 0), ("store", 2)]);
    // SumFixed: where the same loop's end is static, it is done.
    consists(&pieces, 9, &[("br_", 0), ("= call", 0), ("= add", 0), ("store", 1)]);
}
