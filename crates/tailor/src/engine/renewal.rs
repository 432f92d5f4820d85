//! Renewal: what becomes of code that is not used any more, and what if there is no room for more.
//!
//! # Terms
//! - Code is *retired* when it is not entered any more: what it rested on has changed, or a location has got other code. It may still be executing then.
//! - *Renewal* throws away everything that was compiled and what is known about it, and starts anew: the counters, too.
//!
//! # Why so
//! Compiled units go on in each other, and only some of these links can be followed backwards; what is hot now and was compiled long ago cannot be told from what is cold, since entries are not counted in compiled code. So
//! there is no choosing what to drop when [`Parameters::code_limit`] is reached: all goes, and what is still hot is back soon, in the shape that fits the program now (as in LuaJIT; Bala et al., 2000,
//! flush their cache at changes of phase). A program that fills the limit again and again would be compiled for ever, so each renewal doubles all thresholds.
//!
//! # Invariant
//! Nothing is freed while a unit or a piece executes: only when the interpreter asks, and no activation of either is below it on the native stack.

use super::counters::Counters;
use super::driver::Driver;
use super::{Config, Parameters};

impl Driver {
    /// Frees retired code, and renews everything if there is no room for more. Whether it did: then what is asked about has to wait as long as all else.
    #[inline]
    pub(super) fn clear_up(&mut self, counters: &Counters) -> bool {
        let mut renewed = false;
        if (self.full || !self.retired.is_empty()) && self.running == 0 && !self.threads.are_running() {
            self.free_retired();
            if self.full {
                renewed = self.renew(counters);
            }
        }
        renewed
    }

    fn free_retired(&mut self) {
        self.retired.clear();
        self.units.retain(|_, info| info.code.strong_count() > 0);
    }

    fn renew(&mut self, counters: &Counters) -> bool {
        let config = Config {
            runtime: *self.machine.runtime(),
            parameters: calmer(&self.parameters),
            describe: self.describe,
            log: std::mem::take(&mut self.log),
        };
        let (roots, dependencies) = (self.roots.clone(), self.dependencies.clone());
        let Ok(mut renewed) = Driver::new(config, roots, dependencies) else {
            // Without memory for another machine, this one goes on with what it has.
            self.full = false;
            return false;
        };
        self.roots.forget_constants();
        self.dependencies.clear();
        renewed.portal = self.portal.take();
        std::mem::swap(&mut renewed.ledger, &mut self.ledger);
        renewed.stats = std::mem::take(&mut self.stats);
        renewed.stats.renewals += 1;
        *self = renewed;
        let (threshold, function_threshold) = self.parameters.first_thresholds();
        let seed = self.parameters.seed;
        counters.stop();
        counters.start(threshold, function_threshold, seed);
        true
    }
}

/// The same parameters with all thresholds doubled.
fn calmer(parameters: &Parameters) -> Parameters {
    let twice = |threshold: u32| threshold.saturating_mul(2);
    Parameters {
        threshold: twice(parameters.threshold),
        tier1_threshold: twice(parameters.tier1_threshold),
        function_threshold: twice(parameters.function_threshold),
        trace_eagerness: twice(parameters.trace_eagerness),
        ..parameters.clone()
    }
}
