//! Prints units in normal form. A unit whose operands, labels, lists or descriptors are out of range prints all the same, since dumps serve to find what is wrong.

use std::fmt::{self, Write};

use super::words;
use crate::ir::opcode::AuxKind;
use crate::ir::{
    AliasClass, AliasSet, AllocId, BoxDesc, BoxId, CallDesc, CallId, Coding, Descriptors, EntryDesc, EntryId, FrameId,
    ListRange, MemDesc, MemId, Op, OpCode, Recipe, Ref, Slot, Snapshot, SnapshotId, Type, Unit,
};

/// Whether addresses of functions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// As `at 0x…`.
    Shown,
    /// Not: the text is the same in each run, and is bound by name.
    Hidden,
}

/// The unit's text in normal form; see [`super`].
pub fn print(unit: &Unit, descriptors: &Descriptors, addresses: Addresses) -> String {
    let printer = Printer::new(unit);
    let mut text = String::new();
    let written = printer.unit(&mut text, descriptors, addresses);
    debug_assert!(written.is_ok(), "a String takes everything");
    text
}

/// One operation's line, without indentation and line break: for annotated dumps.
pub fn print_operation(unit: &Unit, index: usize) -> String {
    let mut text = String::new();
    let written = Printer::new(unit).operation(&mut text, index, &unit.ops[index]);
    debug_assert!(written.is_ok(), "a String takes everything");
    text
}

struct Printer<'a> {
    unit: &'a Unit,
    /// The rank of each label in the order of their places, by number.
    ranks: Vec<usize>,
}

impl<'a> Printer<'a> {
    fn new(unit: &'a Unit) -> Self {
        let mut ranks = vec![usize::MAX; unit.labels.len()];
        let labels = unit.ops.iter().filter(|op| op.code == OpCode::Label);
        for (rank, label) in labels.enumerate() {
            if let Some(entry) = ranks.get_mut(label.a as usize) {
                *entry = rank;
            }
        }
        Printer { unit, ranks }
    }

    fn unit(&self, out: &mut String, descriptors: &Descriptors, addresses: Addresses) -> fmt::Result {
        self.descriptors(out, descriptors, addresses)?;
        let mut positions = self.unit.positions.iter().peekable();
        let mut index = 0;
        while index < self.unit.ops.len() {
            // Before a label stands what concerns it; its parameters are part of its line.
            while let Some(position) = positions.next_if(|position| position.op as usize <= index) {
                writeln!(out, "  @{}", position.position)?;
            }
            let op = &self.unit.ops[index];
            if op.code == OpCode::Label {
                index = self.block(out, index)?;
            } else {
                out.push_str("  ");
                self.operation(out, index, op)?;
                out.push('\n');
                index += 1;
            }
        }
        Ok(())
    }

    /// A label and its parameters; the index behind them.
    fn block(&self, out: &mut String, index: usize) -> Result<usize, fmt::Error> {
        self.label(out, self.unit.ops[index].a)?;
        let parameters = self.unit.ops[index + 1..].iter().take_while(|op| op.code == OpCode::Param).count();
        let all = index + 1..index + 1 + parameters;
        let end = all.end;
        separated(out, "(", all, ")", |out, parameter| {
            write!(out, "%{parameter}: {}", words::text(&words::TYPES, self.unit.ops[parameter].ty))
        })?;
        for export in self.unit.exports.iter().filter(|export| export.label.0 == self.unit.ops[index].a) {
            write!(out, " export.{}{}", prefix(AuxKind::Entry), export.entry.0)?;
        }
        out.push_str(":\n");
        Ok(end)
    }

    fn label(&self, out: &mut String, label: u32) -> fmt::Result {
        match self.ranks.get(label as usize).copied() {
            Some(0) => out.write_str("entry"),
            Some(usize::MAX) | None => write!(out, "nowhere{label}"),
            Some(rank) => write!(out, "L{rank}"),
        }
    }

    fn operation(&self, out: &mut String, index: usize, op: &Op) -> fmt::Result {
        if op.ty != Type::Void {
            write!(out, "%{index} = ")?;
        }
        out.push_str(op.code.text());
        if op.code == OpCode::Param {
            return write!(out, " {}", words::text(&words::TYPES, op.ty));
        }
        match op.code.aux() {
            AuxKind::None => {}
            AuxKind::Bits => write!(out, ".{}", op.aux)?,
            kind => write!(out, ".{}{}", prefix(kind), op.aux)?,
        }
        let mut separator = " ";
        for (kind, word) in op.fields() {
            match kind {
                b'.' => {}
                b'*' => {
                    self.list(out, word)?;
                    separator = " ";
                }
                b'S' => {
                    out.push(' ');
                    self.snapshot(out, SnapshotId(word))?;
                }
                b'L' => {
                    out.push_str(separator);
                    self.label(out, word)?;
                }
                b'o' if Ref::from_word(word) == Ref::NONE => {}
                _ => {
                    out.push_str(separator);
                    self.operand(out, Ref::from_word(word))?;
                    separator = ", ";
                }
            }
        }
        Ok(())
    }

