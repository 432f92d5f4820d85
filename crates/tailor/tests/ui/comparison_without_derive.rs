use tailor::jit;

#[jit::value]
#[derive(Clone, Copy)]
struct Word(u64);

impl PartialEq for Word {
    fn eq(&self, other: &Word) -> bool {
        self.0 & 1 == other.0 & 1
    }
}

#[jit]
fn f(a: Word, b: Word) -> bool {
    a == b
}

fn main() {}
