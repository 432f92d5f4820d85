//! Loading classes: finding their source and building them.
//!
//! A class is looked for in the directories of the class path, in order, and then in the embedded core library. Its superclass
//! is loaded first. Methods of embedded classes are checked and compiled when they are first invoked; those of other
//! classes are checked at once, so that mistakes show when the class is loaded.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustc_hash::FxHashMap;
use tailor_gc::Gc;

use super::{EvalError, Vm};
use crate::classes::{ClassInfo, Core, InstanceFormat};
use crate::compiler::{self, CompileError};
use crate::core_library;
use crate::errors::LoadError;
use crate::method::{Definition, DefinitionBody, Invokable, Method, NewMethod, Undeclared};
use crate::objects::{ClassId, Instance, Str};
use crate::primitives;
use crate::syntax::ast::{ClassDef, Ident, MethodBody, MethodDef, Side, Span, Superclass};
use crate::syntax::{Diagnostic, Source, parse_class, parse_snippet};
use crate::value::Value;

/// Where classes are looked for.
#[derive(Clone, Debug, Default)]
pub struct ClassPath {
    directories: Vec<PathBuf>,
    /// Classes being loaded, to find circles.
    loading: Vec<String>,
}

/// The source of a class, and the file it came from unless it is embedded.
struct Found {
    source: Rc<Source>,
    file: Option<PathBuf>,
}

impl ClassPath {
    /// A class path of these directories.
    pub fn new(directories: Vec<PathBuf>) -> ClassPath {
        ClassPath { directories, loading: Vec::new() }
    }

    fn find(&self, class: &str) -> Result<Found, LoadError> {
        // A class name is an identifier; anything else (a path, say) must not reach the file system.
        let is_name = class.chars().all(|c| c.is_alphanumeric() || c == '_') && !class.is_empty();
        if is_name {
            for directory in &self.directories {
                let file = directory.join(format!("{class}.som"));
                if file.is_file() {
                    return Ok(Found { source: Rc::new(read(&file)?), file: Some(file) });
                }
            }
            if let Some(text) = core_library::source(class) {
                return Ok(Found { source: Rc::new(Source::new(format!("core-lib/{class}.som"), text)), file: None });
            }
        }
        Err(LoadError::NotFound(class.into()))
    }
}

fn read(file: &Path) -> Result<Source, LoadError> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|e| LoadError::Io(name.clone(), e))?;
    Source::from_bytes(name, bytes).map_err(|d| LoadError::Source(vec![d]))
}

/// A class's parts that are known before its object is made.
struct NewClass<'a> {
    index: usize,
    name: Gc<Str>,
    superclass: Option<usize>,
    format: InstanceFormat,
    fields: Vec<Gc<Str>>,
    side: &'a Side,
    is_metaclass: bool,
}

impl Vm {
    /// The class called `name`, loaded if it is not there yet.
    ///
    /// # Errors
    /// If there is no such class, or it is wrong.
    pub fn class_named(&mut self, name: &str) -> Result<ClassId, LoadError> {
        let symbol = self.intern(name)?;
        match self.global(symbol).and_then(|v| self.as_class(v)) {
            Some(class) => Ok(class),
            None => self.load_class(name),
        }
    }

    /// Loads a class from the class path.
    ///
    /// # Errors
    /// If there is no such class, or it is wrong.
    pub fn load_class(&mut self, name: &str) -> Result<ClassId, LoadError> {
        if self.class_path.loading.iter().any(|n| n == name) {
            let chain = self.class_path.loading.join(", ");
            return Err(LoadError::Class(format!("Class '{name}' inherits from itself (through {chain}).")));
        }
        if self.class_path.loading.len() > MAX_CHAIN {
            return Err(LoadError::Class(format!("Class '{name}' has more than {MAX_CHAIN} superclasses.")));
        }
        let found = self.class_path.find(name)?;
        self.class_path.loading.push(name.into());
        let result = self.load_source(&found.source, found.file.as_deref(), Some(name));
        self.class_path.loading.pop();
        result
    }

    /// Adds a directory in front of the class path.
    pub fn add_class_path(&mut self, directory: PathBuf) {
        self.class_path.directories.insert(0, directory);
    }

    /// Builds the class that `source` defines.
    ///
    /// # Errors
    /// If the source is wrong, or does not define `expected`.
    pub fn load_source(
        &mut self,
        source: &Rc<Source>,
        file: Option<&Path>,
        expected: Option<&str>,
    ) -> Result<ClassId, LoadError> {
        let def = parse_class(source).map_err(LoadError::Source)?;
        if let Some(expected) = expected
            && *def.name.name != *expected
        {
            let message = format!("This file should define class '{expected}', but it defines '{}'.", def.name.name);
            return Err(self.at(source, def.name.span, message));
        }
        self.build_class(source, file, &def)
    }

