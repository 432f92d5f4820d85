//! Emission: from blocks in SSA form with registers to a list of instructions.
//!
//! Blocks follow each other in reverse postorder, those that panic at the end; a jump to the block that comes next is left out.

use std::panic::Location;

use rustc_hash::FxHashMap;
use tailor_compiler::ir::Type;

use super::instruction::{Instruction, Mark, MarkedVariable, Register, SwitchTable, form, opcode};
use super::moves::{Scratch, Source, in_sequence};
use super::registers::{Assignment, assign, split_edges};
use super::{Call, Code, PanicMessage};
use crate::function::JitFunction;
use crate::tape::Memory;
use crate::tape::graph::{Graph, Inst, Mark as GraphMark, Terminator, Value};

/// Makes code of a graph in SSA form, whose blocks are given in any order.
pub(crate) fn emit(function: &'static JitFunction, mut graph: Graph, blocks: &[usize]) -> Code {
    split_edges(&mut graph, blocks);
    let order = graph.reverse_postorder();
    let mut assignment = assign(&graph, &order);
    let moves = Moves::of(&graph, &order, &mut assignment);
    let (last, first): (Vec<usize>, Vec<usize>) =
        order.iter().partition(|&&block| block != 0 && matches!(graph.terminator(block), Terminator::Panic { .. }));
    let layout: Vec<usize> = first.into_iter().chain(last).collect();
    let mut emitter = Emitter {
        graph: &graph,
        registers: &mut assignment.register,
        register_count: assignment.types.len(),
        constants: Vec::new(),
        constant_numbers: FxHashMap::default(),
        code: Code::empty(function),
        starts: vec![u32::MAX; graph.blocks.len()],
    };
    let count = layout.iter().map(|&block| graph.blocks[block].insts.len() + 1).sum();
    emitter.code.instructions.reserve(count);
    emitter.code.locations.reserve(count);
    for (i, &block) in layout.iter().enumerate() {
        emitter.block(block, layout.get(i + 1).copied(), &moves);
    }
    emitter.resolve_targets();
    let Emitter { constants, mut code, .. } = emitter;
    code.register_types = assignment.types.into_boxed_slice();
    code.constants = constants.into_boxed_slice();
    code.classes = graph.memories.iter().map(Memory::class).collect();
    code.memories = graph.memories.into_boxed_slice();
    code
}

/// The moves at the end of blocks that jump with arguments.
struct Moves {
    all: Vec<(u16, Source)>,
    /// By block, where its moves are.
    ranges: Vec<(u32, u32)>,
}

impl Moves {
    fn of(graph: &Graph, order: &[usize], assignment: &mut Assignment) -> Moves {
        let Assignment { register, types } = assignment;
        let mut scratch = Scratch::default();
        let mut moves = Moves { all: Vec::new(), ranges: vec![(0, 0); graph.blocks.len()] };
        let mut wanted = Vec::new();
        for &block in order {
            let Terminator::Jump(edge) = graph.terminator(block) else { continue };
            wanted.clear();
            for (&arg, &parameter) in edge.args.iter().zip(&graph.blocks[edge.target].parameters) {
                let to = register[parameter.index()].expect("parameters have registers");
                match register[arg.index()] {
                    Some(from) => wanted.push((to, Source::Register(from))),
                    None if graph.is_undefined(arg) => {}
                    None => wanted.push((to, Source::Constant(arg))),
                }
            }
            let first = moves.all.len() as u32;
            in_sequence(&mut wanted, &mut moves.all, |like| scratch.like(like, types));
            moves.ranges[block] = (first, moves.all.len() as u32);
        }
        moves
    }

    fn at_end(&self, block: usize) -> &[(u16, Source)] {
        let (first, end) = self.ranges[block];
        &self.all[first as usize..end as usize]
    }
}

struct Emitter<'a> {
    graph: &'a Graph,
    /// By value; of constants, their numbers, as soon as they have one.
    registers: &'a mut [Option<u16>],
    register_count: usize,
    constants: Vec<(Type, u64)>,
    constant_numbers: FxHashMap<(Type, u64), u16>,
    code: Code,
    /// First instruction of each block.
    starts: Vec<u32>,
}

