use tailor::jit;

#[jit::value]
#[derive(Clone, Copy)]
struct Word(u64);

impl Word {
    fn low(self) -> u64 {
        self.0 & 1
    }
}

#[jit]
fn f(w: Word) -> u64 {
    w.low()
}

fn main() {}
