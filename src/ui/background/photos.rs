//! The photo on show and the thumbnails, read and scaled down on two threads of their own.

use crate::data::{self, Photo};
use crate::engine::ImageSource;
use crate::render::PhotoTexture;
use crate::ui::background::link::Waker;
use eframe::egui;
use egui::{ColorImage, TextureHandle, TextureOptions};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::JoinHandle;

/// Longer edge of a thumbnail, pixels: sharp at twice the list's size.
const THUMBNAIL_PX: u32 = 128;

/// A photo that is longer than so many times its shorter edge shows its middle in a thumbnail.
const MOST_ASPECT: u32 = 4;

/// Thumbnails kept; past it those not seen for longest go.
const MOST_THUMBNAILS: usize = 600;

/// Wishes that may wait: several screens of thumbnails.
const MOST_WISHES: usize = 256;

/// How a picture is doing.
#[derive(Debug)]
pub(in crate::ui) enum Loaded<T> {
    /// It is being read.
    Pending,
    /// Here it is.
    Ready(T),
    /// It cannot be read: one sentence.
    Failed(String),
}

/// What is to be said of the photo on show: whole sentences.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ui) enum Told {
    /// It cannot be read.
    Failed(String),
    /// It was read, and something is wrong with it.
    Warned(Arc<[String]>),
}

enum Done {
    /// With its warnings and the hash of its file.
    Photo(ImageSource, Result<(PhotoTexture, Arc<[String]>, String), String>),
    Thumbnail(ImageSource, Result<ColorImage, String>),
}

/// A thread that reads pictures for the window until the window lets go of the sending end.
struct Reader {
    wanted: Option<SyncSender<ImageSource>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn new(name: &str, make: fn(ImageSource) -> Done, done: Sender<Done>, wake: Waker) -> Self {
        let (wanted, wishes) = sync_channel(MOST_WISHES);
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || read_until_closed(&wishes, make, &done, &wake)).ok();
        Self { wanted: Some(wanted), thread }
    }

    /// `false` when too much is waiting already.
    fn wish(&self, source: &ImageSource) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.try_send(source.clone()).is_ok())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The photo on show and the thumbnails, read and scaled down on two threads of their own.
pub(in crate::ui) struct Photos {
    photo_reader: Reader,
    thumbnail_reader: Reader,
    done: Receiver<Done>,
    photo: Option<(ImageSource, Loaded<PhotoTexture>)>,
    /// Of the file that the photo on show was read from.
    hash: Option<String>,
    /// What the photo on show was read again for.
    reread_for: Option<String>,
    thumbnails: HashMap<ImageSource, (u64, Loaded<TextureHandle>)>,
    clock: u64,
}

