//! How things are shown and asked: plain data that commands carry, the state holds, and the settings file and sessions
//! keep.

mod ask;
mod images;
mod methods;
mod pope;
mod prompting;
mod theme;
mod truth;
mod view;

pub(in crate::ui) use ask::MOST_NEW_TOKENS;
pub use ask::{AskSettings, MethodChoice, StackedMethod};
pub use images::ImagesView;
pub(in crate::ui) use methods::PRESET;
pub use pope::{PopeSettings, PopeSource};
pub use prompting::PromptingSettings;
pub use theme::{SCALES, ThemeChoice, scale_stepped, scale_within};
pub use truth::{Cut, MaskStyle, MetricChoice, TruthView};
pub use view::{Axis, ChipQuantity, ColourSettings, LayerHead, RangeMode, ViewState};
