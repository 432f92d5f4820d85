//! What lies outside the subset does not compile, and says what to do instead: one program a mistake in `ui/`, with the compiler's words beside it.
//! (`TRYBUILD=overwrite cargo test -p tailor --test messages` renews them.)

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
