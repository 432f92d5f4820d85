//! The classic form of threaded code and the pieces that the driver's tier 1 makes: on all programs, the same instructions follow each other.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::random::random_program;
use common::{programs, run_logging};
use tailor::engine::Log;
use tla::assembler::assemble;
use tla::classic;
use tla::machine::Reading;
use tla::program::{Op, Program};
use tla::threaded::{At, Step, Threaded, equivalent};

/// What each instruction's piece goes on in: instructions. (Returns are not among them: that point is not known beforehand.)
type Pieces = BTreeMap<usize, Vec<usize>>;

/// The pieces of all instructions that a run comes to, as the log tells them.
fn pieces(program: &Program, arguments: &[i64], name: &str) -> Pieces {
    let file = std::env::temp_dir().join(format!("tla-pieces-{}-{name}", std::process::id()));
    let log = Log::open(&format!("trace:{}", file.display())).expect("it can be written");
    run_logging(program, arguments, Reading::Native, "budget=0,tier1=on,tier2=off,tier1_threshold=1", log);
    let text = std::fs::read_to_string(&file).expect("it has been written");
    std::fs::remove_file(&file).expect("it was made above");
    let number = |word: &str| word.trim().strip_prefix("instruction ").and_then(|pc| pc.parse::<usize>().ok());
    let mut pieces = Pieces::new();
    for line in text.lines() {
        if let Some((at, goals)) = line.strip_prefix("; ").and_then(|line| line.split_once(" goes on at ")) {
            let at = number(at).unwrap_or_else(|| panic!("{name}: {line}"));
            pieces.insert(at, goals.split(", ").filter_map(number).collect());
        }
    }
    pieces
}

/// The pieces from an instruction on, in the form of the classic threaded code; none if one has not been reached.
fn threaded(program: &Program, start: usize, pieces: &Pieces) -> Option<Threaded> {
    let mut places = BTreeMap::from([(start, 0)]);
    let (mut steps, mut work) = (Vec::new(), vec![start]);
    // Each instruction has two steps: itself, and a jump to what follows.
    while let Some(pc) = work.pop() {
        let instr = program.code()[pc];
        let at = At { pc, instr };
        let goals = pieces.get(&pc)?;
        let mut place = |goal: usize| {
            let next = places.len() * 2;
            *places.entry(goal).or_insert_with(|| {
                work.push(goal);
                next
            })
        };
        let (step, next) = match (instr.op, goals.as_slice()) {
            (Op::Return, []) => (Step::Return(at), 0),
            (Op::Jump, &[goal]) => (Step::Jump(place(goal)), 0),
            // It goes on in the callee, which returns to what stands behind.
            (Op::Call, &[callee]) if callee == instr.operand as usize => (Step::Call(at), place(pc + 1)),
            // Both sides lead to the same.
            (Op::JumpIf, &[goal]) => (Step::Branch(at, place(goal)), place(goal)),
            (Op::JumpIf, &[one, other]) => {
                let taken = instr.operand as usize;
                let next = if one == taken { other } else { one };
                assert!([one, other].contains(&taken), "{at:?} goes on at {goals:?}");
                (Step::Branch(at, place(taken)), place(next))
            }
            (_, &[goal]) => (Step::Call(at), place(goal)),
            _ => panic!("{at:?} goes on at {goals:?}"),
        };
        steps.push((places[&pc], [step, Step::Jump(next)]));
    }
    steps.sort_by_key(|&(place, _)| place);
    Some(Threaded { steps: steps.into_iter().flat_map(|(_, steps)| steps).collect() })
}

/// Threaded code from an instruction on, if it is there.
fn from(code: &Threaded, start: usize) -> Option<Threaded> {
    let begins =
        |step: &Step| matches!(step, Step::Call(at) | Step::Branch(at, _) | Step::Return(at) if at.pc == start);
    let first = code.steps.iter().position(begins)?;
    let moved = |&step: &Step| match step {
        Step::Branch(at, to) => Step::Branch(at, to + 1),
        Step::Jump(to) => Step::Jump(to + 1),
        other => other,
    };
    Some(Threaded { steps: std::iter::once(Step::Jump(first + 1)).chain(code.steps.iter().map(moved)).collect() })
}

/// Compares all functions that a run comes to, from the first instruction on that has a piece: how many. (A main function is entered by the interpreter, so that tier 1 sees but its loops.)
fn compare(program: &Program, arguments: &[i64], name: &str) -> usize {
    let pieces = pieces(program, arguments, name);
    let ends = program.functions().iter().skip(1).map(|function| function.start).chain([program.code().len()]);
    let mut compared = 0;
    for (function, end) in program.functions().iter().zip(ends) {
        let Ok(classic) = classic::compile(program, function) else { continue };
        let starts = pieces.range(function.start..end).map(|(&pc, _)| pc);
        let first = starts.filter_map(|pc| Some((from(&classic, pc)?, threaded(program, pc, &pieces)?))).next();
        let Some((classic, ours)) = first else { continue };
        if let Err(difference) = equivalent(&classic, &ours) {
            panic!("{name}, {}: {difference}\n{classic}\n{ours}", function.name);
        }
        compared += 1;
    }
    compared
}

/// The literature's examples are among the programs.
#[test]
fn pieces_are_equivalent_to_the_classic_form() {
    let compared: BTreeSet<String> = programs()
        .into_iter()
        .filter(|(name, program, expected)| compare(program, &expected.arguments, name) > 0)
        .map(|(name, ..)| name)
        .collect();
    for name in ["countdown.tla", "fib.tla", "nested.tla", "sum.tla", "join.tla"] {
        assert!(compared.contains(name), "{name} is not among {compared:?}");
    }
}

#[test]
fn pieces_of_random_programs_are_equivalent_to_the_classic_form() {
    let compare = |seed| {
        let program = assemble(&random_program(seed)).expect("it is right");
        compare(&program, &[], &format!("seed-{seed}"))
    };
    let compared: usize = (1..=60).map(compare).sum();
    assert!(compared > 60, "{compared} functions have been compared");
}
