//! Parses text into a unit. What it makes has the right shape (operands of the right number, labels that exist, values that are defined earlier in the text);
//! types and dominance are the verifier's matter, so that its own tests can be written as text too.

use std::collections::HashMap;

use super::declarations::Names;
use super::scan::{ParseError, Place, Token, scan};
use super::words;
use crate::ir::opcode::{AuxKind, ResultType};
use crate::ir::{
    AllocId, CallId, Descriptors, EntryId, Export, FrameId, LabelId, MemId, Op, OpCode, PendingStore, Position, Recipe,
    Ref, Slot, Snapshot, SnapshotId, Type, Unit,
};

/// The unit that `text` describes. Its descriptors are added to `descriptors`; calls without an address have address 0.
///
/// # Errors
/// The place and kind of the first mistake.
pub fn parse(text: &str, descriptors: &mut Descriptors) -> Result<Unit, ParseError> {
    parse_with(text, descriptors, &|_| None)
}

/// As [`parse`]; `symbols` says at which address the function with a name is.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    text: &str,
    descriptors: &mut Descriptors,
    symbols: &dyn Fn(&str) -> Option<usize>,
) -> Result<Unit, ParseError> {
    let mut parser = Parser {
        tokens: scan(text)?,
        at: 0,
        descriptors,
        symbols,
        names: Names::default(),
        unit: Unit::default(),
        values: HashMap::new(),
        labels: HashMap::new(),
        frames: HashMap::new(),
        snapshots: HashMap::new(),
    };
    parser.declarations()?;
    parser.blocks()?;
    Ok(parser.unit)
}

/// A frame, to find equal ones.
type FrameKey = (Option<FrameId>, u32, u32, Vec<Slot>);

