use super::{CodeMemory, CodeMemoryError, layout};

#[test]
fn blocks_are_reused_and_join() {
    let mut memory = CodeMemory::new(4096).unwrap();
    let blocks: Vec<u32> = (0..4).map(|_| memory.allocate(1000).unwrap()).collect();
    assert_eq!(memory.allocate(1000), Err(CodeMemoryError::Full { bytes: 1000 }));
    assert_eq!(memory.used(), 4096);
    memory.free(blocks[1], 1000);
    memory.free(blocks[3], 1000);
    assert_eq!(memory.allocate(2000), Err(CodeMemoryError::Full { bytes: 2000 }));
    memory.free(blocks[2], 1000);
    assert_eq!(memory.allocate(3000), Ok(blocks[1]));
    memory.free(blocks[0], 1000);
    memory.free(blocks[1], 3000);
    assert_eq!(memory.used(), 0);
    assert_eq!(memory.allocate(4096), Ok(0));
    assert!(memory.allocate(usize::MAX).is_err());
}

#[test]
fn no_address_is_writable_and_executable() {
    let memory = CodeMemory::new(1 << 16).unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let of = |address: usize| {
        let inside = |line: &&str| {
            let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            (usize::from_str_radix(start, 16).unwrap()..usize::from_str_radix(end, 16).unwrap()).contains(&address)
        };
        maps.lines().find(inside).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(of(memory.start()), "r-xs");
    assert_eq!(of(memory.start() - layout::DATA), "rw-p");
    assert_eq!(of(memory.writable as usize), "rw-s");
}

#[test]
fn what_is_written_can_be_executed_and_patched() {
    let mut memory = CodeMemory::new(1 << 16).unwrap();
    let block = memory.allocate(8).unwrap();
    // mov eax, 1; ret
    memory.write(block, &[0xb8, 1, 0, 0, 0, 0xc3, 0xcc, 0xcc]);
    // SAFETY: the code is a function of this type.
    let function: extern "C" fn() -> u32 = unsafe { std::mem::transmute(memory.start() + block as usize) };
    assert_eq!(function(), 1);
    memory.patch(block, memory.read(block) & !0xff00 | 0x0700);
    assert_eq!(function(), 7);
}

/// One thread executes a function while another patches it: it sees one of the two instructions, never a mixture.
#[test]
fn patching_while_executing() {
    let mut memory = CodeMemory::new(1 << 16).unwrap();
    let block = memory.allocate(8).unwrap();
    let code = |value: u32| 0xb8 | u64::from(value) << 8 | 0xc3 << 40 | 0xcccc << 48;
    let values = [0x0101_0101, 0x7f7f_7f7f];
    memory.patch(block, code(values[0]));
    // SAFETY: the code is a function of this type.
    let function: extern "C" fn() -> u32 = unsafe { std::mem::transmute(memory.start() + block as usize) };
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let runner = scope.spawn(|| {
            let mut seen = [0u32; 2];
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let value = function();
                seen[values.iter().position(|&other| other == value).expect("a mixture was executed")] += 1;
            }
            seen
        });
        for turn in 0..20_000 {
            memory.patch(block, code(values[turn % 2]));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        runner.join().unwrap();
    });
}

#[test]
fn data_is_before_the_code() {
    let memory = CodeMemory::new(1).unwrap();
    assert_eq!(memory.read_data(layout::SIGN_MASK), 1 << 63);
    memory.write_data(layout::ENTRIES + 16 * (layout::ENTRY_COUNT as i32 - 1) + 8, 5);
    assert_eq!(memory.read_data(layout::ENTRIES + 16 * (layout::ENTRY_COUNT as i32 - 1) + 8), 5);
    let refused = CodeMemoryError::System(12).to_string();
    assert!(refused.contains("memory"), "{refused}");
}
