use tailor::jit;

#[jit::value]
#[derive(Clone, Copy)]
struct Word(u64);

#[jit]
impl From<u64> for Word {
    fn from(x: u64) -> Word {
        Word(x)
    }
}

fn main() {}
