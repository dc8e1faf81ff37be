//! Do the decoder and the vision encoder agree on which patches stand out?

/// Indices of the `count` largest values, largest first; equal values by lower index first.
pub fn top_patches(values: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order.truncate(count);
    order
}

/// `H_i = |S_v(i) & S_l(i)| / i` for `i` in `1..=up_to`: the part of the top-i patches of the encoder that are among
/// the top i of the decoder.
///
/// **Shape**: `[min(up_to, patches)]`; empty when the maps differ in length.
///
/// **Source**: DAMRO (Gong et al. 2024), section 3, the overlap of outlier tokens; the paper takes i = 1..10.
pub fn overlap(vision: &[f32], decoder: &[f32], up_to: usize) -> Vec<f64> {
    if vision.len() != decoder.len() {
        return Vec::new();
    }
    let (top_v, top_l) = (top_patches(vision, up_to), top_patches(decoder, up_to));
    (1..=top_v.len())
        .map(|i| {
            let (top_v, top_l) = (&top_v[..i], &top_l[..i]);
            top_v.iter().filter(|patch| top_l.contains(patch)).count() as f64 / i as f64
        })
        .collect()
}

/// `F`: the part of the decoder's attention on the image that lies on the encoder's `count` largest patches. `None`
/// when the maps differ in length or the decoder did not look at the image. Uniform attention gives `count / patches`.
///
/// **Source**: DAMRO (Gong et al. 2024), section 3, with `count` = 3.
pub fn attention_on_top(vision: &[f32], decoder: &[f32], count: usize) -> Option<f64> {
    let total: f64 = decoder.iter().map(|&v| f64::from(v)).sum();
    if vision.len() != decoder.len() || total <= 0.0 {
        return None;
    }
    let top: f64 = top_patches(vision, count).into_iter().map(|patch| f64::from(decoder[patch])).sum();
    Some(top / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_counts_shared_patches_of_the_top_i() {
        // Encoder's order: 0, 3, 1, 2; decoder's: 3, 0, 2, 1.
        let vision = [0.5, 0.1, 0.05, 0.35];
        let decoder = [0.3, 0.05, 0.1, 0.4];
        // i=1: {0} and {3}: 0. i=2: {0,3} and {3,0}: 1. i=3: {0,3,1} and {3,0,2}: 2/3. i=4: all.
        assert_eq!(overlap(&vision, &decoder, 10), [0.0, 1.0, 2.0 / 3.0, 1.0], "worked by hand");
        assert_eq!(overlap(&vision, &vision, 4), [1.0; 4], "a map agrees with itself");
        assert!(overlap(&vision, &decoder[..3], 4).is_empty(), "maps of other lengths");
    }

    #[test]
    fn attention_on_top_is_a_part_of_the_image_attention() {
        let vision = [0.5, 0.1, 0.05, 0.35];
        let found = attention_on_top(&vision, &[0.1, 0.2, 0.3, 0.2], 2).expect("the decoder looked");
        assert!((found - 0.375).abs() < 1e-7, "patches 0 and 3 hold 0.3 of 0.8, found {found}");
        let uniform = attention_on_top(&vision, &[0.2; 4], 3).expect("the decoder looked");
        assert!((uniform - 0.75).abs() < 1e-12, "uniform attention gives 3 of 4, found {uniform}");
        assert_eq!(attention_on_top(&vision, &[0.0; 4], 2), None, "did not look");
    }

    #[test]
    fn equal_values_are_ordered_by_index() {
        assert_eq!(top_patches(&[0.2, 0.3, 0.3, 0.2], 3), [1, 2, 0], "ties by lower index");
    }
}
