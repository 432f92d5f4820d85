use tailor::jit;

#[jit]
fn run(mut pc: usize) -> usize {
    loop {
        jit::merge_point!(greens: pc; reds:);
        pc += 1;
        if pc > 3 {
            return pc;
        }
    }
}

fn main() {}
