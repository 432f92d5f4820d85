use std::cell::Cell;

use tailor::jit;

#[jit::object]
struct Counter {
    #[jit(by_name)]
    count: Cell<u64>,
}

#[jit]
fn read(cell: &Cell<u64>) -> u64 {
    cell.get()
}

#[jit]
fn f(counter: &Counter) -> u64 {
    read(&counter.count)
}

fn main() {}
