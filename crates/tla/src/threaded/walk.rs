//! Threaded code the direct way: follow all paths, and where one meets an instruction that is there already, jump to it.
//!
//! This is what Tailor's own tier 1 does, for any interpreter; here it is done for TLA alone, in forty lines, as the reference for the classic form.

use std::collections::HashMap;

use super::{At, Step, Threaded};
use crate::program::{Function, Op, Program};

/// The threaded code of a function, each instruction once.
pub fn walk(program: &Program, function: &Function) -> Threaded {
    let mut steps = Vec::new();
    // Where each instruction is; jumps' places are instructions' indices until all of these are known.
    let mut placed: HashMap<usize, usize> = HashMap::new();
    let mut waiting = vec![function.start];
    while let Some(mut pc) = waiting.pop() {
        loop {
            if placed.contains_key(&pc) {
                steps.push(Step::Jump(pc));
                break;
            }
            placed.insert(pc, steps.len());
            let instr = program.code()[pc];
            let (at, target) = (At { pc, instr }, instr.operand as usize);
            match instr.op {
                Op::Jump => {
                    // It is where control goes on; no step is needed if that is placed behind.
                    pc = target;
                    continue;
                }
                Op::JumpIf => {
                    steps.push(Step::Branch(at, target));
                    waiting.push(target);
                }
                Op::Return => {
                    steps.push(Step::Return(at));
                    break;
                }
                _ => steps.push(Step::Call(at)),
            }
            pc += 1;
        }
        // What is placed by now needs no path of its own.
        waiting.retain(|pc| !placed.contains_key(pc));
    }
    for step in &mut steps {
        if let Step::Jump(place) | Step::Branch(_, place) = step {
            *place = placed[place];
        }
    }
    Threaded { steps }
}
