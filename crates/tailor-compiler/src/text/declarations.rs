//! Parses the declarations of descriptors at the head of a text.

use std::collections::HashMap;

use super::parse::Parser;
use super::scan::{ParseError, Place, Token};
use super::words;
use crate::ir::opcode::AuxKind;
use crate::ir::{AliasClass, AliasSet, AllocDesc, BoxDesc, CallDesc, Coding, EntryDesc, MemDesc, MemKind, Type};

/// Descriptors by kind and name.
#[derive(Default)]
pub struct Names<'a>(HashMap<(u8, &'a str), u16>);

impl Names<'_> {
    pub fn find(&self, kind: AuxKind, name: &str) -> Option<u16> {
        self.0.get(&(kind as u8, name)).copied()
    }
}

impl<'a> Parser<'a, '_> {
    /// `unit { … }`, if the text begins so.
    pub fn declarations(&mut self) -> Result<(), ParseError> {
        // A block may have this name.
        if !self.is_name("unit") || self.second() != Some(&Token::Sign("{")) {
            return Ok(());
        }
        self.advance();
        self.sign("{")?;
        while !self.accept("}") {
            let (keyword, place) = self.name("`mem`, `alloc`, `boxing`, `call`, `entry` or `}`")?;
            let (name, name_place) = self.name("the descriptor's name")?;
            self.sign("=")?;
            let (kind, number) = match keyword {
                "mem" => {
                    let mem = self.mem()?;
                    (AuxKind::Mem, self.descriptors.intern_mem(mem).map(|id| id.0))
                }
                "alloc" => {
                    let alloc = self.alloc()?;
                    (AuxKind::Alloc, self.descriptors.intern_alloc(alloc).map(|id| id.0))
                }
                "boxing" => {
                    let boxing = self.boxing()?;
                    (AuxKind::Box, self.descriptors.intern_boxing(boxing).map(|id| id.0))
                }
                "call" => {
                    let call = self.call(name)?;
                    (AuxKind::Call, self.descriptors.intern_call(call).map(|id| id.0))
                }
                "entry" => {
                    let entry = self.entry(name)?;
                    (AuxKind::Entry, self.descriptors.intern_entry(entry).map(|id| id.0))
                }
                _ => {
                    let expected = "`mem`, `alloc`, `boxing`, `call` or `entry`";
                    return Err(place.error(format!("expected {expected}, found `{keyword}`")));
                }
            };
            let number = number.ok_or_else(|| name_place.error("there are too many descriptors of this kind"))?;
            if self.names.0.insert((kind as u8, name), number).is_some() {
                return Err(name_place.error(format!("`{name}` is declared twice")));
            }
        }
        Ok(())
    }

    fn mem(&mut self) -> Result<MemDesc, ParseError> {
        let kind = self.word(&words::KINDS, "`field`, `element` or `stack`")?;
        let class = self.setting("class", AliasClass::COUNT as i64 - 1)?;
        let offset = self.setting("offset", i64::from(i32::MAX))?;
        let place = self.place();
        let scale = if self.is_name("scale") { self.setting("scale", 8)? } else { 0 };
        if !matches!(scale, 0 | 1 | 2 | 4 | 8) {
            return Err(place.error("a scale is 1, 2, 4 or 8"));
        }
        if scale != 0 && kind == MemKind::Field {
            return Err(place.error("a field has no scale"));
        }
        let width = self.word(&words::WIDTHS, "a width (`i64`, `f64`, `ref` …)")?;
        let immutable = self.accept_name("immutable");
        let class = AliasClass(class as u8);
        Ok(MemDesc { class, kind, width, immutable, offset: offset as i32, scale: scale as u8 })
    }

    fn alloc(&mut self) -> Result<AllocDesc, ParseError> {
        let place = self.place();
        let size = self.setting("size", i64::from(u32::MAX))?;
        if size < 8 || size % 8 != 0 {
            return Err(place.error("a size is a multiple of 8, and at least 8"));
        }
        Ok(AllocDesc { size: size as u32, header: self.word_setting("header")? })
    }

    fn boxing(&mut self) -> Result<BoxDesc, ParseError> {
        let bias = self.word_setting("bias")?;
        let rotation = self.setting("rotation", 63)? as u32;
        let place = self.place();
        let (mask, tag) = (self.word_setting("mask")?, self.word_setting("tag")?);
        let desc = BoxDesc { coding: Coding { bias, rotation }, mask, tag, header: self.word_setting("header")? };
        if desc.is_sound() { Ok(desc) } else { Err(place.error("a mask is at most 7, and a tag some of its bits")) }
    }

    /// `keyword = int`, of any value.
    fn word_setting(&mut self, keyword: &str) -> Result<u64, ParseError> {
        self.keyword(keyword)?;
        self.sign("=")?;
        Ok(self.int("a word")?.0)
    }

    fn call(&mut self, name: &str) -> Result<CallDesc, ParseError> {
        let name = self.optional_text().unwrap_or_else(|| name.to_owned());
        let address = if self.accept_name("at") { Some(self.int("an address")?.0 as usize) } else { None };
        let address = address.or_else(|| (self.symbols)(&name)).unwrap_or(0);
        let (arguments, result) = self.signature()?;
        let reads = self.classes("reads")?;
        let writes = self.classes("writes")?;
        let collects = self.accept_name("collects");
        let elidable = self.accept_name("elidable");
        Ok(CallDesc { name, address, arguments, result, reads, writes, collects, elidable })
    }

    fn entry(&mut self, name: &str) -> Result<EntryDesc, ParseError> {
        let name = self.optional_text().unwrap_or_else(|| name.to_owned());
        let (arguments, result) = self.signature()?;
        let mut stack_arguments = Vec::new();
        if self.accept_name("stack") {
            self.sign("(")?;
            self.list(")", |parser| {
                let (bits, place) = parser.int("an offset")?;
                let offset = i32::try_from(bits as i64);
                stack_arguments.push(offset.map_err(|_| out_of_range(place, i32::MIN.into(), i32::MAX.into()))?);
                Ok(())
            })?;
        }
        Ok(EntryDesc { name, arguments, result, stack_arguments })
    }

    fn signature(&mut self) -> Result<(Vec<Type>, Type), ParseError> {
        let mut arguments = Vec::new();
        self.sign("(")?;
        self.list(")", |parser| {
            arguments.push(parser.word(&words::TYPES, "a type")?);
            Ok(())
        })?;
        let result = if self.accept("->") { self.word(&words::TYPES, "a type")? } else { Type::Void };
        Ok((arguments, result))
    }

    fn classes(&mut self, keyword: &str) -> Result<AliasSet, ParseError> {
        if !self.accept_name(keyword) {
            return Ok(AliasSet::NONE);
        }
        self.sign("=")?;
        let (word, place) = self.name("`all`, `none` or `class(…)`")?;
        match word {
            "all" => Ok(AliasSet::ALL),
            "none" => Ok(AliasSet::NONE),
            "class" => {
                let mut set = AliasSet::NONE;
                self.sign("(")?;
                self.list(")", |parser| {
                    let (class, place) = parser.int("the number of an alias class")?;
                    if class >= AliasClass::COUNT as u64 {
                        return Err(place.error("there are 64 alias classes, from 0"));
                    }
                    set = set.with(AliasClass(class as u8));
                    Ok(())
                })?;
                Ok(set)
            }
            _ => Err(place.error(format!("expected `all`, `none` or `class(…)`, found `{word}`"))),
        }
    }

    /// `keyword = int`, with `-max - 1 ..= max` as its range.
    fn setting(&mut self, keyword: &str, max: i64) -> Result<i64, ParseError> {
        self.keyword(keyword)?;
        self.sign("=")?;
        let (bits, place) = self.int("an integer")?;
        let value = bits as i64;
        // Only offsets may be negative; the others are checked by their own rules or have no meaning below 0.
        let min = if keyword == "offset" { -max - 1 } else { 0 };
        if (min..=max).contains(&value) { Ok(value) } else { Err(out_of_range(place, min, max)) }
    }
}

fn out_of_range(place: Place, min: i64, max: i64) -> ParseError {
    place.error(format!("expected an integer from {min} to {max}"))
}
