//! Short jumps in pieces.
//!
//! Where a jump leads is known when all code of a piece is there, so all are emitted in their long form. Here those that reach their goal with a byte get the short one, and what comes behind moves up; that brings
//! other goals nearer, so it is done until nothing changes. The parts of a piece will lie apart: only jumps within one are short, and only what leads to the same part can be filled in.
//!
//! It is worth its time since a piece is a template of many.

use super::assembler::{Fixup, Goal};
use super::emit::Emitter;

/// Bytes of a displacement in the long form.
const LONG: u32 = 4;

/// The second byte of long conditional jumps, without the condition; the first is `0F`.
const LONG_CONDITIONAL: u8 = 0x80;

/// Opcodes of the short forms; the first without the condition.
const SHORT_CONDITIONAL: u8 = 0x70;
const SHORT_ALWAYS: u8 = 0xeb;

/// A jump that is shortened.
#[derive(Clone, Copy)]
struct Short {
    /// Where its opcode is, and where its long form ends.
    start: u32,
    end: u32,
    opcode: u8,
}

impl Short {
    fn of(code: &[u8], fixup: &Fixup) -> Short {
        let (at, end) = (fixup.at, fixup.at + LONG);
        match code[at as usize - 1] {
            0xe9 => Short { start: at - 1, end, opcode: SHORT_ALWAYS },
            conditional => Short { start: at - 2, end, opcode: conditional - LONG_CONDITIONAL + SHORT_CONDITIONAL },
        }
    }

    /// Bytes that it is shorter.
    fn saved(self) -> u32 {
        self.end - self.start - 2
    }
}

/// Where a place lies when these, which are in their order, are short.
fn moved(place: u32, shorts: &[Short]) -> u32 {
    let before = shorts.iter().take_while(|short| short.end <= place);
    place - before.map(|short| short.saved()).sum::<u32>()
}

impl Emitter {
    /// Shortens jumps within the two parts of a piece whose marks are offsets, and fills in what leads to the same part.
    pub(super) fn shorten(&mut self) {
        let cold_part = self.cold_part;
        let part = |place: u32| place >= cold_part;
        let mut shorts: Vec<Short> = Vec::new();
        let mut fixups = std::mem::take(&mut self.asm.fixups);
        let mut is_short = vec![false; fixups.len()];
        loop {
            let mut changed = false;
            for (number, fixup) in fixups.iter().enumerate() {
                let Goal::Mark(to) = fixup.goal else { continue };
                if is_short[number] || !fixup.jump || part(fixup.at) != part(to) {
                    continue;
                }
                let distance = i64::from(moved(to, &shorts)) - i64::from(moved(fixup.at + LONG, &shorts));
                if i8::try_from(distance).is_ok() {
                    let short = Short::of(self.asm.code(), fixup);
                    let place = shorts.partition_point(|other| other.start < short.start);
                    shorts.insert(place, short);
                    (is_short[number], changed) = (true, true);
                }
            }
            if !changed {
                break;
            }
        }
        self.rewrite(&shorts);
        let moved = |place: u32| moved(place, &shorts);
        for filling in &mut self.asm.fillings {
            filling.at = moved(filling.at);
        }
        self.left_behind = self.left_behind.map(moved);
        self.returned_behind = self.returned_behind.map(moved);
        self.cold_part = moved(cold_part);
        let mut short = is_short.into_iter();
        fixups.retain_mut(|fixup| {
            let short = short.next().unwrap_or(false);
            let size = if short { 1 } else { LONG };
            let end = moved(fixup.at + LONG);
            let inside = matches!(fixup.goal, Goal::Mark(to) if part(fixup.at) == part(to));
            fixup.at = end - size;
            let Goal::Mark(to) = &mut fixup.goal else { return true };
            *to = moved(*to);
            if inside {
                let distance = to.wrapping_sub(end + u32::from(fixup.behind));
                let bytes = &distance.to_le_bytes()[..size as usize];
                self.asm.code()[fixup.at as usize..][..size as usize].copy_from_slice(bytes);
            }
            !inside
        });
        self.asm.fixups = fixups;
    }

    /// Rewrites the code with the short forms.
    fn rewrite(&mut self, shorts: &[Short]) {
        let length = self.asm.here();
        let code = self.asm.code();
        let (mut to, mut from) = (0, 0);
        for short in shorts {
            code.copy_within(from as usize..short.start as usize, to as usize);
            to += short.start - from;
            code[to as usize] = short.opcode;
            (to, from) = (to + 2, short.end);
        }
        code.copy_within(from as usize..length as usize, to as usize);
        self.asm.truncate(to + length - from);
    }
}
