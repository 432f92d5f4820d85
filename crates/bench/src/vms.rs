//! The virtual machines, each as a command template.
//!
//! # Terms
//! - *template*: the words of a command, with placeholders such as `{benchmark}` that are replaced for each run.
//! - *language*: how an Are-We-Fast-Yet suite is started; a VM is a language, a program and some flags.
//! - *coverage*: which benchmarks a VM's sources have. The upstream suites have only the fourteen.
//!
//! A VM is resolved before anything runs, so that a missing interpreter is found in the first second and not in the
//! last hour. Interpreters are started directly, never through a shell: what is measured is the VM and nothing else.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::{Measure, Named, Options};
use crate::complaint::Complaint;
use crate::startup;
use crate::suite::Benchmark;
use crate::toolchain::{self, Scratch};

/// Directories of upstream's SOM suite that its harness needs on the class path.
const AWFY_CLASS_PATH: &str = ".:Core:CD:DeltaBlue:Havlak:Json:NBody:Richards";

/// A VM ready to run.
#[derive(Debug)]
pub struct Vm {
    /// The name shown in reports.
    pub name: String,
    template: Vec<String>,
    directory: Option<PathBuf>,
    coverage: Coverage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coverage {
    Everything,
    AwfyOnly,
}

impl Vm {
    /// Whether the VM's sources have `benchmark`.
    pub fn covers(&self, benchmark: &Benchmark) -> bool {
        self.coverage == Coverage::Everything || benchmark.is_awfy()
    }

    /// The command that runs `benchmark` for a number of iterations, warm-up included.
    pub fn command(&self, benchmark: &Benchmark, iterations: usize) -> Command {
        let words = self.words(benchmark, iterations);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// The words of that command.
    pub fn words(&self, benchmark: &Benchmark, iterations: usize) -> Vec<String> {
        let (iterations, inner) = (iterations.to_string(), benchmark.inner.to_string());
        let values = [("{benchmark}", &*benchmark.name), ("{iterations}", &*iterations), ("{inner}", &*inner)];
        self.template.iter().map(|word| substitute(word, &values)).collect()
    }
}

/// Replaces placeholders; values are not searched again.
fn substitute(word: &str, values: &[(&str, &str)]) -> String {
    let mut result = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        match values.iter().find(|(placeholder, _)| rest.starts_with(placeholder)) {
            Some((placeholder, value)) => {
                result.push_str(value);
                rest = &rest[placeholder.len()..];
            }
            None => {
                let next = rest.chars().next().map_or(0, char::len_utf8);
                result.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
    }
    result
}

/// A language of Are-We-Fast-Yet other than SOM.
#[derive(Clone, Copy)]
enum Language {
    Java,
    JavaScript,
    Lua,
    Python,
}

/// A known VM of another language.
pub struct Peer {
    /// The name for `--vms`.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    language: Language,
    programs: &'static [&'static str],
    flags: &'static [&'static str],
    package: &'static str,
}

const fn peer(
    (name, description): (&'static str, &'static str),
    language: Language,
    (programs, flags): (&'static [&'static str], &'static [&'static str]),
    package: &'static str,
) -> Peer {
    Peer { name, description, language, programs, flags, package }
}

const JAVA_PACKAGE: &str = "openjdk-17-jdk-headless";

/// All known VMs of other languages. Upstream's harness for Lua reads CPU time, those for the others elapsed time, which is
/// the same on an idle machine; `--clock cpu` compares like with like on any. Python runs with -B lest it write compiled files into the checkout.
pub const PEERS: &[Peer] = &[
    peer(("java", "HotSpot"), Language::Java, (&["java"], &[]), JAVA_PACKAGE),
    peer(("java-int", "HotSpot's interpreter (-Xint)"), Language::Java, (&["java"], &["-Xint"]), JAVA_PACKAGE),
    peer(("node", "V8"), Language::JavaScript, (&["node", "nodejs"], &[]), "nodejs"),
    peer(
        ("node-int", "V8's interpreter (--jitless)"),
        Language::JavaScript,
        (&["node", "nodejs"], &["--jitless"]),
        "nodejs",
    ),
    peer(("lua54", "PUC Lua 5.4"), Language::Lua, (&["lua5.4", "lua54"], &[]), "lua5.4"),
    peer(("luajit", "LuaJIT"), Language::Lua, (&["luajit"], &[]), "luajit"),
    peer(("luajit-int", "LuaJIT's interpreter (-joff)"), Language::Lua, (&["luajit"], &["-joff"]), "luajit"),
    peer(("python3", "CPython"), Language::Python, (&["python3"], &["-B"]), "python3"),
    peer(("pypy3", "PyPy"), Language::Python, (&["pypy3"], &["-B"]), "pypy3"),
];