    fn at(&self, source: &Source, span: Span, message: String) -> LoadError {
        LoadError::Source(vec![Diagnostic::new(source, span, message)])
    }

    fn build_class(&mut self, source: &Rc<Source>, file: Option<&Path>, def: &ClassDef) -> Result<ClassId, LoadError> {
        let superclass = self.superclass_of(source, def)?;
        let core = Core::named(&def.name.name).filter(|c| self.class_at(c.index()).object.is_none());
        let index = core.map_or(self.classes.len(), Core::index);
        if index + 1 >= ClassId::MAX_CLASSES {
            return Err(LoadError::Class(format!("More than {} classes.", ClassId::MAX_CLASSES / 2)));
        }
        let name = self.intern(&def.name.name)?;
        let meta_name = self.intern(&format!("{} class", def.name.name))?;
        let meta_superclass = superclass.map_or(Core::Class.index(), |s| s + 1);
        let format = match (core, superclass) {
            (Some(core), _) => core.format(),
            (None, Some(s)) => self.class_at(s).format,
            (None, None) => InstanceFormat::Instance,
        };
        let fields = self.all_fields(source, superclass, format, core, &def.instance_side)?;
        let class_fields =
            self.all_fields(source, Some(meta_superclass), InstanceFormat::Class, None, &def.class_side)?;

        let meta = NewClass {
            index: index + 1,
            name: meta_name,
            superclass: Some(meta_superclass),
            format: InstanceFormat::Class,
            fields: class_fields,
            side: &def.class_side,
            is_metaclass: true,
        };
        let class = NewClass { index, name, superclass, format, fields, side: &def.instance_side, is_metaclass: false };
        // The metaclass's id says how many slots the class object has, so it comes first; its own class is Metaclass.
        let class_id = self.enter_class(&class, file);
        let meta_id = self.enter_class(&meta, file);
        let metaclass_class = ClassId::new(Core::Metaclass.index(), 1);
        self.make_class_object(meta_id, metaclass_class)?;
        let object = self.make_class_object(class_id, meta_id)?;

        let built = self
            .add_methods(source, class_id, class.side, file.is_some())
            .and_then(|()| self.add_methods(source, meta_id, meta.side, file.is_some()));
        if let Err(e) = built {
            // Nothing refers to the two new entries yet, so they can be taken back.
            if core.is_none() {
                self.classes.truncate(index);
            }
            return Err(e);
        }
        self.note_overrides(class_id);
        self.set_global(name, Value::from_gc(object))?;
        Ok(class_id)
    }

    fn superclass_of(&mut self, source: &Source, def: &ClassDef) -> Result<Option<usize>, LoadError> {
        let name = match &def.superclass {
            Superclass::Nil => return Ok(None),
            Superclass::Default => return Ok(Some(Core::Object.index())),
            Superclass::Named(name) => name,
        };
        if *name.name == *def.name.name {
            return Err(self.at(source, name.span, format!("Class '{}' can't inherit from itself.", name.name)));
        }
        // While the core classes are being loaded, their superclasses are known by index.
        if let Some(core) = Core::named(&name.name)
            && self.class_at(core.index()).object.is_none()
        {
            return Ok(Some(core.index()));
        }
        match self.class_named(&name.name) {
            Ok(class) => Ok(Some(class.index())),
            Err(LoadError::NotFound(missing)) if *missing == *name.name => {
                let message = format!("There is no class '{missing}' on the class path to inherit from.");
                Err(self.at(source, name.span, message))
            }
            Err(e) => Err(e),
        }
    }

    /// Inherited and own fields.
    fn all_fields(
        &mut self,
        source: &Source,
        superclass: Option<usize>,
        format: InstanceFormat,
        core: Option<Core>,
        side: &Side,
    ) -> Result<Vec<Gc<Str>>, LoadError> {
        let mut fields = superclass.map_or(Vec::new(), |s| self.class_at(s).fields.clone());
        if let Some(first) = side.fields.first()
            && (!format.allows_fields() || core.is_some())
        {
            let message =
                "Instances of this class can't have fields: the virtual machine knows what they look like.".to_string();
            return Err(self.at(source, first.span, message));
        }
        for Ident { name, span } in &side.fields {
            if fields.len() + format.hidden_slots() >= ClassId::MAX_SLOTS {
                let message = format!("A class can have at most {} fields.", ClassId::MAX_SLOTS - 1);
                return Err(self.at(source, *span, message));
            }
            fields.push(self.intern(name)?);
        }
        Ok(fields)
    }

