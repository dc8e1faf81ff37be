//! Embeddings of photos are those of transformers, and pairs of photos those of two loops
//! (`tests/golden/embeddings.py`).

use candle_core::{DType, Device, Tensor, safetensors};
use gazelens::data::Photo;
use gazelens::engine::{
    BlindPair, DevicePreference, DtypePreference, EmbeddingCache, Embeddings, EngineError, LoadRequest, ModelSource,
    OpenModel, PairLimits, blind_pairs, embed_photo, embed_photos,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn golden() -> HashMap<String, Tensor> {
    safetensors::load(root().join("tests/golden/embeddings.safetensors"), &Device::Cpu).expect("a golden file")
}

fn rows(tensor: &Tensor) -> Embeddings {
    let values = tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("f32 values");
    Embeddings { width: tensor.dims()[1], values }
}

fn open(folder: &str) -> OpenModel {
    let source = ModelSource::Folder(root().join("tests/golden").join(folder));
    let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    OpenModel::open(&request, &mut |_, _| {}, &GO_ON).expect("a model")
}

fn photos(count: usize) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("assets/demo/images")).expect("the bundled photos");
    let mut photos: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    photos.sort();
    photos.truncate(count);
    photos
}

#[test]
fn embeddings_are_those_of_transformers_and_come_back_from_the_cache() {
    let golden = golden();
    let mut cache = EmbeddingCache::default();
    let mut paths = photos(5);
    paths.insert(2, root().join("Cargo.toml"));
    for (name, folder) in [("clip", "embeddings/clip"), ("dinov2", "vision/dinov2/checkpoint")] {
        let (model, mut done) = (open(folder), Vec::new());
        let found = embed_photos(&model, &paths, &mut cache, &mut |count| done.push(count), &GO_ON);
        let found = found.expect("embeddings");
        assert_eq!(done, [1, 2, 3, 4, 5, 6], "photo by photo");
        assert_eq!(found.photos, [0, 1, 3, 4, 5], "all but the file that is no photo");
        assert_eq!(found.unread.len(), 1, "counted");
        assert!(found.unread[0].why.ends_with("Cargo.toml"), "and named: {}", found.unread[0].why);
        let expected = rows(&golden[name]);
        assert_eq!(found.embeddings.width, expected.width, "{name}: width");
        let apart = found.embeddings.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f32::max);
        assert!(apart < 1e-5 && found.embeddings.len() == 5, "{name} differs by {apart}");
        println!("{name}: embeddings {apart:.1e}");
        for idx in 0..5 {
            let norm: f32 = found.embeddings.row(idx).iter().map(|value| value * value).sum();
            assert!((norm - 1.0).abs() < 1e-5, "{name}: unit length");
        }
        assert_eq!(found.num_cached, 0, "{name}: none was there");

        let mut read = EmbeddingCache::read(&cache.bytes()).expect("its own file");
        let again = embed_photos(&model, &paths, &mut read, &mut |_| {}, &GO_ON).expect("embeddings");
        assert_eq!((again.num_cached, &again.embeddings), (5, &found.embeddings), "{name}: all from the cache");
    }
    assert_eq!(cache.len(), 10, "of both models");
}

#[test]
fn what_has_no_embedding_is_refused_by_name_and_a_raised_flag_ends_it() {
    let photo = Photo::open(&photos(1)[0]).expect("a photo");
    for (folder, expected) in [
        ("vision/siglip/checkpoint", "found SigLIP's image tower, which gives none"),
        ("vision/clip_vision/checkpoint", "found CLIP's image tower, which gives none"),
        ("nested_full/checkpoint", "found a model that answers questions"),
    ] {
        let refused = embed_photo(&open(folder), &photo, &GO_ON).expect_err("no embedding").to_string();
        assert!(refused.contains(expected) && refused.ends_with(folder), "{refused}");
    }
    let (model, stop) = (open("embeddings/clip"), AtomicBool::new(true));
    let stopped = embed_photo(&model, &photo, &stop).expect_err("stopped");
    assert!(matches!(stopped, EngineError::Cancelled), "{stopped}");
    let mut cache = EmbeddingCache::default();
    let stopped = embed_photos(&model, &photos(2), &mut cache, &mut |_| {}, &stop).expect_err("stopped");
    assert!(matches!(stopped, EngineError::Cancelled) && cache.is_empty(), "{stopped}");
}