    fn list(&self, out: &mut String, at: u32) -> fmt::Result {
        let length = self.unit.lists.get(at as usize).copied().unwrap_or(0) as usize;
        if at as usize + length >= self.unit.lists.len() {
            return out.write_str("(nowhere)");
        }
        separated(out, "(", self.unit.elements(ListRange(at)), ")", |out, operand| self.operand(out, operand))
    }

    fn operand(&self, out: &mut String, operand: Ref) -> fmt::Result {
        if let Some(op) = operand.as_op() {
            return write!(out, "%{op}");
        }
        match operand.as_constant().and_then(|constant| self.unit.constants.get(constant)) {
            Some((Type::Float, bits)) => float(out, *bits),
            Some((Type::Ref, 0)) => out.write_str("null"),
            Some((Type::Ref, bits)) => write!(out, "&{bits:#x}"),
            Some((_, bits)) => write!(out, "{}", *bits as i64),
            None => out.write_str("none"),
        }
    }

    fn slot(&self, out: &mut String, slot: Slot) -> fmt::Result {
        match slot {
            Slot::Value(operand) => self.operand(out, operand),
            Slot::Virtual(number) => write!(out, "v{number}"),
            Slot::Dead => out.write_str("dead"),
        }
    }

    fn snapshot(&self, out: &mut String, id: SnapshotId) -> fmt::Result {
        let all = &self.unit.snapshots;
        let Some(Snapshot { frames, recipes, stores }) = all.snapshots.get(id.0 as usize).cloned() else {
            return out.write_str("[ nowhere ]");
        };
        out.push('[');
        let mut separator = " ";
        for frame in all.chain(frames) {
            out.push_str(separator);
            self.frame(out, frame)?;
            separator = " < ";
        }
        for (number, recipe) in recipes.enumerate() {
            out.push(' ');
            self.recipe(out, number, &all.recipes[recipe as usize])?;
        }
        for store in stores {
            let store = &all.stores[store as usize];
            write!(out, " store.m{} ", store.mem.0)?;
            self.slot(out, store.base)?;
            for slot in store.index.into_iter().chain([store.value]) {
                out.push_str(", ");
                self.slot(out, slot)?;
            }
            if store.barrier {
                out.push_str(" barrier");
            }
        }
        out.write_str(" ]")
    }

    fn frame(&self, out: &mut String, id: FrameId) -> fmt::Result {
        let frame = self.unit.snapshots.frames[id.0 as usize];
        write!(out, "{}@{} ", frame.code, frame.position)?;
        let slots = self.unit.snapshots.slots_of(id).iter();
        if slots.len() == 0 {
            return out.write_str("{ }");
        }
        separated(out, "{ ", slots, " }", |out, &slot| self.slot(out, slot))
    }

    fn recipe(&self, out: &mut String, number: usize, recipe: &Recipe) -> fmt::Result {
        write!(out, "new.a{} v{number} ", recipe.alloc.0)?;
        separated(out, "{ ", &recipe.fields, " }", |out, (mem, slot)| {
            write!(out, "m{} = ", mem.0)?;
            self.slot(out, *slot)
        })
    }

    fn descriptors(&self, out: &mut String, descriptors: &Descriptors, addresses: Addresses) -> fmt::Result {
        let used = self.used();
        if used.is_empty() {
            return Ok(());
        }
        out.push_str("unit {\n");
        for (kind, number) in used {
            write!(out, "  {} {}{number} = ", keyword(kind), prefix(kind))?;
            // Numbers out of range are shown as such; the operation that has one is to be found in the text.
            let within = |count: usize| usize::from(number) < count;
            match kind {
                AuxKind::Mem if within(descriptors.mem_count()) => mem(out, descriptors.mem(MemId(number)))?,
                AuxKind::Alloc if within(descriptors.alloc_count()) => {
                    let alloc = descriptors.alloc(AllocId(number));
                    write!(out, "size={} header={:#x}", alloc.size, alloc.header)?;
                }
                AuxKind::Box if within(descriptors.boxing_count()) => {
                    let BoxDesc { coding: Coding { bias, rotation }, mask, tag, header } =
                        descriptors.boxing(BoxId(number));
                    write!(out, "bias={bias:#x} rotation={rotation} mask={mask} tag={tag} header={header:#x}")?;
                }
                AuxKind::Call if within(descriptors.call_count()) => {
                    call(out, descriptors.call(CallId(number)), addresses)?;
                }
                AuxKind::Entry if within(descriptors.entry_count()) => {
                    let EntryDesc { name, arguments, result, stack_arguments } = descriptors.entry(EntryId(number));
                    write!(out, "{name:?} ")?;
                    signature(out, arguments, *result)?;
                    if !stack_arguments.is_empty() {
                        separated(out, " stack(", stack_arguments, ")", |out, offset| write!(out, "{offset}"))?;
                    }
                }
                _ => out.push_str("nowhere"),
            }
            out.push('\n');
        }
        out.write_str("}\n")
    }

