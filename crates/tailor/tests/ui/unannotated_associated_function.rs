use tailor::jit;

#[jit::value]
#[derive(Clone, Copy)]
struct Word(u64);

impl Word {
    fn new(x: u64) -> Word {
        Word(x)
    }
}

#[jit]
fn f(x: u64) -> Word {
    Word::new(x)
}

fn main() {}
