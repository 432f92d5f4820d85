use tailor::jit;

#[jit::value]
#[derive(Clone, Copy)]
struct Word(u64);

impl std::ops::Add for Word {
    type Output = Word;
    fn add(self, other: Word) -> Word {
        Word(self.0 + other.0)
    }
}

#[jit]
fn f(a: Word, b: Word) -> Word {
    a + b
}

fn main() {}
