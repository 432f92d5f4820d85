use tailor::jit;

#[jit::slot]
struct Slot(u64);

fn main() {}
