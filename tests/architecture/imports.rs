//! What a source file takes from others, read from its tokens: `use` trees as deep as they go, paths written out,
//! modules, definitions. Macros are not expanded; methods are nobody's imports.

use std::collections::BTreeSet;

/// One name that a `use` brings in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// Segments as written: `crate`, `super` and `self` first where they stand. A glob ends in `*`.
    pub(crate) path: Vec<String>,
    /// The name by which the file knows it.
    pub(crate) name: String,
}

/// What was read from one file, without its tests.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) imports: Vec<Import>,
    /// Paths of two segments and more outside of `use`.
    pub(crate) paths: BTreeSet<Vec<String>>,
    /// Modules in files of their own.
    pub(crate) modules: BTreeSet<String>,
    /// The same where only tests have them.
    pub(crate) test_modules: BTreeSet<String>,
    /// Names that the file defines.
    pub(crate) definitions: BTreeSet<String>,
}

/// Words, `::` and single signs of Rust, without comments, texts and characters.
pub(crate) fn tokens(code: &str) -> Vec<String> {
    let chars: Vec<char> = code.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1).copied();
        if c == '/' && next == Some('/') {
            at += chars[at..].iter().take_while(|c| **c != '\n').count();
        } else if c == '/' && next == Some('*') {
            at = end_of_comment(&chars, at);
        } else if let Some(end) = end_of_raw_text(&chars, at) {
            at = end;
        } else if c == '"' {
            at = end_of_text(&chars, at);
        } else if c == '\'' {
            at = end_of_character(&chars, at);
        } else if c.is_alphanumeric() || c == '_' {
            let word: String = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            at += word.chars().count();
            found.push(word);
        } else if c == ':' && next == Some(':') {
            found.push("::".to_owned());
            at += 2;
        } else {
            if !c.is_whitespace() {
                found.push(c.to_string());
            }
            at += 1;
        }
    }
    found
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Behind `r"..."`, `r#"..."#` and so on, where one begins here and no word goes on.
fn end_of_raw_text(chars: &[char], start: usize) -> Option<usize> {
    let is_inside_word = start > 0 && (chars[start - 1].is_alphanumeric() || chars[start - 1] == '_');
    if chars[start] != 'r' || is_inside_word && chars[start - 1] != 'b' {
        return None;
    }
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let mut at = start + 1 + hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    while at < chars.len() {
        let closes = chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        at += 1;
        if closes {
            return Some(at + hashes);
        }
    }
    Some(at)
}

fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Behind `'c'` or `'\n'`; behind the quote alone where a lifetime begins.
fn end_of_character(chars: &[char], start: usize) -> usize {
    if chars.get(start + 1) == Some(&'\\') {
        let rest = chars.iter().skip(start + 3).take_while(|c| **c != '\'').count();
        start + 4 + rest
    } else if chars.get(start + 2) == Some(&'\'') {
        start + 3
    } else {
        start + 1
    }
}

/// Reads one file. What stands behind `#[cfg(test)]` is left out, a `mod` in braces with all that is in it.
pub(crate) fn read(code: &str) -> Source {
    let tokens = tokens(code);
    let (mut source, mut at) = (Source::default(), 0);
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at = skip_item(&tokens, at, &mut source);
        } else if tokens[at] == "use" && tokens.get(at + 1).is_some_and(|next| next != "<") {
            let mut path = Vec::new();
            at += 1;
            use_tree(&tokens, &mut at, &mut path, &mut source.imports);
        } else if tokens[at] == "mod" && tokens.get(at + 2).map(String::as_str) == Some(";") {
            source.modules.insert(tokens[at + 1].clone());
            at += 3;
        } else {
            at = other(&tokens, at, &mut source);
        }
    }
    source
}

fn is_test_attribute(tokens: &[String]) -> bool {
    let tokens: Vec<&str> = tokens.iter().take(6).map(String::as_str).collect();
    tokens == ["#", "[", "cfg", "(", "test", ")"]
}

