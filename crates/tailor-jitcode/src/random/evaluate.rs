//! Trees, evaluated directly. Arithmetic is done in 128 bits, which hold every exact result; whether it fits a type is then a comparison.

use super::Behaviour;
use super::tree::{Float, Int, MEMORY, Opt, Program, Statement, VARIABLES};
use crate::tape::{Arithmetic, Compare, IntType, Overflow};

/// What the program's last function does.
pub fn program(program: &Program, arguments: &[u64]) -> Behaviour {
    let mut world = World { program, memory: vec![0; MEMORY], log: Vec::new() };
    let arguments: Vec<i64> = arguments.iter().map(|&word| word as i64).collect();
    let result = world.call(program.functions.len() - 1, &arguments).map(|word| vec![word as u64]);
    Behaviour { result, memory: world.memory, log: world.log }
}

/// What functions share.
struct World<'a> {
    program: &'a Program,
    memory: Vec<u64>,
    log: Vec<u64>,
}

/// Why a statement is not followed by the next one.
enum Leave {
    Break(usize),
    Continue(usize),
    Return(i64),
    Panic(String),
}

impl From<String> for Leave {
    fn from(message: String) -> Leave {
        Leave::Panic(message)
    }
}

/// The variables of an activation.
struct Variables {
    ints: [i64; VARIABLES],
    floats: [f64; VARIABLES],
    opts: [Option<i64>; VARIABLES],
}

impl World<'_> {
    fn call(&mut self, function: usize, arguments: &[i64]) -> Result<i64, String> {
        let mut variables = Variables { ints: [0; VARIABLES], floats: [0.0; VARIABLES], opts: [None; VARIABLES] };
        variables.ints[..arguments.len()].copy_from_slice(arguments);
        let (body, result) = &self.program.functions[function];
        match self.block(body, &mut variables) {
            Ok(()) => self.int(result, &mut variables),
            Err(Leave::Return(value)) => Ok(value),
            Err(Leave::Panic(message)) => Err(message),
            Err(Leave::Break(_) | Leave::Continue(_)) => unreachable!("loops catch these"),
        }
    }

    fn block(&mut self, block: &[Statement], variables: &mut Variables) -> Result<(), Leave> {
        block.iter().try_for_each(|statement| self.statement(statement, variables))
    }

    fn statement(&mut self, statement: &Statement, variables: &mut Variables) -> Result<(), Leave> {
        match statement {
            Statement::SetInt(to, value) => variables.ints[*to] = self.int(value, variables)?,
            Statement::SetFloat(to, value) => variables.floats[*to] = self.float(value, variables)?,
            Statement::SetOpt(to, value) => variables.opts[*to] = self.opt(value, variables)?,
            Statement::Store(at, value) => {
                let at = self.int(at, variables)?;
                let value = self.int(value, variables)?;
                self.memory[at as usize % MEMORY] = value as u64;
            }
            Statement::If(condition, then, otherwise) => {
                let taken = if self.int(condition, variables)? != 0 { then } else { otherwise };
                self.block(taken, variables)?;
            }
            Statement::IfLet(to, opt, then, otherwise) => match self.opt(opt, variables)? {
                Some(value) => {
                    variables.ints[*to] = value;
                    self.block(then, variables)?;
                }
                None => self.block(otherwise, variables)?,
            },
            Statement::Switch(value, cases, default) => {
                let value = self.int(value, variables)?;
                let case = cases.iter().find(|(values, _)| values.contains(&value));
                self.block(case.map_or(default, |(_, body)| body), variables)?;
            }
            Statement::Loop(count, body) => {
                for _ in 0..*count {
                    match self.block(body, variables) {
                        Err(Leave::Break(0)) => break,
                        Ok(()) | Err(Leave::Continue(0)) => {}
                        Err(Leave::Break(level)) => return Err(Leave::Break(level - 1)),
                        Err(Leave::Continue(level)) => return Err(Leave::Continue(level - 1)),
                        Err(leave) => return Err(leave),
                    }
                }
            }
            Statement::Break(level) => return Err(Leave::Break(*level)),
            Statement::Continue(level) => return Err(Leave::Continue(*level)),
            Statement::Return(value) => return Err(Leave::Return(self.int(value, variables)?)),
            Statement::Panic(message) => return Err(Leave::Panic((*message).to_owned())),
        }
        Ok(())
    }

    fn int(&mut self, int: &Int, variables: &mut Variables) -> Result<i64, String> {
        Ok(match int {
            Int::Constant(value) => *value,
            Int::Variable(variable) => variables.ints[*variable],
            Int::Arithmetic(op, ty, overflow, a, b) => {
                let (a, b) = (self.int(a, variables)?, self.int(b, variables)?);
                arithmetic(*op, *ty, a, b, *overflow)?
            }
            Int::Negate(ty, overflow, a) => {
                let exact = -convert(*ty, self.int(a, variables)?.into());
                // The unary minus of an unsigned type does not exist in Rust; on the tape it wraps.
                if ty.signed && *overflow == Overflow::Panic && convert(*ty, exact) != exact {
                    return Err("attempt to negate with overflow".to_owned());
                }
                convert(*ty, exact) as i64
            }
            Int::Compare(op, ty, a, b) => {
                let (a, b) = (self.int(a, variables)?, self.int(b, variables)?);
                compare(*op, &convert(*ty, a.into()), &convert(*ty, b.into()))
            }
            Int::CompareFloats(op, a, b) => {
                let (a, b) = (self.float(a, variables)?, self.float(b, variables)?);
                compare(*op, &a, &b)
            }
            Int::Load(at) => {
                let at = self.int(at, variables)? as usize % MEMORY;
                self.memory[at] as i64
            }
            Int::FromFloat(ty, value) => {
                let value = self.float(value, variables)?;
                match (ty.bits, ty.signed) {
                    (8, true) => (value as i8).into(),
                    (16, true) => (value as i16).into(),
                    (32, true) => (value as i32).into(),
                    (8, false) => (value as u8).into(),
                    (16, false) => (value as u16).into(),
                    (32, false) => (value as u32).into(),
                    (_, true) => value as i64,
                    (_, false) => value as u64 as i64,
                }
            }
            Int::UnwrapOr(opt, otherwise) => {
                let opt = self.opt(opt, variables)?;
                let otherwise = self.int(otherwise, variables)?;
                opt.unwrap_or(otherwise)
            }
            Int::If(condition, then, otherwise) => {
                let taken = if self.int(condition, variables)? != 0 { then } else { otherwise };
                self.int(taken, variables)?
            }
            Int::Call(function, arguments) => {
                let arguments: Result<Vec<i64>, String> =
                    arguments.iter().map(|argument| self.int(argument, variables)).collect();
                self.call(*function, &arguments?)?
            }
            Int::Note(value) => {
                let value = self.int(value, variables)?;
                self.log.push(value as u64);
                value.wrapping_add(1)
            }
        })
    }

    fn float(&mut self, float: &Float, variables: &mut Variables) -> Result<f64, String> {
        Ok(match float {
            Float::Constant(value) => *value,
            Float::Variable(variable) => variables.floats[*variable],
            Float::Add(a, b) => self.float(a, variables)? + self.float(b, variables)?,
            Float::Mul(a, b) => self.float(a, variables)? * self.float(b, variables)?,
            Float::FromInt(ty, value) => {
                let value = convert(*ty, self.int(value, variables)?.into());
                if ty.signed { value as i64 as f64 } else { value as u64 as f64 }
            }
        })
    }

    fn opt(&mut self, opt: &Opt, variables: &mut Variables) -> Result<Option<i64>, String> {
        Ok(match opt {
            Opt::None => None,
            Opt::Some(value) => Some(self.int(value, variables)?),
            Opt::Variable(variable) => variables.opts[*variable],
            Opt::Checked(op, ty, a, b) => {
                let (a, b) = (self.int(a, variables)?, self.int(b, variables)?);
                arithmetic(*op, *ty, a, b, Overflow::Panic).ok()
            }
            Opt::If(condition, then, otherwise) => {
                let taken = if self.int(condition, variables)? != 0 { then } else { otherwise };
                self.opt(taken, variables)?
            }
            Opt::Map(opt, to, value) => match self.opt(opt, variables)? {
                Some(payload) => {
                    variables.ints[*to] = payload;
                    Some(self.int(value, variables)?)
                }
                None => None,
            },
        })
    }
}

