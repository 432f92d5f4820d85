//! Tracing a small guest language: loops, inner loops, calls, recursion, errors, with all thresholds, each pass switched off, against the interpreter alone.
//!
//! The guest has methods of register instructions, whose frames are windows on a guest stack, linked as those of SOM are.

#![cfg(feature = "jit")]

use tailor::engine::{Abort, Config, Jit, Log, Parameters, Runtime, Stats};
use tailor::{GuestStack, Heap, HeapConfig, jit};

/// Instructions. `a` is the destination.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u16)]
enum Op {
    /// `a = b` as a number
    Int,
    Move,
    Add,
    Sub,
    /// The remainder; traps if the divisor is 0.
    Rem,
    Less,
    /// To `b` if `a` is 0.
    Unless,
    /// To `b`.
    Jump,
    /// Method `b` with the arguments from `c` on, which is above all registers in use.
    Call,
    Return,
    /// Adds `a` to the sum that the machine keeps.
    Note,
    /// Adds up `b`, `c` and 1, in native functions.
    Native,
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
    #[jit(immutable)]
    registers: usize,
}

#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trap(u64);

#[jit::object]
struct Vm {
    #[jit(opaque)]
    jit: Jit,
    #[jit(immutable)]
    methods: *const *const Method,
    #[jit(immutable)]
    limit: *const u64,
    sum: u64,
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
fn push(vm: &Vm, regs: Regs, i: Instr) -> Option<Regs> {
    // SAFETY: the program's methods are there.
    let method = unsafe { *vm.methods.add(i.b as usize) };
    let frame = Frame(regs.frame.0.up(i.c as usize));
    // SAFETY: as above.
    let end = frame.0.address().wrapping_add(unsafe { (*method).registers });
    if end.cast_const() > vm.limit {
        return None;
    }
    let link = (regs.pc as u64 + 1) << 32 | (i.a as u64) << 16 | i.c as u64;
    // SAFETY: each frame has its link below.
    unsafe {
        frame.0.set(-2, regs.method as u64);
        frame.0.set(-1, link);
    }
    Some(Regs { method, pc: 0, frame })
}

/// Words of all kinds.
#[jit::value]
#[derive(Clone, Copy)]
struct Kinds {
    double: f64,
    less: bool,
    sum: i64,
    difference: Option<i64>,
}

/// Called with its arguments in registers; the result has more words than one.
#[jit::residual(pure)]
fn kinds(a: i64, b: i64, double: f64, less: bool) -> Kinds {
    let difference = less.then_some(b.wrapping_sub(a));
    Kinds { double: double + 0.5, less: !less, sum: a.wrapping_add(b), difference }
}

/// Called with its arguments in memory: -1 if they are not what `kinds` makes.
#[jit::residual(pure)]
fn checked(a: i64, b: i64, double: f64, less: bool, sum: i64, difference: i64) -> i64 {
    let expected = if a < b { b.wrapping_sub(a) } else { 0 };
    let right = double == a as f64 + 0.5 && less != (a < b) && sum == a.wrapping_add(b) && difference == expected;
    if right { successor(sum) } else { -1 }
}

#[jit::residual(pure, elidable)]
fn successor(a: i64) -> i64 {
    a.wrapping_add(1)
}

#[jit]
fn native(a: i64, b: i64) -> i64 {
    let Kinds { double, less, sum, difference } = kinds(a, b, a as f64, a < b);
    let result = checked(a, b, double, less, sum, difference.unwrap_or(0));
    if result == successor(a.wrapping_add(b)) { result } else { -1 }
}

#[jit]
fn note(vm: &mut Vm, value: i64) {
    vm.sum = vm.sum.wrapping_mul(31).wrapping_add(value as u64);
}

#[jit(portal, jit = vm.jit)]
fn interpret(vm: &mut Vm, mut method: *const Method, mut pc: usize, mut frame: Frame) -> Result<i64, Trap> {
    'portal: loop {
        loop {
            jit::merge_point!(greens: vm, method, pc; reds: frame);
            let i = fetch(method, pc);
            match i.op {
                Op::Int => frame.set(i.a, i64::from(i.b)),
                Op::Move => frame.set(i.a, frame.get(i.b)),
                Op::Add => match frame.get(i.b).checked_add(frame.get(i.c)) {
                    Some(sum) => frame.set(i.a, sum),
                    None => return Err(Trap(1)),
                },
                Op::Sub => frame.set(i.a, frame.get(i.b).wrapping_sub(frame.get(i.c))),
                Op::Rem => {
                    if frame.get(i.c) == 0 {
                        return Err(Trap(2));
                    }
                    frame.set(i.a, frame.get(i.b).wrapping_rem(frame.get(i.c)));
                }
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
                Op::Call => match push(vm, Regs { method, pc, frame }, i) {
                    Some(regs) => {
                        Regs { method, pc, frame } = regs;
                        jit::can_enter!(call: vm, method, pc; frame);
                        continue;
                    }
                    None => return Err(Trap(3)),
                },
                Op::Return => match leave(frame, frame.get(i.a)) {
                    Left::To(regs) => {
                        Regs { method, pc, frame } = regs;
                        continue;
                    }
                    Left::Out(value) => return Ok(value),
                },
                Op::Note => note(vm, frame.get(i.a)),
                Op::Native => frame.set(i.a, native(frame.get(i.b), frame.get(i.c))),
            }
            pc += 1;
        }
    }
}

