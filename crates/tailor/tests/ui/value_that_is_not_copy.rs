use tailor::jit;

#[jit::value]
struct Word(u64);

fn main() {}
