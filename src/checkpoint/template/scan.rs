//! A look over a template before anything reads it that calls itself once for every level of nesting.
//!
//! The engine's parser bounds brackets and blocks inside each other, but not chains: of `-`, `not`, `~`, `+`, `or`,
//! `**`, `x if y else z`, filters, attributes, subscripts and `elif` each adds a level to the tree, and what walks the
//! tree calls itself that often. The lexer does not, so it counts here. The bounds are about ten times what the longest
//! published templates have.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// The longest published templates have some 40 KB.
const MOST_BYTES: usize = 256 << 10;
/// Parts of one expression that may hang together, those of the brackets around it included: published templates have
/// up to a hundred.
const MOST_PARTS: usize = 1_000;
/// Published templates have up to thirty.
const MOST_ELIFS: usize = 300;

/// Whether a template is short and flat enough to be parsed; otherwise what it has too much of.
pub(super) fn check(source: &str, syntax: &SyntaxConfig) -> Result<(), String> {
    if source.len() > MOST_BYTES {
        return Err(format!("{} bytes, more than {MOST_BYTES}", source.len()));
    }
    let mut expression = Expression::default();
    let mut num_elifs = 0;
    let mut is_first = false;
    for token in tokenize(source, false, syntax.clone()) {
        // The parser will say what is wrong here.
        let Ok((token, span)) = token else { return Ok(()) };
        match token {
            Token::TemplateData(_) => {}
            Token::VariableStart | Token::BlockStart => expression = Expression::default(),
            Token::Ident("elif") if is_first => num_elifs += 1,
            ref token => expression.take(token),
        }
        is_first = matches!(token, Token::BlockStart);
        if expression.num_parts > MOST_PARTS {
            return Err(format!("an expression of more than {MOST_PARTS} parts in line {}", span.start_line));
        }
        if num_elifs > MOST_ELIFS {
            return Err(format!("more than {MOST_ELIFS} elif"));
        }
    }
    Ok(())
}

/// Parts that may stand above each other in the tree of the expression that is being read.
#[derive(Default)]
struct Expression {
    num_parts: usize,
    /// The parts outside of each open bracket, from its own last comma or colon.
    outside: Vec<usize>,
    /// Those behind the last comma or colon.
    here: usize,
}

impl Expression {
    fn take(&mut self, token: &Token<'_>) {
        match token {
            Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => {
                self.outside.push(self.here + 1);
                self.here = 0;
                self.num_parts += 1;
            }
            Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                self.num_parts -= self.here;
                self.here = self.outside.pop().unwrap_or_default();
            }
            // What stands before them hangs beside what follows, not above it.
            Token::Comma | Token::Colon => {
                self.num_parts -= self.here;
                self.here = 0;
            }
            _ => {
                self.here += 1;
                self.num_parts += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checked(source: &str) -> Result<(), String> {
        check(source, &SyntaxConfig::builder().build().expect("the ordinary marks"))
    }

    #[test]
    fn chains_and_nesting_are_bounded_and_lists_are_not() {
        let chains = [
            "-",
            "not ",
            "a~",
            "a+",
            "a or ",
            "a**",
            "a|b|",
            "a.b.",
            "a[0][0]",
            "a if b else ",
            "(",
            "[",
            "{",
            "a(",
            "[1,",
        ];
        for part in chains {
            let chain = |times: usize| format!("{{% set x = {}a %}}", part.repeat(times));
            assert_eq!(checked(&chain(200)), Ok(()), "{part}: far more than any template has");
            let found = checked(&chain(2_000)).expect_err(part);
            assert_eq!(found, "an expression of more than 1000 parts in line 1", "{part}");
        }
        let table = format!("{{% set x = {{ {} }} %}}", "'aa-DJ': ['Afar', -1], ".repeat(5_000));
        assert_eq!(checked(&table), Ok(()), "what stands side by side is no nesting");
        assert_eq!(checked(&"{{ a.b }}".repeat(20_000)), Ok(()), "nor are expressions one after the other");
        let elifs = format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(301));
        assert_eq!(checked(&elifs), Err("more than 300 elif".to_owned()), "a chain of statements");
        assert_eq!(checked(&"{{ elif }}".repeat(301)), Ok(()), "a name is no statement");
        assert_eq!(
            checked(&"a".repeat(MOST_BYTES + 1)),
            Err("262145 bytes, more than 262144".to_owned()),
            "its length"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn closed_brackets_and_commas_leave_nothing_behind(parts in prop::collection::vec("[a,:+.(){}\\[\\]]", 0..60)) {
            let mut expression = Expression::default();
            for token in tokenize(&parts.concat(), true, SyntaxConfig::default()).map_while(Result::ok) {
                expression.take(&token.0);
                let sum = expression.here + expression.outside.iter().sum::<usize>();
                prop_assert_eq!(expression.num_parts, sum, "the parts of all open brackets");
            }
        }
    }
}
