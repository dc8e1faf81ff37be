//! The numbers behind a figure, for other programs: a table and a tensor a panel, and the metrics in three forms.

use super::FigureError;
use super::recipe::sha256;
use super::resolve::{PanelData, Resolved};
use crate::files::{self, Outputs};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lists what was written into a folder of numbers.
const LIST: &str = "gazelens-data.json";
/// What its `format` says.
const FORMAT: &str = "gazelens-figure-data";
/// Longest list.
const MOST_LIST_BYTES: u64 = 16 << 20;

/// Names of files that were written into a folder, with the SHA-256 of each: what has another hash was changed by
/// somebody since.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Listed {
    format: String,
    version: u32,
    /// Of this figure.
    files: BTreeMap<String, String>,
    /// What earlier figures left there, which had more panels or metrics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    earlier: BTreeMap<String, String>,
    /// What the values of a panel are, and which of them the ends of its colours mean.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    panels: BTreeMap<String, String>,
}

impl Listed {
    fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|listed: &Self| listed.format == FORMAT)
    }

    /// Of a folder; empty where there is none.
    fn of(folder: &Path) -> Self {
        let path = folder.join(LIST);
        let is_file = std::fs::symlink_metadata(&path).is_ok_and(|there| there.is_file());
        let bytes = is_file.then(|| files::read(&path, MOST_LIST_BYTES).ok()).flatten();
        bytes.and_then(|bytes| Self::parse(&bytes)).unwrap_or_default()
    }

    fn has(&self, name: &str, bytes: &[u8]) -> bool {
        let listed = self.files.get(name).or_else(|| self.earlier.get(name));
        listed.is_some_and(|hash| *hash == sha256(bytes))
    }
}

/// Writes every panel's numbers into a folder, which is made where it is not there; they take their places with the
/// other outputs.
pub(super) fn write(resolved: &Resolved, folder: &DataFolder, outputs: &mut Outputs) -> Result<(), FigureError> {
    match folder {
        DataFolder::Named(path) => outputs.make_folder("the folder of the numbers", path)?,
        DataFolder::Beside(path) => outputs.make_folder_beside("the folder of the numbers", path)?,
    }
    let folder = folder.path();
    let before = Listed::of(folder);
    let mut now = Listed { format: FORMAT.to_owned(), version: 1, panels: panels_of(resolved), ..Listed::default() };
    // It stays ours, but it is none of this figure's.
    let left = before.earlier.iter().chain(&before.files);
    let left = left.filter(|(name, _)| is_plain(name) && folder.join(name).is_file());
    now.earlier = left.map(|(name, hash)| (name.clone(), hash.clone())).collect();
    for (name, bytes) in files_of(resolved) {
        let path = folder.join(&name);
        let is_ours = |found: &[u8]| before.has(&name, found);
        if let Some(key) = outputs.claim_beside("the numbers", &path, Some(&bytes), &is_ours)? {
            outputs.write_bytes(key, &bytes)?;
        }
        now.earlier.remove(&name);
        now.files.insert(name, sha256(&bytes));
    }
    let list = serde_json::to_vec_pretty(&now).unwrap_or_default();
    let is_list = |found: &[u8]| Listed::parse(found).is_some();
    if let Some(key) = outputs.claim_beside("the list of the numbers", &folder.join(LIST), Some(&list), &is_list)? {
        outputs.write_bytes(key, &list)?;
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|plain| plain == name)
}

/// What the colours of panels mean, by the names of their files.
fn panels_of(resolved: &Resolved) -> BTreeMap<String, String> {
    let panels = resolved.panels.iter().enumerate();
    panels.filter_map(|(idx, panel)| Some((format!("panel_{:02}", idx + 1), panel.colours.clone()?))).collect()
}

