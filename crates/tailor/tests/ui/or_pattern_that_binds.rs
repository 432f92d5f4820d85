use tailor::jit;

#[jit]
fn f(x: Result<u64, u64>) -> u64 {
    match x {
        Ok(n) | Err(n) => n,
    }
}

fn main() {}
