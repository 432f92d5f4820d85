use tailor::jit;

#[jit::residual]
fn fail() -> ! {
    panic!()
}

fn main() {}
