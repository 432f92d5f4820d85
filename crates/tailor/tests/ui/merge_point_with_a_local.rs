use tailor::jit;

#[jit(portal)]
fn run(pc: usize) -> usize {
    let mut count = pc;
    loop {
        jit::merge_point!(greens: pc; reds: count);
        count += 1;
        if count > 3 {
            return count;
        }
    }
}

fn main() {}
