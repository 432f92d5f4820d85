//! From text to a program.
//!
//! A line holds an instruction, a label (`name:`), or the beginning of a function (`function NAME PARAMETER ...`); `#` begins a comment. `tla --help` lists the instructions.
//!
//! # What is checked
//! The interpreter trusts programs, so this is where mistakes are found. Reading ([`Reader`]) finds those of names and forms. Then all paths of each function are followed ([`depths`]), to find
//! how many words are in use before each instruction; on all paths to an instruction that must be the same number. So no operand is missing, no frame is too large, and no path leads out of a function.

use std::collections::HashMap;
use std::fmt;

use crate::program::{FRAME, Function, Instr, Op, Program};

/// A mistake in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for Mistake {}

fn mistake<T>(line: usize, message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake { line, message: message.into() })
}

/// The program that a text describes.
///
/// # Errors
/// The first mistake in it.
///
/// # Examples
/// ```
/// let program = tla::assembler::assemble("function main\n const 3\n return").unwrap();
/// assert_eq!(program.code().len(), 2);
/// let mistake = tla::assembler::assemble("function main\n const 3\n add\n return").unwrap_err();
/// assert_eq!(mistake.to_string(), "line 3: `add` takes 2 words, and 1 is on the stack; push more");
/// ```
pub fn assemble(text: &str) -> Result<Program, Mistake> {
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        reader.line = number + 1;
        let line = line.split_once('#').map_or(line, |(code, _)| code);
        reader.read(&line.split_whitespace().collect::<Vec<_>>())?;
    }
    reader.finish()
}

/// How an instruction is written.
const OPERATIONS: [(&str, Op); 17] = [
    ("const", Op::Const),
    ("dup", Op::Dup),
    ("pop", Op::Pop),
    ("load", Op::Load),
    ("store", Op::Store),
    ("add", Op::Add),
    ("sub", Op::Sub),
    ("mul", Op::Mul),
    ("div", Op::Div),
    ("rem", Op::Rem),
    ("lt", Op::Lt),
    ("eq", Op::Eq),
    ("jump", Op::Jump),
    ("jump_if", Op::JumpIf),
    ("call", Op::Call),
    ("return", Op::Return),
    ("print", Op::Print),
];

/// The name of an operation, as it is written.
pub(crate) fn name_of(op: Op) -> &'static str {
    OPERATIONS.iter().find(|(_, other)| *other == op).map_or("?", |(name, _)| name)
}

/// A place where a name stands for an instruction that may not have been read yet.
struct Use<'a> {
    pc: usize,
    name: &'a str,
}

