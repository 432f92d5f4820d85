use tailor::jit;

#[jit]
fn f<T: Copy>(x: T) -> T {
    x
}

fn main() {}
