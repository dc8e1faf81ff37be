//! Tables as data: for the screen, for Markdown, CSV and LaTeX.

use crate::analysis::statistics::{Estimate, NoEstimate};
use serde::Serialize;
use std::fmt::Write as _;

/// A table of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Unique name: its file's.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// How its numbers are made, for the reader.
    pub note: String,
    /// Headers.
    pub columns: Vec<String>,
    /// Rows, as long as the headers.
    pub rows: Vec<Vec<Cell>>,
}

/// What a cell says, and which rows of the run it is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Cell {
    /// As it is shown.
    pub text: String,
    /// The number; per cent where the text is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Its interval of 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Its standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// The answers that it is made of, by their places in the run; empty where it is made of all of the table.
    #[serde(skip)]
    pub rows: Vec<usize>,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A count.
    pub fn count(count: usize) -> Self {
        Self { text: count.to_string(), value: Some(count as f64), ..Self::default() }
    }

    /// A share as per cent with its interval, of which the part from 0 to 100 is shown.
    pub fn percent(estimate: &Result<Estimate, NoEstimate>) -> Self {
        Self::of(&from_0_to_1(estimate), 100.0, 1)
    }

    /// An area under a curve with its interval, of which the words have the part from 0 to 1.
    pub fn area(estimate: &Result<Estimate, NoEstimate>) -> Self {
        Self { text: Self::of(&from_0_to_1(estimate), 1.0, 3).text, ..Self::of(estimate, 1.0, 3) }
    }

    /// A difference of shares in points with its interval.
    pub fn points(estimate: &Result<Estimate, NoEstimate>) -> Self {
        Self::of(estimate, 100.0, 1)
    }

    /// A number with its interval.
    pub fn number(estimate: &Result<Estimate, NoEstimate>, decimals: usize) -> Self {
        Self::of(estimate, 1.0, decimals)
    }

    /// A number without an interval; a stroke where there is none.
    pub fn plain(value: Option<f64>, scale: f64, decimals: usize) -> Self {
        let value = value.map(|value| value * scale).filter(|value| value.is_finite());
        let text = value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"));
        Self { text, value, ..Self::default() }
    }

    /// A p-value.
    pub fn p(value: Option<f64>) -> Self {
        let text = match value {
            None => "-".to_owned(),
            Some(p) if p < 0.0001 => "<0.0001".to_owned(),
            Some(p) => format!("{p:.4}"),
        };
        Self { text, value, ..Self::default() }
    }

    fn of(estimate: &Result<Estimate, NoEstimate>, scale: f64, decimals: usize) -> Self {
        let Ok(estimate) = estimate else { return Self::text("-") };
        let value = estimate.value * scale;
        let interval = estimate.interval.map(|of| [of.low * scale, of.high * scale]);
        // Where all answers agree the formula says nothing about how sure that is, so words do not either.
        let is_certain = estimate.standard_error.is_some_and(|error| error <= 0.0);
        let ends = interval
            .filter(|_| !is_certain)
            .map_or(String::new(), |[low, high]| format!(" [{low:.decimals$}, {high:.decimals$}]"));
        Self {
            text: format!("{value:.decimals$}{ends}"),
            value: Some(value),
            interval,
            standard_error: estimate.standard_error.map(|error| error * scale),
            rows: Vec::new(),
        }
    }

    /// The same, about these answers.
    #[must_use]
    pub fn about(mut self, rows: &[usize]) -> Self {
        rows.clone_into(&mut self.rows);
        self
    }
}

/// An estimate of what lies from 0 to 1, with the part of its interval that does, too.
fn from_0_to_1(estimate: &Result<Estimate, NoEstimate>) -> Result<Estimate, NoEstimate> {
    estimate.clone().map(|mut estimate| {
        if let Some(interval) = &mut estimate.interval {
            (interval.low, interval.high) = (interval.low.clamp(0.0, 1.0), interval.high.clamp(0.0, 1.0));
        }
        estimate
    })
}

impl Table {
    /// For a README or a note.
    pub fn markdown(&self) -> String {
        let cell = |text: &str| text.replace('|', "\\|");
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("**{}**\n\n", self.title);
        text += &line(self.columns.iter().map(|name| cell(name)).collect());
        text += &line(self.columns.iter().map(|_| "---".to_owned()).collect());
        for row in &self.rows {
            text += &line(row.iter().map(|one| cell(&one.text)).collect());
        }
        if !self.note.is_empty() {
            let _ = writeln!(text, "\n{}", self.note);
        }
        text
    }