/// The files by name.
fn files_of(resolved: &Resolved) -> Vec<(String, Vec<u8>)> {
    let (mut files, mut rows) = (Vec::new(), Vec::new());
    for (idx, panel) in resolved.panels.iter().enumerate() {
        let number = format!("{:02}", idx + 1);
        let PanelData { tensor, table, metrics } = &panel.data;
        if table.len() > 1 {
            files.push((format!("panel_{number}.csv"), csv(table).into_bytes()));
        }
        if let Some((_, shape, values)) = tensor {
            files.push((format!("panel_{number}.npy"), npy(shape, values)));
        }
        let figures = metrics.iter().map(|(name, value)| {
            let value = value.map_or_else(String::new, |value| value.to_string());
            vec![(idx + 1).to_string(), panel.title.clone(), name.clone(), value]
        });
        rows.extend(figures);
    }
    // No panel with metrics, no table of them.
    if rows.is_empty() {
        return files;
    }
    let mut table = vec![["panel", "title", "metric", "value"].map(str::to_owned).to_vec()];
    table.extend(rows);
    files.push(("metrics.csv".to_owned(), csv(&table).into_bytes()));
    files.push(("metrics.md".to_owned(), markdown(&table).into_bytes()));
    files.push(("metrics.tex".to_owned(), latex(&table).into_bytes()));
    files
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
    let cell = |text: &String| no_formula(text).replace(['\t', '\n', '\r'], " ");
    let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join("\t") + "\n";
    table.iter().map(line).collect()
}

/// RFC 4180, with line feeds.
fn csv(table: &[Vec<String>]) -> String {
    let cell = |text: &String| {
        let text = no_formula(text);
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.into_owned()
        }
    };
    let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\n";
    table.iter().map(line).collect()
}

/// Spreadsheets run what begins like a formula, and titles and words come from models and strangers: an apostrophe
/// makes it text. Numbers stay numbers.
///
/// **Source.** OWASP, "CSV Injection".
fn no_formula(text: &str) -> Cow<'_, str> {
    let begins = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    // Numbers are written without a plus.
    let is_number = !text.starts_with('+') && text.parse::<f64>().is_ok();
    if text.starts_with(begins) && !is_number { format!("'{text}").into() } else { text.into() }
}

fn markdown(table: &[Vec<String>]) -> String {
    let cell = |text: &String| {
        let text = text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ");
        // Programs that show Markdown let HTML and pictures through.
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace("![", "!\\[")
    };
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
    fn cells_that_begin_like_a_formula_are_text_and_numbers_stay_numbers() {
        let cells =
            ["=cmd|' /C calc'!A0", "+1", "@SUM(A1)", "-cmd", "\t=1", "\r=1", "-0.5", "-1e-3", "0.25", "a=b", "-inf"];
        let expected = [
            "'=cmd|' /C calc'!A0",
            "'+1",
            "'@SUM(A1)",
            "'-cmd",
            "' =1",
            "' =1",
            "-0.5",
            "-1e-3",
            "0.25",
            "a=b",
            "-inf",
        ];
        let table = vec![cells.map(str::to_owned).to_vec()];
        let found = TableForm::Tsv.text(&table);
        assert_eq!(found.trim_end_matches('\n').split('\t').collect::<Vec<_>>(), expected, "TSV");
        let found = csv(&table);
        assert!(
            found.starts_with("'=cmd|' /C calc'!A0,'+1,'@SUM(A1),'-cmd,'\t=1,\"'\r=1\",-0.5,-1e-3,"),
            "CSV: {found}"
        );
        let comma = csv(&[vec!["=1,2".to_owned()]]);
        assert_eq!(comma, "\"'=1,2\"\n", "inside of the quotes");
    }

    #[test]
    fn markdown_shows_html_as_text() {
        let table = vec![vec!["<img src=x onerror=alert(1)> & ![](http://a/b)".to_owned()]];
        let found = markdown(&table);
        assert!(found.starts_with("| &lt;img src=x onerror=alert(1)&gt; &amp; !\\[](http://a/b) |"), "{found}");
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

/// Where numbers go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataFolder {
    /// The user named it.
    Named(PathBuf),
    /// It is named after the figure.
    Beside(PathBuf),
}

impl DataFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        let (Self::Named(path) | Self::Beside(path)) = self;
        path
    }
}