pub struct Parser<'a, 'd> {
    tokens: Vec<(Token<'a>, Place)>,
    at: usize,
    pub descriptors: &'d mut Descriptors,
    pub symbols: &'d dyn Fn(&str) -> Option<usize>,
    pub names: Names<'a>,
    unit: Unit,
    values: HashMap<&'a str, Ref>,
    /// Labels that have been mentioned, and where first.
    labels: HashMap<&'a str, (LabelId, Place)>,
    frames: HashMap<FrameKey, FrameId>,
    /// Snapshots that are nothing but frames.
    snapshots: HashMap<Option<FrameId>, SnapshotId>,
}

/// The tokens.
impl<'a> Parser<'a, '_> {
    fn token(&self) -> &Token<'a> {
        &self.tokens[self.at].0
    }

    pub fn second(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at + 1).map(|(token, _)| token)
    }

    pub fn place(&self) -> Place {
        self.tokens[self.at].1
    }

    /// Goes on to the next token; the last one stays.
    pub fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn expected(&self, what: &str) -> ParseError {
        self.place().error(format!("expected {what}, found {}", self.token()))
    }

    pub fn accept(&mut self, sign: &'static str) -> bool {
        let found = *self.token() == Token::Sign(sign);
        if found {
            self.advance();
        }
        found
    }

    pub fn sign(&mut self, sign: &'static str) -> Result<(), ParseError> {
        if self.accept(sign) { Ok(()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    pub fn is_name(&self, name: &str) -> bool {
        *self.token() == Token::Name(name)
    }

    pub fn accept_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        if found {
            self.advance();
        }
        found
    }

    pub fn keyword(&mut self, name: &str) -> Result<(), ParseError> {
        if self.accept_name(name) { Ok(()) } else { Err(self.expected(&format!("`{name}`"))) }
    }

    pub fn name(&mut self, what: &str) -> Result<(&'a str, Place), ParseError> {
        let (place, &Token::Name(name)) = (self.place(), self.token()) else { return Err(self.expected(what)) };
        self.advance();
        Ok((name, place))
    }

    pub fn int(&mut self, what: &str) -> Result<(u64, Place), ParseError> {
        let (place, &Token::Int(bits)) = (self.place(), self.token()) else { return Err(self.expected(what)) };
        self.advance();
        Ok((bits, place))
    }

    fn u32(&mut self, what: &str) -> Result<u32, ParseError> {
        let (bits, place) = self.int(what)?;
        u32::try_from(bits).map_err(|_| place.error(format!("expected {what} below 2^32")))
    }

    pub fn optional_text(&mut self) -> Option<String> {
        let Token::Text(text) = self.token() else { return None };
        let text = text.clone();
        self.advance();
        Some(text)
    }

    pub fn word<T: Copy>(&mut self, table: &[(&str, T)], what: &str) -> Result<T, ParseError> {
        let found = match self.token() {
            Token::Name(name) => words::find(table, name),
            _ => None,
        };
        let value = found.ok_or_else(|| self.expected(what))?;
        self.advance();
        Ok(value)
    }

    /// Items with commas between them, up to `close`, whose opening has been read.
    pub fn list(
        &mut self,
        close: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        if self.accept(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.accept(close) {
                return Ok(());
            }
            if !self.accept(",") {
                return Err(self.expected(&format!("`,` or `{close}`")));
            }
        }
    }
}

/// Blocks and lines.
impl<'a> Parser<'a, '_> {
    fn blocks(&mut self) -> Result<(), ParseError> {
        while *self.token() != Token::End {
            match *self.token() {
                Token::Sign("@") => self.position()?,
                Token::Name(name) if OpCode::from_text(name).is_none() => self.block()?,
                _ => self.line()?,
            }
        }
        let missing = self.labels.iter().filter(|(_, (label, _))| self.unit.labels[label.0 as usize] == u32::MAX);
        let first = missing.min_by_key(|(_, (label, _))| *label);
        match first {
            Some((name, (_, place))) => Err(place.error(format!("there is no block `{name}`"))),
            None => Ok(()),
        }
    }

    fn position(&mut self) -> Result<(), ParseError> {
        self.advance();
        let position = self.u32("a guest position")?;
        let op = self.unit.ops.len() as u32;
        self.unit.positions.push(Position { op, position });
        Ok(())
    }

    fn label(&mut self) -> Result<LabelId, ParseError> {
        let (name, place) = self.name("the name of a block")?;
        if let Some(&(label, _)) = self.labels.get(name) {
            return Ok(label);
        }
        let label = self.unit.new_label();
        self.labels.insert(name, (label, place));
        Ok(label)
    }

    fn block(&mut self) -> Result<(), ParseError> {
        let place = self.place();
        let (name, is_block) = (self.token().to_string(), self.second() == Some(&Token::Sign("(")));
        if !is_block {
            return Err(place.error(format!("expected an operation or a block, found {name}")));
        }
        let label = self.label()?;
        if self.unit.labels[label.0 as usize] != u32::MAX {
            return Err(place.error(format!("there are two blocks {name}")));
        }
        self.unit.labels[label.0 as usize] = self.unit.ops.len() as u32;
        self.unit.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
        self.sign("(")?;
        self.list(")", |parser| {
            let (place, &Token::Value(name)) = (parser.place(), parser.token()) else {
                return Err(parser.expected("a parameter"));
            };
            parser.advance();
            parser.sign(":")?;
            let ty = parser.word(&words::TYPES, "a type")?;
            parser.define(name, place, Op::new(OpCode::Param, ty))
        })?;
        while self.accept_name("export") {
            self.sign(".")?;
            let entry = EntryId(self.descriptor(AuxKind::Entry)?);
            self.unit.exports.push(Export { label, entry });
        }
        self.sign(":")
    }

    /// Appends an operation whose value gets a name.
    fn define(&mut self, name: &'a str, place: Place, op: Op) -> Result<(), ParseError> {
        let value = self.unit.push(op);
        match self.values.insert(name, value) {
            Some(_) => Err(place.error(format!("`%{name}` is defined twice"))),
            None => Ok(()),
        }
    }

    fn line(&mut self) -> Result<(), ParseError> {
        let result = match *self.token() {
            Token::Value(name) => {
                let place = self.place();
                self.advance();
                self.sign("=")?;
                Some((name, place))
            }
            _ => None,
        };
        let (name, place) = self.name("an operation")?;
        let unknown = || place.error(format!("there is no operation `{name}`"));
        let code = OpCode::from_text(name).ok_or_else(unknown)?;
        if matches!(code, OpCode::Label | OpCode::Param) {
            return Err(place.error("labels and parameters are written as blocks: `name(%parameter: type):`"));
        }
        let aux = self.aux(code)?;
        let ty = self.result_type(code, aux);
        let mut op = Op { aux, ..Op::new(code, ty) };
        self.operands(&mut op)?;
        match result {
            None => {
                self.unit.push(op);
                Ok(())
            }
            Some((name, place)) if ty == Type::Void => {
                Err(place.error(format!("`%{name}` would have no value: the operation yields none")))
            }
            Some((name, place)) => self.define(name, place, op),
        }
    }

    fn aux(&mut self, code: OpCode) -> Result<u16, ParseError> {
        let kind = code.aux();
        if kind == AuxKind::None {
            return Ok(0);
        }
        self.sign(".")?;
        if kind == AuxKind::Bits {
            let (bits, place) = self.int("8, 16 or 32")?;
            return match bits {
                8 | 16 | 32 => Ok(bits as u16),
                _ => Err(place.error("expected 8, 16 or 32")),
            };
        }
        self.descriptor(kind)
    }

    fn descriptor(&mut self, kind: AuxKind) -> Result<u16, ParseError> {
        let (name, place) = self.name("the name of a descriptor")?;
        let what = match kind {
            AuxKind::Mem => "`mem`",
            AuxKind::Alloc => "`alloc`",
            AuxKind::Box => "`boxing`",
            AuxKind::Call => "`call`",
            _ => "`entry`",
        };
        self.names.find(kind, name).ok_or_else(|| place.error(format!("there is no {what} named `{name}`")))
    }

    fn result_type(&self, code: OpCode, aux: u16) -> Type {
        match (code.result(), code) {
            (ResultType::V, _) => Type::Void,
            (ResultType::I, _) => Type::Int,
            (ResultType::F, _) => Type::Float,
            (ResultType::R, _) => Type::Ref,
            (ResultType::D, OpCode::Load) => self.descriptors.mem(MemId(aux)).width.ty(),
            (ResultType::D, OpCode::CallUnit) => self.descriptors.entry(EntryId(aux)).result,
            (ResultType::D, _) => self.descriptors.call(CallId(aux)).result,
        }
    }

    fn operands(&mut self, op: &mut Op) -> Result<(), ParseError> {
        let kinds = op.code.operands();
        // An index may be missing: then there is one operand less than the row has.
        let mut words = Vec::with_capacity(3);
        for (number, &kind) in kinds.iter().enumerate() {
            match kind {
                b'.' => break,
                b'*' if number > 0 && kinds[number - 1] == b'L' && *self.token() != Token::Sign("(") => {
                    words.push(self.unit.list(&[]).0);
                }
                b'*' => words.push(self.operand_list()?),
                b'S' => words.push(self.snapshot()?.0),
                _ => {
                    let first = number == 0;
                    if !first && kind != b'L' && *self.token() != Token::Sign(",") && kinds.contains(&b'o') {
                        continue;
                    }
                    if !first {
                        self.sign(",")?;
                    }
                    words.push(if kind == b'L' { self.label()?.0 } else { self.operand()?.word() });
                }
            }
        }
        let wanted = kinds.iter().filter(|&&kind| kind != b'.').count();
        if words.len() + 1 == wanted && kinds[1] == b'o' {
            words.insert(1, Ref::NONE.word());
        }
        if words.len() != wanted {
            return Err(self.expected("another operand"));
        }
        for (field, word) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(words) {
            *field = word;
        }
        Ok(())
    }

    fn operand_list(&mut self) -> Result<u32, ParseError> {
        let mut operands = Vec::new();
        self.sign("(")?;
        self.list(")", |parser| {
            operands.push(parser.operand()?);
            Ok(())
        })?;
        Ok(self.unit.list(&operands).0)
    }

    fn operand(&mut self) -> Result<Ref, ParseError> {
        let place = self.place();
        let operand = match *self.token() {
            Token::Value(name) => {
                let unknown = || place.error(format!("`%{name}` is not defined above"));
                self.values.get(name).copied().ok_or_else(unknown)?
            }
            Token::Int(bits) => self.unit.constant(Type::Int, bits),
            Token::Float(float) => self.unit.constant(Type::Float, float.to_bits()),
            Token::Name("null") => self.unit.constant(Type::Ref, 0),
            Token::Name("nan") => {
                self.advance();
                self.sign(".")?;
                let (bits, place) = self.int("the bits of a NaN")?;
                return if f64::from_bits(bits).is_nan() {
                    Ok(self.unit.constant(Type::Float, bits))
                } else {
                    Err(place.error("these are not the bits of a NaN"))
                };
            }
            Token::Sign("&") => {
                self.advance();
                let (bits, _) = self.int("an address")?;
                return Ok(self.unit.constant(Type::Ref, bits));
            }
            _ => return Err(self.expected("a value or a constant")),
        };
        self.advance();
        Ok(operand)
    }
}

