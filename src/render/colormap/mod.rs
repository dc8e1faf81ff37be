//! The colour maps, with matplotlib's exact tables.

mod tables;

use tables::Lut;

/// A registered colour map.
#[derive(Debug, Clone, Copy)]
pub struct ColorMap {
    /// Name on the command line and in files.
    pub id: &'static str,
    /// Name in menus.
    pub label: &'static str,
    /// One line on when to use it.
    pub help: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
    /// Whether its middle colour means 0, so that its range is always symmetric.
    pub diverging: bool,
    /// 256 colours, lowest value first, gamma-encoded red, green, blue.
    ///
    /// **Source**: matplotlib's tables, byte for byte.
    pub lut: &'static Lut,
}

/// Every colour map; the first one is the default, [`crate::render::HeatStyle::colormap`] is an index into it.
static COLORMAPS: &[ColorMap] = &[
    ColorMap {
        id: "viridis",
        label: "Viridis",
        help: "Even steps in lightness, safe for colour-blind readers and in grey print",
        paper: "van der Walt and Smith, matplotlib 2.0, 2015",
        diverging: false,
        lut: &tables::VIRIDIS,
    },
    ColorMap {
        id: "inferno",
        label: "Inferno",
        help: "Even steps in lightness from black to pale yellow; strong on bright photos",
        paper: "van der Walt and Smith, matplotlib 2.0, 2015",
        diverging: false,
        lut: &tables::INFERNO,
    },
    ColorMap {
        id: "magma",
        label: "Magma",
        help: "Even steps in lightness from black to pale pink",
        paper: "van der Walt and Smith, matplotlib 2.0, 2015",
        diverging: false,
        lut: &tables::MAGMA,
    },
    ColorMap {
        id: "turbo",
        label: "Turbo",
        help: "The rainbow without its false edges: many distinguishable steps, not for grey print",
        paper: "Mikhailov, Turbo, An Improved Rainbow Colormap for Visualization, 2019",
        diverging: false,
        lut: &tables::TURBO,
    },
    ColorMap {
        id: "jet",
        label: "Jet",
        help: "The rainbow of most papers on attention; its yellow and cyan bands are not in the data",
        paper: "matplotlib's jet, after MATLAB; criticised in Borland and Taylor, Rainbow Color Map (Still) Considered \
            Harmful, 2007",
        diverging: false,
        lut: &tables::JET,
    },
    ColorMap {
        id: "grey",
        label: "Grey",
        help: "Black to white, linear in grey level",
        paper: "matplotlib's gray",
        diverging: false,
        lut: &tables::GREY,
    },
    ColorMap {
        id: "rdbu",
        label: "Blue-red",
        help: "For differences: blue below 0, white at 0, red above; the range is always symmetric",
        paper: "Brewer, ColorBrewer RdBu, 2003; matplotlib's RdBu_r",
        diverging: true,
        lut: &tables::RDBU_R,
    },
];

/// Every registered colour map, in menu order.
pub fn colormaps() -> &'static [ColorMap] {
    COLORMAPS
}

/// The colour map at an index of [`colormaps`]; the default where there is none (a session of a later version).
pub fn colormap(idx: usize) -> &'static ColorMap {
    static DEFAULT: &ColorMap = &COLORMAPS[0];
    COLORMAPS.get(idx).unwrap_or(DEFAULT)
}

/// Index of a colour map by its name.
pub fn colormap_by_id(id: &str) -> Option<usize> {
    COLORMAPS.iter().position(|map| map.id == id)
}

impl ColorMap {
    /// The range that this map really shows for a range that was asked for: symmetric about 0 if it diverges.
    pub fn effective_range(&self, [lo, hi]: [f32; 2]) -> [f32; 2] {
        if self.diverging {
            let reach = lo.abs().max(hi.abs());
            // A map of nothing but zeros is all middle colour, not all lowest colour.
            if reach > 0.0 { [-reach, reach] } else { [-1.0, 1.0] }
        } else {
            [lo, hi]
        }
    }

    /// Gamma-encoded colour at a position, linear between the two nearest entries so that no step is visible.
    pub fn at(&self, position: f32) -> [f32; 3] {
        let x = position.clamp(0.0, 1.0) * 255.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= x <= 255; NaN becomes 0")]
        let below = (x.floor() as usize).min(255);
        let (a, b, f) = (self.lut[below], self.lut[(below + 1).min(255)], x - x.floor());
        [0, 1, 2].map(|c| (f32::from(a[c]) * (1.0 - f) + f32::from(b[c]) * f) / 255.0)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact: copied, or 0 and 1")]
mod tests {
    use super::*;

    #[test]
    fn every_colormap_is_documented_and_unique() {
        for (i, map) in colormaps().iter().enumerate() {
            assert!(!map.help.is_empty() && !map.paper.is_empty() && !map.label.is_empty(), "{} lacks a text", map.id);
            assert_eq!(colormap_by_id(map.id), Some(i), "the id {} is taken twice", map.id);
        }
        assert_eq!(colormap(usize::MAX).id, "viridis", "an unknown index gives the default");
    }

    #[test]
    fn tables_are_those_of_matplotlib() {
        // First, 65th and last entries of `matplotlib.colormaps[name](.., bytes=True)`, printed by matplotlib 3.11.2.
        let expected = [
            ("viridis", [68, 1, 84], [58, 82, 139], [253, 231, 36]),
            ("inferno", [0, 0, 3], [87, 15, 109], [252, 254, 164]),
            ("magma", [0, 0, 3], [80, 18, 123], [251, 252, 191]),
            ("turbo", [48, 18, 59], [40, 187, 235], [122, 4, 2]),
            ("jet", [0, 0, 127], [0, 128, 255], [127, 0, 0]),
            ("grey", [0, 0, 0], [64, 64, 64], [255, 255, 255]),
            ("rdbu", [5, 48, 97], [107, 172, 208], [103, 0, 31]),
        ];
        for (id, first, quarter, last) in expected {
            let lut = colormap(colormap_by_id(id).unwrap_or(0)).lut;
            assert_eq!([lut[0], lut[64], lut[255]], [first, quarter, last], "{id}");
        }
    }

    #[test]
    fn diverging_ranges_are_symmetric() {
        let map = colormap(colormap_by_id("rdbu").unwrap_or(0));
        assert_eq!(map.effective_range([-0.1, 0.4]), [-0.4, 0.4], "the wider side counts");
        assert_eq!(map.effective_range([0.0, 0.0]), [-1.0, 1.0], "zeros stay in the middle");
        assert_eq!(colormap(0).effective_range([-0.1, 0.4]), [-0.1, 0.4], "others are left alone");
    }
}
