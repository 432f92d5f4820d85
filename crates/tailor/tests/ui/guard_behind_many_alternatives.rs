use tailor::jit;

#[jit]
fn f(a: u8, b: u8, c: u8) -> bool {
    match (a, b, c) {
        (0 | 1 | 2 | _, 0 | 1 | 2 | _, 0 | 1 | 2 | _) if a > b => true,
        _ => false,
    }
}

fn main() {}
