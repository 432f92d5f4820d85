//! Random programs: functions with branches, loops that end, and calls of functions that come later. Divisors may be 0.

use std::fmt::Write;

/// Random numbers (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Variables that hold numbers; each function has two parameters and two locals. Loops count in others.
const VARIABLES: [&str; 4] = ["a", "b", "c", "d"];
const COUNTERS: [&str; 2] = ["i", "j"];
const FUNCTIONS: usize = 4;

struct Writer {
    random: Random,
    text: String,
    labels: usize,
    /// How many statements the function may still have.
    budget: usize,
    function: usize,
    loops: usize,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn label(&mut self) -> usize {
        self.labels += 1;
        self.labels
    }

    fn variable(&mut self) -> &'static str {
        VARIABLES[self.random.below(VARIABLES.len())]
    }

    /// Pushes a number.
    fn expression(&mut self, depth: usize) {
        match self.random.below(if depth < 3 { 9 } else { 4 }) {
            0 => {
                let number = self.random.below(9);
                self.line(&format!("const {}", number as i64 - 3));
            }
            1..4 => {
                let name = self.variable();
                self.line(&format!("load {name}"));
            }
            // No more calls within loops within loops, or they take for ever.
            4 if self.function + 1 < FUNCTIONS && self.loops < 2 => {
                self.expression(depth + 1);
                self.expression(depth + 1);
                let callee = self.function + 1 + self.random.below(FUNCTIONS - self.function - 1);
                self.line(&format!("call f{callee}"));
            }
            5 => {
                self.expression(depth + 1);
                self.line("dup");
                self.line("add");
            }
            _ => {
                self.expression(depth + 1);
                self.expression(depth + 1);
                let operations = ["add", "sub", "mul", "lt", "eq", "add", "sub", "rem", "div"];
                let operation = operations[self.random.below(operations.len())];
                // Divisors are rarely 0.
                if matches!(operation, "rem" | "div") && self.random.below(8) > 0 {
                    self.line("dup\nmul\nconst 3\nadd");
                }
                self.line(operation);
            }
        }
    }

    fn block(&mut self, depth: usize) {
        for _ in 0..=self.random.below(3) {
            if self.budget > 0 {
                self.budget -= 1;
                self.statement(depth);
            }
        }
    }

    fn statement(&mut self, depth: usize) {
        let (start, other, end) = (self.label(), self.label(), self.label());
        match self.random.below(if depth < 3 { 9 } else { 4 }) {
            0..3 => {
                self.expression(0);
                let name = self.variable();
                self.line(&format!("store {name}"));
            }
            3 => {
                self.expression(1);
                self.line("print");
            }
            4 | 5 => {
                self.expression(1);
                self.line(&format!("jump_if l{other}"));
                self.block(depth + 1);
                self.line(&format!("jump l{end}\nl{other}:"));
                self.block(depth + 1);
                self.line(&format!("l{end}:"));
            }
            6 => {
                // An exit in the middle of a function.
                self.expression(1);
                self.line(&format!("const 2\nlt\njump_if l{end}"));
                self.expression(1);
                self.line(&format!("return\nl{end}:"));
            }
            _ if self.loops < COUNTERS.len() => {
                let counter = COUNTERS[self.loops];
                self.loops += 1;
                let rounds = 1 + self.random.below(6);
                self.line(&format!("const {rounds}\nstore {counter}"));
                let rotated = self.random.below(2) == 0;
                if rotated {
                    self.line(&format!("jump l{other}"));
                }
                self.line(&format!("l{start}:"));
                if !rotated {
                    self.line(&format!("load {counter}\nconst 1\nlt\njump_if l{end}"));
                }
                self.block(depth + 1);
                self.line(&format!("load {counter}\nconst 1\nsub\nstore {counter}"));
                if rotated {
                    self.line(&format!("l{other}:\nload {counter}\njump_if l{start}"));
                } else {
                    self.line(&format!("jump l{start}\nl{end}:"));
                }
                self.loops -= 1;
            }
            _ => self.line("const 7\nprint"),
        }
    }
}

/// A program, which may end in an error.
pub fn random_program(seed: u64) -> String {
    let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut writer = Writer { random, text: String::new(), labels: 0, budget: 0, function: 0, loops: 0 };
    // The first is called again and again.
    writer.line(
        "function main\nlocal i\nagain:\nload i\nconst 3\ncall f0\nprint\nload i\nconst 1\nadd\ndup\nstore i\n\
         const 20\nlt\njump_if again\nconst 0\nreturn",
    );
    for function in 0..FUNCTIONS {
        (writer.function, writer.budget) = (function, 8);
        let _ = writeln!(writer.text, "function f{function} a b\nlocal c\nlocal d\nlocal i\nlocal j");
        writer.block(0);
        writer.block(1);
        writer.expression(0);
        writer.line("return");
    }
    writer.text
}
