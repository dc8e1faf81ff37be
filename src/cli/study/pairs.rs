//! `gazelens study pairs`: photos that CLIP takes for nearly the same and `DINOv2` does not.

use super::super::common_args::{PlaceArgs, at_least_one};
use super::super::failure::Failure;
use super::super::{endings, inputs, output, source};
use super::pair_figures;
use crate::data::library::list_folder;
use crate::engine::{
    BlindPair, BlindPairs, EmbeddedPhotos, EmbeddingCache, Embeddings, LoadRequest, ModelInfo, OpenModel, PairLimits,
    UnreadPhoto, blind_pairs, embed_photos,
};
use crate::files::{self, Outputs};
use crate::study::{PairsFile, PhotoPair};
use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Embeddings of 200,000 photos by two encoders of the usual size.
const MOST_CACHE_BYTES: u64 = 2 << 30;
/// Photos after which the cache is written and progress is reported.
const PHOTOS_AT_A_TIME: usize = 500;
/// Photos without an embedding that are named on standard error.
const MOST_NAMED: usize = 5;

/// Of `gazelens study pairs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PairsArgs {
    /// Folder of the photos.
    #[arg(long, value_name = "DIR")]
    pub(super) images: PathBuf,
    /// The encoder for which a pair is nearly the same, as a rule CLIP with both towers: `demo-clip` (bundled), the
    /// folder of a Hugging Face checkpoint, or a hub id such as openai/clip-vit-large-patch14.
    #[arg(long, value_name = "CLIP", help_heading = "Model")]
    pub(super) model: String,
    /// The encoder for which it is not, as a rule `DINOv2`, such as facebook/dinov2-large.
    #[arg(long, value_name = "DINOV2", help_heading = "Model")]
    pub(super) second: String,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// Cosine of --model that a pair is above, -1 to 1.
    #[arg(
        long,
        default_value_t = PairLimits::MMVP.above,
        value_name = "C",
        value_parser = cosine,
        allow_negative_numbers = true
    )]
    pub(super) above: f64,
    /// Cosine of --second that a pair is below, -1 to 1.
    #[arg(
        long,
        default_value_t = PairLimits::MMVP.below,
        value_name = "C",
        value_parser = cosine,
        allow_negative_numbers = true
    )]
    pub(super) below: f64,
    /// Pairs to print and write, those with the largest difference of the two cosines; all are counted.
    #[arg(
        long,
        default_value_t = PairLimits::MMVP.most,
        value_name = "N",
        value_parser = at_least_one,
        allow_negative_numbers = true
    )]
    pub(super) most: usize,
    /// File of embeddings: those in it are not computed again, new ones are added. Made where there is none.
    #[arg(long, value_name = "E.safetensors")]
    pub(super) cache: Option<PathBuf>,
    /// File to write the pairs to, a JSON object a line.
    #[arg(long, value_name = "PAIRS.jsonl")]
    pub(super) out: Option<PathBuf>,
    /// Folder to write a figure of each pair to: both photos with where the `[CLS]` of both encoders looks. Each has
    /// its recipe beside it, and `gazelens figure --recipe` draws it again.
    #[arg(long, value_name = "DIR")]
    pub(super) figures: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

fn cosine(text: &str) -> Result<f64, String> {
    let value = text.trim().parse().ok().filter(|value| (-1.0..=1.0).contains(value));
    value.ok_or_else(|| "expected a number from -1 to 1".to_owned())
}

