//! The core library, embedded in the program so that no class path is needed.

/// Class names and their sources, sorted by name.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/core_library.rs"));

/// The source of a core class.
pub fn source(class: &str) -> Option<&'static str> {
    FILES.binary_search_by_key(&class, |(name, _)| name).ok().map(|i| FILES[i].1)
}
