use tailor::jit;

fn plain(x: u64) -> u64 {
    x + 1
}

#[jit]
fn f(x: u64) -> u64 {
    plain(x)
}

fn main() {}
