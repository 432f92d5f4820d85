//! What can be seen of each operation alone: rules 1 to 4, 6, 7, 10 to 13 but for dominance.

use super::VerifyError;
use crate::interp::{MAX_FLOAT_ARGUMENTS, MAX_WORD_ARGUMENTS};
use crate::ir::opcode::{AuxKind, Class, ResultType};
use crate::ir::{
    AllocId, CallId, Descriptors, EntryId, LabelId, ListRange, MemDesc, MemId, Op, OpCode, PendingStore, Ref, Slot,
    SnapshotId, Type, Unit,
};

/// Checks everything but dominance. After it, every number in the unit is in range.
pub fn check(unit: &Unit, descriptors: &Descriptors) -> Result<(), VerifyError> {
    let shape = Shape { unit, descriptors, at: 0 };
    shape.tables()?;
    for at in 0..unit.ops.len() {
        Shape { at, ..shape }.operation()?;
    }
    let end = Shape { at: unit.ops.len(), ..shape };
    match unit.ops.last() {
        Some(last) if last.code.class() == Class::Terminator => {}
        _ => return end.fail(2, "a unit ends with a terminator".into()),
    }
    end.exports()?;
    labels_are_reached(unit)
}

#[derive(Clone, Copy)]
struct Shape<'a> {
    unit: &'a Unit,
    descriptors: &'a Descriptors,
    at: usize,
}

type Checked = Result<(), VerifyError>;

