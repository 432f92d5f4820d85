//! Machine code as text, for dumps.

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

/// The instructions of `code`, which lies at `address`: the offset of each, and its text.
pub fn disassemble(code: &[u8], address: u64) -> Vec<(u32, String)> {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_space_after_operand_separator(true);
    options.set_branch_leading_zeros(false);
    let mut lines = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        lines.push(((instruction.ip() - address) as u32, text));
    }
    lines
}
