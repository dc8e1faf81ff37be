//! Which file of a room uses which, and the circles that these uses close.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{self, Source};

/// Module path below the crate (`figure::recipe`) of every shipped file, with what was read from it.
#[derive(Debug, Default)]
pub(crate) struct House {
    files: BTreeMap<String, Source>,
}

/// What one file takes from which: names by file taken from.
pub(crate) type Uses = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// `src/figure/recipe.rs` and `src/figure/recipe/mod.rs` are `figure::recipe`.
pub(crate) fn module_path(file: &str) -> String {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { String::new() } else { path.replace('/', "::") }
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn parent(module: &str) -> String {
    module.rsplit_once("::").map_or_else(String::new, |(parent, _)| parent.to_owned())
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// Whether one is the folder in which the other lies, however deep.
fn is_own_part(a: &str, b: &str) -> bool {
    a.starts_with(&format!("{b}::")) || b.starts_with(&format!("{a}::"))
}

impl House {
    /// Files by their path below the root, with their text. Those that only tests have are left out.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut all: BTreeMap<_, _> =
            files.into_iter().map(|(file, text)| (module_path(file), imports::read(text))).collect();
        let of_tests: Vec<String> =
            all.iter().flat_map(|(module, source)| source.test_modules.iter().map(|name| join(module, name))).collect();
        all.retain(|module, _| !of_tests.iter().any(|test| module == test || module.starts_with(&format!("{test}::"))));
        Self { files: all }
    }

    /// The file that defines what a path names, as seen from a module; none for what is not of this crate.
    fn target(&self, from: &str, path: &[String], depth: usize) -> Option<String> {
        let (mut module, mut rest) = (from.to_owned(), path);
        match path.first()?.as_str() {
            "crate" => (module, rest) = (String::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().map(String::as_str) == Some("super") {
                    (module, rest) = (parent(&module), &rest[1..]);
                }
            }
            first => {
                let source = self.files.get(from)?;
                let known = source.modules.contains(first) || source.imports.iter().any(|import| import.name == first);
                if !known {
                    return None;
                }
            }
        }
        self.walk(module, rest, depth)
    }

    /// Goes down a path from a module through folders and through names that are handed on.
    fn walk(&self, module: String, path: &[String], depth: usize) -> Option<String> {
        let source = self.files.get(&module)?;
        let Some((name, rest)) = path.split_first() else { return Some(module) };
        let below = join(&module, name);
        if source.modules.contains(name) && self.files.contains_key(&below) {
            return self.walk(below, rest, depth);
        }
        if source.definitions.contains(name) || depth == 0 {
            return Some(module);
        }
        let handed_on =
            source.imports.iter().find(|import| import.name == *name && import.path.last() != Some(&"*".into()));
        if let Some(import) = handed_on {
            let mut whole = import.path.clone();
            whole.extend(rest.iter().cloned());
            return self.target(&module, &whole, depth - 1);
        }
        let globs = source.imports.iter().filter(|import| import.name == "*");
        for glob in globs {
            let mut whole = glob.path[..glob.path.len() - 1].to_vec();
            whole.push(name.clone());
            let found = self.target(&module, &whole, depth - 1);
            if let Some(found) = found.filter(|found| self.files[found].definitions.contains(name)) {
                return Some(found);
            }
        }
        Some(module)
    }

    /// Uses between files of the same room. Handing a name on (`pub use`) is no use of it, and importing a module
    /// is none of what is in it.
    pub(crate) fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (module, source) in &self.files {
            let imported = source.imports.iter().filter(|import| !self.is_folder(module, &import.path));
            let paths = source.paths.iter().cloned();
            for path in imported.map(|import| import.path.clone()).chain(paths) {
                let Some(used) = self.target(module, &path, 8) else { continue };
                if used != *module && room(&used) == room(module) && !used.is_empty() {
                    let name = path.last().cloned().unwrap_or_default();
                    uses.entry(module.clone()).or_default().entry(used).or_default().insert(name);
                }
            }
        }
        uses
    }

    fn is_folder(&self, from: &str, path: &[String]) -> bool {
        let Some(name) = path.last() else { return false };
        let Some(found) = self.target(from, path, 8) else { return false };
        found.rsplit("::").next() == Some(name) && !self.files[&found].definitions.contains(name)
    }
}