    fn enter_class(&mut self, new: &NewClass<'_>, file: Option<&Path>) -> ClassId {
        let id = ClassId::new(new.index, new.fields.len() + new.format.hidden_slots());
        // Core::id() is used for objects of these classes, so they must have no slots.
        debug_assert!(new.format == InstanceFormat::Class || new.format.allows_fields() || id.slots() == 0);
        let info = ClassInfo {
            id,
            name: new.name,
            superclass: new.superclass,
            object: None,
            format: new.format,
            fields: new.fields.clone(),
            methods: Vec::new(),
            by_selector: FxHashMap::default(),
            file: file.map(Path::to_path_buf),
            is_metaclass: new.is_metaclass,
        };
        match self.classes.get_mut(new.index) {
            Some(reserved) => *reserved = info,
            None => self.classes.push(info),
        }
        id
    }

    fn make_class_object(&mut self, id: ClassId, class_of_it: ClassId) -> Result<Gc<Instance>, LoadError> {
        let object = self.new_immortal_instance(class_of_it)?;
        object.slots()[0].set(Value::small(i64::from(id.0)));
        self.classes[id.index()].object = Some(object);
        Ok(object)
    }

    fn add_methods(&mut self, source: &Rc<Source>, holder: ClassId, side: &Side, check: bool) -> Result<(), LoadError> {
        let mut errors = Vec::new();
        for def in &side.methods {
            if check && let Err(found) = compiler::check(self, holder, def, Undeclared::Error) {
                errors.extend(found.into_iter().map(|e: CompileError| e.diagnostic(source)));
                continue;
            }
            let method = self.method_from(source, holder, def, Undeclared::Error)?;
            self.classes[holder.index()].add_method(method);
        }
        if errors.is_empty() { Ok(()) } else { Err(LoadError::Source(errors)) }
    }

    fn method_from(
        &mut self,
        source: &Rc<Source>,
        holder: ClassId,
        def: &Rc<MethodDef>,
        undeclared: Undeclared,
    ) -> Result<Gc<Method>, LoadError> {
        let selector = self.intern(&def.selector.name)?;
        let class_name = self.class_info(holder).name;
        let invokable = match &def.body {
            MethodBody::Primitive => Invokable::Primitive(primitives::find(class_name.as_str(), &def.selector.name)),
            MethodBody::Code(_) => match primitives::replacement(class_name.as_str(), def) {
                Some(primitive) => Invokable::Primitive(primitive),
                None => Invokable::Uncompiled,
            },
        };
        let definition = Definition { source: source.clone(), body: DefinitionBody::Method(def.clone()), undeclared };
        let args = def.params.len() as u16;
        Ok(self.new_method(NewMethod { selector, holder, args, parent: None, invokable, definition })?)
    }

    /// A method that answers whether its receiver, the condition of a loop, is what `when` says; for receivers that are no Booleans.
    ///
    /// It means what the library says about loops: `ifFalse:` (or `ifTrue:`) is sent, and the loop ends if its block is evaluated.
    pub(crate) fn loop_condition(&mut self, when: bool) -> Result<Gc<Method>, LoadError> {
        if let Some(method) = self.loop_conditions[usize::from(when)] {
            return Ok(method);
        }
        let code = if when { "self ifFalse: [ ^ false ]. ^ true" } else { "self ifTrue: [ ^ true ]. ^ false" };
        let source = Rc::new(Source::new("condition of a loop", code));
        let body = parse_snippet(&source).map_err(LoadError::Source)?;
        let span = Span { start: 0, end: code.len() as u32 };
        let name = if when { "whileTrue:" } else { "whileFalse:" };
        let selector = Ident { name: name.into(), span };
        let def = Rc::new(MethodDef { selector, params: Vec::new(), body: MethodBody::Code(body), span });
        let holder = self.core(Core::Block).id;
        let method = self.method_from(&source, holder, &def, Undeclared::Error)?;
        self.loop_conditions[usize::from(when)] = Some(method);
        Ok(method)
    }

    /// A method for a snippet, whose last expression is its value.
    pub(super) fn snippet(&mut self, name: &str, code: &str) -> Result<Gc<Method>, EvalError> {
        let source = Rc::new(Source::new(name, code));
        let body = parse_snippet(&source).map_err(|d| EvalError::Source(LoadError::Source(d)))?;
        let span = Span { start: 0, end: code.len() as u32 };
        let def = Rc::new(MethodDef {
            selector: Ident { name: "evaluate".into(), span },
            params: Vec::new(),
            body: MethodBody::Code(compiler::returning_last(body)),
            span,
        });
        let holder = self.core(Core::Nil).id;
        compiler::check(self, holder, &def, Undeclared::Global).map_err(|errors| {
            EvalError::Source(LoadError::Source(errors.into_iter().map(|e| e.diagnostic(&source)).collect()))
        })?;
        self.method_from(&source, holder, &def, Undeclared::Global).map_err(EvalError::Source)
    }
}

/// Longest chain of superclasses that are loaded from one another; bounds the loader's recursion.
const MAX_CHAIN: usize = 200;
