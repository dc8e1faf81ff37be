//! When a question is asked, which some chat templates write into the prompt.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A day, perhaps with a time of day, as a clock on the wall shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(NaiveDateTime);

impl Moment {
    /// The beginning of this day: questions of one day have one prompt.
    pub fn today() -> Self {
        Self(chrono::Local::now().date_naive().and_time(NaiveTime::MIN))
    }

    /// **Source**: Python's `datetime.strftime` in the C locale, of a time without a zone. What is no directive stays
    /// as it is.
    pub(super) fn strftime(self, format: &str) -> String {
        // These mean the same to chrono; of the others that it knows, some are none in Python and some have other
        // digits.
        const SHARED: &str = "aAbBcCdDeFgGhHIjklmMnprRsStTuUVwWxXyYP%";
        let mut text = String::with_capacity(2 * format.len());
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            let (before, directive) = rest.split_at(at);
            text.push_str(before);
            let mut chars = directive.char_indices().skip(1).peekable();
            let flag = chars.next_if(|(_, c)| matches!(c, '-' | '_' | '0' | '^')).map(|(_, c)| c);
            let Some((at, kind)) = chars.next() else {
                text.push_str(directive);
                return text;
            };
            let (whole, behind) = directive.split_at(at + kind.len_utf8());
            match kind {
                'f' => text.push_str("000000"),
                // Python says nothing of the zone of a time without one.
                'z' | 'Z' => {}
                shared if SHARED.contains(shared) => {
                    let pad = flag.filter(|flag| *flag != '^').map(String::from).unwrap_or_default();
                    let part = self.0.format(&format!("%{pad}{shared}")).to_string();
                    text.push_str(&if flag == Some('^') { part.to_uppercase() } else { part });
                }
                _ => text.push_str(whole),
            }
            rest = behind;
        }
        text.push_str(rest);
        text
    }
}

/// `2026-11-29`, and with a time that is not midnight `2026-11-29T14:05:00`.
impl Display for Moment {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let form = if self.0.time() == NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%S" };
        write!(formatter, "{}", self.0.format(form))
    }
}

/// What [`Display`] writes.
impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN));
        let moment = day.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S"));
        // Years of four digits, as Python has them.
        let is_common = |moment: &NaiveDateTime| (1..=9999).contains(&chrono::Datelike::year(moment));
        moment
            .ok()
            .filter(is_common)
            .map(Self)
            .ok_or_else(|| "expected a day such as 2026-11-29, or with its time 2026-11-29T14:05:00".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().expect("a moment")
    }

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        for text in ["2026-11-29", "1999-01-01", "2024-02-29T14:05:09"] {
            assert_eq!(moment(text).to_string(), text, "the same");
        }
        for text in ["", "today", "29.11.2026", "2026-13-01", "2025-02-29", "2026-11-29T25:00:00", "+12026-01-01"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        assert_eq!(Moment::today().to_string().len(), 10, "a day without a time");
    }

    #[test]
    fn dates_are_written_as_python_writes_them() {
        // Python 3.11, C locale: datetime(2024, 7, 5, 14, 5, 9).strftime(format).
        for (format, expected) in [
            ("%d %b %Y", "05 Jul 2024"),
            ("%Y-%m-%d", "2024-07-05"),
            ("%A, %B %-d, %y", "Friday, July 5, 24"),
            ("%e|%_d|%-m|%0d", " 5| 5|7|05"),
            ("%H:%M:%S %I %p %P", "14:05:09 02 PM pm"),
            (
                "%c|%x|%X|%D|%F|%T|%R|%r",
                "Fri Jul  5 14:05:09 2024|07/05/24|14:05:09|07/05/24|2024-07-05|14:05:09|14:05|02:05:09 PM",
            ),
            ("%j %U %W %w %u %V %G %g %C %h", "187 26 27 5 5 27 2024 24 20 Jul"),
            ("%f|%z|%Z|", "000000|||"),
            ("%^a %^B", "FRI JULY"),
            ("100 %% %q %v %", "100 % %q %v %"),
            ("%é und ü", "%é und ü"),
            ("", ""),
        ] {
            assert_eq!(moment("2024-07-05T14:05:09").strftime(format), expected, "{format}");
        }
    }
}
