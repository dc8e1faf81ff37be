//! Characters as Python's string methods see them: categories and cases of Unicode.
//!
//! **Differs**: Python 3.11 knows Unicode 14; characters that are younger are what they are in the tables used here.

use unicode_general_category::{GeneralCategory as Category, get_general_category as category};

/// `str.isdigit` beyond the decimal digits: superscripts, circled numbers.
///
/// **Source**: Unicode's `Numeric_Type=Digit`.
const DIGITS: [(char, char); 20] = [
    ('\u{b2}', '\u{b3}'),
    ('\u{b9}', '\u{b9}'),
    ('\u{1369}', '\u{1371}'),
    ('\u{19da}', '\u{19da}'),
    ('\u{2070}', '\u{2070}'),
    ('\u{2074}', '\u{2079}'),
    ('\u{2080}', '\u{2089}'),
    ('\u{2460}', '\u{2468}'),
    ('\u{2474}', '\u{247c}'),
    ('\u{2488}', '\u{2490}'),
    ('\u{24ea}', '\u{24ea}'),
    ('\u{24f5}', '\u{24fd}'),
    ('\u{24ff}', '\u{24ff}'),
    ('\u{2776}', '\u{277e}'),
    ('\u{2780}', '\u{2788}'),
    ('\u{278a}', '\u{2792}'),
    ('\u{10a40}', '\u{10a43}'),
    ('\u{10e60}', '\u{10e68}'),
    ('\u{11052}', '\u{1105a}'),
    ('\u{1f100}', '\u{1f10a}'),
];
/// Letters that stand for numbers.
///
/// **Source**: Unicode's `Numeric_Type=Numeric` outside of the categories of numbers.
const NUMBER_LETTERS: &str = "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零\u{f96b}\u{f973}\u{f978}\u{f9b2}\
    \u{f9d1}\u{f9d3}\u{f9fd}\u{20001}\u{20064}\u{200e2}\u{20121}\u{2092a}\u{20983}\u{2098c}\u{2099c}\
    \u{20aea}\u{20afd}\u{20b19}\u{22390}\u{22998}\u{23b1b}\u{2626d}\u{2f890}";

pub(super) fn is_letter(c: char) -> bool {
    use Category::{LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter};
    matches!(category(c), LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter)
}

pub(super) fn is_decimal(c: char) -> bool {
    category(c) == Category::DecimalNumber
}

pub(super) fn is_digit(c: char) -> bool {
    is_decimal(c) || DIGITS.iter().any(|&(first, last)| (first..=last).contains(&c))
}

pub(super) fn is_numeric(c: char) -> bool {
    use Category::{DecimalNumber, LetterNumber, OtherNumber};
    matches!(category(c), DecimalNumber | LetterNumber | OtherNumber) || NUMBER_LETTERS.contains(c)
}

pub(super) fn is_alphanumeric(c: char) -> bool {
    is_letter(c) || is_numeric(c)
}

/// What `split` and `strip` take away: Unicode's white space and the four separators of ASCII.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Where `splitlines` ends a line.
pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_printable(c: char) -> bool {
    use Category::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate, Unassigned,
    };
    let hidden = matches!(
        category(c),
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | SpaceSeparator | Surrogate | Unassigned
    );
    c == ' ' || !hidden
}

pub(super) fn is_titlecase(c: char) -> bool {
    category(c) == Category::TitlecaseLetter
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || is_titlecase(c)
}

/// What stands between letters without parting a word, where a sigma looks for its neighbours.
fn is_ignored_for_case(c: char) -> bool {
    use Category::{EnclosingMark, Format, ModifierLetter, ModifierSymbol, NonspacingMark};
    matches!(category(c), EnclosingMark | Format | ModifierLetter | ModifierSymbol | NonspacingMark)
        || "'.:··՟״‘’․‧︓﹒﹕＇．：".contains(c)
}

/// `str.isidentifier`.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || unicode_ident::is_xid_start(c))
        && chars.all(unicode_ident::is_xid_continue)
}