// ---- Programs.

fn i(op: Op, a: i16, b: i16, c: i16) -> Instr {
    Instr { op, a, b, c }
}

/// A program: its methods' instructions; the first is called with the argument in register 0.
type Program = Vec<Vec<Instr>>;

/// `for r1 in 0..r0`, noting: branches of two kinds, an inner loop of `inner` iterations.
fn loops(inner: i16) -> Program {
    use Op::{Add, Int, Jump, Less, Move, Native, Note, Rem, Return, Unless};
    vec![vec![
        i(Int, 1, 0, 0),
        i(Int, 2, 1, 0),
        i(Int, 3, 3, 0),
        i(Int, 7, inner, 0),
        // 4: the outer loop
        i(Less, 4, 1, 0),
        i(Unless, 4, 20, 0),
        i(Rem, 5, 1, 3),
        i(Unless, 5, 10, 0),
        i(Add, 6, 6, 5),
        i(Jump, 0, 11, 0),
        i(Note, 1, 0, 0),
        // 11: the inner loop
        i(Int, 8, 0, 0),
        i(Less, 4, 8, 7),
        i(Unless, 4, 18, 0),
        i(Native, 6, 6, 8),
        i(Add, 8, 8, 2),
        i(Move, 9, 8, 0),
        i(Jump, 0, 12, 0),
        i(Add, 1, 1, 2),
        i(Jump, 0, 4, 0),
        i(Note, 6, 0, 0),
        i(Return, 6, 0, 0),
    ]]
}

/// `fib(r0)`, and a loop around it.
fn fib() -> Program {
    use Op::{Add, Call, Int, Jump, Less, Move, Note, Return, Sub, Unless};
    let fib = vec![
        i(Int, 1, 2, 0),
        i(Less, 2, 0, 1),
        i(Unless, 2, 4, 0),
        i(Return, 0, 0, 0),
        i(Int, 1, 1, 0),
        i(Sub, 6, 0, 1),
        i(Call, 2, 0, 6),
        i(Sub, 6, 6, 1),
        i(Sub, 6, 0, 1),
        i(Sub, 6, 6, 1),
        i(Call, 3, 0, 6),
        i(Add, 2, 2, 3),
        i(Return, 2, 0, 0),
    ];
    let main = vec![
        i(Int, 1, 0, 0),
        i(Int, 2, 1, 0),
        i(Less, 3, 1, 0),
        i(Unless, 3, 9, 0),
        i(Move, 8, 1, 0),
        i(Call, 4, 0, 8),
        i(Note, 4, 0, 0),
        i(Add, 1, 1, 2),
        i(Jump, 0, 2, 0),
        i(Return, 4, 0, 0),
    ];
    vec![fib, main]
}

