//! Mean and first principal component of a few long rows.

/// Rounds of the power iteration at most; each is a product with a matrix as wide as there are rows.
const MOST_ROUNDS: usize = 2000;
/// A smaller step is the end of it.
const LEAST_STEP: f64 = 1e-13;

/// The mean of rows plus their first principal component at length 1, and the share of the variance that this has (0 to
/// 1). One row has no component. **Shape**: rows of one length.
///
/// The sign is that of scikit-learn: the component's largest loading among the rows is positive.
/// **Source**: VTI, `vti_utils/pca.py` lines 6-17, and `vti_utils/utils.py`, where the two are added.
pub(super) fn mean_and_component(rows: &[Vec<f32>]) -> (Vec<f32>, f64) {
    let width = rows.first().map_or(0, Vec::len);
    let mut mean = vec![0.0_f64; width];
    for row in rows {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / rows.len() as f64);
    }
    let centred: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().zip(&mean).map(|(value, mean)| f64::from(*value) - mean).collect()).collect();
    let gram: Vec<Vec<f64>> = centred.iter().map(|a| centred.iter().map(|b| dot(a, b)).collect()).collect();
    let variance: f64 = gram.iter().enumerate().filter_map(|(idx, row)| row.get(idx)).sum();
    let (loadings, largest) = first_eigenvector(&gram);
    let mut component = vec![0.0_f64; width];
    for (row, loading) in centred.iter().zip(&loadings) {
        component.iter_mut().zip(row).for_each(|(sum, value)| *sum += loading * value);
    }
    let length = dot(&component, &component).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "hidden states are f32")]
    let sum = |(mean, value): (&f64, &f64)| (mean + if length > 0.0 { value / length } else { 0.0 }) as f32;
    let share = if variance > 0.0 { largest / variance } else { 0.0 };
    (mean.iter().zip(&component).map(sum).collect(), share)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Of a symmetric matrix without negative eigenvalues: the eigenvector of the largest, its largest entry positive, and
/// the eigenvalue. Zeros of a zero matrix.
fn first_eigenvector(matrix: &[Vec<f64>]) -> (Vec<f64>, f64) {
    // The longest row is not at right angles to the eigenvector unless all are.
    let longest = matrix.iter().max_by(|a, b| dot(a, a).total_cmp(&dot(b, b)));
    let mut vector = longest.cloned().unwrap_or_default();
    let mut value = 0.0;
    for _ in 0..MOST_ROUNDS {
        let length = dot(&vector, &vector).sqrt();
        if length <= 0.0 {
            return (vec![0.0; matrix.len()], 0.0);
        }
        for entry in &mut vector {
            *entry /= length;
        }
        let next: Vec<f64> = matrix.iter().map(|row| dot(row, &vector)).collect();
        value = dot(&next, &vector);
        let step: f64 = next.iter().zip(&vector).map(|(next, entry)| (next - value * entry).powi(2)).sum();
        let is_done = step.sqrt() <= LEAST_STEP * value.abs();
        vector = next;
        if is_done {
            break;
        }
    }
    let length = dot(&vector, &vector).sqrt();
    let largest =
        vector.iter().copied().fold(0.0, |most: f64, entry| if entry.abs() > most.abs() { entry } else { most });
    let scale = if length > 0.0 { largest.signum() / length } else { 0.0 };
    (vector.into_iter().map(|entry| entry * scale).collect(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_worked_by_hand() {
        // Mean (1, 2, 0); centred rows are -2, 2 and 0 times (1, 1, 0) and one of (0, 0, +-1).
        let rows = [[-1.0, 0.0, 0.0], [3.0, 4.0, 0.0], [1.0, 2.0, 1.0], [1.0, 2.0, -1.0]].map(|row| row.to_vec());
        let (found, share) = mean_and_component(&rows);
        // The first two rows load alike; the first of equal loadings decides the sign.
        let unit = 0.5_f32.sqrt();
        for (found, expected) in found.iter().zip([1.0 - unit, 2.0 - unit, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        assert!((share - 16.0 / 18.0).abs() < 1e-9, "16 of 18, found {share}");
    }

    #[test]
    fn one_row_is_its_own_mean() {
        assert_eq!(mean_and_component(&[vec![0.5, -2.0]]), (vec![0.5, -2.0], 0.0), "no component");
        assert_eq!(mean_and_component(&vec![vec![0.5, -2.0]; 3]), (vec![0.5, -2.0], 0.0), "nor of equal rows");
    }
}