    /// Descriptors that occur, without repetition, kind by kind in the order of their numbers.
    fn used(&self) -> Vec<(AuxKind, u16)> {
        let unit = self.unit;
        let in_ops = unit.ops.iter().map(|op| (op.code.aux(), op.aux));
        let exports = unit.exports.iter().map(|export| (AuxKind::Entry, export.entry.0));
        // Only snapshots that an operation has count: others may be left over from before an optimisation.
        let snapshots = unit.ops.iter().filter_map(|op| unit.snapshots.snapshots.get(op.snapshot()?.0 as usize));
        let in_snapshots = snapshots.flat_map(|snapshot| {
            let recipes = snapshot.recipes.clone().filter_map(|r| unit.snapshots.recipes.get(r as usize));
            let stores = snapshot.stores.clone().filter_map(|s| unit.snapshots.stores.get(s as usize));
            let recipes = recipes.flat_map(|recipe| {
                let fields = recipe.fields.iter().map(|(mem, _)| (AuxKind::Mem, mem.0));
                fields.chain([(AuxKind::Alloc, recipe.alloc.0)])
            });
            recipes.chain(stores.map(|store| (AuxKind::Mem, store.mem.0)))
        });
        let mut used: Vec<_> =
            in_ops.chain(exports).chain(in_snapshots).filter(|(kind, _)| !prefix(*kind).is_empty()).collect();
        used.sort_by_key(|&(kind, number)| (kind as u8, number));
        used.dedup();
        used
    }
}

/// What the names of descriptors of a kind begin with.
fn prefix(kind: AuxKind) -> &'static str {
    match kind {
        AuxKind::Mem => "m",
        AuxKind::Alloc => "a",
        AuxKind::Box => "b",
        AuxKind::Call => "f",
        AuxKind::Entry => "e",
        AuxKind::None | AuxKind::Bits => "",
    }
}

/// What the declarations of descriptors of a kind begin with.
fn keyword(kind: AuxKind) -> &'static str {
    match kind {
        AuxKind::Mem => "mem",
        AuxKind::Alloc => "alloc",
        AuxKind::Box => "boxing",
        AuxKind::Call => "call",
        _ => "entry",
    }
}

fn mem(out: &mut String, mem: &MemDesc) -> fmt::Result {
    let kind = words::text(&words::KINDS, mem.kind);
    write!(out, "{kind} class={} offset={}", mem.class.0, mem.offset)?;
    if mem.scale != 0 {
        write!(out, " scale={}", mem.scale)?;
    }
    write!(out, " {}", words::text(&words::WIDTHS, mem.width))?;
    out.write_str(if mem.immutable { " immutable" } else { "" })
}

fn call(out: &mut String, call: &CallDesc, addresses: Addresses) -> fmt::Result {
    write!(out, "{:?} ", call.name)?;
    if addresses == Addresses::Shown && call.address != 0 {
        write!(out, "at {:#x} ", call.address)?;
    }
    signature(out, &call.arguments, call.result)?;
    classes(out, " reads=", call.reads)?;
    classes(out, " writes=", call.writes)?;
    out.write_str(if call.collects { " collects" } else { "" })?;
    out.write_str(if call.elidable { " elidable" } else { "" })
}

fn classes(out: &mut String, keyword: &str, set: AliasSet) -> fmt::Result {
    if set == AliasSet::NONE {
        return Ok(());
    }
    out.write_str(keyword)?;
    if set == AliasSet::ALL {
        return out.write_str("all");
    }
    let members = (0..AliasClass::COUNT as u8).filter(|&class| set.contains(AliasClass(class)));
    separated(out, "class(", members, ")", |out, class| write!(out, "{class}"))
}

fn signature(out: &mut String, arguments: &[Type], result: Type) -> fmt::Result {
    separated(out, "(", arguments, ")", |out, &ty| out.write_str(words::text(&words::TYPES, ty)))?;
    if result != Type::Void {
        write!(out, " -> {}", words::text(&words::TYPES, result))?;
    }
    Ok(())
}

fn float(out: &mut String, bits: u64) -> fmt::Result {
    let float = f64::from_bits(bits);
    if float.is_nan() { write!(out, "nan.{bits:#x}") } else { write!(out, "{float:?}") }
}

fn separated<T>(
    out: &mut String,
    open: &str,
    items: impl IntoIterator<Item = T>,
    close: &str,
    mut item: impl FnMut(&mut String, T) -> fmt::Result,
) -> fmt::Result {
    out.push_str(open);
    for (number, it) in items.into_iter().enumerate() {
        if number > 0 {
            out.push_str(", ");
        }
        item(out, it)?;
    }
    out.write_str(close)
}