/// A loop that calls small methods, one of which has a loop.
fn calls() -> Program {
    use Op::{Add, Call, Int, Jump, Less, Move, Note, Rem, Return, Sub, Unless};
    let twice = vec![i(Add, 1, 0, 0), i(Return, 1, 0, 0)];
    let sum_below = vec![
        i(Int, 1, 0, 0),
        i(Int, 2, 1, 0),
        i(Int, 3, 0, 0),
        i(Less, 4, 1, 0),
        i(Unless, 4, 8, 0),
        i(Add, 3, 3, 1),
        i(Add, 1, 1, 2),
        i(Jump, 0, 3, 0),
        i(Return, 3, 0, 0),
    ];
    let main = vec![
        i(Int, 1, 0, 0),
        i(Int, 2, 1, 0),
        i(Int, 3, 7, 0),
        i(Int, 10, 0, 0),
        i(Less, 4, 1, 0),
        i(Unless, 4, 16, 0),
        i(Move, 14, 1, 0),
        i(Call, 4, 0, 14),
        i(Rem, 14, 1, 3),
        i(Call, 5, 1, 14),
        i(Add, 10, 10, 4),
        i(Add, 10, 10, 5),
        i(Sub, 10, 10, 3),
        i(Note, 10, 0, 0),
        i(Add, 1, 1, 2),
        i(Jump, 0, 4, 0),
        i(Return, 10, 0, 0),
    ];
    vec![twice, sum_below, main]
}

/// A loop that calls, at four places, a method with a branch on each of six remainders of its argument.
fn branches() -> Program {
    use Op::{Add, Call, Int, Jump, Less, Move, Note, Rem, Return, Unless};
    let mut decide = vec![i(Int, 1, 0, 0)];
    for divisor in [2, 3, 5, 7, 11, 13] {
        let next = decide.len() as i16 + 4;
        decide.extend([i(Int, 2, divisor, 0), i(Rem, 3, 0, 2), i(Unless, 3, next, 0), i(Add, 1, 1, 2)]);
    }
    decide.push(i(Return, 1, 0, 0));
    let mut main = vec![i(Int, 1, 0, 0), i(Int, 2, 1, 0), i(Int, 5, 17, 0), i(Less, 3, 1, 0), i(Unless, 3, 0, 0)];
    for _ in 0..4 {
        main.extend([i(Add, 6, 6, 5), i(Move, 14, 6, 0), i(Call, 4, 0, 14), i(Note, 4, 0, 0)]);
    }
    main.extend([i(Add, 1, 1, 2), i(Jump, 0, 3, 0)]);
    main[4].b = main.len() as i16;
    main.push(i(Return, 6, 0, 0));
    vec![decide, main]
}

/// `down(r0)` counts activations; called again and again.
fn deep() -> Program {
    use Op::{Add, Call, Int, Jump, Less, Move, Note, Return, Sub, Unless};
    let down = vec![
        i(Int, 1, 1, 0),
        i(Less, 2, 0, 1),
        i(Unless, 2, 4, 0),
        i(Return, 0, 0, 0),
        i(Sub, 6, 0, 1),
        i(Call, 2, 0, 6),
        i(Add, 2, 2, 1),
        i(Return, 2, 0, 0),
    ];
    let main = vec![
        i(Int, 1, 0, 0),
        i(Int, 2, 1, 0),
        i(Int, 3, 6, 0),
        i(Less, 4, 1, 3),
        i(Unless, 4, 10, 0),
        i(Move, 8, 0, 0),
        i(Call, 5, 0, 8),
        i(Note, 5, 0, 0),
        i(Add, 1, 1, 2),
        i(Jump, 0, 3, 0),
        i(Return, 5, 0, 0),
    ];
    vec![down, main]
}

/// Recursion without end, and doubling without end.
fn without_end() -> Program {
    use Op::{Add, Call, Int, Jump, Less, Move, Return, Unless};
    let down = vec![i(Move, 6, 0, 0), i(Call, 1, 0, 6), i(Return, 1, 0, 0)];
    let main = vec![
        i(Int, 1, 3, 0),
        i(Less, 2, 0, 1),
        i(Unless, 2, 5, 0),
        i(Call, 1, 0, 8),
        i(Return, 1, 0, 0),
        i(Add, 1, 1, 1),
        i(Jump, 0, 5, 0),
    ];
    vec![down, main]
}

