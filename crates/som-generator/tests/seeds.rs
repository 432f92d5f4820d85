//! Some hundred programs from fixed seeds: they must behave alike in all forms, and be worth running.

use std::path::PathBuf;

use som_generator::{Ending, Form, check_forms, generate, generate_without, minimise, run};

const SIZE: usize = 2;

fn directory(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("som-generator-{test}-{}", std::process::id()))
}

#[test]
fn forms_behave_alike() {
    let directory = directory("forms");
    for seed in 0..200 {
        if let Err(failure) = check_forms(&generate(seed, SIZE), &directory) {
            panic!("seed {seed}, size {SIZE}: {failure}");
        }
    }
    std::fs::remove_dir_all(&directory).expect("the directory was made above");
}

/// A generator whose programs mostly fail early would find nothing.
#[test]
fn most_units_get_to_their_end() {
    let directory = directory("ends");
    let (mut ended, mut failed, mut exhausted, mut printed) = (0, 0, 0, 0);
    for seed in 1000..1060 {
        let runs = run(&generate(seed, SIZE), Form::InPlace, &directory).expect("programs are well-formed");
        for unit in runs {
            printed += unit.output.lines().count();
            match unit.ending {
                Ending::Value(_) => ended += 1,
                Ending::Exhausted => exhausted += 1,
                Ending::Error(_) | Ending::Exit(_) => failed += 1,
            }
        }
    }
    std::fs::remove_dir_all(&directory).expect("the directory was made above");
    let units = ended + failed + exhausted;
    assert!(ended * 10 > units * 6, "of {units} units {ended} ended well, {failed} failed, {exhausted} were exhausted");
    assert!(printed > units * 3, "{units} units printed {printed} lines");
    assert!(failed > 0 && exhausted > 0, "errors are part of what is tested");
}

#[test]
fn the_same_seed_gives_the_same_program() {
    let twice = [(); 2].map(|()| generate(42, SIZE).sources(Form::InPlace));
    assert_eq!(twice[0], twice[1]);
}

/// Minimising depends on it.
#[test]
fn programs_without_some_parts_are_well_formed() {
    let directory = directory("parts");
    for seed in 2000..2030 {
        let parts = generate(seed, SIZE).parts;
        for every in [2, 3, 7] {
            let program = generate_without(seed, SIZE, &(0..parts).step_by(every).collect());
            run(&program, Form::InPlace, &directory).expect("programs are well-formed without any of their parts");
        }
    }
    std::fs::remove_dir_all(&directory).expect("the directory was made above");
}

#[test]
fn minimising_keeps_what_matters() {
    let out = minimise(100, |out| !out.contains(&17) && !out.contains(&80));
    assert_eq!(out.len(), 98);
}