/// Names and descriptions of our own VM's two entries.
pub const OURS: &[(&str, &str)] = &[
    ("som", "our VM on upstream's SOM sources if --awfy is given, else on our own"),
    ("som-own", "our VM on our own benchmarks, always"),
];

/// Resolves every VM that `options` name, in their order: known ones, variants, commands.
///
/// # Errors
/// When a VM is unknown, named twice, or lacks something it needs.
pub fn resolve(options: &Options, scratch: &Scratch) -> Result<Vec<Vm>, Complaint> {
    let resolver = Resolver::new(options, scratch)?;
    let mut vms = Vec::new();
    for name in resolver.known_names() {
        vms.push(resolver.known(&name)?);
    }
    for variant in &options.variant {
        vms.push(resolver.ours(&variant.name, &variant.words, Sources::UpstreamIfGiven)?);
    }
    for command in &options.vm {
        vms.push(resolver.custom(command)?);
    }
    reject_duplicates(&vms)?;
    Ok(vms)
}

fn reject_duplicates(vms: &[Vm]) -> Result<(), Complaint> {
    for (index, vm) in vms.iter().enumerate() {
        if vms[..index].iter().any(|other| other.name == vm.name) {
            return Err(Complaint::new(format!("two VMs are named '{}'", vm.name)));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sources {
    UpstreamIfGiven,
    Own,
}

struct Resolver<'a> {
    options: &'a Options,
    scratch: &'a Scratch,
    awfy: Option<PathBuf>,
}

impl<'a> Resolver<'a> {
    fn new(options: &'a Options, scratch: &'a Scratch) -> Result<Self, Complaint> {
        let awfy = options.awfy.as_deref().map(check_awfy).transpose()?;
        Ok(Resolver { options, scratch, awfy })
    }

    fn known_names(&self) -> Vec<String> {
        if self.options.vms.is_empty() && self.options.vm.is_empty() {
            return vec!["som".to_string()];
        }
        self.options.vms.clone()
    }

    fn known(&self, name: &str) -> Result<Vm, Complaint> {
        match name {
            "som" => return self.ours(name, &[], Sources::UpstreamIfGiven),
            "som-own" => return self.ours(name, &[], Sources::Own),
            _ => {}
        }
        let peer = PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| unknown_vm(name))?;
        self.peer(peer)
    }

    fn peer(&self, peer: &Peer) -> Result<Vm, Complaint> {
        let mut program = toolchain::find_program(peer.programs, peer.package)?;
        if matches!(peer.language, Language::Python) {
            program = toolchain::real_python(&program)?;
        }
        let mut template = vec![text(&program)?];
        template.extend(peer.flags.iter().map(|flag| flag.to_string()));
        let directory = match self.options.measure {
            Measure::Startup => {
                template.extend(self.hello(peer.language)?);
                None
            }
            Measure::Time | Measure::Warmup => {
                let folder = self.awfy(peer.name)?.join("benchmarks").join(folder(peer.language));
                template.extend(self.harness(peer.language, &folder)?);
                template.extend(["{benchmark}", "{iterations}", "{inner}"].map(String::from));
                Some(folder)
            }
        };
        Ok(Vm { name: peer.name.to_string(), template, directory, coverage: Coverage::AwfyOnly })
    }

    fn hello(&self, language: Language) -> Result<Vec<String>, Complaint> {
        Ok(match language {
            Language::Java => vec!["-cp".to_string(), text(&startup::java(self.scratch)?)?, "Hello".to_string()],
            Language::JavaScript => vec![text(&startup::script(self.scratch, "js", "console.log")?)?],
            Language::Lua => vec![text(&startup::script(self.scratch, "lua", "print")?)?],
            Language::Python => vec![text(&startup::script(self.scratch, "py", "print")?)?],
        })
    }

    fn harness(&self, language: Language, folder: &Path) -> Result<Vec<String>, Complaint> {
        Ok(match language {
            Language::Java => {
                let sources = folder.join("src");
                let classes = self.scratch.java_classes("awfy-classes", &sources, &sources.join("Harness.java"))?;
                vec!["-cp".to_string(), text(&classes)?, "Harness".to_string()]
            }
            Language::JavaScript => vec!["harness.js".to_string()],
            Language::Lua => vec!["harness.lua".to_string()],
            Language::Python => vec!["harness.py".to_string()],
        })
    }

    fn ours(&self, name: &str, flags: &[String], sources: Sources) -> Result<Vm, Complaint> {
        let mut template = vec![text(&self.som()?)?];
        template.extend_from_slice(flags);
        let mut directory = None;
        let mut coverage = Coverage::Everything;
        if self.options.measure == Measure::Startup {
            template.push(text(&startup::som(self.scratch)?)?);
        } else {
            match &self.awfy {
                Some(awfy) if sources == Sources::UpstreamIfGiven => {
                    template.extend(["-cp", AWFY_CLASS_PATH, "Harness.som"].map(String::from));
                    directory = Some(awfy.join("benchmarks/SOM"));
                    coverage = Coverage::AwfyOnly;
                }
                _ => template.push(text(&own_benchmarks()?.join("BenchmarkHarness.som"))?),
            }
            template.extend(["{benchmark}", "{iterations}", "{inner}"].map(String::from));
        }
        Ok(Vm { name: name.to_string(), template, directory, coverage })
    }

    /// Our VM's program: given, or beside this one, where one build puts both.
    fn som(&self) -> Result<PathBuf, Complaint> {
        let program = match &self.options.som {
            Some(file) => file.clone(),
            None => env::current_exe()
                .map_err(|error| Complaint::new(format!("cannot tell where this program is: {error}")))?
                .with_file_name("som"),
        };
        program.canonicalize().map_err(|_| {
            Complaint::with_remedy(
                format!("no SOM VM at {}", program.display()),
                "build it (cargo build --release -p som), or say where it is by --som",
            )
        })
    }

    fn custom(&self, command: &Named) -> Result<Vm, Complaint> {
        self.check_placeholders(command)?;
        let mut values = vec![("{benchmarks}", text(&own_benchmarks()?)?)];
        if mentions(command, "{awfy}") {
            values.push(("{awfy}", text(self.awfy(&command.name)?)?));
        }
        if mentions(command, "{program}") {
            values.push(("{program}", text(&startup::som(self.scratch)?)?));
        }
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let template = command.words.iter().map(|word| substitute(word, &values)).collect();
        Ok(Vm { name: command.name.clone(), template, directory: None, coverage: Coverage::Everything })
    }

    fn check_placeholders(&self, command: &Named) -> Result<(), Complaint> {
        let needed: &[&str] = match self.options.measure {
            Measure::Time | Measure::Warmup => &["{benchmark}", "{iterations}", "{inner}"],
            Measure::Startup => &["{program}"],
        };
        match needed.iter().find(|placeholder| !mentions(command, placeholder)) {
            None => Ok(()),
            Some(missing) => Err(Complaint::with_remedy(
                format!("the command of '{}' does not say where {missing} goes", command.name),
                format!("for this measurement it must contain {}; see --help", needed.join(", ")),
            )),
        }
    }

    fn awfy(&self, vm: &str) -> Result<&Path, Complaint> {
        self.awfy.as_deref().ok_or_else(|| {
            Complaint::with_remedy(
                format!("'{vm}' runs the sources of Are-We-Fast-Yet, and no checkout is given"),
                "git clone https://github.com/smarr/are-we-fast-yet, then --awfy are-we-fast-yet",
            )
        })
    }
}

fn folder(language: Language) -> &'static str {
    match language {
        Language::Java => "Java",
        Language::JavaScript => "JavaScript",
        Language::Lua => "Lua",
        Language::Python => "Python",
    }
}