// ---- Running them.

#[derive(Debug, PartialEq)]
struct Behaviour {
    result: Result<i64, u64>,
    sum: u64,
}

fn config(parameters: &str) -> Config {
    // Everything is compiled at once.
    let parameters: Parameters =
        format!("tier1=off,budget=0,short_unit=0,tier2_patience=1,{parameters}").parse().unwrap();
    let log = Log::open(&std::env::var("TAILOR_LOG").unwrap_or_default()).unwrap();
    Config { runtime: Runtime::without_objects(), parameters, describe: |greens| format!("{}", greens[2]), log }
}

/// Runs the last method of a program; its behaviour, and how many units and bridges were made.
fn run(program: &Program, argument: i64, parameters: &str) -> (Behaviour, [u64; 2]) {
    let (behaviour, stats) = run_counting(program, argument, parameters);
    (behaviour, [stats.units, stats.bridges])
}

/// Runs the last method of a program; its behaviour, and what was done.
fn run_counting(program: &Program, argument: i64, parameters: &str) -> (Behaviour, Stats) {
    run_on(20_000, program, argument, parameters)
}

/// The same on a guest stack of so many words.
fn run_on(words: usize, program: &Program, argument: i64, parameters: &str) -> (Behaviour, Stats) {
    let (mut behaviours, stats) = run_times_on(words, program, &[argument], parameters);
    (behaviours.remove(0), stats)
}

/// Runs the last method of a program with one argument after the other in the same machine; its behaviours, and what was done.
fn run_times(program: &Program, arguments: &[i64], parameters: &str) -> (Vec<Behaviour>, Stats) {
    run_times_on(20_000, program, arguments, parameters)
}

/// The same on a guest stack of so many words.
fn run_times_on(words: usize, program: &Program, arguments: &[i64], parameters: &str) -> (Vec<Behaviour>, Stats) {
    let mut heap = Heap::new(HeapConfig::default());
    let registers = 24;
    let methods: Vec<Box<Method>> =
        program.iter().map(|code| Box::new(Method { code: code.as_ptr(), registers })).collect();
    let table: Vec<*const Method> = methods.iter().map(|method| std::ptr::from_ref::<Method>(method)).collect();
    let mut stack = vec![0_u64; words];
    let limit = stack.as_ptr_range().end;
    let mut vm = Vm { jit: Jit::default(), methods: table.as_ptr(), limit, sum: 0 };
    vm.jit.start(config(parameters), &mut heap).unwrap();
    let frame = Frame(GuestStack::at(stack.as_mut_ptr().wrapping_add(2)));
    let behaviour = |&argument: &i64| {
        (0..registers as i16).for_each(|register| frame.set(register, 0));
        frame.set(0, argument);
        let result = interpret(&mut vm, *table.last().unwrap(), 0, frame).map_err(|Trap(number)| number);
        Behaviour { result, sum: vm.sum }
    };
    let behaviours = arguments.iter().map(behaviour).collect();
    (behaviours, vm.jit.stats().cloned().unwrap_or_default())
}

