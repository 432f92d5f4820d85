//! Tables in Markdown, so that they read well in a terminal and can be put into a document as they are.

/// What stands where there is no value.
pub const NONE: &str = "-";

/// A Markdown table, its first column to the left and all others to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these headings.
    pub fn new(first: &str, others: &[String]) -> Self {
        let header = std::iter::once(first.to_string()).chain(others.iter().cloned()).collect();
        Table { rows: vec![header] }
    }

    /// Adds a row.
    pub fn add(&mut self, first: &str, others: impl Iterator<Item = String>) {
        self.rows.push(std::iter::once(first.to_string()).chain(others).collect());
    }

    /// The table as text, its columns aligned.
    pub fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.rows[0].len())
            .map(|column| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 => format!("| {cell:<width$} |"),
                _ => format!(" {cell:>width$} |"),
            });
            text.extend(cells);
            text.push('\n');
            if index == 0 {
                text.push_str(&rule(&widths));
            }
        }
        text
    }
}

fn rule(widths: &[usize]) -> String {
    let dashes = |width: usize| "-".repeat(width + 1);
    let cells = widths.iter().enumerate().map(|(column, &width)| match column {
        0 => format!("|{}-|", dashes(width)),
        _ => format!("{}:|", dashes(width)),
    });
    cells.collect::<String>() + "\n"
}