/// Snapshots.
impl Parser<'_, '_> {
    fn snapshot(&mut self) -> Result<SnapshotId, ParseError> {
        let place = self.place();
        self.sign("[")?;
        let frames = self.frames()?;
        let recipes = self.recipes()?;
        let stores = self.stores()?;
        self.sign("]")?;
        self.check_virtuals(place, frames, &recipes, &stores)?;
        let all = &mut self.unit.snapshots;
        if recipes.is_empty() && stores.is_empty() {
            return Ok(*self.snapshots.entry(frames).or_insert_with(|| all.add(frames)));
        }
        let (first_recipe, first_store) = (all.recipes.len() as u32, all.stores.len() as u32);
        all.recipes.extend(recipes);
        all.stores.extend(stores);
        let recipes = first_recipe..all.recipes.len() as u32;
        let stores = first_store..all.stores.len() as u32;
        all.snapshots.push(Snapshot { frames, recipes, stores });
        Ok(SnapshotId(all.snapshots.len() as u32 - 1))
    }

    fn frames(&mut self) -> Result<Option<FrameId>, ParseError> {
        // Written innermost first; made from the outside, where sharing begins.
        let mut frames = Vec::new();
        while matches!(self.token(), Token::Int(_)) {
            let code = self.u32("the number of a frame's code")?;
            self.sign("@")?;
            let position = self.u32("a position in the frame's code")?;
            let mut slots = Vec::new();
            self.sign("{")?;
            self.list("}", |parser| {
                slots.push(parser.slot()?);
                Ok(())
            })?;
            frames.push((code, position, slots));
            if !self.accept("<") {
                break;
            }
            if !matches!(self.token(), Token::Int(_)) {
                return Err(self.expected("the caller's frame"));
            }
        }
        let all = &mut self.unit.snapshots;
        let mut parent = None;
        for (code, position, slots) in frames.into_iter().rev() {
            let key = (parent, code, position, slots);
            let found = self.frames.get(&key).copied();
            parent = Some(found.unwrap_or_else(|| {
                let frame = all.add_frame(parent, code, position, &key.3);
                self.frames.insert(key, frame);
                frame
            }));
        }
        Ok(parent)
    }