/// Compares a program's behaviour under all kinds of parameters with the interpreter's; at least one unit must have been made.
fn check(program: &Program, argument: i64) {
    let (expected, none) = run(program, argument, "off");
    assert_eq!(none, [0, 0]);
    let mut parameters: Vec<String> = Vec::new();
    for threshold in [1, 2, 3, 10, 50] {
        for eagerness in [1, 2, 7] {
            parameters
                .push(format!("threshold={threshold},function_threshold={threshold},trace_eagerness={eagerness}"));
        }
    }
    parameters.push("threshold=2,function_threshold=0,trace_eagerness=0".into());
    parameters.push("threshold=0,function_threshold=2,trace_eagerness=1".into());
    parameters.push("threshold=3,function_threshold=3,trace_eagerness=2,inline_depth=0".into());
    for threshold in [1, 3, 20] {
        parameters.push(format!("fail_guards,threshold={threshold},function_threshold={threshold},trace_eagerness=2"));
    }
    // Calls of units that are refused, for want of native stack.
    for bytes in [0, 1000, 2000, 4000] {
        parameters.push(format!("threshold=2,function_threshold=2,trace_eagerness=1,native_stack={bytes}"));
    }
    for pass in tailor_compiler::opt::Passes::NAMES {
        parameters.push(format!("threshold=3,function_threshold=4,trace_eagerness=2,passes=-{pass}"));
    }
    for threshold in [1, 2, 7] {
        parameters.push(format!("tier1=on,tier2=off,tier1_threshold={threshold}"));
        for later in [1, 4, 30] {
            let later = format!("threshold={later},function_threshold={later},trace_eagerness=2");
            parameters.push(format!("tier1=on,tier1_threshold={threshold},{later}"));
            parameters.push(format!("tier1=on,tier1_threshold={threshold},{later},seed={threshold},fail_guards"));
        }
    }
    let (mut units, mut pieces) = (0, 0);
    for parameters in &parameters {
        let (behaviour, stats) = run_counting(program, argument, parameters);
        assert_eq!(behaviour, expected, "{parameters}");
        units += stats.units;
        pieces += stats.pieces;
    }
    assert!(units > 0 && pieces > 0, "nothing was compiled");
}

#[test]
fn loops_and_inner_loops() {
    for inner in [0, 1, 2, 5, 40] {
        check(&loops(inner), 300);
    }
}

#[test]
fn recursion() {
    check(&fib(), 15);
}

#[test]
fn calls_in_loops() {
    check(&calls(), 400);
}

#[test]
fn errors_in_compiled_code() {
    check(&without_end(), 5);
    // Recursion that overflows the stack while it is traced is not compiled.
    let expected = run(&without_end(), 1, "off");
    assert_eq!(run(&without_end(), 1, "threshold=2,function_threshold=2"), expected);
}

#[test]
fn hot_code_is_compiled_and_stays() {
    let (_, [units, bridges]) = run(&loops(5), 3000, "threshold=50,trace_eagerness=20");
    assert!((1..=6).contains(&units) && bridges <= 12, "{units} units, {bridges} bridges");
}

/// A method with many paths gets bridges for them once, and not in each place that calls it.
#[test]
fn methods_with_many_branches_are_not_inlined() {
    check(&branches(), 300);
    let bridges = |limit| {
        let parameters = format!("threshold=20,function_threshold=20,trace_eagerness=5,branch_limit={limit}");
        run(&branches(), 3000, &parameters).1[1]
    };
    let (everywhere, once) = (bridges(0), bridges(200));
    assert!(once > 0 && once * 2 < everywhere, "{everywhere} bridges if it is inlined, {once} if not");
}

// ---- The shape of traces: which units there are, and how often they are left.

/// Calls method 0 `r0` times with 0, then once with `last`.
fn many_and_one(callee: Vec<Instr>, last: i16) -> Program {
    use Op::{Add, Call, Int, Jump, Less, Note, Return, Unless};
    let main = vec![
        i(Int, 1, 0, 0),
        i(Int, 2, 1, 0),
        i(Less, 3, 1, 0),
        i(Unless, 3, 9, 0),
        i(Int, 8, 0, 0),
        i(Call, 4, 0, 8),
        i(Note, 4, 0, 0),
        i(Add, 1, 1, 2),
        i(Jump, 0, 2, 0),
        i(Int, 8, last, 0),
        i(Call, 4, 0, 8),
        i(Return, 4, 0, 0),
    ];
    vec![callee, main]
}

#[test]
fn a_unit_that_is_short_by_chance_gets_its_bridges() {
    // Traced where the recursion ends, the unit is short, and thousands of calls seem to prove it.
    let program = many_and_one(fib().swap_remove(0), 20);
    let parameters = "threshold=0,function_threshold=10,trace_eagerness=5,short_unit=300";
    let (behaviour, stats) = run_counting(&program, 5000, parameters);
    assert_eq!(behaviour, run(&program, 5000, "off").0);
    assert!(stats.bridges > 0, "{stats}");
    // Once it is known to call itself, it runs in compiled code.
    assert!(stats.entries < 4000 && stats.exits < 400, "{stats}");
}

