use tailor::jit;

#[jit]
fn f(v: Vec<u64>) -> usize {
    v.len()
}

fn main() {}
