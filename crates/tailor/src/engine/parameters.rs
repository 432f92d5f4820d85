//! Parameters, by the names that RPython's users know.

use std::fmt;
use std::str::FromStr;

use tailor_compiler::opt::{Passes, UnknownPass};

/// How eager the compiler is, and within what bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Back edges to a location before it is traced; 0 means never.
    pub threshold: u32,
    /// Calls of a location before it is traced; 0 means never.
    pub function_threshold: u32,
    /// Back edges to a point, or calls of it, before tier 1 makes its pieces; 0 means never.
    pub tier1_threshold: u32,
    /// How many times as many back edges and calls as [`threshold`](Parameters::threshold) and [`function_threshold`](Parameters::function_threshold) say it takes in tier 1 before tier 2 is asked first: what tier 1
    /// executes is worth compiling again only if it goes on for long. Halved whenever the thread has computed twice as long, from half a second on.
    pub tier2_patience: u32,
    /// Whether there is tier 1, threaded code.
    pub tier1: bool,
    /// Whether there is tier 2, traces.
    pub tier2: bool,
    /// Times that an exit is taken before a bridge is traced from it; 0 means never.
    pub trace_eagerness: u32,
    /// The most operations that a trace may record.
    pub trace_limit: u32,
    /// How deep calls are inlined into a trace.
    pub inline_depth: u32,
    /// How many bridges a unit, with the bridges of its bridges, may have.
    pub bridge_limit: u32,
    /// How many operations bridges that begin in inlined calls of a method may have together, before the method is called and not inlined; 0 means any.
    pub branch_limit: u32,
    /// How often tracing of one location may fail before it is left to the interpreter.
    pub abort_limit: u32,
    /// The share of the thread's computing time since the start that compiling may take, in percent, beside what it has earned; 0 means any.
    pub budget: u32,
    /// Units that return after fewer operations are not made for the interpreter, nor entered from it (but see [`super::driver`]); other units call them.
    pub short_unit: u32,
    /// Bytes of machine code in all; when they are used up, all code is thrown away, and thresholds double.
    pub code_limit: usize,
    /// Bytes of native stack that compiled code may use for its recursion; less if the thread has less.
    pub native_stack: usize,
    /// Which passes optimise.
    pub passes: Passes,
    /// For tests: other than 0, `threshold`, `function_threshold`, `tier1_threshold` and `trace_eagerness` are but the most; each counter and each exit has a threshold of its own, from 1 to that, which
    /// follows from this seed. So things are compiled in other orders than usual. (Counters go by addresses: the same order again needs the same addresses, as `setarch -R` gives them.)
    pub seed: u64,
    /// Whether every guard of every unit is made to fail once, for tests.
    pub fail_guards: bool,
    /// Whether it compiles at all.
    pub on: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            threshold: 600,
            function_threshold: 900,
            tier1_threshold: 30,
            tier2_patience: 10,
            tier1: true,
            tier2: true,
            trace_eagerness: 30,
            trace_limit: 12_000,
            inline_depth: 24,
            bridge_limit: 200,
            branch_limit: 1500,
            abort_limit: 8,
            budget: 8,
            short_unit: 300,
            code_limit: 64 << 20,
            native_stack: 512 << 10,
            passes: Passes::ALL,
            seed: 0,
            fail_guards: false,
            on: true,
        }
    }
}