#[test]
fn what_returns_soon_is_compiled_at_the_third_time() {
    let program = many_and_one(vec![i(Op::Add, 1, 0, 0), i(Op::Return, 1, 0, 0)], 3);
    let made = |calls, short_unit| {
        let parameters = format!("threshold=0,function_threshold=10,short_unit={short_unit}");
        let (behaviour, stats) = run_counting(&program, calls, &parameters);
        assert_eq!(behaviour, run(&program, calls, "off").0);
        (stats.brief, stats.units)
    };
    assert_eq!(made(50, 300), (1, 0));
    assert_eq!(made(300, 300), (2, 0));
    assert_eq!(made(5000, 300), (2, 1));
    assert_eq!(made(50, 0), (0, 1));
}

/// `for r1 in 0..r0`: adds r6 to a sum, and makes it 1 for the first 300 times, and what nobody knows from then on.
fn once_constant() -> Program {
    use Op::{Add, Int, Jump, Less, Native, Note, Return, Unless};
    vec![vec![
        i(Int, 1, 0, 0),
        i(Int, 2, 1, 0),
        i(Int, 3, 300, 0),
        // 3: the loop
        i(Less, 4, 1, 0),
        i(Unless, 4, 13, 0),
        i(Add, 7, 7, 6),
        i(Add, 1, 1, 2),
        i(Less, 5, 1, 3),
        i(Unless, 5, 11, 0),
        i(Int, 6, 1, 0),
        i(Jump, 0, 3, 0),
        i(Native, 6, 1, 2),
        i(Jump, 0, 3, 0),
        i(Note, 7, 0, 0),
        i(Return, 7, 0, 0),
    ]]
}

#[test]
fn a_loop_that_cannot_be_entered_in_the_middle_is_entered_at_its_beginning() {
    let (behaviour, stats) = run_counting(&once_constant(), 20_000, "threshold=50,trace_eagerness=20");
    assert_eq!(behaviour, run(&once_constant(), 20_000, "off").0);
    assert!(stats.bridges <= 4 && stats.exits <= 100, "{stats}");
    check(&once_constant(), 600);
}

#[test]
fn bridges_that_only_exit_are_not_made() {
    use Op::{Call, Int, Move, Rem, Return};
    let remainder = vec![i(Int, 1, 100, 0), i(Rem, 2, 1, 0), i(Return, 2, 0, 0)];
    let main = vec![i(Move, 8, 0, 0), i(Call, 4, 0, 8), i(Return, 4, 0, 0)];
    let program = vec![remainder, main];
    // The trap leaves the portal: there is nothing to be recorded for it.
    let arguments: Vec<i64> = (0..150).map(|number| i64::from(number < 50)).collect();
    let (behaviours, stats) = run_times(&program, &arguments, "function_threshold=5,trace_eagerness=5");
    assert_eq!(behaviours, run_times(&program, &arguments, "off").0);
    assert!(stats.units > 0 && stats.exits >= 100, "{stats}");
    assert_eq!((stats.bridges, stats.aborts[Abort::Empty as usize]), (0, 1), "{stats}");
}

/// Compiled code uses no more native stack than there is, however deep it recurses and whatever it is allowed.
#[test]
fn deep_recursion_stays_on_the_native_stack() {
    let on_little_stack = |parameters: &'static str, depth: i64| {
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let run = move || run_on(2_000_000, &deep(), depth, parameters);
        thread.spawn(run).expect("there is room for a small stack").join().expect("it ends")
    };
    let mut units = 0;
    for depth in [10, 3_000, 60_000] {
        let (expected, _) = on_little_stack("off", depth);
        assert_eq!(expected.result, Ok(depth));
        for parameters in [
            "threshold=1,function_threshold=1,trace_eagerness=1,native_stack=1000000000",
            "threshold=3,function_threshold=5,trace_eagerness=2,inline_depth=0,native_stack=1000000000",
            "threshold=1,function_threshold=1,trace_eagerness=1,native_stack=1000",
        ] {
            let (behaviour, stats) = on_little_stack(parameters, depth);
            assert_eq!(behaviour, expected, "{depth} deep, {parameters}");
            units += stats.units;
        }
    }
    assert!(units > 0, "nothing was compiled");
}

