//! Folders of photos.

use super::PhotoError;
use super::formats::Format;
use super::pixels::describe;
use crate::files;
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering as Memory};

/// Extensions that are taken at their word, lower case.
pub const EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff"];

/// What a folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderListing {
    /// Photos in natural order of their names.
    pub images: Vec<PathBuf>,
    /// Entries that could not be looked at; the rest of the listing is valid.
    pub problems: Vec<PhotoError>,
    /// Whether the listing was stopped before its end.
    pub cancelled: bool,
}

/// Lists the photos directly in a folder, by extension or, for names without one, by their first bytes.
///
/// `progress` is called with the number of entries seen so far; setting `cancel` stops within one entry.
///
/// # Errors
/// [`PhotoError::Unreadable`] when the folder itself cannot be read. An entry that cannot is listed under `problems`.
pub fn list_folder(
    folder: &Path,
    cancel: &AtomicBool,
    mut progress: impl FnMut(usize),
) -> Result<FolderListing, PhotoError> {
    let unreadable = |err: &std::io::Error, path: &Path| PhotoError::Unreadable {
        reason: files::reason(err),
        path: path.to_owned(),
    };
    let entries = std::fs::read_dir(folder).map_err(|err| unreadable(&err, folder))?;
    let mut listing = FolderListing::default();
    for (seen, entry) in entries.enumerate() {
        if cancel.load(Memory::Relaxed) {
            listing.cancelled = true;
            break;
        }
        match entry {
            Err(err) => listing.problems.push(unreadable(&err, folder)),
            Ok(entry) => match is_photo(&entry.path()) {
                Ok(true) => listing.images.push(entry.path()),
                Ok(false) => {}
                Err(err) => listing.problems.push(unreadable(&err, &entry.path())),
            },
        }
        progress(seen + 1);
    }
    listing.images.sort_by(|a, b| natural_order(&name_of(a), &name_of(b)));
    Ok(listing)
}

/// The same with the photos of every folder below, in natural order of their paths from `folder`. Links to folders are
/// not followed, hidden folders left out; a folder that cannot be read is listed under `problems`.
///
/// # Errors
/// Those of [`list_folder`].
pub fn list_below(folder: &Path, cancel: &AtomicBool) -> Result<FolderListing, PhotoError> {
    let mut all = list_folder(folder, cancel, |_| {})?;
    let mut left = folders_in(folder);
    while let Some(folder) = left.pop().filter(|_| !all.cancelled) {
        left.extend(folders_in(&folder));
        match list_folder(&folder, cancel, |_| {}) {
            Ok(listing) => {
                all.images.extend(listing.images);
                all.problems.extend(listing.problems);
                all.cancelled |= listing.cancelled;
            }
            Err(err) => all.problems.push(err),
        }
    }
    all.images.sort_by_cached_key(|path| path_from(folder, path).map(NaturalName));
    Ok(all)
}

/// A path from a folder that it lies below, with `/` on every system.
pub fn path_from(folder: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(folder).ok()?.components();
    Some(parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}

/// The file of such a path; `None` where it would lie elsewhere than below the folder.
pub fn path_below(folder: &Path, name: &str) -> Option<PathBuf> {
    let name = name.replace('\\', "/");
    let is_below =
        !name.contains(':') && Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
    is_below.then(|| folder.join(name))
}

/// What is no link to a folder is no circle.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).filter(|path| !name_of(path).starts_with('.')).collect()
}

/// A name in [`natural_order`].
#[derive(PartialEq, Eq)]
struct NaturalName(String);

impl Ord for NaturalName {
    fn cmp(&self, other: &Self) -> Ordering {
        natural_order(&self.0, &other.0)
    }
}

impl PartialOrd for NaturalName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a path is listed as a photo: a file with a known extension, or one without any extension that starts like a
/// photo.
pub(super) fn is_photo(path: &Path) -> std::io::Result<bool> {
    if name_of(path).starts_with('.') || !std::fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    if let Some(extension) = path.extension().and_then(OsStr::to_str) {
        return Ok(EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)));
    }
    let mut head = Vec::with_capacity(16);
    files::open(path)?.0.take(16).read_to_end(&mut head)?;
    Ok(Format::of(&head).is_some())
}

/// Refuses a file that somebody named as a photo and that is none: neither its name nor its first bytes say so.
///
/// # Errors
/// [`PhotoError::Unreadable`] or [`PhotoError::UnknownFormat`].
pub fn check_is_photo(path: &Path) -> Result<(), PhotoError> {
    let unreadable =
        |err: std::io::Error| PhotoError::Unreadable { reason: files::reason(&err), path: path.to_owned() };
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let (file, _) = files::open(path).map_err(unreadable)?;
    if EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let mut head = Vec::with_capacity(64);
    file.take(64).read_to_end(&mut head).map_err(unreadable)?;
    match Format::of(&head) {
        Some(_) => Ok(()),
        None => Err(PhotoError::UnknownFormat { found: describe(&head), path: path.to_owned() }),
    }
}

