//! What can be said of jitcode without running it.

pub mod alias;
pub mod effects;
pub mod liveness;
