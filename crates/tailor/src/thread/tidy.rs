//! Tidying a recorded piece: branches to paths that only leave become guards, and these paths go.
//!
//! What comes before an exit on its path has no effect (a path with effects does not leave), so whatever leads to nothing but exits can be left at once.

use tailor_compiler::ir::opcode::Class;
use tailor_compiler::ir::{ListRange, Op, OpCode, Ref, Unit};

/// Rewrites the unit.
pub fn tidy(unit: &mut Unit) {
    let leaves = leaving(unit);
    let used = used(unit, &leaves);
    let room = Vec::with_capacity(unit.ops.len());
    let old = std::mem::replace(&mut unit.ops, room);
    let mut tidy = Tidy { unit, map: vec![Ref::NONE; old.len()], wanted: Vec::new() };
    tidy.wanted.resize(tidy.unit.labels.len(), false);
    tidy.wanted[old[0].a as usize] = true;
    let mut at = 0;
    while at < old.len() {
        // At a label.
        let label = old[at].a as usize;
        let end = end_of_block(&old, at);
        if tidy.wanted[label] {
            tidy.block(&old, at, end, &leaves, &used);
        } else {
            tidy.unit.labels[label] = u32::MAX;
        }
        at = end;
    }
}

/// Behind the last operation of the block whose label is at `at`. (Branches do not end blocks; labels begin them.)
fn end_of_block(ops: &[Op], at: usize) -> usize {
    ops[at + 1..].iter().position(|op| op.code == OpCode::Label).map_or(ops.len(), |length| at + 1 + length)
}

/// Whether there is nothing but exits from an operation on.
fn leaving(unit: &Unit) -> Vec<bool> {
    let mut leaves = vec![false; unit.ops.len() + 1];
    for (at, op) in unit.ops.iter().enumerate().rev() {
        leaves[at] = match op.code {
            OpCode::Exit => true,
            OpCode::JumpUnit | OpCode::Return | OpCode::Jump => false,
            OpCode::BranchIf | OpCode::BranchUnless => leaves[at + 1] && leaves[unit.labels[op.b as usize] as usize],
            _ => leaves[at + 1],
        };
    }
    leaves
}

/// Which values are used by what stays.
fn used(unit: &Unit, leaves: &[bool]) -> Vec<bool> {
    let mut used = vec![false; unit.ops.len()];
    for (at, op) in unit.ops.iter().enumerate().rev() {
        let needless = !used[at] && matches!(op.code.class(), Class::Pure | Class::Load);
        if !needless && !leaves[at] {
            unit.for_each_operand(op, |operand| {
                if let Some(op) = operand.as_op() {
                    used[op] = true;
                }
            });
        }
    }
    used
}

struct Tidy<'a> {
    unit: &'a mut Unit,
    /// By operation: its value now.
    map: Vec<Ref>,
    /// By label: whether anything goes there.
    wanted: Vec<bool>,
}

impl Tidy<'_> {
    fn block(&mut self, old: &[Op], start: usize, end: usize, leaves: &[bool], used: &[bool]) {
        for at in start..end {
            let op = old[at];
            if op.code == OpCode::Label {
                self.unit.labels[op.a as usize] = self.unit.ops.len() as u32;
            } else if op.code != OpCode::Param && leaves[at] {
                return self.push(at, exit_of(old));
            }
            if !used[at] && matches!(op.code.class(), Class::Pure | Class::Load) {
                continue;
            }
            if op.code == OpCode::Jump {
                self.wanted[op.a as usize] = true;
            }
            if op.code == OpCode::BranchUnless {
                let target = self.target(old, op);
                if leaves[target] {
                    self.push(at, Op { b: exit_of(old).a, c: 0, code: OpCode::GuardTrue, ..op });
                    continue;
                }
                self.wanted[op.b as usize] = true;
                if leaves[at + 1] {
                    self.push(at, Op { b: exit_of(old).a, c: 0, code: OpCode::GuardFalse, ..op });
                    return self.push(at, Op { a: op.b, b: op.c, c: 0, code: OpCode::Jump, ..op });
                }
            }
            self.push(at, op);
        }
    }

    fn target(&self, old: &[Op], op: Op) -> usize {
        // Labels that have been placed anew lie before; this one lies behind, where it was.
        let place = self.unit.labels[op.b as usize] as usize;
        debug_assert!(old[place].code == OpCode::Label && old[place].a == op.b);
        place
    }

    /// Appends an operation that stood at `at`.
    fn push(&mut self, at: usize, mut op: Op) {
        let operands: [(u8, u32); 3] = [0, 1, 2].map(|field| (op.code.operands()[field], [op.a, op.b, op.c][field]));
        for (field, (kind, word)) in operands.into_iter().enumerate() {
            let renamed = match kind {
                b'i' | b'f' | b'r' | b'v' | b'o' => self.renamed(word),
                b'*' => {
                    self.rename_list(ListRange(word));
                    word
                }
                _ => word,
            };
            *[&mut op.a, &mut op.b, &mut op.c][field] = renamed;
        }
        let value = self.unit.push(op);
        self.map[at] = value;
    }

    fn renamed(&self, word: u32) -> u32 {
        let value = Ref::from_word(word);
        value.as_op().map_or(word, |op| self.map[op].word())
    }

    /// Each list belongs to one operation, but for empty ones.
    fn rename_list(&mut self, ListRange(list): ListRange) {
        let (first, count) = (list as usize + 1, self.unit.lists[list as usize] as usize);
        for at in first..first + count {
            self.unit.lists[at] = self.renamed(self.unit.lists[at]);
        }
    }
}

