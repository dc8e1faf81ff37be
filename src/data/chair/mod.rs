//! What CHAIR reads: the words of the 80 categories, and files of generated captions.
//!
//! The table is compiled in, so that hallucinated words are marked without any file; the algorithm that uses it is
//! `analysis::chair`.

mod generated;
mod record;
mod synonyms;

#[cfg(test)]
mod tests;

pub use generated::{CaptionFormat, GeneratedCaptions};
pub use record::Caption;

/// A category with the words that captions use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// COCO's name.
    pub name: &'static str,
    /// Every word or pair of words that means it, the name first.
    pub words: Vec<&'static str>,
}

/// The 80 categories in COCO's order.
pub fn categories() -> Vec<Category> {
    let rows = synonyms::ROWS.iter();
    rows.map(|&(name, others)| {
        let others = others.split(", ").filter(|word| !word.is_empty());
        Category { name, words: std::iter::once(name).chain(others).collect() }
    })
    .collect()
}