pub(super) fn run(args: &PairsArgs) -> Result<(), Failure> {
    let mut requests = [request(args, "--model", &args.model)?, request(args, "--second", &args.second)?];
    let mut outputs = Outputs::default();
    let out = args.out.as_deref().map(|path| outputs.claim("--out", path)).transpose()?;
    for (flag, path, ending) in [("--out", &args.out, "jsonl"), ("--cache", &args.cache, "safetensors")] {
        if let Some(path) = path {
            endings::expect(flag, path, &[ending])?;
        }
    }
    if let Some(path) = &args.cache {
        outputs.claim("--cache", path)?;
    }
    let mut drawn = Outputs::default();
    if let Some(folder) = &args.figures {
        drawn.make_folder("--figures", folder)?;
    }
    let mut cache = Cache::open(args.cache.as_deref())?;
    let paths = photos(&args.images)?;
    outputs.reads_all("a photo of --images", &paths);
    for request in &mut requests {
        source::fetch(request)?;
        inputs::model(&mut outputs, request);
    }
    outputs.check()?;
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let cancel = AtomicBool::new(false);
    // Whatever is wrong with the second encoder is said before the first has looked at every photo.
    let [_, second] = &requests;
    drop(OpenModel::open(second, &mut |_, _| {}, &cancel)?);
    let [mut by_first, mut by_second] = [EmbeddedPhotos::default(), EmbeddedPhotos::default()];
    let (mut infos, mut models) = (Vec::new(), Vec::new());
    for (request, embedded) in requests.iter().zip([&mut by_first, &mut by_second]) {
        let model = OpenModel::open(request, &mut |_, _| {}, &cancel)?;
        *embedded = embed(&model, &paths, &mut cache, &cancel)?;
        infos.push(model.info().clone());
        // Figures look again; without them one encoder at a time is enough.
        models.extend(args.figures.is_some().then_some(model));
    }
    let (shared, embeddings) = shared(&by_first, &by_second);
    let unread = unread(&by_first, &by_second);
    warn(&by_first.warnings, &unread, paths.len());
    if shared.len() < 2 {
        let (found, folder) = (shared.len(), args.images.display());
        return Err(anyhow!("Expected two or more photos that can be read, found {found}: {folder}").into());
    }
    let limits = PairLimits { above: args.above, below: args.below, most: args.most };
    let [first, second] = &embeddings;
    let found = blind_pairs(first, second, limits, &mut |_| {}, &cancel)?;
    let names: Vec<String> = shared.iter().filter_map(|idx| paths.get(*idx)).map(|path| name(path)).collect();
    let pairs = pairs(args, &found, &names)?;
    if let (Some(folder), [first, second]) = (&args.figures, models.as_slice()) {
        pair_figures::write(folder, [first, second], &pairs, &mut drawn, &cancel)?;
    }
    // It comes last: where it is, the figures are too.
    if let Some(out) = out {
        outputs.write_bytes(out, PairsFile::text(&pairs).as_bytes())?;
        outputs.commit()?;
    }
    if args.json {
        output::json(&object(args, &infos, (&found, &pairs), names.len(), &unread))?;
    } else {
        output::line(&text(&found, &names, limits))?;
    }
    Ok(())
}

fn request(args: &PairsArgs, flag: &str, model: &str) -> Result<LoadRequest, Failure> {
    let found = source::model_source(model, None).map_err(|failure| {
        let sentence = anyhow!("{}", failure.sentence().replace("--model", flag));
        if failure.status() == 2 { Failure::usage(sentence) } else { Failure::work(sentence) }
    })?;
    Ok(args.place.request(found))
}

/// Photos directly in the folder.
fn photos(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    // Nobody raises it: an interrupt from the keyboard ends the process.
    let listing = list_folder(folder, &AtomicBool::new(false), |_| {})?;
    for problem in &listing.problems {
        output::warning(&problem.to_string());
    }
    for path in &listing.images {
        inputs::text_of("a photo of --images", path)?;
    }
    if listing.images.is_empty() {
        return Err(anyhow!("Expected photos, found none: {}", folder.display()).into());
    }
    Ok(listing.images)
}

/// Embeddings and the file that they are in.
struct Cache<'a> {
    embeddings: EmbeddingCache,
    path: Option<&'a Path>,
    num_written: usize,
}

impl<'a> Cache<'a> {
    fn open(path: Option<&'a Path>) -> Result<Self, Failure> {
        let mut embeddings = EmbeddingCache::default();
        if let Some(path) = path.filter(|path| path.exists()) {
            let shown = path.display();
            let bytes = files::read(path, MOST_CACHE_BYTES);
            let bytes = bytes.map_err(|err| anyhow!("Cannot open {shown}: {}", files::reason(&err)))?;
            embeddings = EmbeddingCache::read(&bytes).map_err(|err| anyhow!("{err}: {shown}"))?;
        }
        Ok(Self { num_written: embeddings.len(), embeddings, path })
    }

    /// Writes the file where there is something new.
    fn write(&mut self) -> Result<(), Failure> {
        let Some(path) = self.path.filter(|_| self.embeddings.len() > self.num_written) else { return Ok(()) };
        let bytes = self.embeddings.bytes();
        let written = files::replace(path, |file| file.write_all(&bytes));
        written.map_err(|err| anyhow!("Cannot write --cache: {}: {}", files::reason(&err), path.display()))?;
        self.num_written = self.embeddings.len();
        Ok(())
    }
}

/// Embeddings of all photos; the cache is written on the way, as it may take hours.
fn embed(
    model: &OpenModel,
    paths: &[PathBuf],
    cache: &mut Cache<'_>,
    cancel: &AtomicBool,
) -> Result<EmbeddedPhotos, Failure> {
    let mut all = EmbeddedPhotos::default();
    for (start, part) in (0..).step_by(PHOTOS_AT_A_TIME).zip(paths.chunks(PHOTOS_AT_A_TIME)) {
        let found = embed_photos(model, part, &mut cache.embeddings, &mut |_| {}, cancel)?;
        cache.write()?;
        all.num_cached += found.num_cached;
        for (idx, photo) in found.photos.iter().enumerate() {
            all.embeddings.push(found.embeddings.row(idx));
            all.photos.push(start + photo);
        }
        all.unread.extend(found.unread);
        all.warnings.extend(found.warnings);
        let (done, of, cached) = (start + part.len(), paths.len(), all.num_cached);
        let cached = if cached > 0 { format!(", {cached} from the cache") } else { String::new() };
        output::note(&format!("{}: {done} of {of} photos{cached}", model.info().id));
    }
    Ok(all)
}