// ---- Little room for code.

#[test]
fn without_room_for_code_programs_go_on() {
    let mut renewals = 0;
    for (seed, limit) in (1..=30).flat_map(|seed| [8, 12, 24].map(|limit| (seed, limit << 10))) {
        let program = random_program(seed);
        let expected = run(&program, 12, "off").0;
        for thresholds in [
            "threshold=1,function_threshold=1,trace_eagerness=1",
            "threshold=2,function_threshold=4",
            "tier1=on,tier1_threshold=1,threshold=2,function_threshold=2,trace_eagerness=1",
            "tier1=on,tier1_threshold=1,tier2=off",
        ] {
            let parameters = format!("{thresholds},code_limit={limit}");
            let (behaviour, stats) = run_on(20_000, &program, 12, &parameters);
            assert_eq!(behaviour, expected, "seed {seed}, {parameters}");
            assert!(stats.renewals < 30, "seed {seed}, {parameters}: compiled again and again\n{stats}");
            renewals += stats.renewals;
        }
    }
    assert!(renewals > 50, "there was room enough: {renewals} renewals");
}

/// Where guards are forced, each failure makes code that replaces other code.
#[test]
fn code_that_is_not_used_any_more_makes_room() {
    let parameters = "fail_guards,threshold=2,function_threshold=2,trace_eagerness=2,code_limit=32768";
    let (behaviour, stats) = run_on(20_000, &loops(5), 3000, parameters);
    assert_eq!(behaviour, run(&loops(5), 3000, "off").0);
    assert!(stats.units > 0 && stats.renewals == 0, "{stats}");
}

// ---- Random programs.

/// A generator of random numbers (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i16) -> i16 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as i16
    }
}

/// Registers 1 to this hold random numbers; registers above count loops, and the windows of calls lie behind.
const NUMBERS: i16 = 6;
const COUNTERS: i16 = 8;
const WINDOW: i16 = 18;

/// Writes one method.
struct Writer<'a> {
    random: &'a mut Random,
    code: Vec<Instr>,
    /// Methods of smaller numbers may be called, and this one, with an argument that grows smaller.
    number: i16,
    loops: i16,
    budget: i16,
}

impl Writer<'_> {
    fn number(&mut self) -> i16 {
        1 + self.random.below(NUMBERS)
    }

    fn emit(&mut self, op: Op, a: i16, b: i16, c: i16) -> usize {
        self.code.push(i(op, a, b, c));
        self.code.len() - 1
    }

    fn here(&self) -> i16 {
        self.code.len() as i16
    }

    fn block(&mut self, depth: u32) {
        for _ in 0..1 + self.random.below(4) {
            if self.budget > 0 {
                self.budget -= 1;
                self.statement(depth);
            }
        }
    }

    fn statement(&mut self, depth: u32) {
        let (a, b, c) = (self.number(), self.number(), self.number());
        match self.random.below(if depth < 3 { 14 } else { 9 }) {
            0 | 1 => drop(self.emit(Op::Add, a, b, c)),
            2 => drop(self.emit(Op::Sub, a, b, c)),
            3 => {
                let limit = self.random.below(40);
                self.emit(Op::Int, a, limit - 3, 0);
            }
            4 => drop(self.emit(Op::Less, a, b, c)),
            5 => {
                self.emit(Op::Int, COUNTERS + 3, 7, 0);
                self.emit(Op::Rem, a, b, COUNTERS + 3);
            }
            6 => drop(self.emit(Op::Note, a, 0, 0)),
            7 => drop(self.emit(Op::Native, a, b, c)),
            8 => drop(self.emit(Op::Move, a, b, 0)),
            9 | 10 => {
                let test = self.emit(Op::Unless, a, 0, 0);
                self.block(depth + 1);
                let end = self.emit(Op::Jump, 0, 0, 0);
                self.code[test].b = self.here();
                self.block(depth + 1);
                self.code[end].b = self.here();
            }
            11 | 12 if self.loops < 2 => {
                let counter = COUNTERS + self.loops;
                self.loops += 1;
                let (rounds, step) = (self.random.below(9), COUNTERS + 4);
                self.emit(Op::Int, counter, rounds, 0);
                let start = self.here();
                let test = self.emit(Op::Unless, counter, 0, 0);
                self.block(depth + 1);
                self.emit(Op::Int, step, 1, 0);
                self.emit(Op::Sub, counter, counter, step);
                self.emit(Op::Jump, 0, start, 0);
                self.code[test].b = self.here();
                self.loops -= 1;
            }
            // Calls in inner loops would make programs that take for ever.
            _ if self.loops < 2 => self.call(a, b),
            _ => drop(self.emit(Op::Sub, a, b, c)),
        }
    }

    fn call(&mut self, result: i16, argument: i16) {
        let callee = self.random.below(self.number + 1);
        if callee == self.number {
            // Recursion, as deep as register 0 says.
            let test = self.emit(Op::Unless, 0, 0, 0);
            self.emit(Op::Int, COUNTERS + 4, 1, 0);
            self.emit(Op::Sub, WINDOW, 0, COUNTERS + 4);
            self.emit(Op::Call, result, callee, WINDOW);
            self.code[test].b = self.here();
        } else {
            self.emit(Op::Int, COUNTERS + 3, 4, 0);
            self.emit(Op::Rem, WINDOW, argument, COUNTERS + 3);
            self.emit(Op::Int, COUNTERS + 4, 3, 0);
            self.emit(Op::Add, WINDOW, WINDOW, COUNTERS + 4);
            self.emit(Op::Call, result, callee, WINDOW);
        }
    }
}

