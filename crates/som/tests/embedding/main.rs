//! The VM as a library: what a host program can rely on.
//!
//! Each test makes its own small VM ([`support::Guest`]), loads classes from text, and looks at values, at captured output
//! and at errors as the values they are. What the tests share is that *nothing a guest program does may harm the host*: after
//! every error the VM answers the next message.

mod caches;
mod errors;
mod host;
mod limits;
mod redefinition;
mod reflection;
mod stubs;
mod support;