/// Random numbers: the one of that number for a seed (splitmix64).
pub(super) fn scattered(seed: u64, number: u64) -> u64 {
    let mut word = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// What is wrong with the text of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterError {
    /// No parameter of that name.
    Unknown(String),
    /// Not a number in range, for this parameter.
    Number(String, String),
    /// Neither `on` nor `off`, for this parameter.
    Switch(String, String),
    /// Not a pass.
    Pass(UnknownPass),
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterError::Unknown(name) => {
                write!(f, "there is no JIT parameter `{name}`; parameters are {}", NAMES.join(", "))
            }
            ParameterError::Number(name, value) => {
                write!(f, "`{value}` is no value for {name}: a number is wanted, from 0 to {}", u32::MAX)
            }
            ParameterError::Switch(name, value) => {
                write!(f, "`{value}` is no value for {name}: it is `{name}=on` or `{name}=off`")
            }
            ParameterError::Pass(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ParameterError {}

/// The names, for messages.
const NAMES: &[&str] = &[
    "threshold",
    "function_threshold",
    "tier1_threshold",
    "tier2_patience",
    "tier1",
    "tier2",
    "trace_eagerness",
    "trace_limit",
    "inline_depth",
    "bridge_limit",
    "branch_limit",
    "abort_limit",
    "budget",
    "short_unit",
    "code_limit",
    "native_stack",
    "seed",
    "passes",
    "fail_guards",
    "on",
    "off",
];

impl Parameters {
    /// Changes what a list says, such as `threshold=3,passes=-peel` or `off`. A value for `passes` may contain commas: it goes on until the next name.
    ///
    /// # Errors
    /// An unknown name, or a value that does not fit.
    ///
    /// # Examples
    /// ```
    /// use tailor::engine::Parameters;
    /// let mut parameters = Parameters::default();
    /// parameters.set("threshold=3,passes=-peel,-virtuals,trace_limit=100").unwrap();
    /// assert_eq!((parameters.threshold, parameters.trace_limit), (3, 100));
    /// assert!(!parameters.passes.peel && !parameters.passes.virtuals && parameters.passes.fold);
    /// assert!(parameters.set("treshold=3").unwrap_err().to_string().contains("threshold"));
    /// ```
    pub fn set(&mut self, text: &str) -> Result<(), ParameterError> {
        let mut passes: Option<String> = None;
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').map_or((item, None), |(name, value)| (name, Some(value)));
            match (name, value, &mut passes) {
                ("on", None, _) => self.on = true,
                ("off", None, _) => self.on = false,
                ("fail_guards", None, _) => self.fail_guards = true,
                ("tier1" | "tier2", Some("on" | "off"), _) => {
                    let tier = if name == "tier1" { &mut self.tier1 } else { &mut self.tier2 };
                    *tier = value == Some("on");
                }
                ("tier1" | "tier2", Some(value), _) => {
                    return Err(ParameterError::Switch(name.to_owned(), value.to_owned()));
                }
                ("passes", Some(value), passes) => *passes = Some(value.to_owned()),
                (_, Some(value), _) => self.number(name, value)?,
                (name, None, Some(passes)) => {
                    passes.push(',');
                    passes.push_str(name);
                }
                (name, None, None) => return Err(ParameterError::Unknown(name.to_owned())),
            }
        }
        if let Some(passes) = passes {
            self.passes = Passes::parse(&passes).map_err(ParameterError::Pass)?;
        }
        Ok(())
    }

    /// After how many back edges and calls the interpreter asks: those of the first tier that there is.
    pub(super) fn first_thresholds(&self) -> (u32, u32) {
        match (self.tier1, self.tier2) {
            (true, _) => (self.tier1_threshold, self.tier1_threshold),
            (false, true) => (self.threshold, self.function_threshold),
            (false, false) => (0, 0),
        }
    }

    /// How often an exit is taken before a bridge is traced from it; `place` tells apart the exits of all units.
    pub(super) fn eagerness(&self, place: u64) -> u32 {
        self.varied(self.trace_eagerness, place)
    }

    /// A threshold for this place: itself, or from 1 to that if there is a [seed](Parameters::seed).
    pub(super) fn varied(&self, threshold: u32, place: u64) -> u32 {
        match (threshold, self.seed) {
            (most, 0) | (most @ 0, _) => most,
            (most, seed) => 1 + (scattered(seed, place) % u64::from(most)) as u32,
        }
    }

    fn number(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        if !NAMES.contains(&name) {
            return Err(ParameterError::Unknown(name.to_owned()));
        }
        let number: u32 = value.parse().map_err(|_| ParameterError::Number(name.to_owned(), value.to_owned()))?;
        match name {
            "threshold" => self.threshold = number,
            "function_threshold" => self.function_threshold = number,
            "tier1_threshold" => self.tier1_threshold = number,
            "tier2_patience" => self.tier2_patience = number,
            "trace_eagerness" => self.trace_eagerness = number,
            "trace_limit" => self.trace_limit = number,
            "inline_depth" => self.inline_depth = number,
            "bridge_limit" => self.bridge_limit = number,
            "branch_limit" => self.branch_limit = number,
            "abort_limit" => self.abort_limit = number,
            "budget" => self.budget = number,
            "short_unit" => self.short_unit = number,
            "code_limit" => self.code_limit = number as usize,
            "native_stack" => self.native_stack = number as usize,
            "seed" => self.seed = u64::from(number),
            _ => return Err(ParameterError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

impl FromStr for Parameters {
    type Err = ParameterError;

    fn from_str(text: &str) -> Result<Parameters, ParameterError> {
        let mut parameters = Parameters::default();
        parameters.set(text)?;
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::{ParameterError, Parameters};

    #[test]
    fn mistakes_are_told_by_name() {
        let error = |text: &str| text.parse::<Parameters>().unwrap_err();
        assert_eq!(error("nothing"), ParameterError::Unknown("nothing".into()));
        assert_eq!(error("nothing=3"), ParameterError::Unknown("nothing".into()));
        assert_eq!(error("threshold=-1"), ParameterError::Number("threshold".into(), "-1".into()));
        assert!(matches!(error("passes=flod"), ParameterError::Pass(_)));
    }

    #[test]
    fn a_seed_gives_each_exit_an_eagerness_of_its_own() {
        let eagerness = |text: &str| -> Vec<u32> {
            let parameters: Parameters = text.parse().unwrap();
            (0..100).map(|place| parameters.eagerness(place)).collect()
        };
        let varied = eagerness("trace_eagerness=5,seed=9");
        assert!((1..=5).all(|value| varied.contains(&value)) && varied.iter().all(|value| (1..=5).contains(value)));
        assert_ne!(varied, eagerness("trace_eagerness=5,seed=10"));
        assert_eq!(eagerness("trace_eagerness=5"), [5; 100]);
        assert_eq!(eagerness("trace_eagerness=0,seed=9"), [0; 100]);
    }

    #[test]
    fn a_seed_varies_thresholds_of_0_nowhere() {
        let parameters: Parameters = "seed=3".parse().unwrap();
        assert!((0..100).all(|place| parameters.varied(0, place) == 0 && parameters.varied(1, place) == 1));
        assert!((0..100).any(|place| parameters.varied(600, place) != parameters.varied(600, place + 1)));
    }

    #[test]
    fn the_first_tier_that_there_is_has_the_interpreters_counters() {
        let first = |text: &str| {
            let parameters: Parameters =
                format!("threshold=7,function_threshold=8,tier1_threshold=3,{text}").parse().unwrap();
            parameters.first_thresholds()
        };
        assert_eq!(first("tier1=off,tier2=on"), (7, 8));
        assert_eq!(first("tier1=on,tier2=on"), (3, 3));
        assert_eq!(first("tier1=on,tier2=off"), (3, 3));
        assert_eq!(first("tier1=off,tier2=off"), (0, 0));
        let wrong = "tier1=1".parse::<Parameters>();
        assert_eq!(wrong, Err(ParameterError::Switch("tier1".into(), "1".into())));
    }

    #[test]
    fn later_settings_count() {
        let parameters: Parameters = "off,threshold=4,on,threshold=5".parse().unwrap();
        assert!(parameters.on && parameters.threshold == 5);
    }
}