impl Photos {
    /// Starts the readers; `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        let (sender, done) = channel();
        let photo_reader = Reader::new("gazelens-photo", make_photo, sender.clone(), Arc::clone(wake));
        let thumbnail_reader = Reader::new("gazelens-thumbnails", make_thumbnail, sender, Arc::clone(wake));
        Self {
            photo_reader,
            thumbnail_reader,
            done,
            photo: None,
            hash: None,
            reread_for: None,
            thumbnails: HashMap::new(),
            clock: 0,
        }
    }

    /// Takes in what was read. Returns what the user should know of the photo on show.
    pub(in crate::ui) fn poll(&mut self, ctx: &egui::Context) -> Option<Told> {
        let mut told = None;
        while let Ok(done) = self.done.try_recv() {
            match done {
                Done::Photo(source, result) => {
                    if self.photo.as_ref().is_some_and(|(wanted, _)| *wanted == source) {
                        self.hash = result.as_ref().ok().map(|(_, _, hash)| hash.clone());
                        let (photo, said) = match result {
                            Ok((texture, warnings, _)) => (Loaded::Ready(texture), Told::Warned(warnings)),
                            Err(why) => (Loaded::Failed(why.clone()), Told::Failed(why)),
                        };
                        told = Some(said);
                        self.photo = Some((source, photo));
                    }
                }
                Done::Thumbnail(source, result) => {
                    let loaded = match result {
                        Ok(image) => Loaded::Ready(ctx.load_texture("thumbnail", image, TextureOptions::LINEAR)),
                        Err(why) => Loaded::Failed(why),
                    };
                    self.thumbnails.insert(source, (self.clock, loaded));
                }
            }
        }
        told
    }

    /// Makes this the photo on show; does nothing if it is already.
    pub(in crate::ui) fn show(&mut self, source: Option<&ImageSource>) {
        if self.photo.as_ref().map(|(shown, _)| shown) == source {
            return;
        }
        (self.hash, self.reread_for) = (None, None);
        self.photo =
            source.filter(|source| self.photo_reader.wish(source)).map(|source| (source.clone(), Loaded::Pending));
    }

    /// Where the photo on show is from, and the hash of that file when it was read.
    pub(in crate::ui) fn shown(&self) -> Option<(&ImageSource, &str)> {
        Some((&self.photo.as_ref()?.0, self.hash.as_deref()?))
    }

    /// Reads the photo on show again, once: an answer is about a file with this hash, which may be what lies there by
    /// now.
    pub(in crate::ui) fn read_again_for(&mut self, hash: &str) {
        if self.reread_for.as_deref() == Some(hash) {
            return;
        }
        if let Some((source, Loaded::Ready(_))) = &self.photo
            && self.photo_reader.wish(source)
        {
            self.reread_for = Some(hash.to_owned());
        }
    }

    /// The photo on show.
    pub(in crate::ui) fn photo(&self) -> Option<&Loaded<PhotoTexture>> {
        self.photo.as_ref().map(|(_, photo)| photo)
    }

    /// A thumbnail; asks for it when it is not there.
    pub(in crate::ui) fn thumbnail(&mut self, source: &ImageSource) -> &Loaded<TextureHandle> {
        self.clock += 1;
        if !self.thumbnails.contains_key(source) {
            self.evict();
            if !self.thumbnail_reader.wish(source) {
                return &Loaded::Pending; // asked again next frame, when some of what waits is done
            }
        }
        let entry = self.thumbnails.entry(source.clone()).or_insert((0, Loaded::Pending));
        entry.0 = self.clock;
        &entry.1
    }

    /// Throws the older half away when there are too many; once in a while is cheaper than one by one.
    fn evict(&mut self) {
        if self.thumbnails.len() < MOST_THUMBNAILS {
            return;
        }
        let mut seen: Vec<u64> = self.thumbnails.values().map(|(seen, _)| *seen).collect();
        seen.sort_unstable();
        let middle = seen.get(seen.len() / 2).copied().unwrap_or(0);
        self.thumbnails.retain(|_, (seen, _)| *seen > middle);
    }
}

