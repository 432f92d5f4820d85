use tailor::{GuestStack, jit};

#[jit(leaves, elidable)]
fn leave(frame: GuestStack<u64>) -> GuestStack<u64> {
    frame
}

fn main() {}
