//! What has been done, counted.

use std::fmt;
use std::time::Duration;

/// Why a trace was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Abort {
    /// More operations than [`trace_limit`](super::Parameters::trace_limit).
    TooLong,
    /// It came by a loop's beginning for the second time: that loop is traced instead.
    InnerLoop,
    /// A loop was left in the iteration that was traced.
    LoopLeft,
    /// A call that was not inlined took too long to be executed without code.
    LongCall,
    /// Jitcode nested too deeply, or used too many words.
    TooDeep,
    /// It would have done nothing but exit, before the next merge point.
    Empty,
    /// The compiler could not make code of it: too large, or no memory for code.
    NotCompiled,
    /// Tables of units are full.
    TablesFull,
}

impl Abort {
    /// All of them.
    pub const ALL: [Abort; 8] = [
        Abort::TooLong,
        Abort::InnerLoop,
        Abort::LoopLeft,
        Abort::LongCall,
        Abort::TooDeep,
        Abort::Empty,
        Abort::NotCompiled,
        Abort::TablesFull,
    ];

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Abort::TooLong => "trace too long",
            Abort::InnerLoop => "inner loop first",
            Abort::LoopLeft => "loop left",
            Abort::LongCall => "long call",
            Abort::TooDeep => "too deep",
            Abort::Empty => "empty",
            Abort::NotCompiled => "not compiled",
            Abort::TablesFull => "tables full",
        }
    }
}

/// See the module. Times are of the wall clock.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Units that begin at a location.
    pub units: u64,
    /// Traces that returned so soon that they were not compiled.
    pub brief: u64,
    /// Units that begin at an exit.
    pub bridges: u64,
    /// Units that go on in a loop behind its first iteration.
    pub linked: u64,
    /// Traces given up, by reason.
    pub aborts: [u64; Abort::ALL.len()],
    /// Instructions of jitcode executed while recording.
    pub executed: u64,
    /// Operations recorded.
    pub recorded: u64,
    /// Operations left after optimisation.
    pub emitted: u64,
    /// Bytes of machine code made.
    pub code_bytes: u64,
    /// How often units were entered from the interpreter.
    pub entries: u64,
    /// How often they were left by an exit.
    pub exits: u64,
    /// How often they returned.
    pub returns: u64,
    /// How often an entry had no code, or no stack.
    pub refused: u64,
    /// Units that were thrown away because something that they rested on changed.
    pub invalidated: u64,
    /// How often all code was thrown away, for want of room.
    pub renewals: u64,
    /// Pieces of tier 1.
    pub pieces: u64,
    /// Operations recorded for them.
    pub piece_operations: u64,
    /// Bytes of their code.
    pub piece_bytes: u64,
    /// How often tier 1 was entered.
    pub piece_entries: u64,
    /// How often a point was not found in the table where pieces look.
    pub piece_misses: u64,
    /// How often a piece was left for the interpreter.
    pub piece_exits: u64,
    /// Points that could have no piece.
    pub no_piece: u64,
    /// Shapes of pieces that have been recorded and compiled: most pieces are copies.
    pub templates: u64,
    /// Computing time spent on making pieces.
    pub threading: Duration,
    /// How much of it was spent on templates, but for building jitcode.
    pub templating: Duration,
    /// How much of it was spent on building jitcode, which is done once for each function of the interpreter.
    pub building: Duration,
    /// Computing time spent recording.
    pub tracing: Duration,
    /// Time spent optimising.
    pub optimising: Duration,
    /// Time spent making machine code.
    pub assembling: Duration,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        writeln!(f, "units        {:>10}   bridges   {:>10}", self.units, self.bridges)?;
        writeln!(f, "linked       {:>10}   jitcode   {:>10}", self.linked, self.executed)?;
        writeln!(f, "renewals     {:>10}   brief     {:>10}", self.renewals, self.brief)?;
        writeln!(f, "operations   {:>10}   emitted   {:>10}", self.recorded, self.emitted)?;
        writeln!(f, "code bytes   {:>10}   discarded {:>10}", self.code_bytes, self.invalidated)?;
        writeln!(f, "entries      {:>10}   returns   {:>10}", self.entries, self.returns)?;
        writeln!(f, "exits        {:>10}   refused   {:>10}", self.exits, self.refused)?;
        writeln!(
            f,
            "tracing      {:>7.2} ms   optimising {:>6.2} ms   assembling {:>6.2} ms",
            milliseconds(self.tracing),
            milliseconds(self.optimising),
            milliseconds(self.assembling)
        )?;
        if self.pieces > 0 {
            writeln!(f, "pieces       {:>10}   impossible{:>10}", self.pieces, self.no_piece)?;
            writeln!(f, "  operations {:>10}   bytes     {:>10}", self.piece_operations, self.piece_bytes)?;
            writeln!(f, "  entries    {:>10}   exits     {:>10}", self.piece_entries, self.piece_exits)?;
            writeln!(f, "  misses     {:>10}   templates {:>10}", self.piece_misses, self.templates)?;
            let copying = self.threading.saturating_sub(self.building + self.templating);
            for (phase, time) in [
                ("jitcode", self.building),
                ("templates", self.templating),
                ("copies", copying),
                ("threading", self.threading),
            ] {
                let each = time.as_secs_f64() * 1e6 / self.pieces as f64;
                writeln!(f, "  {phase:<10} {:>7.2} ms   {each:>16.2} us a piece", milliseconds(time))?;
            }
        }
        for abort in Abort::ALL {
            let count = self.aborts[abort as usize];
            if count > 0 {
                writeln!(f, "aborts: {:<20} {count:>6}", abort.text())?;
            }
        }
        Ok(())
    }
}
