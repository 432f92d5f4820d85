use tailor::jit;

#[jit]
extern "C" fn f(x: u64) -> u64 {
    x
}

fn main() {}
