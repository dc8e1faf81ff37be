//! A picture's components and their coefficients.

use super::JpegError;

/// How the channels are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data::formats) enum Coding {
    Grey,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
    /// Whatever somebody else says: the channels as they are.
    Plain,
}

/// One channel.
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Number of the quantisation table.
    pub(super) quant_idx: usize,
    /// The table itself, as it stood when the component's first scan began; natural order.
    pub(super) quant: Option<[u16; 64]>,
    /// Samples that belong to the picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks, padded to whole groups.
    pub(super) blocks_x: usize,
    pub(super) blocks_y: usize,
    /// Coefficients in natural order, block by block.
    pub(super) coefficients: Vec<[i16; 64]>,
    /// Of a progressive picture, how far each coefficient is known: the lowest bit that was sent, -1 for none.
    pub(super) known: [i8; 64],
    /// The same of the first ten before the last scan of this component.
    pub(super) known_before: [i8; 10],
}

impl Component {
    /// Blocks in a row and in a column of a scan that holds only this component.
    pub(super) fn own_blocks(&self) -> (usize, usize) {
        (self.width.div_ceil(8), self.height.div_ceil(8))
    }
}

/// A picture.
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    pub(super) h_max: usize,
    pub(super) v_max: usize,
    /// Groups (MCUs) of an interleaved scan.
    pub(super) groups_x: usize,
    pub(super) groups_y: usize,
    pub(super) coding: Coding,
    /// Row of groups that the last scan had data for.
    pub(super) last_good_row: usize,
    /// Scans that were read.
    pub(super) scans: u64,
    /// Something was missing or wrong.
    pub(super) damaged: bool,
}

impl Frame {
    /// Reads a start-of-frame segment; takes no memory for coefficients yet.
    pub(super) fn new(segment: &[u8], progressive: bool) -> Result<Self, JpegError> {
        const BAD: JpegError = JpegError::Damaged("its frame header is broken");
        let &[precision, h1, h0, w1, w0, count, ref rest @ ..] = segment else { return Err(BAD) };
        if precision != 8 {
            return Err(JpegError::Unsupported("samples of more than 8 bits are not supported"));
        }
        let (height, width) = (usize::from(u16::from_be_bytes([h1, h0])), usize::from(u16::from_be_bytes([w1, w0])));
        if width == 0 || height == 0 {
            return Err(JpegError::Damaged("it has no rows or no columns"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(JpegError::Unsupported("a number of channels other than 1, 3 and 4 is not supported"));
        }
        if rest.len() < usize::from(count) * 3 {
            return Err(BAD);
        }
        let mut components = Vec::new();
        for field in rest.chunks_exact(3).take(usize::from(count)) {
            let &[id, sampling, quant_idx] = field else { return Err(BAD) };
            let (h, v) = (usize::from(sampling >> 4), usize::from(sampling & 15));
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || quant_idx > 3 {
                return Err(BAD);
            }
            components.push((id, h, v, usize::from(quant_idx)));
        }
        Ok(Self::layout(width, height, progressive, &components))
    }

    fn layout(width: usize, height: usize, progressive: bool, fields: &[(u8, usize, usize, usize)]) -> Self {
        let h_max = fields.iter().map(|f| f.1).max().unwrap_or(1);
        let v_max = fields.iter().map(|f| f.2).max().unwrap_or(1);
        let (groups_x, groups_y) = (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max));
        let components = fields.iter().map(|&(id, h, v, quant_idx)| Component {
            id,
            h,
            v,
            quant_idx,
            quant: None,
            width: (width * h).div_ceil(h_max),
            height: (height * v).div_ceil(v_max),
            blocks_x: groups_x * h,
            blocks_y: groups_y * v,
            coefficients: Vec::new(),
            known: [-1; 64],
            known_before: [-1; 10],
        });
        let components = components.collect();
        Self {
            width,
            height,
            progressive,
            components,
            h_max,
            v_max,
            groups_x,
            groups_y,
            coding: Coding::Grey,
            last_good_row: 0,
            scans: 0,
            damaged: false,
        }
    }

    /// Takes memory for the coefficients.
    pub(super) fn allocate(&mut self) {
        for component in &mut self.components {
            component.coefficients = vec![[0; 64]; component.blocks_x * component.blocks_y];
        }
    }

    /// Decides what the channels mean, as libjpeg's `default_decompress_parms` does.
    pub(super) fn set_coding(&mut self, jfif: bool, adobe_transform: Option<u8>) {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        self.coding = match (ids.as_slice(), jfif, adobe_transform) {
            ([_], _, _) => Coding::Grey,
            // JFIF knows no other three channels, whatever Adobe's marker says.
            ([_, _, _], false, Some(0)) | ([b'R', b'G', b'B'], false, None) => Coding::Rgb,
            ([_, _, _], ..) => Coding::YCbCr,
            (_, _, None | Some(0)) => Coding::Cmyk,
            (_, _, Some(_)) => Coding::Ycck,
        };
    }
}
