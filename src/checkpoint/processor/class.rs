//! Classes of image processors, and what each does where its configuration says nothing.

use crate::checkpoint::CheckpointError;
use crate::checkpoint::config::Fields;
use crate::geometry::{Resample, ResizeTo};

const CLIP_MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];
/// `IMAGENET_STANDARD_MEAN` and `IMAGENET_STANDARD_STD`.
const HALF: [f64; 3] = [0.5; 3];

/// The attributes of a class of transformers whose steps are: resize, centre crop, rescale, normalise.
#[derive(Debug, PartialEq)]
pub(super) struct Class {
    /// Without `Fast` and `Pil`.
    pub(super) name: &'static str,
    /// Whether `do_pad` puts the photo on a square first. The others pad behind everything else, and one photo not at
    /// all.
    pub(super) pads: bool,
    pub(super) size: ResizeTo,
    /// Whether a `size` that is one number is both edges.
    pub(super) default_to_square: bool,
    /// Whether `use_square_size` means something.
    pub(super) takes_square_size: bool,
    /// `crop_size`; `None` where the class does not crop unless it is told to.
    pub(super) crop_px: Option<u32>,
    pub(super) resample: Resample,
    pub(super) image_mean: [f64; 3],
    pub(super) image_std: [f64; 3],
}

const CLIP: Class = Class {
    name: "CLIPImageProcessor",
    pads: false,
    size: ResizeTo::ShortestEdge(224),
    default_to_square: false,
    takes_square_size: true,
    crop_px: Some(224),
    resample: Resample::Bicubic,
    image_mean: CLIP_MEAN,
    image_std: CLIP_STD,
};

const fn square(edge_px: u32) -> ResizeTo {
    ResizeTo::Exact { height_px: edge_px, width_px: edge_px }
}

/// **Source**: transformers 5.23, `models/*/image_processing_pil_*.py`.
static CLASSES: [Class; 8] = [
    CLIP,
    Class { name: "LlavaImageProcessor", pads: true, takes_square_size: false, ..CLIP },
    Class { name: "BitImageProcessor", takes_square_size: false, ..CLIP },
    Class { name: "ChineseCLIPImageProcessor", takes_square_size: false, ..CLIP },
    Class {
        name: "ViTImageProcessor",
        size: square(224),
        default_to_square: true,
        takes_square_size: false,
        crop_px: None,
        resample: Resample::Bilinear,
        image_mean: HALF,
        image_std: HALF,
        ..CLIP
    },
    Class {
        name: "DeiTImageProcessor",
        size: square(256),
        default_to_square: true,
        takes_square_size: false,
        image_mean: HALF,
        image_std: HALF,
        ..CLIP
    },
    Class {
        name: "SiglipImageProcessor",
        size: square(224),
        takes_square_size: false,
        crop_px: None,
        image_mean: HALF,
        image_std: HALF,
        ..CLIP
    },
    Class {
        name: "BlipImageProcessor",
        size: square(384),
        default_to_square: true,
        takes_square_size: false,
        crop_px: None,
        ..CLIP
    },
];

impl Class {
    /// The class that a configuration means: the one it names, under its present or its older name, or `model_class`,
    /// the model's own. A name that is not known is the second value; then it is CLIP's class.
    pub(super) fn of<'a>(
        fields: Fields<'a>,
        model_class: &str,
    ) -> Result<(&'static Self, Option<&'a str>), CheckpointError> {
        let own = match fields.text("image_processor_type")? {
            Some(name) => Some(name),
            None => fields.text("feature_extractor_type")?,
        };
        let known = |name: &str| {
            let name = name.replace("FeatureExtractor", "ImageProcessor");
            let stem = ["Fast", "Pil"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
            CLASSES.iter().find(|class| class.name == stem)
        };
        match own {
            Some(name) => Ok(known(name).map_or((&CLASSES[0], Some(name)), |class| (class, None))),
            None => Ok((known(model_class).unwrap_or(&CLASSES[0]), None)),
        }
    }
}
