//! Whether `docs/tutorial.md` is true: its code is that of the crate, and commands print what it says.
//!
//! A block of Rust is found, as it stands, in the file that the text last named by a link. A block that begins with `$ ` is a command, and lines that it prints, in their order;
//! numbers of values don't matter, and `...` stands for anything.

use std::path::Path;
use std::process::Command;

/// A block of the tutorial.
struct Block {
    line: usize,
    language: String,
    /// The file that was named before it.
    file: String,
    text: String,
}

fn blocks(tutorial: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut file = String::new();
    let mut lines = tutorial.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        for link in line.split("](../crates/tla/src/").skip(1) {
            file = link.split(')').next().unwrap_or_default().to_owned();
        }
        if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let text = text.map(|line| format!("{line}\n")).collect();
            blocks.push(Block { line: number + 1, language: language.to_owned(), file: file.clone(), text });
        }
    }
    blocks
}

/// What a command prints, to standard output and standard error.
fn output_of(command: &str) -> String {
    let mut words = command.split_whitespace().peekable();
    let mut program = Command::new(env!("CARGO_BIN_EXE_tla"));
    program.env_remove("TAILOR_LOG").env_remove("TAILOR_EXEC");
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        program.env(name, value);
        words.next();
    }
    assert_eq!(words.next(), Some("tla"), "{command}");
    program.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")).args(words);
    let output = program.output().expect("it can be run");
    [output.stdout, output.stderr].iter().map(|bytes| String::from_utf8_lossy(bytes)).collect()
}

/// A line without the numbers of values.
fn masked(line: &str) -> String {
    let mut text = String::new();
    for (number, piece) in line.split('%').enumerate() {
        if number > 0 {
            text.push('%');
        }
        text.push_str(if number > 0 { piece.trim_start_matches(|c: char| c.is_ascii_digit()) } else { piece });
    }
    text
}

/// Whether a line is as expected; `...` stands for anything.
fn matches(line: &str, expected: &str) -> bool {
    let (line, expected) = (masked(line), masked(expected));
    match expected.split_once("...") {
        Some((start, end)) => line.starts_with(start) && line.ends_with(end),
        None => line == expected,
    }
}

#[test]
fn the_tutorial_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tutorial = std::fs::read_to_string(root.join("../../docs/tutorial.md")).expect("it is there");
    let (mut code, mut commands) = (0, 0);
    for Block { line, language, file, text } in blocks(&tutorial) {
        match language.as_str() {
            "rust" => {
                let source = std::fs::read_to_string(root.join("src").join(&file)).expect("it is there");
                assert!(source.contains(&text), "docs/tutorial.md, line {line}: this is not in {file}:\n{text}");
                code += 1;
            }
            "text" => {
                let (command, expected) = text.split_once('\n').expect("a command and what it prints");
                let output = output_of(command.strip_prefix("$ ").expect("a command"));
                let mut printed = output.lines();
                for expected in expected.lines() {
                    assert!(
                        expected == "..." || printed.any(|line| matches(line, expected)),
                        "docs/tutorial.md, line {line}: {command} does not print\n{expected}\nbut\n{output}"
                    );
                }
                commands += 1;
            }
            _ => panic!("docs/tutorial.md, line {line}: is this code, or a command?"),
        }
    }
    assert!(code > 8 && commands > 4, "{code} blocks of code, {commands} commands");
}

/// The program that the tutorial begins with is the one that it runs.
#[test]
fn its_first_program_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("it is there");
    let (tutorial, program) = (read("../../docs/tutorial.md"), read("programs/sum.tla"));
    let (_, program) = program.split_once("\n\n").expect("a head comment, and the program");
    let shown: String = program.lines().map(|line| format!("    {line}\n")).collect();
    assert!(tutorial.contains(&shown), "docs/tutorial.md shows another program than\n{program}");
}