/// What has been read so far.
#[derive(Default)]
struct Reader<'a> {
    line: usize,
    code: Vec<Instr>,
    lines: Vec<usize>,
    functions: Vec<Function>,
    calls: Vec<Use<'a>>,
    /// Of the current function: its parameters and locals, its labels, and its jumps.
    variables: Vec<&'a str>,
    labels: HashMap<&'a str, usize>,
    jumps: Vec<Use<'a>>,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, Mistake> {
        mistake(self.line, message)
    }

    fn read(&mut self, words: &[&'a str]) -> Result<(), Mistake> {
        match words {
            [] => Ok(()),
            ["function", name, parameters @ ..] => self.begin(name, parameters),
            ["function"] => self.wrong("a function needs a name: function NAME PARAMETER ..."),
            _ if self.functions.is_empty() => self.wrong("this is in no function; begin with `function main`"),
            [label] if label.ends_with(':') => match self.labels.insert(label.trim_end_matches(':'), self.code.len()) {
                None => Ok(()),
                Some(_) => self.wrong(format!("the label `{label}` is there twice; rename one")),
            },
            ["local", name] => self.local(name),
            [operation, operands @ ..] => self.instruction(operation, operands),
        }
    }

    fn begin(&mut self, name: &str, parameters: &[&'a str]) -> Result<(), Mistake> {
        self.end()?;
        if self.functions.iter().any(|function| function.name == name) {
            return self.wrong(format!("the function `{name}` is there twice; rename one"));
        }
        if parameters.len() >= FRAME {
            return self.wrong(format!("a function has at most {} parameters", FRAME - 1));
        }
        let function =
            Function { name: name.to_owned(), start: self.code.len(), parameters: parameters.len(), locals: 0 };
        self.functions.push(function);
        self.variables = parameters.to_vec();
        Ok(())
    }

    /// A local is the word that a constant at the function's beginning leaves on the stack.
    fn local(&mut self, name: &'a str) -> Result<(), Mistake> {
        let begun = self.functions.last().is_none_or(|function| self.code.len() > function.start + function.locals);
        if begun || !self.labels.is_empty() {
            return self.wrong(format!("`local {name}` must stand before all instructions and labels of its function"));
        }
        if self.variables.contains(&name) {
            return self.wrong(format!("`{name}` is there already; use another name"));
        }
        self.variables.push(name);
        if let Some(function) = self.functions.last_mut() {
            function.locals += 1;
        }
        self.push(Op::Const, 0);
        Ok(())
    }

    fn instruction(&mut self, name: &str, operands: &[&'a str]) -> Result<(), Mistake> {
        let Some(&(_, op)) = OPERATIONS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
            return self.wrong(format!("there is no instruction `{name}`; there are {}", known.join(", ")));
        };
        let pc = self.code.len();
        let operand = match (op, operands) {
            (Op::Const, [number]) => match number.parse() {
                Ok(number) => number,
                Err(_) => return self.wrong(format!("`{number}` is not a number of 64 bits")),
            },
            (Op::Load | Op::Store, [name]) => match self.variables.iter().position(|known| known == name) {
                Some(word) => word as i64,
                None => return self.wrong(format!("`{name}` is no parameter and no local; declare it: local {name}")),
            },
            (Op::Jump | Op::JumpIf, [name]) => {
                self.jumps.push(Use { pc, name });
                0
            }
            (Op::Call, [name]) => {
                self.calls.push(Use { pc, name });
                0
            }
            (Op::Const | Op::Load | Op::Store | Op::Jump | Op::JumpIf | Op::Call, _) => {
                return self.wrong(format!("`{name}` takes one operand, not {}", operands.len()));
            }
            (_, []) => 0,
            _ => return self.wrong(format!("`{name}` takes no operand; what it works on is on the stack")),
        };
        self.push(op, operand);
        Ok(())
    }

    fn push(&mut self, op: Op, operand: i64) {
        self.code.push(Instr { op, depth: 0, parameters: 0, operand });
        self.lines.push(self.line);
    }

    /// Ends the current function: all of its labels are known.
    fn end(&mut self) -> Result<(), Mistake> {
        for Use { pc, name } in std::mem::take(&mut self.jumps) {
            match self.labels.get(name) {
                Some(&target) if target < self.code.len() => self.code[pc].operand = target as i64,
                Some(_) => {
                    return mistake(self.lines[pc], format!("nothing follows the label `{name}:`; add a `return`"));
                }
                None => {
                    let message = format!("there is no label `{name}` in this function; add a line `{name}:`");
                    return mistake(self.lines[pc], message);
                }
            }
        }
        self.labels.clear();
        match self.functions.last() {
            Some(function) if function.start == self.code.len() => {
                self.wrong(format!("`{}` has no instructions; it needs a `return` at least", function.name))
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Program, Mistake> {
        self.end()?;
        for Use { pc, name } in &self.calls {
            let Some(function) = self.functions.iter().find(|function| function.name == *name) else {
                return mistake(self.lines[*pc], format!("there is no function `{name}`"));
            };
            self.code[*pc].operand = function.start as i64;
            self.code[*pc].parameters = function.parameters as u16;
        }
        let Some(main) = self.functions.iter().position(|function| function.name == "main") else {
            return self.wrong("there is no function `main`, with which programs begin");
        };
        let mut program = Program { code: self.code, lines: self.lines, functions: self.functions, main };
        depths(&mut program)?;
        Ok(program)
    }
}

/// How many words an instruction takes from the stack, and how many it leaves there instead.
fn effect(i: Instr) -> (usize, usize) {
    match i.op {
        Op::Const | Op::Load => (0, 1),
        Op::Dup => (1, 2),
        Op::Pop | Op::Store | Op::JumpIf | Op::Print | Op::Return => (1, 0),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Rem | Op::Lt | Op::Eq => (2, 1),
        Op::Jump => (0, 0),
        Op::Call => (i.parameters as usize, 1),
    }
}

/// Follows all paths, and notes the depth of each instruction.
fn depths(program: &mut Program) -> Result<(), Mistake> {
    let mut found: Vec<Option<usize>> = vec![None; program.code.len()];
    for (number, function) in program.functions.iter().enumerate() {
        let end = program.functions.get(number + 1).map_or(program.code.len(), |next| next.start);
        let variables = function.parameters + function.locals;
        let mut paths = vec![(function.start, function.parameters)];
        while let Some((pc, depth)) = paths.pop() {
            let (i, line) = (program.code[pc], program.lines[pc]);
            match found[pc] {
                Some(known) if known == depth => continue,
                Some(known) => {
                    let message = format!(
                        "`{}` is reached with {known} words in use on one path and {depth} on another; make them agree",
                        name_of(i.op)
                    );
                    return mistake(line, message);
                }
                None => found[pc] = Some(depth),
            }
            // Only words above parameters and locals are operands.
            let operands = depth.saturating_sub(variables);
            let (takes, leaves) = effect(i);
            if operands < takes {
                let (name, words) = (name_of(i.op), if takes == 1 { "word" } else { "words" });
                let are = if operands == 1 { "is" } else { "are" };
                return mistake(
                    line,
                    format!("`{name}` takes {takes} {words}, and {operands} {are} on the stack; push more"),
                );
            }
            let after = depth - takes + leaves;
            if after > FRAME {
                return mistake(line, format!("a function may use {FRAME} words at most; split it"));
            }
            if matches!(i.op, Op::Jump | Op::JumpIf) {
                paths.push((i.operand as usize, after));
            }
            if !matches!(i.op, Op::Jump | Op::Return) {
                if pc + 1 == end {
                    let message = format!("`{}` goes on behind its end; it needs a `return` here", function.name);
                    return mistake(line, message);
                }
                paths.push((pc + 1, after));
            }
        }
    }
    for (pc, depth) in found.into_iter().enumerate() {
        let Some(depth) = depth else {
            return mistake(program.lines[pc], "no path leads here; remove it");
        };
        program.code[pc].depth = depth as u16;
    }
    Ok(())
}