    fn slot(&mut self) -> Result<Slot, ParseError> {
        if self.accept_name("dead") {
            return Ok(Slot::Dead);
        }
        if let Token::Name(name) = *self.token()
            && let Some(number) = name.strip_prefix('v').and_then(|digits| digits.parse().ok())
        {
            self.advance();
            return Ok(Slot::Virtual(number));
        }
        self.operand().map(Slot::Value)
    }

    fn recipes(&mut self) -> Result<Vec<Recipe>, ParseError> {
        let mut recipes = Vec::new();
        while self.accept_name("new") {
            self.sign(".")?;
            let alloc = AllocId(self.descriptor(AuxKind::Alloc)?);
            let place = self.place();
            if self.slot()? != Slot::Virtual(recipes.len() as u32) {
                return Err(
                    place.error(format!("expected `v{}`: virtual objects are counted from `v0`", recipes.len()))
                );
            }
            let mut fields = Vec::new();
            self.sign("{")?;
            self.list("}", |parser| {
                let mem = MemId(parser.descriptor(AuxKind::Mem)?);
                parser.sign("=")?;
                fields.push((mem, parser.slot()?));
                Ok(())
            })?;
            recipes.push(Recipe { alloc, fields });
        }
        Ok(recipes)
    }

    fn stores(&mut self) -> Result<Vec<PendingStore>, ParseError> {
        let mut stores = Vec::new();
        while self.accept_name("store") {
            self.sign(".")?;
            let mem = MemId(self.descriptor(AuxKind::Mem)?);
            let base = self.slot()?;
            self.sign(",")?;
            let second = self.slot()?;
            let (index, value) = if self.accept(",") { (Some(second), self.slot()?) } else { (None, second) };
            let barrier = self.accept_name("barrier");
            stores.push(PendingStore { mem, base, index, value, barrier });
        }
        Ok(stores)
    }

    /// Every virtual object that is mentioned has a recipe.
    fn check_virtuals(
        &self,
        place: Place,
        frames: Option<FrameId>,
        recipes: &[Recipe],
        stores: &[PendingStore],
    ) -> Result<(), ParseError> {
        let all = &self.unit.snapshots;
        let in_frames = all.chain(frames).flat_map(|frame| all.slots_of(frame)).copied();
        let in_recipes = recipes.iter().flat_map(|recipe| recipe.fields.iter().map(|&(_, slot)| slot));
        let in_stores = stores.iter().flat_map(|store| [Some(store.base), store.index, Some(store.value)]).flatten();
        for slot in in_frames.chain(in_recipes).chain(in_stores) {
            if let Slot::Virtual(number) = slot
                && number as usize >= recipes.len()
            {
                return Err(place.error(format!("`v{number}` has no recipe in this snapshot")));
            }
        }
        Ok(())
    }
}
