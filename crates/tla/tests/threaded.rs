//! Threaded code in the literature's form and in ours: that both do the same, as each other and as the interpreter.

mod common;

use common::random::random_program;
use common::{Expected, kept, programs, run};
use tla::assembler::assemble;
use tla::classic::{self, traverse};
use tla::machine::{Reading, RunError};
use tla::program::{Function, Program};
use tla::threaded::{Step, Threaded, equivalent, evaluate, walk};

fn classic(program: &Program, function: &Function) -> Threaded {
    classic::compile(program, function).expect("the programs here have few paths")
}

/// What a program prints if its functions are compiled so.
fn outcome(program: &Program, arguments: &[i64], compile: impl Fn(&Function) -> Threaded) -> String {
    kept(|to| evaluate(program, arguments, compile, to))
}

/// The examples of the papers, and others.
#[test]
fn both_forms_are_equivalent() {
    let (mut once, mut again) = (0, 0);
    for (name, program, Expected { arguments, outcome: expected }) in programs() {
        for function in program.functions() {
            let (classic, direct) = (classic(&program, function), walk(&program, function));
            if let Err(difference) = equivalent(&classic, &direct) {
                panic!("{name}, {}: {difference}\n{classic}\n{direct}", function.name);
            }
            assert!(direct.steps.len() <= classic.steps.len(), "{name}, {}", function.name);
            (once, again) = (once + direct.steps.len(), again + classic.steps.len());
        }
        assert_eq!(outcome(&program, &arguments, |function| classic(&program, function)), expected, "{name}");
        assert_eq!(outcome(&program, &arguments, |function| walk(&program, function)), expected, "{name}");
    }
    assert!(once < again, "joins are there more than once in the classic form: {again} steps, and {once} in ours");
}

/// Without joins the two are the same but for their order.
#[test]
fn trees_are_not_larger() {
    let (_, program, _) = programs().into_iter().find(|(name, ..)| name == "fib.tla").expect("it is there");
    for function in program.functions() {
        assert_eq!(classic(&program, function).steps.len(), walk(&program, function).steps.len());
    }
}

const LOOP: &str = "\
function main n
again:
    load n
    print
    load n
    const 1
    sub
    dup
    store n
    jump_if again
    load n
    return";

#[test]
fn a_trace_is_cut_at_the_end_of_each_path() {
    let program = assemble(LOOP).expect("it is right");
    let trace = traverse(&program, program.main()).expect("it is short");
    let expected = "\
label 0:
  call load(depth 1, 0)
  call print(depth 2)
  call load(depth 1, 0)
  call const(depth 2, 1)
  call sub(depth 3)
  call dup(depth 2)
  call store(depth 3, 0)
  guard_false jump_if(depth 2)
  call load(depth 1, 0)
  cut_here return(depth 2), go on at 0
  cut_here jump 0
";
    assert_eq!(trace.to_string(), expected);
    let expected = "
   0: call load(depth 1, 0)
   1: call print(depth 2)
   2: call load(depth 1, 0)
   3: call const(depth 2, 1)
   4: call sub(depth 3)
   5: call dup(depth 2)
   6: call store(depth 3, 0)
   7: if jump_if(depth 2) goto 10
   8: call load(depth 1, 0)
   9: return(depth 2)
  10: goto 0
";
    assert_eq!(format!("\n{}", classic::stitch(&trace)), expected);
}

/// Branches in a row: the classic form has what is behind them once for each way to get there, and gives up at last.
#[test]
fn branches_in_a_row_double_the_classic_form() {
    let program = |branches: usize| {
        let branch = |number| format!("load n\njump_if skip{number}\nconst {number}\nprint\nskip{number}:\n");
        let body: String = (0..branches).map(branch).collect();
        assemble(&format!("function main n\n{body}const 0\nreturn")).expect("it is right")
    };
    let steps = |branches| {
        let program = program(branches);
        let (classic, direct) = (classic(&program, program.main()), walk(&program, program.main()));
        equivalent(&classic, &direct).expect("joins do not matter");
        (classic.steps.len(), direct.steps.len())
    };
    let ((few, few_direct), (more, more_direct)) = (steps(4), steps(8));
    assert!(more > 10 * few && more_direct <= 2 * few_direct, "{few} and {more}, {few_direct} and {more_direct}");
    let many = program(20);
    let error = classic::compile(&many, many.main()).expect_err("a million paths");
    assert!(error.to_string().contains("`main` has more than 10000 steps"), "{error}");
    assert!(walk(&many, many.main()).steps.len() < 120);
}

/// Mistakes in threaded code are found: each step that is left out or goes elsewhere makes a difference.
#[test]
fn differences_are_found() {
    for (name, program, _) in programs() {
        for function in program.functions() {
            let right = walk(&program, function);
            for place in 0..right.steps.len() {
                let mut wrong = right.clone();
                wrong.steps[place] = match wrong.steps[place] {
                    Step::Call(at) | Step::Branch(at, _) => Step::Return(at),
                    Step::Return(at) => Step::Call(at),
                    // To a place that does something else.
                    Step::Jump(to) => Step::Jump(to + 1),
                };
                if matches!(wrong.steps[place], Step::Call(_)) {
                    wrong.steps.push(Step::Jump(0));
                }
                assert!(equivalent(&wrong, &right).is_err(), "{name}, {}, {place}:\n{right}", function.name);
            }
        }
    }
}

#[test]
fn errors_are_the_same() {
    let program = assemble("function main\n const 1\n const 0\n div\n return").expect("it is right");
    let error = evaluate(&program, &[], |function| walk(&program, function), Box::new(std::io::sink()));
    assert!(matches!(error, Err(RunError::Stopped(_, 4))));
    let interpreted = run(&program, &[], Reading::Native, "off").0;
    assert_eq!(outcome(&program, &[], |function| classic(&program, function)), interpreted);
}

#[test]
fn random_programs() {
    let mut skipped = 0;
    for seed in 1..=200 {
        let text = random_program(seed);
        let program = assemble(&text).unwrap_or_else(|mistake| panic!("seed {seed}: {mistake}\n{text}"));
        let expected = run(&program, &[], Reading::Native, "off").0;
        let forms: Result<Vec<Threaded>, _> =
            program.functions().iter().map(|function| classic::compile(&program, function)).collect();
        let direct = |function: &Function| walk(&program, function);
        assert_eq!(outcome(&program, &[], direct), expected, "seed {seed}\n{text}");
        // Some have too many paths.
        let Ok(forms) = forms else {
            skipped += 1;
            continue;
        };
        for (function, form) in program.functions().iter().zip(&forms) {
            assert_eq!(equivalent(form, &direct(function)), Ok(()), "seed {seed}\n{text}");
        }
        assert_eq!(outcome(&program, &[], |function| classic(&program, function)), expected, "seed {seed}\n{text}");
    }
    assert!(skipped < 50, "{skipped} of the programs have too many paths");
}
