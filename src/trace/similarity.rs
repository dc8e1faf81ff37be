//! How well texts fit a photo.

/// One text beside one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSimilarity {
    /// The text, as it was given.
    pub text: String,
    /// Cosine of the two embeddings, -1 to 1.
    pub cosine: f32,
    /// The cosine times the model's learned scale, `exp(logit_scale)`.
    pub logit: f32,
    /// Softmax of the logits over the texts that were given together.
    pub probability: f32,
}

/// Puts texts and their cosines together under a model's scale.
///
/// **Source**: `logits_per_image` of transformers' `CLIPModel`, and the softmax over it of its documentation.
pub fn compare(cosines: Vec<(String, f32)>, logit_scale: f32) -> Vec<TextSimilarity> {
    let largest = cosines.iter().map(|(_, cosine)| logit_scale * cosine).fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = cosines.iter().map(|(_, cosine)| (logit_scale * cosine - largest).exp()).sum();
    let one = |(text, cosine): (String, f32)| {
        let logit = logit_scale * cosine;
        TextSimilarity { text, cosine, logit, probability: (logit - largest).exp() / total }
    };
    cosines.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_softmax_is_over_the_texts_given_together() {
        let found = compare(vec![("a".to_owned(), 0.3), ("b".to_owned(), 0.3), ("c".to_owned(), 0.25)], 100.0);
        let total: f32 = found.iter().map(|text| text.probability).sum();
        assert!((total - 1.0).abs() < 1e-6, "sums to one, found {total}");
        assert_eq!(found[0].probability, found[1].probability, "equal cosines, equal shares");
        let ratio = (found[2].probability / found[0].probability).ln();
        assert!((ratio + 5.0).abs() < 1e-4, "a cosine 0.05 lower is five logits lower, found {ratio}");
        assert!(compare(Vec::new(), 100.0).is_empty(), "no texts, nothing to say");
    }
}
