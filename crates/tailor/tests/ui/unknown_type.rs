use tailor::jit;

#[derive(Clone, Copy)]
struct Word(u64);

#[jit]
fn f(w: Word) -> u64 {
    w.0
}

fn main() {}