/// Reads the last wish first: what is looked at now matters more than what was scrolled past.
fn read_until_closed(wishes: &Receiver<ImageSource>, make: fn(ImageSource) -> Done, done: &Sender<Done>, wake: &Waker) {
    let mut waiting: Vec<ImageSource> = Vec::new();
    loop {
        if waiting.is_empty() {
            match wishes.recv() {
                Ok(source) => waiting.push(source),
                Err(_) => return,
            }
        }
        loop {
            match wishes.try_recv() {
                Ok(source) => waiting.push(source),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let Some(source) = waiting.pop() else { continue };
        if done.send(make(source)).is_err() {
            return;
        }
        wake();
    }
}

fn make_photo(source: ImageSource) -> Done {
    let photo = read(&source).and_then(|photo| Ok((texture(&source, &photo)?, photo.warnings, photo.sha256)));
    Done::Photo(source, photo)
}

fn make_thumbnail(source: ImageSource) -> Done {
    let small = |photo: &Photo| colour_image(&data::thumbnail(photo, THUMBNAIL_PX));
    let image = read(&source).map(|photo| small(middle(&photo).as_ref().unwrap_or(&photo)));
    Done::Thumbnail(source, image)
}

/// The middle of a photo that is much longer in one direction: a thumbnail of all of it would be a line. `None` for
/// other photos.
fn middle(photo: &Photo) -> Option<Photo> {
    let (width_px, height_px) = (photo.width_px, photo.height_px);
    let kept = |long: u32, short: u32| long.min(short.saturating_mul(MOST_ASPECT));
    let (columns, rows) = (kept(width_px, height_px), kept(height_px, width_px));
    if (columns, rows) == (width_px, height_px) {
        return None;
    }
    let row_bytes = width_px as usize * 3;
    let first = (width_px - columns) as usize / 2 * 3;
    let lines = photo.rgb.chunks_exact(row_bytes).skip((height_px - rows) as usize / 2).take(rows as usize);
    let rgb = lines.filter_map(|line| line.get(first..first + columns as usize * 3)).flatten().copied().collect();
    Photo::from_rgb(columns, rows, rgb).ok()
}

fn read(source: &ImageSource) -> Result<Photo, String> {
    match source {
        ImageSource::Path(path) => Photo::open(path).map_err(|err| err.to_string()),
        ImageSource::Bundled(name) => match data::demo::image(name) {
            Some(image) => image.photo().map_err(|err| err.to_string()),
            None => Err(format!("Expected a bundled image, found none of this name: {name}")),
        },
    }
}

fn texture(source: &ImageSource, photo: &Photo) -> Result<PhotoTexture, String> {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = std::hash::DefaultHasher::new();
    (source, &photo.sha256).hash(&mut hasher);
    PhotoTexture::new(hasher.finish(), photo.size(), &photo.rgb).map_err(|err| err.to_string())
}

fn colour_image(photo: &Photo) -> ColorImage {
    ColorImage::from_rgb([photo.width_px as usize, photo.height_px as usize], &photo.rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(photos: &mut Photos, ctx: &egui::Context, woken: &std::sync::mpsc::Receiver<()>) {
        woken.recv_timeout(std::time::Duration::from_mins(1)).expect("the window is woken");
        photos.poll(ctx);
    }

    fn photos() -> (Photos, std::sync::mpsc::Receiver<()>) {
        let (sender, woken) = std::sync::mpsc::channel();
        let wake: Waker = Arc::new(move || {
            sender.send(()).ok();
        });
        (Photos::new(&wake), woken)
    }

    #[test]
    fn a_bundled_photo_and_its_thumbnail_arrive() {
        let ctx = egui::Context::default();
        let (mut photos, woken) = photos();
        let name = data::demo::IMAGES.first().expect("images are bundled").file_name;
        let source = ImageSource::Bundled(name.to_owned());
        photos.show(Some(&source));
        assert!(matches!(photos.photo(), Some(Loaded::Pending)), "first it is read");
        settle(&mut photos, &ctx, &woken);
        assert!(matches!(photos.photo(), Some(Loaded::Ready(_))), "then it is there");
        assert!(matches!(photos.thumbnail(&source), Loaded::Pending), "asked for");
        settle(&mut photos, &ctx, &woken);
        assert!(matches!(photos.thumbnail(&source), Loaded::Ready(_)), "there");
    }

    #[test]
    fn the_thumbnail_of_a_panorama_is_its_middle() {
        for (width_px, height_px, expected) in [(90, 2, Some((8, 2))), (2, 90, Some((2, 8))), (8, 2, None)] {
            let rgb = (0..width_px * height_px).flat_map(|_| [1, 2, 3]).collect();
            let photo = Photo::from_rgb(width_px, height_px, rgb).expect("the sizes match");
            let shown = middle(&photo).map(|photo| (photo.width_px, photo.height_px));
            assert_eq!(shown, expected, "{width_px} x {height_px}");
        }
        let rgb = (0..10).flat_map(|column| [column; 3]).collect();
        let shown = middle(&Photo::from_rgb(10, 1, rgb).expect("the sizes match")).expect("a part of it");
        assert_eq!(shown.rgb.iter().step_by(3).copied().collect::<Vec<u8>>(), [3, 4, 5, 6], "the middle");
    }

    #[test]
    fn a_photo_that_changed_is_read_again_once() {
        let ctx = egui::Context::default();
        let (mut photos, woken) = photos();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.png");
        let [first, second] = [0, 1].map(|idx| data::demo::IMAGES.get(idx).expect("two are bundled").png);
        std::fs::write(&path, first).expect("a writable folder");
        let source = ImageSource::Path(path.clone());
        photos.show(Some(&source));
        assert_eq!(photos.shown(), None, "not read yet");
        settle(&mut photos, &ctx, &woken);
        let before = photos.shown().map(|(_, hash)| hash.to_owned()).expect("read");
        std::fs::write(&path, second).expect("a writable folder");
        photos.read_again_for("another");
        settle(&mut photos, &ctx, &woken);
        let after = photos.shown().map(|(_, hash)| hash.to_owned()).expect("read");
        assert_ne!(before, after, "what lies there now");
        photos.read_again_for("another");
        assert!(woken.recv_timeout(std::time::Duration::from_millis(200)).is_err(), "not again for the same");
    }

    #[test]
    fn a_photo_that_cannot_be_read_says_so() {
        let ctx = egui::Context::default();
        let (mut photos, woken) = photos();
        photos.show(Some(&ImageSource::Path("/nowhere/at/all.png".into())));
        woken.recv_timeout(std::time::Duration::from_mins(1)).expect("the window is woken");
        let Some(Told::Failed(failure)) = photos.poll(&ctx) else { panic!("a sentence") };
        assert!(failure.contains("all.png"), "names the file: {failure}");
        assert!(matches!(photos.photo(), Some(Loaded::Failed(_))), "and is remembered");
    }
}