/// Order in which people count: `img2` before `img10`, capitals beside small letters.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            // One name is the beginning of the other: the shorter first; equal but for case: by bytes.
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (n, m) = (take_number(&mut left), take_number(&mut right));
            n.len().cmp(&m.len()).then_with(|| n.cmp(m))
        } else {
            left = &left[x.len_utf8()..];
            right = &right[y.len_utf8()..];
            x.to_lowercase().cmp(y.to_lowercase())
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Cuts a run of digits off the front; returns it without leading zeros.
fn take_number<'a>(text: &mut &'a str) -> &'a str {
    let whole: &'a str = text;
    let end = whole.find(|c: char| !c.is_ascii_digit()).unwrap_or(whole.len());
    let (digits, rest) = whole.split_at(end);
    *text = rest;
    digits.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_folders_below_are_listed_by_their_paths() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["b.png", "a/10.png", "a/2.png", "a/c/1.png", ".hidden/d.png", "a/notes.txt"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "x").expect("a file");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/circle")).expect("a link");
        let listing = list_below(folder.path(), &AtomicBool::new(false)).expect("a listing");
        let names: Vec<_> = listing.images.iter().filter_map(|path| path_from(folder.path(), path)).collect();
        assert_eq!(names, ["a/2.png", "a/10.png", "a/c/1.png", "b.png"], "in natural order, no circle");
        let direct = list_folder(folder.path(), &AtomicBool::new(false), |_| {}).expect("a listing");
        assert_eq!(direct.images, [folder.path().join("b.png")], "those of the folder itself");
        assert!(list_below(&folder.path().join("x"), &AtomicBool::new(false)).is_err(), "no folder");
    }

    #[test]
    fn a_name_leads_out_of_no_folder() {
        let folder = Path::new("photos");
        assert_eq!(path_below(folder, "val2014/a.jpg"), Some(folder.join("val2014/a.jpg")), "below");
        assert_eq!(path_below(folder, "val2014\\a.jpg"), Some(folder.join("val2014/a.jpg")), "of another system");
        for name in ["../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "C:/a.jpg", "\\\\server\\a.jpg"] {
            assert_eq!(path_below(folder, name), None, "{name}");
        }
    }

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = ["img10.png", "img2.png", "IMG1.png", "img02.png", "a.png", "img2b.png", "10.png", "9.png"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["9.png", "10.png", "a.png", "IMG1.png", "img02.png", "img2.png", "img2b.png", "img10.png"],
            "numbers by value, capitals beside small letters"
        );
    }

    #[test]
    fn order_is_total_for_odd_names() {
        let names = ["", "0", "00", "a0", "a00", "\u{e9}2", "\u{e9}10", "1a", "99999999999999999999999", "A", "a"];
        for a in names {
            for b in names {
                assert_eq!(natural_order(a, b), natural_order(b, a).reverse(), "{a:?} and {b:?}");
                assert_eq!(natural_order(a, b).is_eq(), a == b, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn folders_list_photos_by_extension_or_content_and_name_what_they_cannot_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["b10.JPG", "b9.jpeg", "notes.txt", ".hidden.png", "c.webp"] {
            std::fs::write(at(name), b"anything").expect("can be written");
        }
        std::fs::write(at("photo"), b"\x89PNG\r\n\x1a\n").expect("can be written");
        std::fs::write(at("script"), b"#!/bin/sh").expect("can be written");
        std::fs::create_dir(at("folder.png")).expect("can be made");
        let mut seen = 0;
        let listing = list_folder(folder.path(), &AtomicBool::new(false), |count| seen = count).expect("can be read");
        let names: Vec<String> = listing.images.iter().map(|path| name_of(path)).collect();
        assert_eq!(names, ["b9.jpeg", "b10.JPG", "c.webp", "photo"], "photos only, in order");
        assert_eq!(seen, 8, "progress counts every entry");
        assert!(listing.problems.is_empty() && !listing.cancelled, "{listing:?}");
        let stopped = list_folder(folder.path(), &AtomicBool::new(true), |_| {}).expect("can be read");
        assert!(stopped.cancelled && stopped.images.is_empty(), "stopped before the first entry");
        let error = list_folder(&at("nowhere"), &AtomicBool::new(false), |_| {}).expect_err("not there").to_string();
        assert_eq!(error, format!("Cannot open {}: no such file", at("nowhere").display()), "why");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nowhere_is_a_problem_and_not_the_end() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::os::unix::fs::symlink("nowhere", folder.path().join("a.png")).expect("can be linked");
        std::fs::write(folder.path().join("b.png"), b"").expect("can be written");
        let listing = list_folder(folder.path(), &AtomicBool::new(false), |_| {}).expect("can be read");
        assert_eq!((listing.images.len(), listing.problems.len()), (1, 1), "{listing:?}");
    }
}
