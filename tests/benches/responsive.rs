//! Wall time of a frame of the window while the worker decodes on all cores but one, painting on the graphics card left
//! out. The model is a random one of a fifth of a gigabyte, or the folder that is given: `cargo bench --bench
//! responsive -- [FOLDER]`. The target is under 16 ms.
#![expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]

mod screenless;

use cpu_time::ThreadTime;
use gazelens::engine::{ModelSource, Stage, Worker};
use gazelens::ui::App;
use gazelens::ui::core::command::Command;
use gazelens::ui::features::Phase;
use screenless::Screenless;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const TARGET_MS: f64 = 16.0;
const FRAMES: usize = 600;
const FRAME_EVERY: Duration = Duration::from_micros(16_667);
const LIMIT: Duration = Duration::from_mins(5);
const LAYERS: usize = 8;
const HIDDEN: usize = 768;
const INTERMEDIATE: usize = 2048;

fn main() {
    let given = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = given.unwrap_or_else(|| {
        write_folder(temporary.path());
        temporary.path().to_owned()
    });
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = (cores - 1).max(1);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the pool is made once");

    let mut window = Window::new();
    let idle = window.frames(FRAMES / 4);
    window.0.app.command(Command::OpenModel(ModelSource::Folder(folder)));
    window.wait_for("the model", |app| app.state().model.loading.is_none() && app.state().model.info.is_some());
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    let limit = Instant::now() + LIMIT;
    while decode.len() < FRAMES && Instant::now() < limit {
        if !window.is_asking() {
            window.0.app.command(Command::AskThis("Describe this image in detail.".to_owned()));
            window.0.draw();
        }
        let (ms, phase) = window.paced();
        match phase {
            Some(Phase::Working(Stage::Prefill | Stage::Vision)) => prefill.push(ms),
            Some(Phase::Working(Stage::Decode)) => decode.push(ms),
            _ => {}
        }
    }
    println!("{cores} cores, the model computes on {threads}");
    println!(
        "{:<28} {:>6} {:>23} {:>32}",
        "", "frames", "wall ms: median p99 worst", "of it computed: median p99 worst"
    );
    for (what, times) in
        [("nothing computes", idle), ("image and prompt are read", prefill), ("tokens are decoded", decode)]
    {
        report(what, &times);
    }
    let tokens = window.0.app.state().current_run().map_or(0.0, |run| run.tokens_per_sec);
    println!("{tokens:.1} tokens/s meanwhile");
}

fn report(what: &str, times: &[Took]) {
    let [wall, cpu] =
        [times.iter().map(|took| took.wall_ms).collect(), times.iter().map(|took| took.cpu_ms).collect()].map(spread);
    let verdict = if wall[2] < TARGET_MS { "" } else { "  over the target" };
    let [a, b, c] = wall;
    let [d, e, f] = cpu;
    println!("{what:<28} {:>6} {a:>12.2} {b:>6.2} {c:>6.2} {d:>19.2} {e:>6.2} {f:>6.2}{verdict}", times.len());
}

/// Median, 99th percentile, worst.
fn spread(mut times: Vec<f64>) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [0.5, 0.99, 1.0].map(|share| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the list")]
        let idx = (times.len().saturating_sub(1) as f64 * share).round() as usize;
        times.get(idx).copied().unwrap_or_default()
    })
}

/// A frame. What it took beyond what it computed it waited for a core, or for something else.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall_ms: f64,
    cpu_ms: f64,
}

/// The window with the real worker.
struct Window(Screenless);

impl Window {
    fn new() -> Self {
        Self(Screenless::new(|ctx| Box::new(Worker::new(Arc::new(move || ctx.request_repaint())))))
    }

