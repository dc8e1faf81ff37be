//! Values between the centres of grid cells, with clamped edges. `shaders/heat.wgsl` holds the same arithmetic.

use super::Resampling;
use crate::geometry::PatchGrid;
use std::f32::consts::PI;

/// Stands for "no value" in textures, where a NaN need not survive the shader compiler.
pub(super) const MISSING: f32 = 3.0e38;
/// Anything above this is missing.
const MISSING_ABOVE: f32 = 1.0e38;

/// Values of one map as the texture holds them: exactly `grid.len()` of them, missing ones marked.
#[derive(Debug, Clone, PartialEq)]
pub struct GridTexels {
    grid: PatchGrid,
    texels: Vec<f32>,
}

/// How many of so many cells have no finite value.
pub fn missing_values(cells: usize, values: &[f32]) -> usize {
    cells - values.iter().take(cells).filter(|v| is_value(**v)).count()
}

/// Smallest and largest finite value; `None` if there is none.
pub fn value_range(values: &[f32]) -> Option<[f32; 2]> {
    values.iter().copied().filter(|v| is_value(*v)).fold(None, |range, v| match range {
        None => Some([v, v]),
        Some([lo, hi]) => Some([v.min(lo), v.max(hi)]),
    })
}

fn is_value(value: f32) -> bool {
    value.abs() < MISSING_ABOVE
}

/// The value, or the mark of a missing one.
pub(super) fn texel(value: Option<&f32>) -> f32 {
    value.copied().filter(|v| is_value(*v)).unwrap_or(MISSING)
}

impl GridTexels {
    /// Takes as many values as the grid has cells; those that are not there or not finite are missing.
    pub fn new(grid: PatchGrid, values: &[f32]) -> Self {
        Self { grid, texels: (0..grid.len()).map(|i| texel(values.get(i))).collect() }
    }

    /// Row-major texels.
    pub fn texels(&self) -> &[f32] {
        &self.texels
    }

    /// Value at a point in cells (the first cell's centre is at 0.5, 0.5). `None` where the nearest cell has no value;
    /// elsewhere a missing neighbour counts as the nearest cell.
    pub fn sample(&self, [x, y]: [f32; 2], resampling: Resampling) -> Option<f32> {
        let nearest = self.cell(x.floor(), y.floor());
        if nearest > MISSING_ABOVE {
            return None;
        }
        let (x, y) = (x - 0.5, y - 0.5);
        let (bx, by) = (x.floor(), y.floor());
        let (fx, fy) = (x - bx, y - by);
        Some(match resampling {
            Resampling::Nearest => nearest,
            Resampling::Bilinear => self.weighted([bx, by], nearest, [1.0 - fx, fx], [1.0 - fy, fy]),
            Resampling::Bicubic => self.weighted([bx - 1.0, by - 1.0], nearest, catmull_rom(fx), catmull_rom(fy)),
            Resampling::Lanczos => self.weighted([bx - 2.0, by - 2.0], nearest, lanczos3(fx), lanczos3(fy)),
        })
    }

    fn weighted<const N: usize>(&self, first: [f32; 2], nearest: f32, wx: [f32; N], wy: [f32; N]) -> f32 {
        let mut sum = 0.0;
        let mut y = first[1];
        for wy in wy {
            let mut row = 0.0;
            let mut x = first[0];
            for wx in wx {
                let value = self.cell(x, y);
                row += wx * if value > MISSING_ABOVE { nearest } else { value };
                x += 1.0;
            }
            sum += wy * row;
            y += 1.0;
        }
        sum
    }

    fn cell(&self, x: f32, y: f32) -> f32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped into the grid; NaN becomes 0"
        )]
        let clamped = |v: f32, n: usize| (v.max(0.0) as usize).min(n.saturating_sub(1));
        let idx = clamped(y, self.grid.rows) * self.grid.cols + clamped(x, self.grid.cols);
        self.texels.get(idx).copied().unwrap_or(MISSING)
    }
}

/// Weights of the four cells around a point `t` past the second.
///
/// **Source**: Keys, Cubic Convolution Interpolation, 1981, with a = -0.5 (Catmull-Rom, Pillow's bicubic).
fn catmull_rom(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [-0.5 * t3 + t2 - 0.5 * t, 1.5 * t3 - 2.5 * t2 + 1.0, -1.5 * t3 + 2.0 * t2 + 0.5 * t, 0.5 * t3 - 0.5 * t2]
}

