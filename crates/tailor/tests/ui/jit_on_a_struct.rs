use tailor::jit;

#[jit]
struct Word(u64);

fn main() {}