impl Shape<'_> {
    fn fail<T>(&self, rule: u8, message: String) -> Result<T, VerifyError> {
        Err(VerifyError { op: self.at, rule, message })
    }

    fn ensure(&self, rule: u8, condition: bool, message: impl FnOnce() -> String) -> Checked {
        if condition { Ok(()) } else { self.fail(rule, message()) }
    }

    /// Labels are where the table says.
    fn tables(&self) -> Checked {
        for (label, &at) in self.unit.labels.iter().enumerate() {
            let op = self.unit.ops.get(at as usize);
            let is_there = op.is_some_and(|op| op.code == OpCode::Label && op.a as usize == label);
            // A label that nobody places is no harm, if nobody goes there.
            self.ensure(3, at == u32::MAX || is_there, || format!("label {label} is not at operation {at}"))?;
        }
        Ok(())
    }

    fn operation(&self) -> Checked {
        let op = self.unit.ops[self.at];
        self.order(&op)?;
        self.aux(&op)?;
        self.result(&op)?;
        for (kind, word) in op.fields() {
            match kind {
                b'i' => self.operand(word, Type::Int)?,
                b'f' => self.operand(word, Type::Float)?,
                b'r' => self.operand(word, Type::Ref)?,
                b'o' => {
                    let present = Ref::from_word(word) != Ref::NONE;
                    let scale = self.descriptors.mem(MemId(op.aux)).scale;
                    self.ensure(11, present == (scale != 0), || "an index and a scale belong together".into())?;
                    if present {
                        self.operand(word, Type::Int)?;
                    }
                }
                b'v' => self.operand(word, self.descriptors.mem(MemId(op.aux)).width.ty())?,
                b'*' => self.list(&op, ListRange(word))?,
                b'S' => self.snapshot(SnapshotId(word))?,
                b'L' if op.code != OpCode::Label => self.label(LabelId(word))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Rules 1 to 3: what may stand behind what.
    fn order(&self, op: &Op) -> Checked {
        let before = self.at.checked_sub(1).map(|before| self.unit.ops[before].code);
        let behind_terminator = before.is_none_or(|code| code.class() == Class::Terminator);
        if before.is_none() {
            self.ensure(1, op.code == OpCode::Label, || "a unit begins with a label".into())?;
        }
        if op.code == OpCode::Label {
            let at = self.unit.labels.get(op.a as usize).copied();
            self.ensure(3, at == Some(self.at as u32), || format!("label {} is placed twice or not known", op.a))?;
            return self.ensure(2, behind_terminator, || "a label follows a terminator".into());
        }
        self.ensure(2, !behind_terminator, || "only a label follows a terminator".into())?;
        let parameters = matches!(before, Some(OpCode::Label | OpCode::Param));
        let misplaced = op.code == OpCode::Param && !parameters;
        self.ensure(3, !misplaced, || "a parameter follows its label or another parameter".into())
    }

    fn aux(&self, op: &Op) -> Checked {
        let aux = usize::from(op.aux);
        let known = match op.code.aux() {
            AuxKind::None => aux == 0,
            AuxKind::Mem => aux < self.descriptors.mem_count(),
            AuxKind::Alloc => aux < self.descriptors.alloc_count(),
            AuxKind::Box => aux < self.descriptors.boxing_count(),
            AuxKind::Call => aux < self.descriptors.call_count(),
            AuxKind::Entry => aux < self.descriptors.entry_count(),
            AuxKind::Bits => matches!(aux, 8 | 16 | 32),
        };
        self.ensure(6, known, || format!("`{}` has no descriptor {aux}", op.code.text()))
    }

    fn result(&self, op: &Op) -> Checked {
        let ty = match (op.code.result(), op.code) {
            (ResultType::V, _) => Type::Void,
            (ResultType::I, _) => Type::Int,
            (ResultType::F, _) => Type::Float,
            (ResultType::R, _) => Type::Ref,
            (ResultType::D, OpCode::Load) => self.descriptors.mem(MemId(op.aux)).width.ty(),
            (ResultType::D, OpCode::Call) => self.descriptors.call(CallId(op.aux)).result,
            (ResultType::D, OpCode::CallUnit) => self.descriptors.entry(EntryId(op.aux)).result,
            (ResultType::D, _) if op.ty != Type::Void => op.ty,
            (ResultType::D, _) => return self.fail(6, "a parameter has a type".into()),
        };
        self.ensure(6, op.ty == ty, || format!("`{}` yields {ty:?}, not {:?}", op.code.text(), op.ty))
    }

    /// The type of an operand that is in range and earlier in the list.
    fn type_of(&self, operand: Ref) -> Result<Type, VerifyError> {
        if let Some(op) = operand.as_op() {
            self.ensure(5, op < self.at, || format!("%{op} does not come earlier"))?;
            let ty = self.unit.ops[op].ty;
            self.ensure(5, ty != Type::Void, || format!("%{op} has no value"))?;
            return Ok(ty);
        }
        let constant = operand.as_constant().and_then(|constant| self.unit.constants.get(constant));
        match constant {
            Some((ty, _)) if *ty != Type::Void => Ok(*ty),
            _ => self.fail(5, "an operand is missing, or is a constant that does not exist".into()),
        }
    }

    fn operand(&self, word: u32, wanted: Type) -> Checked {
        let ty = self.type_of(Ref::from_word(word))?;
        self.ensure(6, ty == wanted, || format!("an operand has type {ty:?} instead of {wanted:?}"))
    }

    fn list(&self, op: &Op, list: ListRange) -> Checked {
        let words = &self.unit.lists;
        let length = words.get(list.0 as usize).copied();
        let inside = length.is_some_and(|length| list.0 as usize + (length as usize) < words.len());
        self.ensure(6, inside, || "a list is out of range".into())?;
        let types = self.unit.elements(list).map(|operand| self.type_of(operand)).collect::<Result<Vec<_>, _>>()?;
        let (rule, wanted) = match op.code {
            OpCode::Call => {
                let arguments = &self.descriptors.call(CallId(op.aux)).arguments;
                let floats = arguments.iter().filter(|&&ty| ty == Type::Float).count();
                let fit = floats <= MAX_FLOAT_ARGUMENTS && arguments.len() - floats <= MAX_WORD_ARGUMENTS;
                self.ensure(14, fit, || "a call has too many arguments".into())?;
                (6, arguments.clone())
            }
            OpCode::CallUnit | OpCode::JumpUnit => {
                let desc = self.descriptors.entry(EntryId(op.aux));
                let plain = desc.arguments.len().checked_sub(desc.stack_arguments.len());
                let frame = plain.is_some_and(|plain| desc.arguments[..plain].contains(&Type::Ref));
                let fits = desc.stack_arguments.is_empty() || frame;
                self.ensure(15, fits, || "words of a frame are passed without the frame".into())?;
                (6, desc.arguments.clone())
            }
            // Checked before the list, which comes behind it.
            _ => match op.target() {
                Some((label, _)) => (3, self.parameters(label)),
                None => return Ok(()),
            },
        };
        self.ensure(rule, types == wanted, || format!("the arguments' types are {types:?} instead of {wanted:?}"))
    }

    /// The types of the parameters of a label that is in range.
    fn parameters(&self, label: LabelId) -> Vec<Type> {
        let at = self.unit.labels[label.0 as usize] as usize;
        self.unit.ops[at + 1..].iter().take_while(|op| op.code == OpCode::Param).map(|op| op.ty).collect()
    }

    fn label(&self, label: LabelId) -> Checked {
        let at = self.unit.labels.get(label.0 as usize).copied().filter(|&at| at != u32::MAX);
        self.ensure(3, at.is_some(), || format!("label {} is nowhere", label.0))?;
        self.ensure(1, at != Some(0), || "nothing jumps to the entry".into())
    }

    fn snapshot(&self, id: SnapshotId) -> Checked {
        let all = &self.unit.snapshots;
        let Some(snapshot) = all.snapshots.get(id.0 as usize) else {
            return self.fail(7, format!("there is no snapshot {}", id.0));
        };
        let inside = |range: &std::ops::Range<u32>, length| range.start <= range.end && range.end as usize <= length;
        let ranges = inside(&snapshot.recipes, all.recipes.len()) && inside(&snapshot.stores, all.stores.len());
        self.ensure(7, ranges, || "a snapshot's recipes or stores are out of range".into())?;
        let virtuals = snapshot.recipes.len();
        let mut frame = snapshot.frames;
        let mut inner = u32::MAX;
        while let Some(id) = frame {
            // Callers' frames are made first: so chains end.
            let known = (id.0 as usize) < all.frames.len() && id.0 < inner;
            self.ensure(7, known, || format!("frame {} does not exist, or is made after one that it calls", id.0))?;
            let data = all.frames[id.0 as usize];
            let inside = data.first as usize + data.count as usize <= all.slots.len();
            self.ensure(7, inside, || "a frame's slots are out of range".into())?;
            all.slots_of(id).iter().try_for_each(|&slot| self.slot(slot, virtuals).map(drop))?;
            (frame, inner) = (data.parent, id.0);
        }
        for recipe in snapshot.recipes.clone() {
            self.recipe(recipe, virtuals)?;
        }
        snapshot.stores.clone().try_for_each(|store| self.store(&all.stores[store as usize], virtuals))
    }

    /// The type of a slot's word; `None` if it is nothing.
    fn slot(&self, slot: Slot, virtuals: usize) -> Result<Option<Type>, VerifyError> {
        match slot {
            Slot::Value(value) => self.type_of(value).map(Some),
            Slot::Dead => Ok(None),
            Slot::Virtual(number) => {
                let known = (number as usize) < virtuals;
                self.ensure(7, known, || format!("v{number} has no recipe"))?;
                Ok(Some(Type::Ref))
            }
        }
    }

    fn recipe(&self, recipe: u32, virtuals: usize) -> Checked {
        let recipe = &self.unit.snapshots.recipes[recipe as usize];
        let known = usize::from(recipe.alloc.0) < self.descriptors.alloc_count();
        self.ensure(10, known, || format!("there is no allocation {}", recipe.alloc.0))?;
        let size = i64::from(self.descriptors.alloc(AllocId(recipe.alloc.0)).size);
        for &(mem, slot) in &recipe.fields {
            let mem = *self.mem(mem)?;
            self.ensure(10, mem.scale == 0, || "a recipe's field has no index".into())?;
            let (start, end) = (i64::from(mem.offset), i64::from(mem.offset) + i64::from(mem.width.bytes()));
            self.ensure(10, start >= 8 && end <= size, || format!("bytes {start} to {end} are not behind the header"))?;
            self.content(&mem, slot, virtuals)?;
        }
        Ok(())
    }

    fn store(&self, store: &PendingStore, virtuals: usize) -> Checked {
        let mem = *self.mem(store.mem)?;
        let base = self.slot(store.base, virtuals)?;
        self.ensure(10, base == Some(Type::Ref), || "the base of a pending store is a reference".into())?;
        self.ensure(11, store.index.is_some() == (mem.scale != 0), || "an index and a scale belong together".into())?;
        if let Some(index) = store.index {
            let ty = self.slot(index, virtuals)?;
            self.ensure(10, ty == Some(Type::Int), || "the index of a pending store is an integer".into())?;
        }
        self.content(&mem, store.value, virtuals)
    }

    /// Whether a place can hold what is in a slot.
    fn content(&self, mem: &MemDesc, slot: Slot, virtuals: usize) -> Checked {
        let ty = self.slot(slot, virtuals)?;
        let wanted = mem.width.ty();
        let fits = match slot {
            Slot::Virtual(_) => wanted != Type::Float && mem.width.bytes() == 8,
            _ => ty == Some(wanted),
        };
        self.ensure(10, fits, || format!("a place of type {wanted:?} cannot hold {slot:?}"))
    }

    fn mem(&self, mem: MemId) -> Result<&MemDesc, VerifyError> {
        let known = usize::from(mem.0) < self.descriptors.mem_count();
        self.ensure(10, known, || format!("there is no memory descriptor {}", mem.0))?;
        Ok(self.descriptors.mem(mem))
    }

    fn exports(&self) -> Checked {
        for export in &self.unit.exports {
            let at = self.unit.labels.get(export.label.0 as usize).copied().filter(|&at| at != u32::MAX);
            self.ensure(13, at.is_some(), || format!("exported label {} is nowhere", export.label.0))?;
            let known = usize::from(export.entry.0) < self.descriptors.entry_count();
            self.ensure(13, known, || format!("there is no entry {}", export.entry.0))?;
            let (has, wanted) =
                (self.parameters(export.label), &self.descriptors.entry(EntryId(export.entry.0)).arguments);
            self.ensure(13, has == *wanted, || format!("an export has parameters {has:?} instead of {wanted:?}"))?;
        }
        Ok(())
    }
}

/// Rule 12.
fn labels_are_reached(unit: &Unit) -> Checked {
    let mut reached = vec![false; unit.labels.len()];
    for export in &unit.exports {
        reached[export.label.0 as usize] = true;
    }
    for (at, op) in unit.ops.iter().enumerate() {
        if op.code == OpCode::Label && at > 0 && !reached[op.a as usize] {
            let message = format!("nothing earlier goes to label {}", op.a);
            return Err(VerifyError { op: at, rule: 12, message });
        }
        if let Some((label, _)) = op.target() {
            reached[label.0 as usize] = true;
        }
    }
    Ok(())
}