    /// For programs: values and the ends of their intervals in columns of their own, with every digit.
    pub fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        self.cells().iter().try_for_each(|line| writer.write_record(line))?;
        writer.into_inner().map_err(|err| err.into_error().into())
    }

    /// The same as texts: headers, then rows.
    pub fn cells(&self) -> Vec<Vec<String>> {
        let has_interval: Vec<bool> = (0..self.columns.len())
            .map(|idx| self.rows.iter().any(|row| row.get(idx).is_some_and(|cell| cell.interval.is_some())))
            .collect();
        let mut header = Vec::new();
        for (name, has_interval) in self.columns.iter().zip(&has_interval) {
            header.push(name.clone());
            if *has_interval {
                header.extend([format!("{name} low"), format!("{name} high")]);
            }
        }
        let mut lines = vec![header];
        for row in &self.rows {
            let mut fields = Vec::new();
            for (cell, has_interval) in row.iter().zip(&has_interval) {
                let number = |value: f64| value.to_string();
                fields.push(cell.value.map_or_else(|| cell.text.clone(), number));
                if *has_interval {
                    let ends = cell.interval.map(|ends| ends.map(number));
                    fields.extend(ends.unwrap_or_default());
                }
            }
            lines.push(fields);
        }
        lines
    }

    /// For a paper: a `tabular` with rules of `booktabs`.
    pub fn latex(&self) -> String {
        let cell = |text: &str| {
            let escaped = text.replace('\\', "\\textbackslash{}");
            ["&", "%", "$", "#", "_", "{", "}"]
                .iter()
                .filter(|sign| !matches!(**sign, "{" | "}"))
                .fold(escaped, |text, sign| text.replace(*sign, &format!("\\{sign}")))
                .replace('<', "$<$")
                .replace('±', "$\\pm$")
        };
        let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let shape = "l".to_owned() + &"r".repeat(self.columns.len().saturating_sub(1));
        let mut text =
            format!("% {}\n% {}\n\\begin{{tabular}}{{{shape}}}\n\\toprule\n", self.title, self.note.replace('\n', " "));
        text += &line(self.columns.iter().map(|name| cell(name)).collect());
        text += "\\midrule\n";
        for row in &self.rows {
            text += &line(row.iter().map(|one| cell(&one.text)).collect());
        }
        text + "\\bottomrule\n\\end{tabular}\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::statistics::Interval;

    fn table() -> Table {
        let estimate = Estimate {
            value: 0.5,
            standard_error: Some(0.1),
            interval: Some(Interval { low: 0.3, high: 0.7 }),
            num_items: 10,
            num_clusters: 5,
            method: "by photo, t",
        };
        Table {
            id: "t".to_owned(),
            title: "A table".to_owned(),
            note: "Of 10 questions".to_owned(),
            columns: vec!["Setting".to_owned(), "Accuracy (%)".to_owned()],
            rows: vec![
                vec![Cell::text("a|b_c"), Cell::percent(&Ok(estimate))],
                vec![Cell::text("none"), Cell::percent(&Err(NoEstimate::NoItems))],
            ],
        }
    }

    #[test]
    fn words_have_no_interval_that_says_nothing() {
        let estimate = |value, error, low, high| {
            Ok(Estimate {
                value,
                standard_error: Some(error),
                interval: Some(Interval { low, high }),
                num_items: 2,
                num_clusters: 2,
                method: "by photo, t",
            })
        };
        let certain = Cell::percent(&estimate(0.5, 0.0, 0.5, 0.5));
        assert_eq!(
            (certain.text.as_str(), certain.interval),
            ("50.0", Some([50.0, 50.0])),
            "of two answers that agree"
        );
        let wide = Cell::area(&estimate(0.7, 0.15, 0.4, 1.01));
        assert_eq!((wide.text.as_str(), wide.interval), ("0.700 [0.400, 1.000]", Some([0.4, 1.01])), "up to 1");
    }

    #[test]
    fn a_table_is_written_in_three_forms() {
        let markdown = table().markdown();
        assert!(markdown.contains("| a\\|b_c | 50.0 [30.0, 70.0] |\n| none | - |"), "{markdown}");
        let csv = String::from_utf8(table().csv().expect("written")).expect("text");
        let expected = "Setting,Accuracy (%),Accuracy (%) low,Accuracy (%) high\na|b_c,50,30,70\nnone,-,,\n";
        assert_eq!(csv, expected, "numbers of their own");
        let latex = table().latex();
        assert!(latex.contains("a|b\\_c & 50.0 [30.0, 70.0] \\\\"), "{latex}");
        assert!(latex.contains("Setting & Accuracy (\\%) \\\\"), "{latex}");
    }
}
