//! Literals, with a liking for the borders of representations.

use super::Generator;

/// Exponents of two around which integers are interesting: characters, 16 bits, machine words, small integers, the
/// precision of doubles, double words.
const BORDERS: &[u32] = &[7, 8, 15, 16, 31, 32, 52, 53, 61, 62, 63, 64, 126, 127];

impl Generator {
    pub(super) fn integer_literal(&mut self) -> String {
        match self.random.below(10) {
            0..6 => (self.random.below(14) as i64 - 3).to_string(),
            6..9 => self.border(),
            _ => format!("1{}", "0".repeat(self.random.within(3, 40))),
        }
    }

    fn border(&mut self) -> String {
        let power = 1i128 << *self.random.pick(BORDERS).min(&126);
        let near = power + self.random.below(5) as i128 - 2;
        if self.random.chance(50) { near.to_string() } else { (-near).to_string() }
    }

    pub(super) fn small_literal(&mut self, low: usize, high: usize) -> String {
        self.random.within(low, high).to_string()
    }

    pub(super) fn double_literal(&mut self) -> String {
        let common = ["0.0", "1.0", "-1.0", "0.5", "2.5", "3.14159", "100.0", "-0.1", "0.3"];
        let rare = [
            "-0.0",
            "4611686018427387904.0",
            "9007199254740993.0",
            "123456789012345678901234567890.0",
            "0.000000000000000000000000000001",
            "2147483648.0",
        ];
        let literals: &[&str] = if self.random.chance(80) { &common } else { &rare };
        (*self.random.pick(literals)).into()
    }

    pub(super) fn string_literal(&mut self) -> String {
        self.random
            .word(&["''", "'a'", "'ab'", "'hello world'", "'tab\\t\\'quote\\''", "'äöü€𝄞'", "'42'", "'1.5'", "' '"])
            .into()
    }

    pub(super) fn symbol_literal(&mut self) -> String {
        self.random.word(&["#a", "#foo:bar:", "#+", "#'a b'", "#println", "#C0", "#''"]).into()
    }

    pub(super) fn array_literal(&mut self) -> String {
        self.random
            .word(&["#(1 2 3)", "#(1 #two 'three' 4.0 #(5))", "#(1.5 #() #+)", "#(-1 4611686018427387904 0 7 8 9)"])
            .into()
    }
}
