//! Figures over captions.

use super::{Extractor, GroundTruth, Mention, Objects};

/// Whether a mentioned object is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// The image has it.
    Grounded,
    /// The image does not have it.
    Hallucinated,
    /// Nobody says what the image has.
    Unknown,
}

impl Status {
    /// Of a category in an image with these objects.
    pub fn of(category: &str, objects: Option<&Objects>) -> Self {
        match objects {
            None => Self::Unknown,
            Some(objects) if objects.contains(category) => Self::Grounded,
            Some(_) => Self::Hallucinated,
        }
    }

    /// `grounded`, `hallucinated`, `unknown`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Grounded => "grounded",
            Self::Hallucinated => "hallucinated",
            Self::Unknown => "unknown",
        }
    }
}

/// A mention that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The object word.
    pub mention: Mention,
    /// Whether the object is there.
    pub status: Status,
}

/// Judges the object words of a text about an image with these objects: what a window underlines.
pub fn mark(extractor: &Extractor, text: &str, objects: Option<&Objects>) -> Vec<Marked> {
    let judged = extractor.mentions(text).into_iter();
    judged.map(|mention| Marked { status: Status::of(mention.category, objects), mention }).collect()
}

/// One caption, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionScore {
    /// COCO's image id.
    pub image_id: u64,
    /// Its object words.
    pub mentions: Vec<Marked>,
    /// Words and marks, merged pairs as one.
    pub num_words: usize,
    /// What the image has; `None` without ground truth.
    pub objects: Option<Objects>,
}

impl CaptionScore {
    fn count(&self, status: Status) -> usize {
        self.mentions.iter().filter(|marked| marked.status == status).count()
    }

    /// Mentions of objects that are not there.
    pub fn num_hallucinated(&self) -> usize {
        self.count(Status::Hallucinated)
    }

    /// Whether there is one such; `None` without ground truth.
    pub fn is_hallucinated(&self) -> Option<bool> {
        self.objects.as_ref().map(|_| self.num_hallucinated() > 0)
    }

    /// Part of the mentions that are hallucinated; 0 when nothing is mentioned, `None` without ground truth.
    pub fn chair_i(&self) -> Option<f64> {
        self.objects.as_ref()?;
        Some(ratio(self.num_hallucinated(), self.mentions.len()).unwrap_or(0.0))
    }

    /// Objects of the image that are mentioned.
    pub fn num_recalled(&self) -> usize {
        let grounded = self.mentions.iter().filter(|marked| marked.status == Status::Grounded);
        grounded.map(|marked| marked.mention.category).collect::<Objects>().len()
    }

    /// Part of the image's objects that are mentioned; `None` without ground truth or in an empty image.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.num_recalled(), self.objects.as_ref()?.len())
    }
}

/// Figures over many captions. Captions of images without ground truth take part in none of them and are counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chair {
    /// Every caption in order, also those that do not count.
    pub captions: Vec<CaptionScore>,
    /// Captions that count.
    pub num_captions: usize,
    /// Captions of images without ground truth.
    pub num_without_truth: usize,
    /// Captions with at least one hallucinated object.
    pub num_hallucinated_captions: usize,
    /// Object words.
    pub num_mentions: usize,
    /// Object words that are hallucinated.
    pub num_hallucinated: usize,
    /// Objects of all images.
    pub num_objects: usize,
    /// Of those, the mentioned ones.
    pub num_recalled: usize,
    /// Words and marks.
    pub num_words: usize,
}

impl Chair {
    /// Judges (image id, caption) pairs. Several captions of one image count one by one.
    pub fn score<'t>(
        extractor: &Extractor,
        truth: &GroundTruth,
        captions: impl IntoIterator<Item = (u64, &'t str)>,
    ) -> Self {
        let mut chair = Self::default();
        for (image_id, text) in captions {
            let reading = extractor.read(text);
            let objects = truth.objects(image_id);
            let judged = reading.mentions.into_iter();
            let mentions =
                judged.map(|mention| Marked { status: Status::of(mention.category, objects), mention }).collect();
            chair.add(CaptionScore { image_id, mentions, num_words: reading.num_words, objects: objects.cloned() });
        }
        chair
    }

    fn add(&mut self, caption: CaptionScore) {
        match &caption.objects {
            None => self.num_without_truth += 1,
            Some(objects) => {
                self.num_captions += 1;
                self.num_hallucinated_captions += usize::from(caption.num_hallucinated() > 0);
                self.num_mentions += caption.mentions.len();
                self.num_hallucinated += caption.num_hallucinated();
                self.num_objects += objects.len();
                self.num_recalled += caption.num_recalled();
                self.num_words += caption.num_words;
            }
        }
        self.captions.push(caption);
    }

    /// `CHAIRs`: part of the captions with a hallucinated object.
    pub fn chair_s(&self) -> Option<f64> {
        ratio(self.num_hallucinated_captions, self.num_captions)
    }

    /// `CHAIRi`: part of the object words that are hallucinated, over all captions together.
    pub fn chair_i(&self) -> Option<f64> {
        ratio(self.num_hallucinated, self.num_mentions)
    }

    /// Part of the objects that are mentioned, over all captions together.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.num_recalled, self.num_objects)
    }

    /// Words a caption, **units** hundreds of words, as OPERA prints it.
    pub fn len(&self) -> Option<f64> {
        ratio(self.num_words, self.num_captions).map(|words| words / 100.0)
    }

    /// Whether no caption counts.
    pub fn is_empty(&self) -> bool {
        self.num_captions == 0
    }
}

/// A part of a whole; `None` of nothing.
fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
