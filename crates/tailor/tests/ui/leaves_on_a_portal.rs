use tailor::jit;

#[jit(portal, leaves)]
fn run(mut pc: u64) -> u64 {
    loop {
        jit::merge_point!(greens: pc; reds: );
        pc += 1;
    }
}

fn main() {}