/// Files that use each other in a circle, the largest first; a folder and its own parts may.
pub(crate) fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let between = |from: &String, to: &String| !is_own_part(from, to);
    let mut reached: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for from in uses.keys() {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            let next = uses.get(at).into_iter().flat_map(BTreeMap::keys).filter(|to| between(at, to));
            open.extend(next.filter(|to| seen.insert(*to)));
        }
        reached.insert(from, seen);
    }
    let mut found = BTreeSet::new();
    for (from, seen) in &reached {
        let mutual = |to: &&&String| reached.get(**to).is_some_and(|back| back.contains(from));
        let circle: BTreeSet<String> = seen.iter().filter(mutual).map(|to| (*to).clone()).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    found
}

/// What a file takes from a room: every path in full behind the room's name (`Event`, `Worker::new`, `*`), whichever
/// way it is written.
pub(crate) fn taken_from(room: &str, file: &str, text: &str) -> BTreeSet<String> {
    let (module, source) = (module_path(file), imports::read(text));
    let written = source.imports.iter().map(|import| &import.path).chain(&source.paths);
    let whole = written.filter_map(|path| absolute(&module, path, &source, 4));
    whole.filter(|path| path.first().map(String::as_str) == Some(room)).map(|path| path[1..].join("::")).collect()
}

/// Rooms, the file's own among them, from which it takes anything.
pub(crate) fn rooms_used(file: &str, text: &str) -> BTreeSet<String> {
    let (module, source) = (module_path(file), imports::read(text));
    let written = source.imports.iter().map(|import| &import.path).chain(&source.paths);
    written.filter_map(|path| absolute(&module, path, &source, 4)?.into_iter().next()).collect()
}