/// Behind the item of an attribute: its `;` or its closing brace.
fn skip_item(tokens: &[String], start: usize, source: &mut Source) -> usize {
    let (mut at, mut depth) = (start + 7, 0_usize);
    while at < tokens.len() {
        match tokens[at].as_str() {
            "mod" if depth == 0 && tokens.get(at + 2).map(String::as_str) == Some(";") => {
                source.test_modules.insert(tokens[at + 1].clone());
            }
            ";" if depth == 0 => return at + 1,
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && tokens[at] == "}" {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// `a::b`, `a::{b, c::{self, d as e}, f::*}`: one import for each leaf. Stops behind what it read.
fn use_tree(tokens: &[String], at: &mut usize, path: &mut Vec<String>, found: &mut Vec<Import>) {
    let depth = path.len();
    while let Some(token) = tokens.get(*at) {
        match token.as_str() {
            "::" => *at += 1,
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| token != "}" && token != ";") {
                    if tokens[*at] == "," {
                        *at += 1;
                        continue;
                    }
                    use_tree(tokens, at, path, found);
                }
                *at += 1;
                path.truncate(depth);
                return;
            }
            "as" => {
                let name = tokens.get(*at + 1).cloned().unwrap_or_default();
                *at += 2;
                push_import(path, Some(name), found);
                path.truncate(depth);
                return;
            }
            "," | "}" | ";" => {
                push_import(path, None, found);
                path.truncate(depth);
                return;
            }
            _ => {
                path.push(token.clone());
                *at += 1;
            }
        }
    }
}

fn push_import(path: &[String], name: Option<String>, found: &mut Vec<Import>) {
    let mut path = path.to_vec();
    if path.len() > 1 && path.last().map(String::as_str) == Some("self") {
        path.pop();
    }
    let Some(last) = path.last().cloned() else { return };
    found.push(Import { path, name: name.unwrap_or(last) });
}

/// A definition, a path, or any other token; gives where to go on.
fn other(tokens: &[String], at: usize, source: &mut Source) -> usize {
    const DEFINES: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];
    let token = tokens[at].as_str();
    if DEFINES.contains(&token) {
        let skipped = usize::from(tokens.get(at + 1).is_some_and(|next| next == "!" || next == "mut"));
        if let Some(name) = tokens.get(at + 1 + skipped) {
            source.definitions.insert(name.clone());
        }
        return at + 1;
    }
    let is_word = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if !is_word || (at > 0 && tokens[at - 1] == "::") {
        return at + 1;
    }
    let (mut path, mut end) = (vec![token.to_owned()], at + 1);
    while tokens.get(end).is_some_and(|sign| sign == "::") {
        let Some(next) = tokens.get(end + 1).filter(|next| next.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        else {
            break;
        };
        path.push(next.clone());
        end += 2;
    }
    if path.len() > 1 {
        source.paths.insert(path);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(code: &str) -> Vec<String> {
        let all = read(code).imports.into_iter();
        all.map(|Import { path, name }| format!("{} as {name}", path.join("::"))).collect()
    }

    #[test]
    fn use_trees_are_read_as_deep_as_they_go() {
        let found = imported("use a::{b, c::{self, d as e, f::{g}}, h::*};\npub(crate) use super::x;");
        let expected = ["a::b as b", "a::c as c", "a::c::d as e", "a::c::f::g as g", "a::h::* as *", "super::x as x"];
        assert_eq!(found, expected, "one import a leaf");
        assert_eq!(
            imported("use {a::b, c};\nuse ::d::e;\nuse f as _;"),
            ["a::b as b", "c as c", "d::e as e", "f as _"]
        );
        assert_eq!(imported("fn f() -> impl Iterator + use<'a> { use g::h; }"), ["g::h as h"], "what is no import");
    }

    #[test]
    fn comments_texts_and_characters_are_no_code() {
        let code = "// use a::b;\n/* use a::b; /* c::d */ e::f */ let x = \"g::h\\\"i::j\"; r#\"k::\"l\"#; '\\''; ':'; \
            b'\"'; m::n::<o>();";
        let source = read(code);
        assert_eq!(source.imports, [], "no imports");
        assert_eq!(source.paths, BTreeSet::from([vec!["m".to_owned(), "n".to_owned()]]), "one path");
        assert_eq!(tokens("fn f<'a>(x: &'a str) {}").concat(), "fnf<a>(x:&astr){}", "lifetimes are no characters");
    }

    #[test]
    fn tests_are_left_out_and_what_follows_them_is_read() {
        let code = "#[cfg(test)]\nmod tests { use a::b; fn f() { { c::d() } } }\n#[cfg(test)]\nuse e::f;\nuse g::h;\n\
            #[cfg(test)]\n#[path = \"x.rs\"]\nmod fixture;\nmod real;\n#[cfg(test)]\nimpl X { fn y(z: [u8; 3]) { \
                i::j() } }\nuse k::l;";
        let source = read(code);
        assert_eq!(imported(code), ["g::h as h", "k::l as l"], "imports");
        assert_eq!(source.paths, BTreeSet::new(), "paths");
        assert_eq!(source.test_modules, BTreeSet::from(["fixture".to_owned()]), "of tests");
        assert_eq!(source.modules, BTreeSet::from(["real".to_owned()]), "of all");
    }

    #[test]
    fn definitions_are_names_of_items() {
        let source = read(
            "pub struct A<T>; enum B {} fn c() {} const D: u8 = 1; static mut E: u8 = 2; macro_rules! f { () => {} }",
        );
        let expected: BTreeSet<String> = ["A", "B", "D", "E", "c", "f"].map(str::to_owned).into();
        assert_eq!(source.definitions, expected, "items");
    }
}