/// Photos that have both embeddings, and these.
fn shared(first: &EmbeddedPhotos, second: &EmbeddedPhotos) -> (Vec<usize>, [Embeddings; 2]) {
    let (mut photos, mut embeddings) = (Vec::new(), [Embeddings::default(), Embeddings::default()]);
    let [of_first, of_second] = &mut embeddings;
    for (row, photo) in first.photos.iter().enumerate() {
        // Photos are in ascending order.
        if let Ok(other) = second.photos.binary_search(photo) {
            photos.push(*photo);
            of_first.push(first.embeddings.row(row));
            of_second.push(second.embeddings.row(other));
        }
    }
    (photos, embeddings)
}

/// Photos without both embeddings, each once.
fn unread(first: &EmbeddedPhotos, second: &EmbeddedPhotos) -> Vec<UnreadPhoto> {
    let mut unread = first.unread.clone();
    unread.extend(
        second.unread.iter().filter(|photo| first.unread.iter().all(|known| known.path != photo.path)).cloned(),
    );
    unread
}

fn warn(warnings: &[String], unread: &[UnreadPhoto], num_photos: usize) {
    for warning in warnings {
        output::warning(warning);
    }
    for photo in unread.iter().take(MOST_NAMED) {
        output::warning(&photo.why);
    }
    if !unread.is_empty() {
        let len = unread.len();
        let were = if len == 1 { "was" } else { "were" };
        output::warning(&format!("{len} of {num_photos} photos {were} left out, as they cannot be read"));
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is found, with what is needed to look at it again from anywhere.
fn pairs(args: &PairsArgs, found: &BlindPairs, names: &[String]) -> Result<Vec<PhotoPair>, Failure> {
    let images = std::path::absolute(&args.images).unwrap_or_else(|_| args.images.clone());
    let images = inputs::text_of("--images", &images)?.to_owned();
    let name = |idx: usize| names.get(idx).cloned().unwrap_or_default();
    let [model, second_model] = [&args.model, &args.second].map(|model| named_from_anywhere(model));
    let pair = |pair: &BlindPair| PhotoPair {
        first: name(pair.first),
        second: name(pair.second),
        model_cosine: pair.cosine,
        second_cosine: pair.second_cosine,
        images: Some(images.clone()),
        model: Some(model.clone()),
        second_model: Some(second_model.clone()),
    };
    Ok(found.pairs.iter().map(pair).collect())
}

/// A model as it is named wherever the program is started: folders from the root.
fn named_from_anywhere(model: &str) -> String {
    let path = Path::new(model);
    let whole = path.is_dir().then(|| std::path::absolute(path).ok()).flatten();
    whole.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| model.to_owned())
}

fn object(
    args: &PairsArgs,
    infos: &[Arc<ModelInfo>],
    (found, pairs): (&BlindPairs, &[PhotoPair]),
    num_photos: usize,
    unread: &[UnreadPhoto],
) -> Value {
    let model = |idx: usize| {
        infos.get(idx).map(|info| json!({"id": info.id, "weight_hash": info.weight_hash, "device": info.device}))
    };
    json!({
        "model": model(0),
        "second": model(1),
        "above": args.above,
        "below": args.below,
        "most": args.most,
        "num_photos": num_photos,
        "num_pairs": found.num_pairs,
        "pairs": pairs,
        "unread": unread.iter().map(|photo| json!({"image": name(&photo.path), "why": photo.why})).collect::<Vec<_>>(),
        "program": format!("gazelens {}", env!("CARGO_PKG_VERSION")),
    })
}

fn text(found: &BlindPairs, names: &[String], limits: PairLimits) -> String {
    let PairLimits { above, below, most } = limits;
    let pairs = if found.num_pairs == 1 { "1 pair".to_owned() } else { format!("{} pairs", found.num_pairs) };
    let len = names.len();
    let mut text =
        format!("{pairs} of {len} photos with a cosine above {above} by --model and below {below} by --second");
    if found.num_pairs > most as u64 {
        let _ = write!(text, "; the first {most} are");
    }
    for pair in &found.pairs {
        let [first, second] = [pair.first, pair.second].map(|idx| names.get(idx).map_or("", |name| name));
        let _ = write!(text, "\n{:.4}  {:.4}  {first}  {second}", pair.cosine, pair.second_cosine);
    }
    text
}
