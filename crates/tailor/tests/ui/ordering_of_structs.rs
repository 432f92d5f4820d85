use tailor::jit;

#[jit::value]
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Word(u64);

#[jit]
fn f(a: Word, b: Word) -> bool {
    a < b
}

fn main() {}
