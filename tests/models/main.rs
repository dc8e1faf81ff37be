//! Models whole: what they compute and what is kept between their questions. One program, because each links the whole
//! library.

mod demo_clip;
mod demo_llava;
mod embeddings;
mod job;
mod mmvp_vlm;
mod published_encoders;
mod reuse;
mod together;
mod vision_encoders;
mod weights_on_disk;
