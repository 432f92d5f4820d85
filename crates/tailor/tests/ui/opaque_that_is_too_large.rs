use tailor::jit;

#[jit::opaque]
#[derive(Clone, Copy)]
struct Table([u64; 9]);

fn main() {}