fn mentions(command: &Named, placeholder: &str) -> bool {
    command.words.iter().any(|word| word.contains(placeholder))
}

fn check_awfy(directory: &Path) -> Result<PathBuf, Complaint> {
    let found = directory.canonicalize().ok().filter(|path| path.join("benchmarks/SOM").is_dir());
    found.ok_or_else(|| {
        Complaint::with_remedy(
            format!("{} is no checkout of Are-We-Fast-Yet: it has no benchmarks/SOM", directory.display()),
            "git clone https://github.com/smarr/are-we-fast-yet",
        )
    })
}

/// The directory of our benchmarks: that of the working tree this program was built from.
fn own_benchmarks() -> Result<PathBuf, Complaint> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benchmarks");
    directory.canonicalize().map_err(|_| {
        Complaint::with_remedy(
            format!("our benchmarks are not at {}", directory.display()),
            "run bench from the working tree it was built in, by cargo run --release -p bench",
        )
    })
}

fn unknown_vm(name: &str) -> Complaint {
    let known: Vec<&str> = OURS.iter().map(|(name, _)| *name).chain(PEERS.iter().map(|peer| peer.name)).collect();
    Complaint::with_remedy(
        format!("no VM is named '{name}'"),
        format!("known are {}; any other can be given by --vm", known.join(", ")),
    )
}

/// A path as a word of a command.
fn text(path: &Path) -> Result<String, Complaint> {
    let shown = path.to_str().ok_or_else(|| Complaint::new(format!("the path {} is not UTF-8", path.display())))?;
    Ok(shown.to_string())
}

#[cfg(test)]
mod tests;