impl Emitter<'_> {
    fn block(&mut self, block: usize, next: Option<usize>, moves: &Moves) {
        self.starts[block] = self.code.instructions.len() as u32;
        let data = &self.graph.blocks[block];
        for placed in &data.insts {
            let instruction = self.instruction(&placed.inst);
            self.push(instruction, placed.at);
        }
        let (terminator, at) = data.terminator.as_ref().expect("reachable blocks are complete");
        for &(to, from) in moves.at_end(block) {
            let a = match from {
                Source::Register(register) => register,
                Source::Constant(value) => self.operand(value),
            };
            self.push(Instruction { d: to, a, ..Instruction::new(opcode::MOVE) }, at);
        }
        if let Terminator::Jump(edge) = terminator
            && next == Some(edge.target)
        {
            return;
        }
        let instruction = self.terminator(terminator);
        self.push(instruction, at);
    }

    fn push(&mut self, instruction: Instruction, at: &'static Location<'static>) {
        self.code.instructions.push(instruction);
        self.code.locations.push(at);
    }

    /// The register or constant that an operand is.
    fn operand(&mut self, value: Value) -> u16 {
        if value == Value::NONE {
            return 0;
        }
        if let Some(register) = self.registers[value.index()] {
            return register;
        }
        assert!(!self.graph.is_computed(value), "a value is used that nothing defines");
        // An undefined value may be anything.
        let constant = (self.graph.type_of(value), self.graph.constant_of(value).unwrap_or(0));
        let (constants, first) = (&mut self.constants, self.register_count);
        let number = *self.constant_numbers.entry(constant).or_insert_with(|| {
            constants.push(constant);
            u16::try_from(first + constants.len() - 1)
                .expect("a function has fewer than 65,536 registers and constants")
        });
        self.registers[value.index()] = Some(number);
        number
    }

    fn dest(&self, value: Value) -> u16 {
        self.registers[value.index()].expect("results have registers")
    }

    fn list(&mut self, values: &[Value]) -> Box<[Register]> {
        values.iter().map(|&value| Register(self.operand(value))).collect()
    }

    fn instruction(&mut self, inst: &Inst) -> Instruction {
        match inst {
            &Inst::Pure { code, bits, args: [a, b, c], dest } => Instruction {
                opcode: code as u8,
                bits,
                d: self.dest(dest),
                a: self.operand(a),
                b: self.operand(b),
                x: u32::from(self.operand(c)),
                y: 0,
            },
            &Inst::Load { memory, base, index, dest } => {
                let d = self.dest(dest);
                self.access(memory, base, index, d, true)
            }
            &Inst::Store { memory, base, index, value } => {
                let d = self.operand(value);
                self.access(memory, base, index, d, false)
            }
            Inst::Call { function, args, dests } => {
                let arguments = self.list(args);
                let results = dests.iter().map(|&dest| Register(self.dest(dest))).collect();
                self.code.calls.push(Call { function, arguments, results, live_across: 0 });
                Instruction { x: self.code.calls.len() as u32 - 1, ..Instruction::new(opcode::CALL) }
            }
            &Inst::Promote { value, dest } => {
                let (d, a) = (self.dest(dest), self.operand(value));
                Instruction { d, a, ..Instruction::new(opcode::PROMOTE) }
            }
            &Inst::WeAreJitted { dest } => {
                Instruction { d: self.dest(dest), ..Instruction::new(opcode::WE_ARE_JITTED) }
            }
            &Inst::Release { base } => Instruction { a: self.operand(base), ..Instruction::new(opcode::RELEASE) },
            Inst::MergePoint(mark) => self.mark(mark, opcode::MERGE_POINT),
            Inst::CanEnter(mark) => self.mark(mark, opcode::CAN_ENTER),
            Inst::Get { .. } | Inst::Set { .. } => unreachable!("SSA construction removes variables"),
        }
    }

    fn access(&mut self, memory: u16, base: Value, index: Value, d: u16, load: bool) -> Instruction {
        let descriptor = &self.graph.memories[usize::from(memory)];
        let (form, plain, indexed) = if load {
            (form::of_load(descriptor.width), opcode::LOAD, opcode::LOAD_INDEXED)
        } else {
            (form::of_store(descriptor.width), opcode::STORE, opcode::STORE_INDEXED)
        };
        let (scale, offset) = (descriptor.scale, descriptor.offset);
        Instruction {
            opcode: form + if index == Value::NONE { plain } else { indexed },
            bits: if scale == 0 { 0 } else { scale.trailing_zeros() as u8 },
            d,
            a: self.operand(base),
            b: self.operand(index),
            x: u32::from(memory),
            y: offset as u32,
        }
    }

    fn mark(&mut self, mark: &GraphMark, opcode: u8) -> Instruction {
        let mut first = 0;
        let variables = mark.variables.iter().map(|&(name, color, count)| {
            first += count;
            MarkedVariable { name, color, first: first - count, count }
        });
        let variables = variables.collect();
        let values = self.list(&mark.values);
        self.code.marks.push(Mark { variables, values });
        Instruction { x: self.code.marks.len() as u32 - 1, ..Instruction::new(opcode) }
    }

    /// Targets are blocks, for the time being.
    fn terminator(&mut self, terminator: &Terminator) -> Instruction {
        match terminator {
            Terminator::Jump(edge) => Instruction { x: edge.target as u32, ..Instruction::new(opcode::JUMP) },
            Terminator::Branch { condition, then, otherwise } => Instruction {
                a: self.operand(*condition),
                x: then.target as u32,
                y: otherwise.target as u32,
                ..Instruction::new(opcode::BRANCH)
            },
            Terminator::Switch { value, cases, default } => {
                let cases = cases.iter().map(|(value, edge)| (*value, edge.target as u32)).collect();
                self.code.switches.push(SwitchTable::new(cases, default.target as u32));
                let x = self.code.switches.len() as u32 - 1;
                Instruction { a: self.operand(*value), x, ..Instruction::new(opcode::SWITCH) }
            }
            Terminator::Return(values) => {
                let list = self.list(values);
                self.code.returns.push(list);
                Instruction { x: self.code.returns.len() as u32 - 1, ..Instruction::new(opcode::RETURN) }
            }
            Terminator::Panic { template, args } => {
                let arguments = self.list(args);
                self.code.panics.push(PanicMessage { template, arguments });
                Instruction { x: self.code.panics.len() as u32 - 1, ..Instruction::new(opcode::PANIC) }
            }
        }
    }

    /// Blocks become positions.
    fn resolve_targets(&mut self) {
        let starts = &self.starts;
        for instruction in &mut self.code.instructions {
            match instruction.opcode {
                opcode::JUMP => instruction.x = starts[instruction.x as usize],
                opcode::BRANCH => {
                    instruction.x = starts[instruction.x as usize];
                    instruction.y = starts[instruction.y as usize];
                }
                _ => {}
            }
        }
        for table in &mut self.code.switches {
            table.for_each_target(|target| *target = starts[*target as usize]);
        }
    }
}
