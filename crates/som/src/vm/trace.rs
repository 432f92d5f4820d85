//! Stack traces.

use super::Vm;
use crate::errors::TraceEntry;
use crate::interpreter::Regs;
use crate::method::Invokable;

/// Of a deeper stack, this many outer and inner activations are shown.
const SHOWN: usize = 20;

impl Vm {
    /// The activations at this moment, outermost first; of a deep stack the middle is left out: the number of
    /// activations missing, and the entry that they stand in front of.
    pub(crate) fn trace(&self) -> (Vec<TraceEntry>, Option<(usize, usize)>) {
        let mut inner = Vec::new();
        let mut outer = std::collections::VecDeque::new();
        let mut depth = 0;
        let mut current = self.saved.get();
        while let Some(regs) = current {
            if depth < SHOWN {
                inner.push(self.trace_entry(regs));
            } else {
                outer.push_back(regs);
                if outer.len() > SHOWN {
                    outer.pop_front();
                }
            }
            depth += 1;
            current = regs.caller();
        }
        let omitted = (depth > 2 * SHOWN).then(|| (depth - 2 * SHOWN, outer.len()));
        let mut entries: Vec<_> = outer.into_iter().rev().map(|regs| self.trace_entry(regs)).collect();
        entries.extend(inner.into_iter().rev());
        (entries, omitted)
    }

    fn trace_entry(&self, regs: Regs) -> TraceEntry {
        let method = regs.method;
        let source = &method.details().definition.source;
        let span = match (method.invokable(), method.compiled()) {
            (Invokable::Bytecode, Some(code)) => code.spans.get(regs.pc).copied().unwrap_or_default(),
            _ => Default::default(),
        };
        let position = source.position(span.start);
        let name = format!("{}>>{}", self.class_name(method.holder()), method.selector().as_str());
        TraceEntry {
            method: if method.is_block() { format!("block in {name}") } else { name },
            file: source.name().to_string(),
            line: position.line,
            column: position.column,
            text: source.line(position.line).to_string(),
        }
    }
}
