//! Programs as trees, and how to make them up.
//!
//! All variables are `i64`, `f64` or `Option<i64>`. An operation on another integer type converts its operands to that type and its result back. Loops count
//! down, so that every program ends.

use crate::tape::{Arithmetic, Compare, IntType, Overflow};

/// Words of memory that a program may use.
pub const MEMORY: usize = 16;
/// Variables of each type that a function has; the first `i64`s are its parameters.
pub const VARIABLES: usize = 4;
/// Integer parameters of a function.
pub const PARAMETERS: usize = 3;

/// An `i64`.
#[derive(Clone, Debug)]
pub enum Int {
    Constant(i64),
    Variable(usize),
    Arithmetic(Arithmetic, IntType, Overflow, Box<Int>, Box<Int>),
    Negate(IntType, Overflow, Box<Int>),
    Compare(Compare, IntType, Box<Int>, Box<Int>),
    CompareFloats(Compare, Box<Float>, Box<Float>),
    /// The number of the memory word is taken modulo its size.
    Load(Box<Int>),
    FromFloat(IntType, Box<Float>),
    UnwrapOr(Box<Opt>, Box<Int>),
    If(Box<Int>, Box<Int>, Box<Int>),
    /// Calls an earlier function.
    Call(usize, Vec<Int>),
    /// Calls the residual function, which notes its argument and returns it plus one.
    Note(Box<Int>),
}

/// An `f64`.
#[derive(Clone, Debug)]
pub enum Float {
    Constant(f64),
    Variable(usize),
    Add(Box<Float>, Box<Float>),
    Mul(Box<Float>, Box<Float>),
    FromInt(IntType, Box<Int>),
}

/// An `Option<i64>`.
#[derive(Clone, Debug)]
pub enum Opt {
    None,
    Some(Box<Int>),
    Variable(usize),
    Checked(Arithmetic, IntType, Box<Int>, Box<Int>),
    If(Box<Int>, Box<Opt>, Box<Opt>),
    /// `opt.map(|x| { variable = x; ... })`
    Map(Box<Opt>, usize, Box<Int>),
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    SetInt(usize, Int),
    SetFloat(usize, Float),
    SetOpt(usize, Opt),
    Store(Int, Int),
    If(Int, Vec<Statement>, Vec<Statement>),
    /// `if let Some(x) = ... { variable = x; ... } else { ... }`
    IfLet(usize, Opt, Vec<Statement>, Vec<Statement>),
    Switch(Int, Vec<(Vec<i64>, Vec<Statement>)>, Vec<Statement>),
    /// Runs its body at most so often.
    Loop(u8, Vec<Statement>),
    /// Of the loop so many levels out.
    Break(usize),
    Continue(usize),
    Return(Int),
    Panic(&'static str),
}

/// Functions; each may call those before it.
#[derive(Clone, Debug)]
pub struct Program {
    pub functions: Vec<(Vec<Statement>, Int)>,
}

/// A source of random numbers: SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Small numbers, and those around the bounds of types.
    pub fn interesting(&mut self) -> u64 {
        let ty = self.int_type();
        match self.below(4) {
            0 => self.next() % 8,
            1 => ty.max().wrapping_add(self.next() % 3).wrapping_sub(1),
            2 => ty.min().wrapping_add(self.next() % 3).wrapping_sub(1),
            _ => self.next() >> (self.next() % 64),
        }
    }

    fn int_type(&mut self) -> IntType {
        IntType { bits: self.pick(&[8, 16, 32, 64, 64, 64]), signed: self.below(3) > 0 }
    }

    fn overflow(&mut self) -> Overflow {
        if self.below(4) == 0 { Overflow::Panic } else { Overflow::Wrap }
    }
}

impl Program {
    pub fn random(random: &mut Random) -> Program {
        let functions = (0..1 + random.below(3)).map(|callable| {
            let mut maker = Maker { random, callable, loops: 0 };
            (maker.block(3), maker.int(3))
        });
        Program { functions: functions.collect() }
    }
}

/// Makes up a function.
struct Maker<'a> {
    random: &'a mut Random,
    /// How many functions it may call.
    callable: usize,
    /// Loops around the current place.
    loops: usize,
}

const OPERATIONS: [Arithmetic; 10] = [
    Arithmetic::Add,
    Arithmetic::Sub,
    Arithmetic::Mul,
    Arithmetic::Div,
    Arithmetic::Rem,
    Arithmetic::And,
    Arithmetic::Or,
    Arithmetic::Xor,
    Arithmetic::Shl,
    Arithmetic::Shr,
];
const COMPARISONS: [Compare; 6] = [Compare::Eq, Compare::Ne, Compare::Lt, Compare::Le, Compare::Gt, Compare::Ge];