#[test]
fn blind_pairs_are_those_of_two_loops() {
    let golden = golden();
    let (first, second) = (rows(&golden["first"]), rows(&golden["second"]));
    let mut shares = Vec::new();
    let limits = PairLimits { most: 1000, ..PairLimits::MMVP };
    let found = blind_pairs(&first, &second, limits, &mut |share| shares.push(share), &GO_ON).expect("pairs");
    let expected: Vec<Vec<i64>> = golden["pairs"].to_vec2().expect("pairs");
    let cosines = golden["cosines"].to_dtype(DType::F64).and_then(|tensor| tensor.to_vec2::<f64>()).expect("cosines");
    assert_eq!(found.num_pairs, expected.len() as u64, "counted");
    let index = |idx: usize| i64::try_from(idx).expect("small");
    let pairs: Vec<Vec<i64>> = found.pairs.iter().map(|pair| vec![index(pair.first), index(pair.second)]).collect();
    assert_eq!(pairs, expected, "the same pairs, largest difference first");
    for (BlindPair { cosine, second_cosine, .. }, expected) in found.pairs.iter().zip(cosines) {
        assert!((cosine - expected[0]).abs().max((second_cosine - expected[1]).abs()) < 1e-12, "cosines");
    }
    assert!(shares.last().is_some_and(|share| (share - 1.0).abs() < 1e-12), "{shares:?}");

    let few = PairLimits { most: 7, ..limits };
    let few = blind_pairs(&first, &second, few, &mut |_| {}, &GO_ON).expect("pairs");
    assert_eq!((few.num_pairs, &few.pairs[..]), (found.num_pairs, &found.pairs[..7]), "the best, all counted");
    let stopped = blind_pairs(&first, &second, limits, &mut |_| {}, &AtomicBool::new(true)).expect_err("stopped");
    assert!(matches!(stopped, EngineError::Cancelled), "{stopped}");
    let fewer = Embeddings { width: 16, values: second.values[..16].to_vec() };
    let wrong = blind_pairs(&first, &fewer, limits, &mut |_| {}, &GO_ON).expect_err("other photos").to_string();
    assert_eq!(wrong, "Expected embeddings of the same 240 photos by both encoders, found 1 by the second", "said");
    let none = blind_pairs(&Embeddings::default(), &Embeddings::default(), limits, &mut |_| {}, &GO_ON);
    assert_eq!(none.expect("no pairs").num_pairs, 0, "of no photos");
}

#[test]
fn blocks_and_caps_do_not_change_what_is_found() {
    // More photos than a block has rows, all of them in pairs: 2 i and 2 i + 1 are the same to the first alone.
    let n = 1300_usize;
    let angle = |idx: usize| idx as f32 * 2.4;
    let first: Vec<f32> = (0..n).flat_map(|idx| [angle(idx / 2).cos(), angle(idx / 2).sin()]).collect();
    let second: Vec<f32> = (0..n).flat_map(|idx| if idx % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
    let embeddings = |values: Vec<f32>| Embeddings { width: 2, values };
    let (first, second) = (embeddings(first), embeddings(second));
    let limits = PairLimits { above: 0.5, below: 0.5, most: 3 };
    let found = blind_pairs(&first, &second, limits, &mut |_| {}, &GO_ON).expect("pairs");
    let dot = |of: &Embeddings, a: usize, b: usize| -> f64 {
        of.row(a).iter().zip(of.row(b)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    let expected = pairs.filter(|(a, b)| dot(&first, *a, *b) > 0.5 && dot(&second, *a, *b) < 0.5).count();
    assert_eq!(found.num_pairs, expected as u64, "as many as two loops find");
    assert!(expected > 10_000 && found.pairs.len() == 3, "far more than are returned: {expected}");
}
