//! Calls: what they do to what is known.
//!
//! A call is told by its descriptor: what it may read is written before, what it may write is not known behind it, and if it may collect, barriers are
//! to be done anew. Of virtual objects it sees those that it is passed. A call of a unit may do anything but touch the guest stack below its frame ([`stack`](super::stack)); it may also never return, then the caller is left by the call's
//! snapshot: what the unit may read is written before, and the rest, and virtual objects, are in the snapshot.
//!
//! Elidable calls are shared as pure operations are ([`cse`](super::cse)).

use super::facts::Fact;
use super::walk::Walk;
use crate::ir::{AliasSet, CallId, EntryId, Op, Ref, SnapshotId};

impl Walk<'_> {
    /// `Call`.
    pub(super) fn call(&mut self, op: &Op) {
        let id = CallId(op.aux);
        let list = self.arguments(op.a, |walk, number| walk.descriptors.call(id).arguments[number]);
        let call = Op { a: list.0, ..*op };
        let desc = self.descriptors.call(id);
        let (reads, writes, collects, elidable) = (desc.reads, desc.writes, desc.collects, desc.elidable);
        if elidable {
            if let Some(value) = self.find_call(&call) {
                let value = self.resolve(value);
                return self.bind(self.at, value);
            }
            self.flush_immutable();
        }
        self.before_call(reads, writes);
        let value = self.push(call, Fact::ANY);
        if elidable {
            self.enter_call(self.out.ops.len() - 1);
        }
        self.after_call(writes);
        self.count(self.out.lists[list.0 as usize].into());
        if collects {
            self.epoch += 1;
        }
        if writes != AliasSet::NONE {
            self.valid = false;
        }
        self.bind(self.at, value);
    }

    /// `CallUnit`.
    pub(super) fn call_unit(&mut self, op: &Op) {
        let id = EntryId(op.aux);
        let list = self.arguments(op.a, |walk, number| walk.descriptors.entry(id).arguments[number]);
        let frame = self.unit_frame(id, list);
        self.before_unit_call(frame);
        let snapshot = self.snapshot(SnapshotId(op.b));
        let value: Ref = self.push(Op { a: list.0, b: snapshot.0, ..*op }, Fact::ANY);
        self.after_unit_call(frame);
        self.epoch += 1;
        self.valid = false;
        self.bind(self.at, value);
    }
}
