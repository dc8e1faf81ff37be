//! The numbers behind a figure, for other programs: a table and a tensor a panel, and the metrics in three forms.

use super::resolve::{PanelData, Resolved};
use super::{FigureError, write_file};
use std::path::Path;

/// Writes every panel's numbers into a folder, which is made where it is not there.
pub(super) fn write(resolved: &Resolved, folder: &Path) -> Result<(), FigureError> {
    std::fs::create_dir_all(folder).map_err(|err| FigureError::File {
        action: "written",
        reason: err.to_string(),
        path: folder.to_owned(),
    })?;
    let mut rows = Vec::new();
    for (idx, panel) in resolved.panels.iter().enumerate() {
        let number = format!("{:02}", idx + 1);
        let PanelData { tensor, table, metrics } = &panel.data;
        if table.len() > 1 {
            write_file(&folder.join(format!("panel_{number}.csv")), csv(table).as_bytes())?;
        }
        if let Some((_, shape, values)) = tensor {
            write_file(&folder.join(format!("panel_{number}.npy")), &npy(shape, values))?;
        }
        let figures = metrics.iter().map(|(name, value)| {
            let value = value.map_or_else(String::new, |value| value.to_string());
            vec![(idx + 1).to_string(), panel.title.clone(), name.clone(), value]
        });
        rows.extend(figures);
    }
    let mut table = vec![["panel", "title", "metric", "value"].map(str::to_owned).to_vec()];
    table.extend(rows);
    write_file(&folder.join("metrics.csv"), csv(&table).as_bytes())?;
    write_file(&folder.join("metrics.md"), markdown(&table).as_bytes())?;
    write_file(&folder.join("metrics.tex"), latex(&table).as_bytes())
}

/// A form of a table as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableForm {
    /// Columns apart by tabs: what a spreadsheet takes from the clipboard.
    Tsv,
    /// Pipes, as GitHub and most note books read them.
    Markdown,
    /// A `tabular` of left-aligned columns.
    Latex,
}

impl TableForm {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Tsv, Self::Markdown, Self::Latex];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Tsv => "TSV",
            Self::Markdown => "Markdown",
            Self::Latex => "LaTeX",
        }
    }

    /// A table as text; the first row names the columns.
    pub fn text(self, table: &[Vec<String>]) -> String {
        match self {
            Self::Tsv => tsv(table),
            Self::Markdown => markdown(table),
            Self::Latex => latex(table),
        }
    }
}

/// A cell breaks no line and no column.
fn tsv(table: &[Vec<String>]) -> String {
    let cell = |text: &String| text.replace(['\t', '\n', '\r'], " ");
    let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join("\t") + "\n";
    table.iter().map(line).collect()
}

/// RFC 4180, with line feeds.
fn csv(table: &[Vec<String>]) -> String {
    let cell = |text: &String| {
        if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.clone() }
    };
    let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\n";
    table.iter().map(line).collect()
}

fn markdown(table: &[Vec<String>]) -> String {
    let cell = |text: &String| text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ");
    let mut lines: Vec<String> =
        table.iter().map(|row| format!("| {} |", row.iter().map(cell).collect::<Vec<_>>().join(" | "))).collect();
    let columns = table.first().map_or(0, Vec::len);
    lines.insert(1.min(lines.len()), format!("|{}", " --- |".repeat(columns)));
    lines.join("\n") + "\n"
}

fn latex(table: &[Vec<String>]) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let mut out = format!("\\begin{{tabular}}{{{}}}\n\\hline\n", "l".repeat(columns));
    for (idx, row) in table.iter().enumerate() {
        out.push_str(&row.iter().map(|text| latex_text(text)).collect::<Vec<_>>().join(" & "));
        out.push_str(if idx == 0 { " \\\\\n\\hline\n" } else { " \\\\\n" });
    }
    out.push_str("\\hline\n\\end{tabular}\n");
    out
}

fn latex_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(letter);
            }
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '“' => out.push_str("``"),
            '”' => out.push_str("''"),
            _ if letter.is_control() => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}

/// A file of `NumPy`, version 1.0: little-endian f32, row-major.
fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A tuple of one has a comma.
    let sides = if sides.len() == 1 { format!("{},", sides.concat()) } else { sides.join(", ") };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
    // Magic, version and length take 10 bytes; values begin at a multiple of 64.
    let filled = (header.len() + 11).next_multiple_of(64) - 11;
    header.extend(std::iter::repeat_n(' ', filled - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Vec<String>> {
        vec![vec!["a".to_owned(), "b".to_owned()], vec!["1,\"x\"".to_owned(), "50 % | _y_".to_owned()]]
    }

    #[test]
    fn tables_escape_what_their_form_gives_a_meaning() {
        assert_eq!(csv(&table()), "a,b\n\"1,\"\"x\"\"\",50 % | _y_\n", "CSV");
        let broken = vec![vec!["a\tb".to_owned(), "c\nd".to_owned()]];
        assert_eq!(TableForm::Tsv.text(&broken), "a b\tc d\n", "TSV: one line, two columns");
        assert_eq!(markdown(&table()), "| a | b |\n| --- | --- |\n| 1,\"x\" | 50 % \\| _y_ |\n", "Markdown");
        assert!(latex(&table()).contains("1,\"x\" & 50 \\% | \\_y\\_ \\\\\n"), "LaTeX: {}", latex(&table()));
    }

    #[test]
    fn npy_files_have_a_header_of_whole_lines() {
        let bytes = npy(&[2, 1], &[1.0, 2.0]);
        let header = String::from_utf8_lossy(&bytes[10..128]).into_owned();
        assert!(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"), "{header}");
        assert_eq!(bytes.len(), 128 + 8, "two values behind 128 bytes");
        assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])) + 10, 128, "aligned");
        let one = npy(&[3], &[0.0; 3]);
        assert!(String::from_utf8_lossy(&one).contains("'shape': (3,), }"), "one side is a tuple too");
    }
}