/// Any exit: all leave in the same way.
fn exit_of(ops: &[Op]) -> Op {
    *ops.iter().find(|op| op.code == OpCode::Exit).expect("what leaves has an exit")
}

#[cfg(test)]
mod tests {
    use tailor_compiler::ir::Descriptors;
    use tailor_compiler::text::{Addresses, parse, print};

    use super::tidy;

    const DECLARED: &str = "unit { mem field = field class=1 offset=8 i64 }\n";

    #[track_caller]
    fn becomes(before: &str, after: &str) {
        let mut descriptors = Descriptors::default();
        let mut read = |text: &str| match parse(&format!("{DECLARED}{text}"), &mut descriptors) {
            Ok(unit) => unit,
            Err(error) => panic!("{error}"),
        };
        let (mut unit, expected) = (read(before), read(after));
        tidy(&mut unit);
        let text = |unit| print(unit, &descriptors, Addresses::Hidden);
        assert_eq!(text(&unit), text(&expected));
    }

    #[test]
    fn a_branch_to_what_only_leaves_becomes_a_guard() {
        becomes(
            "entry(%n: int):
               %small = lt %n, 5
               br_unless %small, large()
               %next = add %n, 1
               return(%next)
             large():
               %more = add %n, 2
               exit [ 1@1 { } ]",
            "entry(%n: int):
               %small = lt %n, 5
               guard_true %small [ 1@1 { } ]
               %next = add %n, 1
               return(%next)",
        );
    }

    #[test]
    fn where_the_way_ahead_leaves_the_branch_is_the_way() {
        becomes(
            "entry(%n: int):
               %small = lt %n, 5
               br_unless %small, large()
               exit [ 1@1 { } ]
             large():
               %next = add %n, 1
               return(%next)",
            "entry(%n: int):
               %small = lt %n, 5
               guard_false %small [ 1@1 { } ]
               jump large()
             large():
               %next = add %n, 1
               return(%next)",
        );
    }

    #[test]
    fn what_leads_to_nothing_but_exits_is_one() {
        becomes(
            "entry(%n: int, %m: int):
               %small = lt %n, 5
               br_unless %small, large()
               return(%n)
             large():
               %less = lt %n, %m
               br_unless %less, more()
               exit [ 1@1 { } ]
             more():
               exit [ 1@1 { } ]",
            "entry(%n: int, %m: int):
               %small = lt %n, 5
               guard_true %small [ 1@1 { } ]
               return(%n)",
        );
    }

    #[test]
    fn what_only_leaving_has_used_goes() {
        becomes(
            "entry(%object: ref, %n: int):
               %word = load.field %object
               %kept = load.field %object
               %sum = add %word, 3
               %small = lt %n, 5
               br_unless %small, large()
               return(%kept)
             large():
               %less = lt %sum, %n
               br_unless %less, more()
               exit [ 1@1 { } ]
             more():
               exit [ 1@1 { } ]",
            "entry(%object: ref, %n: int):
               %kept = load.field %object
               %small = lt %n, 5
               guard_true %small [ 1@1 { } ]
               return(%kept)",
        );
    }

    #[test]
    fn a_way_with_an_effect_stays() {
        let unit = "entry(%object: ref, %n: int):
               %small = lt %n, 5
               br_unless %small, large()
               return(%n)
             large():
               store.field %object, %n
               return(%n)";
        becomes(unit, unit);
    }
}