    /// A frame at the time a screen wants it, and what the worker is at.
    fn paced(&mut self) -> (Took, Option<Phase>) {
        let (began, cpu_before) = (Instant::now(), ThreadTime::now());
        self.0.draw();
        let (took, cpu_ms) = (began.elapsed(), cpu_before.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(FRAME_EVERY.saturating_sub(took));
        (
            Took { wall_ms: took.as_secs_f64() * 1e3, cpu_ms },
            self.0.app.state().current_run().map(|run| run.phase.clone()),
        )
    }

    fn frames(&mut self, count: usize) -> Vec<Took> {
        // The first frames make fonts and layout.
        (0..count + 20).map(|_| self.paced().0).skip(20).collect()
    }

    fn is_asking(&self) -> bool {
        self.0.app.state().current_run().is_some_and(|run| run.phase.is_active())
    }

    fn wait_for(&mut self, what: &str, done: impl Fn(&App) -> bool) {
        let limit = Instant::now() + LIMIT;
        self.0.draw();
        self.0.draw();
        while !done(&self.0.app) {
            assert!(Instant::now() < limit, "expected {what} within {} s", LIMIT.as_secs());
            self.paced();
        }
    }
}

/// A checkpoint with the tokenizer and the vision tower's layout of a golden one, and a wide decoder.
fn write_folder(folder: &Path) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/newest_shards/checkpoint");
    for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
        std::fs::copy(base.join(name), folder.join(name)).expect("a copy");
    }
    let text = std::fs::read(base.join("config.json")).expect("a configuration");
    let base: Value = serde_json::from_slice(&text).expect("JSON");
    let vocab_size = base["text_config"]["vocab_size"].as_u64().expect("a vocabulary");
    let config = json!({
        "model_type": "llava", "image_token_index": base["image_token_id"], "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "text_config": {"model_type": "llama", "vocab_size": vocab_size, "hidden_size": HIDDEN,
            "intermediate_size": INTERMEDIATE,
            "num_hidden_layers": LAYERS, "num_attention_heads": 12, "num_key_value_heads": 12,
                "max_position_embeddings": 4096},
        "vision_config": {"model_type": "clip_vision_model", "hidden_size": 256, "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4, "image_size": 336, "patch_size": 14},
    });
    std::fs::write(folder.join("config.json"), config.to_string()).expect("written");
    write_weights(&folder.join("model.safetensors"), usize::try_from(vocab_size).expect("small"));
}

fn tensors(vocab_size: usize) -> Vec<(String, Vec<usize>)> {
    let mut tensors = vec![
        ("language_model.model.embed_tokens.weight".to_owned(), vec![vocab_size, HIDDEN]),
        ("language_model.model.norm.weight".to_owned(), vec![HIDDEN]),
        ("language_model.lm_head.weight".to_owned(), vec![vocab_size, HIDDEN]),
        ("vision_tower.vision_model.embeddings.class_embedding".to_owned(), vec![256]),
        ("vision_tower.vision_model.embeddings.patch_embedding.weight".to_owned(), vec![256, 3, 14, 14]),
        ("vision_tower.vision_model.embeddings.position_embedding.weight".to_owned(), vec![577, 256]),
    ];
    let mut add = |name: String, shape: &[usize], bias: bool| {
        if bias {
            tensors.push((format!("{name}.bias"), vec![shape[0]]));
        }
        tensors.push((format!("{name}.weight"), shape.to_vec()));
    };
    for layer in 0..LAYERS {
        let at = format!("language_model.model.layers.{layer}");
        for part in ["q_proj", "k_proj", "v_proj", "o_proj"] {
            add(format!("{at}.self_attn.{part}"), &[HIDDEN, HIDDEN], false);
        }
        add(format!("{at}.mlp.gate_proj"), &[INTERMEDIATE, HIDDEN], false);
        add(format!("{at}.mlp.up_proj"), &[INTERMEDIATE, HIDDEN], false);
        add(format!("{at}.mlp.down_proj"), &[HIDDEN, INTERMEDIATE], false);
        add(format!("{at}.input_layernorm"), &[HIDDEN], false);
        add(format!("{at}.post_attention_layernorm"), &[HIDDEN], false);
    }
    for layer in 0..4 {
        let at = format!("vision_tower.vision_model.encoder.layers.{layer}");
        for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            add(format!("{at}.self_attn.{part}"), &[256, 256], true);
        }
        add(format!("{at}.mlp.fc1"), &[512, 256], true);
        add(format!("{at}.mlp.fc2"), &[256, 512], true);
        add(format!("{at}.layer_norm1"), &[256], true);
        add(format!("{at}.layer_norm2"), &[256], true);
    }
    add("vision_tower.vision_model.pre_layrnorm".to_owned(), &[256], true);
    add("multi_modal_projector.linear_1".to_owned(), &[HIDDEN, 256], true);
    add("multi_modal_projector.linear_2".to_owned(), &[HIDDEN, HIDDEN], true);
    tensors
}

/// Uniform values of the size that trained matrices have.
fn write_weights(path: &Path, vocab_size: usize) {
    let (mut header, mut end) = (Map::new(), 0);
    let tensors = tensors(vocab_size);
    for (name, shape) in &tensors {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]}));
    }
    let header = Value::Object(header).to_string();
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    file.write_all(&(header.len() as u64).to_le_bytes()).expect("written");
    file.write_all(header.as_bytes()).expect("written");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for (name, shape) in &tensors {
        let scale = 1.7 / (*shape.last().unwrap_or(&1) as f32).sqrt();
        for _ in 0..shape.iter().product::<usize>() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let uniform = (state >> 40) as f32 / 8_388_608.0 - 1.0;
            let value = if name.contains("norm") { 1.0 } else { uniform * scale };
            file.write_all(&value.to_le_bytes()).expect("written");
        }
    }
    file.flush().expect("written");
}
