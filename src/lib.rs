//! gazelens: a desktop explorer of where a vision-language model looks.
//!
//! A person picks a photo, asks a question, watches the answer stream, clicks a word and sees where the decoder looked
//! when it chose that word, for any layer and head, next to where the vision encoder's `[CLS]` looks. The same run
//! works from the command line. This page is the map of the house; `tests/architecture.rs` fails when it and the code
//! differ.
//!
//! # Data flows one way
//!
//! ```text
//! photo, checkpoint -> model (probed) -> trace -> analysis -> render -> window
//!                                             -> figure -> paper
//! ```
//!
//! Requests travel the other way as plain messages ([`engine::Request`]), results come back as plain events
//! ([`engine::Event`]). [`engine::run_job`] answers a question on whatever thread calls it: the window's worker, the
//! command line and the tests are three callers of the same function, so what one shows the others would.
//!
//! Four ideas carry the rest:
//! 1. **The forward pass is our own.** Attention is private in every library; here each layer is open to a
//! [`model::Probe`].
//! 2. **One place to look and to touch.** Recording a trace and changing attention are both probes; without one nothing
//! is paid.
//! 3. **Ragged branches.** A step runs a list of branches with their own caches through one matrix product; contrastive
//! decoding is a second    branch, not a second model.
//! 4. **Rows, not matrices.** A trace keeps the softmax row that *predicted* each token, for all layers and heads;
//! never the prefill matrix.
//!
//! # Modules by layer
//!
//! A module may use those listed in its row and nothing else of this crate. The external crates of a row are those that
//! the module uses besides the ones that everything may use (`serde`, `serde_json`, `thiserror`) and those of its
//! tests.
//!
//! | layer | module | what it is | may use | external crates |
//! | --- | --- | --- | --- | --- |
//! | 0 | [`ids`] | layers, heads, token spans, checked once | - | - |
//! | 0 | [`kernel`] | products, softmax, activations and attention straight from mapped weights: what the model runs on where there is no GPU, measured by `cargo bench --bench kernel` | - | `half`, `pulp`, `rayon` |
//! | 0 | [`geometry`] | the only converter between photo pixels, model pixels, patches and tokens, for one grid of them or several over each other | `ids` | - |
//! | 0 | [`files`] | output that is complete or not there and never over what is read, input that ends, the user's home folder | - | `rustix`, `signal_hook`, `tempfile` |
//! | 0 | [`json`] | JSON as people have it: what Python writes beyond the standard, numbers in quotes | - | - |
//! | 0 | [`names`] | names that were perhaps meant, for sentences about unknown ones | - | - |
//! | 0 | [`panics`] | panics of libraries as errors | - | - |
//! | 0 | [`registry`] | lists that a program which uses this crate may add to | - | - |
//! | 1 | [`data`] | photos in, model input out, exactly as Pillow does; COCO annotations, masks, captions, POPE's questions and the data sets made of them; bundled images | `ids`, `geometry`, `files`, `json`, `names` | `fax`, `image`, `miniz_oxide`, `percent_encoding`, `png`, `rayon`, `sha2`, `weezl` |
//! | 1 | [`trace`] | what was seen while a question was answered, in memory and as a file | `ids`, `geometry`, `files` | `half`, `safetensors` |
//! | 1 | [`checkpoint`] | folders in every published layout and pairs of GGUF files: configuration, weights, tokenizer, chat template | `ids`, `geometry`, `files`, `json`, `panics` | `base64`, `candle_core`, `chrono`, `half`, `libc`, `memmap2`, `minijinja_contrib`, `minijinja`, `sha2`, `tokenizers`, `unicode_general_category`, `unicode_ident` |
//! | 1 | [`hub`] | models by hub id: the cache shared with Python, and downloads into it (feature `hub`) | `files`, `names` | `base64`, `rustix`, `sha1`, `sha2`, `ureq` |
//! | 2 | [`model`] | the instrumented models of every family: vision encoders, projectors, decoders, and what goes into them | `ids`, `kernel`, `geometry`, `names`, `data`, `checkpoint` | `candle_core`, `candle_nn`, `rayon` |
//! | 2 | [`session`] | the whole working state in one file | `files`, `trace` | - |
//! | 2 | [`analysis`] | numbers from a trace: maps, shares, overlaps | `ids`, `geometry`, `registry`, `data`, `trace` | - |
//! | 3 | [`decode`] | branches, methods and how they stack, searches: greedy, drawn, beams | `ids`, `geometry`, `files`, `names`, `registry`, `trace`, `checkpoint`, `model` | `candle_core`, `candle_transformers`, `sha2` |
//! | 3 | [`render`] | values to colours, on the CPU and on the GPU, held to the same numbers | `ids`, `geometry`, `trace`, `analysis` | `bytemuck`, `eframe`, `egui`, `rayon` |
//! | 3 | [`prompting`] | attention prompting on the image: the maps of a model or a trace, the mask made of them, the darkened photo | `ids`, `geometry`, `files`, `data`, `trace`, `analysis` | - |
//! | 3 | [`figure`] | figures for papers: a recipe and its inputs become PNG, SVG, PDF and the numbers behind them; one trace as a page | `ids`, `geometry`, `files`, `data`, `trace`, `analysis`, `render`, `prompting` | `base64`, `miniz_oxide`, `pdf_writer`, `png`, `quick_xml`, `sha2`, `skrifa`, `tiny_skia` |
//! | 4 | [`engine`] | jobs, the recorder, what is kept between questions, messages, the worker thread | `ids`, `kernel`, `geometry`, `panics`, `data`, `trace`, `checkpoint`, `hub`, `model`, `analysis`, `decode`, `prompting` | `candle_core`, `half`, `rayon` |
//! | 5 | [`study`] | one description of what is asked, asked of a whole data set: study files, rows, shards, tables | `files`, `geometry`, `names`, `registry`, `data`, `trace`, `analysis`, `prompting`, `figure`, `engine` | `csv`, `parquet`, `sha2`, `toml` |
//! | 6 | [`ui`] | the window: state, commands, panels | `ids`, `geometry`, `files`, `panics`, `data`, `trace`, `hub`, `session`, `analysis`, `render`, `prompting`, `figure`, `engine`, `study` | `base64`, `eframe`, `egui_plot`, `egui_tiles`, `egui`, `nucleo_matcher`, `poll_promise`, `rfd` |
//! | 7 | [`cli`] | the command line | `ids`, `geometry`, `files`, `names`, `panics`, `data`, `trace`, `checkpoint`, `hub`, `model`, `session`, `analysis`, `decode`, `render`, `prompting`, `figure`, `engine`, `study`, `ui` | `anyhow`, `clap`, `parquet`, `rayon` |
//!
//! Files of a room use each other in one direction; only a folder and its own parts may use each other.
//!
//! # Layers inside [`engine`]
//!
//! A file may use those of its layer and of the layers below.
//!
//! | layer | what it is | files |
//! | --- | --- | --- |
//! | 0 | what is said: questions, events, errors, names, devices | `catalog`, `device`, `error`, `messages`, `method_specs`, `spec` |
//! | 1 | opening: files, memory, models, what stays in memory | `encoder`, `estimate`, `hub`, `loading`, `model_files`, `open`, `reuse`, `tensor_file` |
//! | 2 | answering: a job from the photo to the trace | `asked`, `attribution`, `blind_pairs`, `branches`, `directions`, `embeddings`, `encoder_job`, `fork`, `head_ranking`, `job`, `job_info`, `photo`, `plan`, `prefixes`, `prompting`, `recall`, `recorder`, `run`, `together`, `vision` |
//! | 3 | who answers: the worker, and the measurements | `backend`, `bench`, `method_bench`, `reuse_bench`, `worker` |
//!
//! `model` knows only the `Probe` trait and `engine` implements it, so there is no cycle; `ui` reads names, parameters
//! and help of everything registered from [`engine::catalog`] and never sees a tensor.
//!
//! # How to add
//!
//! | what | do | it then appears in |
//! | --- | --- | --- |
//! | a model family | one folder in `src/model`, one line in `src/model/families.rs`; where no [`checkpoint::FamilyReader`] fits its files, one in a file of `src/checkpoint/families`, listed in `src/checkpoint/families.rs` | `gazelens list families` |
//! | a method: whatever changes how an answer comes about | one file in `src/decode/methods`, its lines in `mod.rs` there, a golden case (`tests/golden/methods_attention.py`, `tests/golden/methods_branches.py` and `tests/golden/methods_opera.py`; `tests/golden/strategies.py` has those of the older contrasts) | `gazelens list methods`, `--method` |
//! | a method of `--strategy` or `--intervene`, and of the window's menu | the same with the `word` of that option in its `MethodInfo` | `gazelens list strategies`, `gazelens list interventions` |
//! | a search | one file in `src/decode/search`, its line in `search` of its `mod.rs` | where that line finds it: in the options of decoding, or in what a method brings ([`decode::OwnSearch`]) |
//! | a source of maps | one entry in `SOURCES` of `src/analysis/source.rs` | the window's *Source*, its captions, colour bars and tables, figures |
//! | a metric | one entry in `METRICS` of `src/analysis/localisation/metrics.rs` and its golden case in `tests/golden/localisation.py` | `gazelens list metrics`, `gazelens metrics` |
//! | a colour map | one table in `src/render/colormap`, one line in its `mod.rs` | the window's menu, `gazelens list colormaps` |
//! | a shader | one file in `shaders`, one line in `src/render/gpu/shaders.rs` with the parts of `shaders/parts` that it shares, its CPU twin in `src/render` | the test that validates and compares every shader |
//! | a model to offer for download | one line in `src/hub/known.rs` | the window's box *Open a model* |
//! | something to do in the window | one variant and one line in `src/ui/core/command`, one arm in `src/ui/features/reducers/update.rs`, or in the reducer of its feature | menus, keys, the box that finds commands |
//! | a panel of the window | one file in its folder of `src/ui/features`, one line in `PANES` of `src/ui/core/pane.rs`, one arm in `src/ui/shell/room.rs` | the window, its menu, the box that finds commands |
//! | a signal of studies | one entry in `SIGNALS` of `src/study/signals.rs` | `gazelens list signals`, columns of rows |
//! | a study to begin with | one file in `assets/studies`, one line in `src/study/templates.rs`; tables of its own in `src/study/report` | `gazelens study new` |
//! | a command | one file in `src/cli`, one variant in `src/cli/args.rs` | `gazelens --help` |
//!
//! The pages repeat what `gazelens list` prints. A test fails when they are stale;
//! `GAZELENS_WRITE_TABLES=1 cargo test --test cli documentation` writes their tables again.
//!
//! Methods, metrics and sources of maps may also come from a program that uses this crate ([`decode::add_method`],
//! [`analysis::localisation::add_metric`], [`analysis::add_source`]), and so may a whole model
//! ([`engine::OpenModel::own`]); `tests/extending` has one of each.
//!
//! # Besides the source
//!
//! | folder | what it holds |
//! | --- | --- |
//! | `assets` | the bundled demo: model, photos, annotations, and how they were made; the typeface of figures |
//! | `assets/desktop` | the icon with the script that draws it, the desktop entry and the file type of sessions; `[package.metadata.deb]` in `Cargo.toml` installs them |
//! | `assets/studies` | studies to begin with, see [`study::templates`] |
//! | `assets/docs` | the pages that the README links to: `assets/docs/window.md`, `assets/docs/command-line.md`, `assets/docs/checkpoints.md`, `assets/docs/methods.md`, `assets/docs/studies.md`, `assets/docs/numbers.md`, `assets/docs/trace-file.md`, `assets/docs/python.md`, `assets/docs/figures.md`, `assets/docs/checks.md`, `assets/docs/speed.md`, `assets/docs/limits.md`, and `assets/docs/outside-files.md`, which is also the part of this page below |
//! | `shaders` | every WGSL file; `shaders/parts` what several share |
//! | `tests` | golden files with the scripts that made them, the command line and the window driven whole, `tests/run` |
//! | `.ci` | what a fresh machine runs |
//!
#![doc = include_str!("../assets/docs/outside-files.md")]
#![cfg_attr(not(test), warn(clippy::expect_used, clippy::unreachable))]

pub mod analysis;
pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod decode;
pub mod engine;
pub mod figure;
pub mod files;
pub mod geometry;
pub mod hub;
pub mod ids;
pub mod json;
pub mod kernel;
pub mod model;
pub mod names;
pub mod panics;
pub mod prompting;
pub mod registry;
pub mod render;
pub mod session;
pub mod study;
pub mod trace;
pub mod ui;
