use tailor::jit;

#[jit::value]
#[derive(Clone, Copy)]
struct Pair<T>(T, T);

fn main() {}
