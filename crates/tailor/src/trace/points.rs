//! Merge points and entry points: where the guest is, and where traces end.

use tailor_compiler::ir::{LabelId, ListRange, Op, OpCode, Ref, Type};
use tailor_jitcode::code::Mark;
use tailor_jitcode::tape::Color;

use super::frames::Frame;
use super::{End, Inlined, Step, Stop, Sym, Tracer};
use crate::engine::{Abort, LocationId};

/// The guest's state at a mark.
struct Point {
    /// The words of the portal's parameters.
    state: Vec<u64>,
    greens: Vec<u64>,
    frame: Sym,
}

impl Tracer<'_> {
    /// What a mark says, if its greens are constants and its frame lies at a known distance from the root.
    fn point(&mut self, mark: &Mark) -> Option<Point> {
        let (mut state, mut greens, mut frame) = (Vec::new(), Vec::new(), None);
        for variable in &mark.variables {
            for &register in &mark.values[variable.first as usize..(variable.first + variable.count) as usize] {
                let (word, sym) = self.operand(register);
                state.push(word);
                match variable.color {
                    Color::Green if sym.is_constant() => greens.push(word),
                    Color::Green => return None,
                    Color::Red => frame = Some(sym),
                }
            }
        }
        let frame = frame.filter(|frame| frame.base == self.root)?;
        Some(Point { state, greens, frame })
    }

    /// Where the guest's frame lies from the root, at a mark whose greens are constants and whose frame lies at a known distance from it.
    fn frame_at(&mut self, mark: &Mark) -> Option<i32> {
        let &mut Frame { code, base, .. } = self.frame();
        let mut frame = None;
        for variable in &mark.variables {
            for &register in &mark.values[variable.first as usize..(variable.first + variable.count) as usize] {
                let (_, sym) = self.operand_of(code, base, register);
                match variable.color {
                    Color::Green if !sym.is_constant() => return None,
                    Color::Green => {}
                    Color::Red => frame = (sym.base == self.root).then_some(sym.offset),
                }
            }
        }
        frame
    }

    /// Makes greens constants and relates the frame to the root, where they are not: a bridge that returns to a guest frame whose link it does not know. A frame below the root is none
    /// that the unit may go on in.
    fn find_out(&mut self, mark: &Mark) {
        let position = self.frame().position;
        let leaves = |color| mark.leaves(color).collect::<Vec<_>>();
        for register in leaves(Color::Red) {
            let (word, sym) = self.operand(register);
            if sym.base == self.root || sym.is_constant() {
                continue;
            }
            match i32::try_from(word.wrapping_sub(self.root_word) as i64) {
                Ok(bytes) if bytes >= 0 => self.relate_to_root((word, sym), bytes, position),
                _ => return,
            }
        }
        for register in leaves(Color::Green) {
            let ty = self.frame().code.type_of(register);
            let value = self.operand(register);
            self.promote(value, ty, position);
        }
    }

    fn complete(&mut self) -> Step {
        Err(Stop::end(End::Complete))
    }

    /// A merge point of the portal.
    pub(super) fn merge_point(&mut self, mark: &Mark) -> Step {
        if self.frames.len() > 1 {
            return Ok(());
        }
        let mut frame = self.frame_at(mark);
        if frame.is_none() {
            self.find_out(mark);
            frame = self.frame_at(mark);
        }
        let Some(frame) = frame else {
            self.exit_here();
            return self.complete();
        };
        if self.guest_frame != frame {
            self.guest_frame = frame;
            self.renew_root_frame();
        }
        self.gets_on = true;
        if let Some(header) = self.enters.take()
            && let Some(point) = self.point(mark)
            && point.frame.offset == 0
            && *self.driver.locations[header].greens == *point.greens
            && self.driver.locations[header].code.is_some()
        {
            self.at_beginning = true;
            return self.jump_to(header);
        }
        Ok(())
    }

    /// An entry point of the portal: a header, or the entry of a guest method.
    pub(super) fn can_enter(&mut self, mark: &Mark) -> Step {
        if self.frames.len() > 1 {
            self.frame().position += 1;
            return Ok(());
        }
        let mut point = self.point(mark);
        if point.is_none() {
            self.find_out(mark);
            point = self.point(mark);
        }
        self.frame().position += 1;
        let Some(point) = point else { return Ok(()) };
        let Some(location) = self.driver.location(&point.greens) else {
            return Err(Stop::abort(Abort::TablesFull));
        };
        if point.frame.offset > self.guest_frame {
            self.guest_call(location, point)
        } else {
            self.header(location, point)
        }
    }

    /// A back edge.
    fn header(&mut self, location: LocationId, point: Point) -> Step {
        let offset = point.frame.offset;
        if let Some((start, label)) = self.start
            && start == location
            && offset == 0
        {
            let root = self.root;
            let list = self.unit.list(&[root]);
            self.closed = true;
            self.unit.push(Op { a: label.0, b: list.0, ..Op::new(OpCode::Jump, Type::Void) });
            return self.complete();
        }
        if self.driver.locations[location].code.is_some() {
            if offset > 0 {
                return self.call_unit(location, point.frame, &point.state);
            }
            return self.jump_to(location);
        }
        if self.headers.insert((location, offset)) {
            return Ok(());
        }
        if self.driver.may_trace(location) {
            let frame = point.state[self.driver.portal().frame];
            return Err(Stop::end(End::Instead(location, frame)));
        }
        self.exit_here();
        self.complete()
    }

    /// Goes on in the unit of a location, in the same guest frame: behind the first iteration of its loop, if what is known here is what the loop relies on. (The optimiser finds out; what is
    /// still to be tested leaves by the guard's snapshot.)
    fn jump_to(&mut self, location: LocationId) -> Step {
        let position = self.frame().position;
        self.guard_valid(position);
        self.driver.settle(location, &[]);
        let ListRange(list) = self.unit_arguments(location, (self.root_word, Sym::of(self.root)))?;
        let entry = self.driver.locations[location].entry;
        self.unit.push(Op { aux: entry.0, a: list, ..Op::new(OpCode::JumpUnit, Type::Void) });
        self.complete()
    }

    /// A guest method is called.
    fn guest_call(&mut self, location: LocationId, point: Point) -> Step {
        let recursive = self.start.is_some_and(|(start, _)| start == location)
            || self.inlined.iter().any(|call| call.location == location);
        let deep = self.inlined.len() >= self.driver.parameters.inline_depth as usize;
        if recursive || deep || !self.driver.locations[location].inlined {
            return self.call_unit(location, point.frame, &point.state);
        }
        self.inlined.push(Inlined { location, offset: point.frame.offset, first: self.unit.ops.len() });
        Ok(())
    }

    /// An inlined guest frame is left.
    pub(super) fn left(&mut self, offset: i32) {
        while let Some(call) = self.inlined.last()
            && call.offset >= offset
        {
            let size = self.unit.ops.len() - call.first;
            if self.largest.is_none_or(|(_, largest)| size > largest) {
                self.largest = Some((call.location, size));
            }
            self.inlined.pop();
        }
    }

    /// The guest call that most operations were recorded for, those under way included.
    pub(super) fn largest_call(&mut self) -> Option<LocationId> {
        self.left(i32::MIN);
        self.largest.map(|(location, _)| location)
    }

    /// The root of a trace that begins at a location: the unit's label and parameters. Words of the frame that are passed are stored at once: the optimiser puts that off.
    pub(super) fn open(&mut self, passed: &[i32]) -> Step<(Ref, LabelId)> {
        let param = Op::new(OpCode::Param, Type::Ref);
        let entry = self.unit.new_label();
        self.place(entry);
        let root = self.unit.push(param);
        let words: Vec<Ref> = passed.iter().map(|_| self.unit.push(Op::new(OpCode::Param, Type::Int))).collect();
        for (&offset, &word) in passed.iter().zip(&words) {
            self.frame_access(OpCode::Store, root, offset, Some(word))?;
            self.memory.set_stack(offset, Sym::of(word), Type::Int);
        }
        let header = self.unit.new_label();
        let list = self.unit.list(&[root]);
        self.unit.push(Op { a: header.0, b: list.0, ..Op::new(OpCode::Jump, Type::Void) });
        self.place(header);
        Ok((self.unit.push(param), header))
    }

    /// Places a label.
    pub(super) fn place(&mut self, label: LabelId) {
        self.unit.labels[label.0 as usize] = self.unit.ops.len() as u32;
        self.unit.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
    }
}