/// Weights of the six cells around a point `t` past the third, brought to sum 1.
///
/// **Source**: Turkowski, Filters for Common Resampling Tasks, 1990: `sinc(x) sinc(x / 3)`. Sine and cosine are taken
/// within -pi..=pi only, the interval on which graphics drivers must be exact, and rotated from there.
fn lanczos3(t: f32) -> [f32; 6] {
    // sin(pi (t - k)) is sin(pi t) with alternating sign; sin(pi (t - k) / 3) is a rotation by 60 degrees a step.
    const COS: [f32; 6] = [-0.5, 0.5, 1.0, 0.5, -0.5, -1.0];
    const SIN: [f32; 6] = [0.866_025_4, 0.866_025_4, 0.0, -0.866_025_4, -0.866_025_4, 0.0];
    const SIGN: [f32; 6] = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
    let (whole, third_sin, third_cos) = ((PI * t).sin(), (PI * t / 3.0).sin(), (PI * t / 3.0).cos());
    let mut weights = [0.0_f32; 6];
    let mut sum = 0.0;
    let mut distance = t + 2.0;
    for k in 0..6 {
        let x = PI * distance;
        weights[k] = if distance.abs() < 1e-3 {
            1.0
        } else {
            3.0 * SIGN[k] * whole * (third_sin * COS[k] + third_cos * SIN[k]) / (x * x)
        };
        sum += weights[k];
        distance -= 1.0;
    }
    weights.map(|w| w / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: PatchGrid = PatchGrid { rows: 3, cols: 4 };
    const ALL: [Resampling; 4] = [Resampling::Nearest, Resampling::Bilinear, Resampling::Bicubic, Resampling::Lanczos];

    fn ramp() -> GridTexels {
        GridTexels::new(GRID, &(0_u8..12).map(f32::from).collect::<Vec<_>>())
    }

    #[test]
    fn cell_centres_keep_their_values() {
        for resampling in ALL {
            for (idx, expected) in (0_u8..12).enumerate() {
                let at = [(idx % 4) as f32 + 0.5, (idx / 4) as f32 + 0.5];
                let found = ramp().sample(at, resampling).unwrap_or(f32::NAN);
                assert!((found - f32::from(expected)).abs() < 1e-5, "{resampling:?} at {at:?}: {found}");
            }
        }
    }

    #[test]
    fn constants_stay_constant_up_to_the_edges() {
        let map = GridTexels::new(GRID, &[0.25; 12]);
        for resampling in ALL {
            for step in 0..40_u8 {
                let at = [f32::from(step) * 0.1, f32::from(step) * 0.075];
                let found = map.sample(at, resampling).unwrap_or(f32::NAN);
                assert!((found - 0.25).abs() < 1e-6, "{resampling:?} at {at:?}: {found}");
            }
        }
    }

    #[test]
    fn lanczos_weights_are_sinc_times_sinc() {
        let sinc =
            |x: f64| if x.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
        for step in 0..=20_u8 {
            let t = f64::from(step) / 20.0;
            let exact: Vec<f64> = (0..6).map(|k| t + 2.0 - f64::from(k)).map(|d| sinc(d) * sinc(d / 3.0)).collect();
            let sum: f64 = exact.iter().sum();
            #[expect(clippy::cast_possible_truncation, reason = "a test's own 0..=1")]
            let found = lanczos3(t as f32);
            for (e, f) in exact.iter().zip(found) {
                assert!((e / sum - f64::from(f)).abs() < 1e-5, "t {t}: {} and {f}", e / sum);
            }
        }
    }

    #[test]
    fn linear_ramps_are_reproduced_between_centres() {
        // Away from clamped edges both interpolate a plane exactly.
        for resampling in [Resampling::Bilinear, Resampling::Bicubic] {
            let found = ramp().sample([2.2, 1.5], resampling).unwrap_or(f32::NAN);
            assert!((found - 5.7).abs() < 1e-5, "{resampling:?}: {found}");
        }
    }

    #[test]
    fn a_missing_cell_is_a_hole_of_its_own_size() {
        let mut values: Vec<f32> = vec![1.0; 12];
        values[5] = f32::NAN;
        let map = GridTexels::new(GRID, &values);
        for resampling in ALL {
            assert_eq!(map.sample([1.5, 1.5], resampling), None, "{resampling:?} painted a missing cell");
            let beside = map.sample([2.01, 1.5], resampling).unwrap_or(f32::NAN);
            assert!((beside - 1.0).abs() < 1e-6, "{resampling:?} let a missing cell bleed: {beside}");
        }
        assert_eq!(missing_values(GRID.len(), &values), 1, "it is counted");
        assert_eq!(missing_values(GRID.len(), &values[..10]), 3, "so are values that were never given");
        assert_eq!(value_range(&values), Some([1.0, 1.0]), "and left out of the range");
    }
}