impl Maker<'_> {
    fn boxed(&mut self, depth: usize) -> Box<Int> {
        Box::new(self.int(depth))
    }

    fn int(&mut self, depth: usize) -> Int {
        if depth == 0 || self.random.below(6) == 0 {
            return match self.random.below(3) {
                0 => Int::Constant(self.random.interesting() as i64),
                _ => Int::Variable(self.random.below(VARIABLES)),
            };
        }
        let depth = depth - 1;
        let ty = self.random.int_type();
        match self.random.below(16) {
            0..5 => {
                let (op, overflow) = (self.random.pick(&OPERATIONS), self.random.overflow());
                Int::Arithmetic(op, ty, overflow, self.boxed(depth), self.boxed(depth))
            }
            5 => Int::Negate(ty, self.random.overflow(), self.boxed(depth)),
            6 | 7 => Int::Compare(self.random.pick(&COMPARISONS), ty, self.boxed(depth), self.boxed(depth)),
            8 => {
                let (a, b) = (self.float(depth), self.float(depth));
                Int::CompareFloats(self.random.pick(&COMPARISONS), Box::new(a), Box::new(b))
            }
            9 => Int::Load(self.boxed(depth)),
            10 => Int::FromFloat(ty, Box::new(self.float(depth))),
            11 | 12 => Int::UnwrapOr(Box::new(self.opt(depth)), self.boxed(depth)),
            13 => Int::If(self.boxed(depth), self.boxed(depth), self.boxed(depth)),
            14 if self.callable > 0 => {
                let function = self.random.below(self.callable);
                Int::Call(function, (0..PARAMETERS).map(|_| self.int(depth)).collect())
            }
            _ => Int::Note(self.boxed(depth)),
        }
    }

    fn float(&mut self, depth: usize) -> Float {
        if depth == 0 || self.random.below(4) == 0 {
            return match self.random.below(3) {
                0 => Float::Constant(self.random.pick(&[0.0, -0.0, 0.5, 1e18, 1.8e19, -3.7, f64::INFINITY, f64::NAN])),
                _ => Float::Variable(self.random.below(VARIABLES)),
            };
        }
        let depth = depth - 1;
        match self.random.below(3) {
            0 => Float::Add(Box::new(self.float(depth)), Box::new(self.float(depth))),
            1 => Float::Mul(Box::new(self.float(depth)), Box::new(self.float(depth))),
            _ => Float::FromInt(self.random.int_type(), self.boxed(depth)),
        }
    }

    fn opt(&mut self, depth: usize) -> Opt {
        match if depth == 0 { self.random.below(6) } else { self.random.below(10) } {
            0 => Opt::None,
            1 => Opt::Some(self.boxed(depth)),
            2 | 3 => Opt::Variable(self.random.below(VARIABLES)),
            6 | 7 => {
                let (then, otherwise) = (self.opt(depth - 1), self.opt(depth - 1));
                Opt::If(self.boxed(depth - 1), Box::new(then), Box::new(otherwise))
            }
            8 | 9 => {
                let opt = self.opt(depth - 1);
                Opt::Map(Box::new(opt), self.random.below(VARIABLES), self.boxed(depth - 1))
            }
            _ => {
                let op = self.random.pick(&[Arithmetic::Add, Arithmetic::Sub, Arithmetic::Mul, Arithmetic::Shl]);
                Opt::Checked(op, self.random.int_type(), self.boxed(depth), self.boxed(depth))
            }
        }
    }

    fn block(&mut self, depth: usize) -> Vec<Statement> {
        (0..1 + self.random.below(4)).map(|_| self.statement(depth)).collect()
    }

    fn statement(&mut self, depth: usize) -> Statement {
        let variable = self.random.below(VARIABLES);
        let choice = if depth == 0 { self.random.below(12) } else { self.random.below(20) };
        match choice {
            0..6 => Statement::SetInt(variable, self.int(2)),
            6 => Statement::SetFloat(variable, self.float(2)),
            7 => Statement::SetOpt(variable, self.opt(2)),
            8 | 9 => Statement::Store(self.int(1), self.int(2)),
            10 if self.loops > 0 && self.random.below(2) == 0 => Statement::Break(self.random.below(self.loops)),
            10 if self.loops > 0 => Statement::Continue(self.random.below(self.loops)),
            11 if self.random.below(8) == 0 => Statement::Return(self.int(2)),
            11 if self.random.below(8) == 0 => Statement::Panic("on purpose"),
            10 | 11 => Statement::SetInt(variable, Int::Variable(self.random.below(VARIABLES))),
            12 | 13 => Statement::If(self.int(2), self.block(depth - 1), self.block(depth - 1)),
            14 | 15 => Statement::IfLet(variable, self.opt(2), self.block(depth - 1), self.block(depth - 1)),
            16 => {
                let cases = (0..1 + self.random.below(3)).map(|_| {
                    let values = (0..1 + self.random.below(2)).map(|_| self.random.below(5) as i64 - 1).collect();
                    (values, self.block(depth - 1))
                });
                let cases = cases.collect();
                Statement::Switch(self.int(1), cases, self.block(depth - 1))
            }
            _ => {
                self.loops += 1;
                let body = self.block(depth - 1);
                self.loops -= 1;
                Statement::Loop(self.random.below(4) as u8, body)
            }
        }
    }
}
