use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    println!("here");
    x
}

fn main() {}