/// `str.casefold`: in lower case, and one form for those that differ in lower case only.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Cherokee came without small letters, which therefore become capitals.
            'ı' | '\u{13a0}'..='\u{13f5}' => folded.push(c),
            '\u{13f8}'..='\u{13fd}' | '\u{ab70}'..='\u{abbf}' => folded.extend(c.to_uppercase()),
            'ẞ' => folded.push_str("ss"),
            _ => folded.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    folded
}

/// What to write for each character: as it is, in lower, in upper, or in title case.
#[derive(Clone, Copy)]
pub(super) enum Case {
    Kept,
    Lower,
    Upper,
    Title,
}

/// A text in the case that `case` chooses for each character and what stands before it.
fn in_case(text: &str, mut case: impl FnMut(char, Option<char>) -> Case) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut is_followed = vec![false; chars.len()];
    let mut cased = false;
    for (c, followed) in chars.iter().zip(&mut is_followed).rev() {
        *followed = cased;
        cased = if is_ignored_for_case(*c) { cased } else { is_cased(*c) };
    }
    let mut written = String::with_capacity(text.len());
    let (mut before, mut follows) = (None, false);
    for (&c, is_followed) in chars.iter().zip(is_followed) {
        match case(c, before) {
            Case::Kept => written.push(c),
            Case::Lower if c == 'Σ' => written.push(if follows && !is_followed { 'ς' } else { 'σ' }),
            Case::Lower => written.extend(c.to_lowercase()),
            Case::Upper => written.extend(c.to_uppercase()),
            Case::Title => push_title(c, &mut written),
        }
        follows = if is_ignored_for_case(c) { follows } else { is_cased(c) };
        before = Some(c);
    }
    written
}

fn push_title(c: char, to: &mut String) {
    match c {
        'Ǆ'..='ǆ' => to.push('ǅ'),
        'Ǉ'..='ǉ' => to.push('ǈ'),
        'Ǌ'..='ǌ' => to.push('ǋ'),
        'Ǳ'..='ǳ' => to.push('ǲ'),
        'ŉ' => to.push_str("ʼN"),
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => to.push(c),
        '\u{1f80}'..='\u{1faf}' => to.push(char::from_u32(u32::from(c) | 8).unwrap_or(c)),
        'ᾲ' => to.push_str("\u{1fba}\u{345}"),
        'ᾳ' | 'ᾼ' => to.push('ᾼ'),
        'ᾴ' => to.push_str("\u{386}\u{345}"),
        'ᾷ' => to.push_str("\u{391}\u{342}\u{345}"),
        'ῂ' => to.push_str("\u{1fca}\u{345}"),
        'ῃ' | 'ῌ' => to.push('ῌ'),
        'ῄ' => to.push_str("\u{389}\u{345}"),
        'ῇ' => to.push_str("\u{397}\u{342}\u{345}"),
        'ῲ' => to.push_str("\u{1ffa}\u{345}"),
        'ῳ' | 'ῼ' => to.push('ῼ'),
        'ῴ' => to.push_str("\u{38f}\u{345}"),
        'ῷ' => to.push_str("\u{3a9}\u{342}\u{345}"),
        _ => {
            let mut upper = c.to_uppercase();
            to.extend(upper.next());
            to.extend(upper.flat_map(char::to_lowercase));
        }
    }
}

/// `str.swapcase`.
pub(super) fn swapped(text: &str) -> String {
    in_case(text, |c, _| match c {
        _ if c.is_uppercase() => Case::Lower,
        _ if c.is_lowercase() => Case::Upper,
        _ => Case::Kept,
    })
}

/// `str.title`: a capital wherever letters begin, behind apostrophes too.
pub(super) fn titled(text: &str) -> String {
    in_case(text, |_, before| if before.is_some_and(is_cased) { Case::Lower } else { Case::Title })
}

/// `str.capitalize`.
pub(super) fn capitalised(text: &str) -> String {
    in_case(text, |_, before| if before.is_some() { Case::Lower } else { Case::Title })
}

/// `str.istitle`.
pub(super) fn is_titled(text: &str) -> bool {
    let mut before = false;
    let mut any = false;
    for c in text.chars() {
        let (capital, small) = (c.is_uppercase() || is_titlecase(c), c.is_lowercase());
        if (capital && before) || (small && !before) {
            return false;
        }
        before = capital || small;
        any |= before;
    }
    any
}
