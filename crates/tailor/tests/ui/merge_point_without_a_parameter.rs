use tailor::jit;

#[jit(portal)]
fn run(mut pc: usize, frame: u64) -> u64 {
    loop {
        jit::merge_point!(greens: pc; reds:);
        pc += 1;
        if pc > 3 {
            return frame;
        }
    }
}

fn main() {}
