use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    let cells = [std::cell::Cell::new(x)];
    cells[0].get()
}

fn main() {}