fn random_program(seed: u64) -> Program {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let write = |number| {
        let mut writer = Writer { random: &mut random, code: Vec::new(), number, loops: 0, budget: 24 };
        for register in 1..=NUMBERS {
            let value = writer.random.below(20);
            writer.emit(Op::Int, register, value, 0);
        }
        writer.block(0);
        writer.block(0);
        let result = writer.number();
        writer.emit(Op::Return, result, 0, 0);
        writer.code
    };
    let mut program: Program = (0..4).map(write).collect();
    // The last method calls the others again and again.
    let mut main = vec![i(Op::Int, 1, 0, 0), i(Op::Int, 2, 1, 0)];
    main.extend([i(Op::Less, 3, 1, 0), i(Op::Unless, 3, 10, 0)]);
    for (at, callee) in [(4, 3), (7, 2)] {
        assert_eq!(main.len(), at);
        main.extend([i(Op::Int, WINDOW, 2, 0), i(Op::Call, 5, callee, WINDOW), i(Op::Note, 5, 0, 0)]);
    }
    main.extend([i(Op::Add, 1, 1, 2), i(Op::Jump, 0, 2, 0), i(Op::Return, 5, 0, 0)]);
    main[3].b = 12;
    program.push(main);
    program
}

/// Compares random programs; `TAILOR_TRACE_SEEDS` says how many, `TAILOR_TRACE_SEED` which is the first.
#[test]
fn random_programs() {
    let setting = |name, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (first, count): (u64, u64) = (setting("TAILOR_TRACE_SEED", 1), setting("TAILOR_TRACE_SEEDS", 150));
    for seed in first..first + count {
        let program = random_program(seed);
        let expected = run(&program, 12, "off").0;
        let mut random = Random(seed | 1 << 40);
        for round in 0..6 {
            let threshold = 1 + random.below(12);
            let mut parameters = format!(
                "threshold={threshold},function_threshold={},trace_eagerness={},inline_depth={},trace_limit={}",
                random.below(15),
                random.below(5),
                random.below(4),
                100 + i32::from(random.below(30)) * 100
            );
            match round {
                2 => parameters.push_str(&format!(",native_stack={}", i32::from(random.below(6)) * 1000)),
                3 => parameters.push_str(",fail_guards"),
                4 => parameters.push_str(&format!(",tier1=on,tier1_threshold={}", 1 + random.below(4))),
                5 => parameters.push_str(&format!(",tier1=on,tier2=off,tier1_threshold={}", 1 + random.below(4))),
                _ => {}
            }
            let behaviour = run(&program, 12, &parameters).0;
            assert_eq!(behaviour, expected, "seed {seed}, {parameters}");
        }
    }
}