/// A path from the crate on, without `crate`; none for what is not of this crate.
fn absolute(module: &str, path: &[String], source: &Source, depth: usize) -> Option<Vec<String>> {
    let below = |module: &str, rest: &[String]| {
        let folders = module.split("::").filter(|name| !name.is_empty()).map(str::to_owned);
        folders.chain(rest.iter().cloned()).collect()
    };
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some(below(module, rest)),
        "super" => {
            let (mut module, mut rest) = (parent(module), rest);
            while rest.first().map(String::as_str) == Some("super") {
                (module, rest) = (parent(&module), &rest[1..]);
            }
            Some(below(&module, rest))
        }
        name if depth > 0 => {
            let import = source.imports.iter().find(|import| import.name == name && import.path.len() > 1)?;
            let mut whole = import.path.clone();
            whole.extend(rest.iter().cloned());
            absolute(module, &whole, source, depth - 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(files: &[(&str, &str)]) -> Vec<String> {
        let uses = House::new(files.iter().copied()).uses();
        let all = uses.iter().flat_map(|(from, to)| to.keys().map(move |to| format!("{from} -> {to}")));
        all.collect()
    }

    #[test]
    fn names_that_are_handed_on_are_those_of_the_file_that_defines_them() {
        let lib = ("src/lib.rs", "pub mod a;");
        let folder = (
            "src/a/mod.rs",
            "mod b; mod c; mod d; pub use b::Thing; pub(super) use c::{self, make as made}; use d::*;",
        );
        let b = ("src/a/b.rs", "pub struct Thing;");
        let c = ("src/a/c.rs", "use super::Thing; pub fn make() -> Thing { super::d::help() }");
        let d = ("src/a/d.rs", "pub fn help() -> crate::a::Thing { crate::a::made(); super::help(); }");
        let found = uses(&[lib, folder, b, c, d]);
        let own = ["a -> a::b", "a -> a::c"];
        let expected = ["a::c -> a::b", "a::c -> a::d", "a::d -> a::b", "a::d -> a::c"];
        for one in own.iter().chain(&expected) {
            assert!(found.contains(&(*one).to_owned()), "{one} is among {found:?}");
        }
        assert_eq!(
            found.iter().filter(|one| !one.starts_with("a -> ")).count(),
            expected.len(),
            "no others: {found:?}"
        );
    }

    #[test]
    fn a_module_that_is_imported_is_used_where_its_names_are() {
        let lib = ("src/lib.rs", "mod a;");
        let folder = ("src/a.rs", "mod b; mod c; mod e;");
        let b = ("src/a/b.rs", "use super::{c, e::{self as other}}; fn f() { c::inner::deep(); }");
        let c = ("src/a/c/mod.rs", "pub mod inner;");
        let inner = ("src/a/c/inner.rs", "pub fn deep() {}");
        let e = ("src/a/e.rs", "");
        assert_eq!(uses(&[lib, folder, b, c, inner, e]), ["a::b -> a::c::inner"], "and of `e` nothing");
    }

    #[test]
    fn circles_are_found_however_long_and_a_folder_may_use_its_parts() {
        let lib = ("src/lib.rs", "mod a;");
        let folder = ("src/a.rs", "mod b; mod c; mod d; pub struct Whole; fn f() { b::f(); }");
        let b = ("src/a/b.rs", "use super::{Whole, c::g}; pub fn f() {}");
        let c = ("src/a/c.rs", "pub fn g() { crate::a::d::h() }");
        let of = |d: &'static str| {
            let house = House::new([lib, folder, b, c, ("src/a/d.rs", d)]);
            circles(&house.uses()).into_iter().map(|circle| circle.into_iter().collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(of("use super::Whole; pub fn h() {}"), Vec::<Vec<String>>::new(), "a folder and its own parts");
        assert_eq!(of("pub fn h() { super::b::f() }"), [["a::b", "a::c", "a::d"]], "a circle of three");
        let in_a_test = "pub fn h() {} #[cfg(test)] mod tests { use crate::a::b::f; }";
        assert_eq!(of(in_a_test), Vec::<Vec<String>>::new(), "tests may use anything");
    }

    #[test]
    fn files_of_tests_are_no_part_of_the_house() {
        let lib = ("src/lib.rs", "mod a;");
        let folder = ("src/a.rs", "mod b; #[cfg(test)] mod fixture;");
        let b = ("src/a/b.rs", "pub fn f() {}");
        let fixture = ("src/a/fixture.rs", "use super::b::f;");
        assert_eq!(uses(&[lib, folder, b, fixture]), [""; 0], "nothing of the fixture");
    }

    #[test]
    fn what_a_file_takes_from_a_room_is_seen_however_it_is_written() {
        let file = "src/ui/app/mod.rs";
        let taken = |text: &str| taken_from("engine", file, text).into_iter().collect::<Vec<_>>();
        assert_eq!(
            taken("use crate::engine::{Event, OpenModel, Worker, run_job};"),
            ["Event", "OpenModel", "Worker", "run_job"]
        );
        assert_eq!(
            taken("use crate::{data, engine::{self as e, Event}}; fn f() { e::Worker::new() }"),
            ["", "Event", "Worker::new"]
        );
        assert_eq!(taken("use super::super::engine; fn f() { engine::run_job() }"), ["", "run_job"]);
        assert_eq!(taken("fn f() -> crate::engine::worker::Worker {}"), ["worker::Worker"]);
        assert_eq!(taken("use crate::engine::*;"), ["*"]);
        assert_eq!(taken("// crate::engine::Worker\nfn f() { \"crate::engine::Worker\" }"), [""; 0], "prose and texts");
    }
}
