//! A VM with captured output, and short ways to ask it things.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use som::errors::{LoadError, RuntimeError, Unwind};
use som::syntax::Source;
use som::vm::EvalError;
use som::{Config, Execution, Output, Value, Vm};
use tailor::engine::Log;
use tailor_gc::HeapConfig;

/// A VM under test.
pub struct Guest {
    pub vm: Vm,
}

/// A configuration with captured output, small enough that a runaway test fails soon.
pub fn config() -> Config {
    Config {
        class_path: Vec::new(),
        heap: HeapConfig { limit: 256 << 20, ..HeapConfig::default() },
        stack_size: 1 << 20,
        output: Output::captured(),
        execution: Execution::Native,
    }
}

impl Guest {
    pub fn new() -> Guest {
        Guest::with(config())
    }

    pub fn with(config: Config) -> Guest {
        Guest { vm: Vm::new(config).unwrap_or_else(|e| panic!("the VM starts: {e}")) }
    }

    /// A VM with the given classes, superclasses first.
    pub fn of(classes: &[&str]) -> Guest {
        let mut guest = Guest::new();
        for class in classes {
            guest.load(class).unwrap_or_else(|e| panic!("the class loads: {e}"));
        }
        guest
    }

    /// Compiles from the next run on: everything at once, with further parameters. The guest must stay where it is then.
    pub fn compile(&mut self, parameters: &str) {
        let eager = "budget=0,short_unit=0,threshold=1,function_threshold=1,trace_eagerness=1";
        let parameters = format!("{eager},{parameters}").parse().unwrap_or_else(|e| panic!("{parameters}: {e}"));
        self.vm.compile(parameters, Log::default());
    }

    /// Loads one class from its text.
    pub fn load(&mut self, text: &str) -> Result<(), LoadError> {
        let name = text.split_whitespace().next().unwrap_or_default();
        let source = Rc::new(Source::new(format!("{name}.som"), text));
        self.vm.load_source(&source, None, Some(name)).map(|_| ())
    }

    /// The value of a snippet.
    #[track_caller]
    pub fn value(&mut self, code: &str) -> Value {
        match self.vm.evaluate("test", code) {
            Ok(value) => value,
            Err(EvalError::Source(e)) => panic!("{code}: {e}"),
            Err(EvalError::Unwind(Unwind::Exit(code))) => panic!("exit {code}"),
            Err(EvalError::Unwind(Unwind::Error(e))) => panic!("{code}: {e}"),
        }
    }

    /// The value of a snippet as a short text that involves no SOM code: literals as such, others by their class.
    #[track_caller]
    pub fn shown(&mut self, code: &str) -> String {
        let value = self.value(code);
        self.vm.describe(value)
    }

    /// The error that a snippet ends in.
    #[track_caller]
    pub fn error(&mut self, code: &str) -> RuntimeError {
        match self.vm.evaluate("test", code) {
            Err(EvalError::Unwind(Unwind::Error(e))) => *e,
            other => panic!("{code}: expected an error, got {other:?}"),
        }
    }

    /// Asserts that the VM still works: sends, blocks, allocation.
    #[track_caller]
    pub fn assert_usable(&mut self) {
        assert_eq!(self.shown("| a | a := Array new: 3. 1 to: 3 do: [:i | a at: i put: i * i]. a at: 3"), "9");
    }
}

/// A directory for the files of one test, removed when the test ends.
pub struct Directory(PathBuf);

impl Directory {
    /// `name` must differ from that of all other tests in this process.
    pub fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("som-embedding-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Directory(path)
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).expect("the temporary directory is writable");
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind is the temporary directory's business.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
