//! Which register a value gets, and what happens to values that lose theirs.

use super::super::analysis::{NONE, Role};
use super::super::target::{Loc, Reg, RegSet, Target};
use super::Walk;
use crate::ir::Type;

impl<T: Target> Walk<'_, T> {
    /// A free register for `value`, preferably one of `tied`, not one of `avoid`; makes one free if there is none.
    pub fn choose(&mut self, ty: Type, value: usize, tied: RegSet, avoid: RegSet) -> Reg {
        let class = self.allocator.allowed.and(RegSet::class(ty)).minus(avoid);
        let free = class.and(self.allocator.free);
        if let Some(rng) = &mut self.allocator.rng {
            let from = if free.is_empty() || rng.chance(10) { class } else { free };
            let register = from.iter().nth(rng.below(from.len() as usize));
            let register = register.expect("more registers are allowed than an operation reads");
            self.vacate(register);
            return register;
        }
        if free.is_empty() {
            let victim = class.iter().max_by_key(|&register| self.distance(register));
            let victim = victim.expect("a machine has more registers than an operation reads");
            self.vacate(victim);
            return victim;
        }
        let preserved = free.and(T::PRESERVED);
        let hint = self.hint(value);
        let among = if self.allocator.analysis.crosses_call(value) {
            if preserved.is_empty()
                && let Some(unread) = class.and(T::PRESERVED).iter().find(|&register| self.is_unread(register))
            {
                self.vacate(unread);
                return unread;
            }
            if preserved.is_empty() { free } else { preserved }
        } else if let Some(hint) = hint
            && free.contains(hint)
        {
            return hint;
        } else if free == preserved || !tied.and(free).is_empty() {
            free
        } else {
            free.minus(T::PRESERVED)
        };
        let hint = hint.filter(|&hint| among.contains(hint));
        hint.or(tied.and(among).first()).or(among.first()).expect("some register is free")
    }

    /// Where `value` would best be.
    fn hint(&self, value: usize) -> Option<Reg> {
        match self.allocator.analysis.hints[value] {
            NONE => None,
            register @ 0..64 => Some(Reg(register as u8)),
            parameter => self.allocator.result.ops[parameter as usize - 64].result.as_reg(),
        }
    }

    /// Whether the value of this register is not read any more, but needed by snapshots.
    fn is_unread(&self, register: Reg) -> bool {
        let value = self.allocator.holds[usize::from(register.0)] as usize;
        let analysis = &self.allocator.analysis;
        analysis.next_use[value] == NONE && analysis.last_read[value] < 2 * self.at as u32
    }

    /// How little it hurts to take this register away from its value: how far away its next use is, a little more if it has a slot already.
    fn distance(&self, register: Reg) -> u64 {
        let value = self.allocator.holds[usize::from(register.0)] as usize;
        let analysis = &self.allocator.analysis;
        let next = match analysis.next_use[value] {
            NONE if !self.is_unread(register) => analysis.last_read[value] / 2,
            next => next,
        };
        let distance = u64::from(next).saturating_sub(self.at as u64);
        if self.allocator.result.slots[value] == u16::MAX { distance * 3 } else { distance * 4 }
    }

    /// Makes `register` free; its value gets a slot if it has none.
    pub fn vacate(&mut self, register: Reg) {
        let value = self.allocator.holds[usize::from(register.0)];
        if value == NONE {
            return;
        }
        self.ensure_slot(value as usize);
        self.drop_register(register);
    }

    /// Forgets what `register` holds.
    pub fn drop_register(&mut self, register: Reg) {
        let allocator = &mut *self.allocator;
        let value = std::mem::replace(&mut allocator.holds[usize::from(register.0)], NONE);
        if value != NONE {
            allocator.register_of[value as usize] = u8::MAX;
            allocator.free.insert(register);
        }
    }

    /// Notes that `register`, which is free, holds `value` from now on.
    pub fn hold(&mut self, register: Reg, value: usize) {
        let allocator = &mut *self.allocator;
        allocator.holds[usize::from(register.0)] = value as u32;
        allocator.register_of[value] = register.0;
        allocator.free.remove(register);
    }

    /// Notes that `value` is computed in `register`.
    pub fn define(&mut self, value: usize, register: Reg) {
        self.hold(register, value);
        self.will_end(value);
    }

    /// Notes when `value`, which has just been defined, is not needed any more.
    pub fn will_end(&mut self, value: usize) {
        let allocator = &mut *self.allocator;
        let end = allocator.analysis.end[value] as usize / 2;
        allocator.next_end[value] = std::mem::replace(&mut allocator.ends[end], value as u32);
    }

    /// Frees the register of a value whose last use is as an operand of the current operation.
    pub fn release_if_dying(&mut self, register: Reg) {
        let value = self.allocator.holds[usize::from(register.0)];
        if value != NONE && self.allocator.analysis.end[value as usize] <= 2 * self.at as u32 {
            self.drop_register(register);
        }
    }

    /// Frees what the values have that end with the current operation.
    pub fn expire(&mut self) {
        let mut value = self.allocator.ends[self.at];
        while value != NONE {
            let number = value as usize;
            if let register @ 0..64 = self.allocator.register_of[number] {
                self.drop_register(Reg(register));
            }
            let slot = self.allocator.result.slots[number];
            if slot != u16::MAX {
                self.allocator.free_slots.push((slot, self.allocator.analysis.end[number]));
            }
            value = self.allocator.next_end[number];
        }
    }

    /// Gives `value` a slot if it has none: one that nothing else has been in since its definition.
    pub fn ensure_slot(&mut self, value: usize) {
        let allocator = &mut *self.allocator;
        if allocator.result.slots[value] != u16::MAX {
            return;
        }
        // Arithmetic that is done early is so before the edge of its branch reads what it passes on.
        let defined = match allocator.analysis.roles[value] {
            Role::Early => 2 * value as u32 - 3,
            _ => 2 * value as u32,
        };
        let fits = |&(_, since): &(u16, u32)| since <= defined;
        // A few looks are enough: what has been free for long lies deep, but new slots are cheap.
        let found = allocator.free_slots.iter().rev().take(16).position(fits);
        allocator.result.slots[value] = match found {
            Some(from_end) => {
                let place = allocator.free_slots.len() - 1 - from_end;
                allocator.free_slots.swap_remove(place).0
            }
            None => {
                let slot = allocator.result.slot_count;
                if slot + 1 >= Loc::LIMIT {
                    allocator.too_large = true;
                } else {
                    allocator.result.slot_count += 1;
                }
                slot
            }
        };
    }
}