/// The value of a type that an exact number wraps to.
fn convert(ty: IntType, exact: i128) -> i128 {
    let unused = 128 - u32::from(ty.bits);
    if ty.signed { exact << unused >> unused } else { ((exact as u128) << unused >> unused) as i128 }
}

fn compare<T: PartialOrd>(op: Compare, a: &T, b: &T) -> i64 {
    i64::from(match op {
        Compare::Eq => a == b,
        Compare::Ne => a != b,
        Compare::Lt => a < b,
        Compare::Le => a <= b,
        Compare::Gt => a > b,
        Compare::Ge => a >= b,
    })
}

fn arithmetic(op: Arithmetic, ty: IntType, a: i64, b: i64, overflow: Overflow) -> Result<i64, String> {
    let (a, b) = (convert(ty, a.into()), convert(ty, b.into()));
    let shift = (b as u128 % u128::from(ty.bits)) as u32;
    let bad_shift = b < 0 || b >= i128::from(ty.bits);
    let (exact, name) = match op {
        Arithmetic::Add => (a + b, "add"),
        Arithmetic::Sub => (a - b, "subtract"),
        Arithmetic::Mul => (a.wrapping_mul(b), "multiply"),
        Arithmetic::Div if b == 0 => return Err("attempt to divide by zero".to_owned()),
        Arithmetic::Rem if b == 0 => {
            return Err("attempt to calculate the remainder with a divisor of zero".to_owned());
        }
        Arithmetic::Div => (a / b, "divide"),
        Arithmetic::Rem if convert(ty, a / b) != a / b => {
            return Err("attempt to calculate the remainder with overflow".to_owned());
        }
        Arithmetic::Rem => (a % b, ""),
        Arithmetic::And => (a & b, ""),
        Arithmetic::Or => (a | b, ""),
        Arithmetic::Xor => (a ^ b, ""),
        Arithmetic::Shl => (convert(ty, a << shift), "shift left"),
        Arithmetic::Shr => (a >> shift, "shift right"),
    };
    let result = convert(ty, exact);
    let is_shift = matches!(op, Arithmetic::Shl | Arithmetic::Shr);
    let overflows = if is_shift { bad_shift } else { result != exact || multiplication_overflows(op, a, b) };
    if overflows && (overflow == Overflow::Panic || op == Arithmetic::Div) {
        return Err(format!("attempt to {name} with overflow"));
    }
    Ok(result as i64)
}

/// Whether a product does not even fit into 128 signed bits.
fn multiplication_overflows(op: Arithmetic, a: i128, b: i128) -> bool {
    op == Arithmetic::Mul && a.checked_mul(b).is_none()
}
