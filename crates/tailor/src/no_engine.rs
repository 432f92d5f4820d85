//! What stands for the engine in a build without the feature `jit`.

/// No JIT compiler.
#[derive(Debug, Default)]
pub struct Jit(());

impl Jit {
    /// Nothing.
    pub fn changed<T>(&self, _field: *const T) {}
}
