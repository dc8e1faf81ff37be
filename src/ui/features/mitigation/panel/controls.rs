//! From the maps to the darkened photo: every number that the authors chose, to be changed.

use crate::geometry::Resample;
use crate::prompting::{Formula, MaskGeometry, PromptOptions, Source};
use crate::ui::core::command::PromptingCommand;
use crate::ui::core::settings::PromptingSettings;
use crate::ui::features::Made;
use crate::ui::features::context::PanelContext;
use crate::ui::features::mitigation::panel::emit;
use crate::ui::widgets::{choice, row};
use eframe::egui;
use egui::{RichText, Slider, Ui};

/// Largest enhancement that the slider reaches; more can be typed. Published: 1, 5 and 10.
const MOST_ENHANCE: f64 = 20.0;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, made: &Made) {
    let before = cx.state.prompting.settings.options;
    let mut options = before;
    ui.spacing_mut().slider_width = (ui.available_width() - 170.0).clamp(60.0, 200.0);
    let mut is_final = layer(ui, &mut options, made);
    is_final |= formula(ui, &mut options, made.request.source);
    is_final |= geometry(ui, &mut options);
    is_final |= kernel(ui, &mut options, made);
    is_final |= enhance(ui, &mut options);
    is_final |= resample(ui, &mut options);
    is_final |= grey(ui, &mut options);
    outcome(ui, cx);
    let published = PromptOptions::default();
    let help = "The last layer but one of CLIP or five eighths up LLaVA, kernel 3, enhancement 5, Lanczos, black, as \
        the authors' command line";
    let reset = ui.add_enabled(options != published, egui::Button::new("Published defaults")).on_hover_text(help);
    if reset.clicked() {
        options = published;
        is_final = true;
    }
    if options != before {
        let settings = PromptingSettings { options, ..cx.state.prompting.settings.clone() };
        emit(cx, PromptingCommand::Set(settings));
    }
    if is_final {
        emit(cx, PromptingCommand::Settle);
    }
}

/// Whether a control was let go with another value.
fn is_released(response: &egui::Response) -> bool {
    let moving = response.dragged() || response.is_pointer_button_down_on();
    response.drag_stopped() || (response.changed() && !moving)
}

/// A slider with its number; a number counts when it is typed to its end.
fn slider<T: egui::emath::Numeric>(
    ui: &mut Ui,
    (label, help): (&str, &str),
    value: &mut T,
    range: std::ops::RangeInclusive<T>,
    change: impl FnOnce(Slider<'_>) -> Slider<'_>,
) -> bool {
    row(ui, label, help, |ui| {
        let slider = change(Slider::new(value, range).update_while_editing(false));
        let response = ui.name_inputs(label, |ui| ui.add(slider));
        let is_final = is_released(&response);
        response.on_hover_text(help);
        is_final
    })
}

fn layer(ui: &mut Ui, options: &mut PromptOptions, made: &Made) -> bool {
    let attribution = &made.attribution;
    let published = attribution.default_layer();
    let mut layer_idx = options.layer_idx.unwrap_or(published);
    let last = attribution.num_layers().saturating_sub(1);
    let help = format!("Counted from 0; published for this source: {published} of {}", last + 1);
    let is_final = slider(ui, ("Layer", &help), &mut layer_idx, 0..=last, |slider| slider);
    options.layer_idx = (layer_idx != published).then_some(layer_idx);
    is_final
}

fn formula(ui: &mut Ui, options: &mut PromptOptions, source: Source) -> bool {
    let [official, paper] = match source {
        Source::Clip => [
            "The authors' code: this layer alone, joined with how little the patches that leave it resemble the words, \
                stretched to 0..1",
            "The paper: this and all later layers added up, joined with one minus the cosine of the last layer's \
                patches and the words",
        ],
        Source::Llava => [
            "The authors' code: every head's attention divided by what it spends on the image, so that every head \
                counts alike",
            "The paper: plain attention, so that heads that hardly look at the image hardly count",
        ],
    };
    row(ui, "Formula", "How maps are computed: the authors' code and their paper differ", |ui| {
        let ways = [(Formula::Official, "official code", official), (Formula::Paper, "paper", paper)];
        take(choice(ui, options.formula, &ways), &mut options.formula)
    })
}

fn geometry(ui: &mut Ui, options: &mut PromptOptions) -> bool {
    row(ui, "Geometry", "How the mask of the patches lies on the photo", |ui| {
        let ways = [
            (
                MaskGeometry::Official,
                "stretched",
                "Official: over the whole photo, whatever of it the model saw; off on photos that are not square",
            ),
            (MaskGeometry::Aligned, "aligned", "Every patch on its own pixels; what the model did not see stays"),
        ];
        take(choice(ui, options.geometry, &ways), &mut options.geometry)
    })
}

fn kernel(ui: &mut Ui, options: &mut PromptOptions, made: &Made) -> bool {
    let grid = made.attribution.grid();
    // Twice the grid reaches every patch from every other.
    let most = (2 * grid.rows.max(grid.cols)).max(3) + 1;
    let help = ("Kernel", "Side of the box that the mask is smoothed with, patches, odd; 1 is none");
    let is_final = slider(ui, help, &mut options.kernel, 1..=most, |slider| slider.step_by(2.0));
    options.kernel |= 1;
    is_final
}

fn enhance(ui: &mut Ui, options: &mut PromptOptions) -> bool {
    let help = "Steepness of the sigmoid that spreads the map (the published enhance_coe): 0 makes every patch alike";
    slider(ui, ("Enhance", help), &mut options.enhance, 0.0..=MOST_ENHANCE, |slider| slider.max_decimals(2))
}

fn resample(ui: &mut Ui, options: &mut PromptOptions) -> bool {
    row(ui, "Resampling", "From patches to pixels, as Pillow does it", |ui| {
        let ways = [
            (Resample::Lanczos, "Lanczos", "Windowed sinc over three patches; may ring at edges"),
            (Resample::Bicubic, "bicubic", "Cubic, a = -0.5"),
            (Resample::Bilinear, "bilinear", "Linear"),
            (Resample::Nearest, "nearest", "The patch's own value on all of its pixels"),
        ];
        take(choice(ui, options.resample, &ways), &mut options.resample)
    })
}

fn grey(ui: &mut Ui, options: &mut PromptOptions) -> bool {
    let help =
        "Grey level that the photo is darkened to: 0 black, 255 white; the authors' LLaVA command line takes 200";
    slider(ui, ("Grey level", help), &mut options.grey, 0..=255, |slider| slider)
}

fn take<T>(chosen: Option<T>, value: &mut T) -> bool {
    let is_new = chosen.is_some();
    if let Some(chosen) = chosen {
        *value = chosen;
    }
    is_new
}

/// What the controls come to.
fn outcome(ui: &mut Ui, cx: &PanelContext<'_>) {
    let warn = ui.visuals().warn_fg_color;
    let text = match cx.prompted.picture() {
        None => return,
        Some(Err(why)) => RichText::new(why).color(warn),
        Some(Ok(picture)) if picture.is_flat => {
            RichText::new("The map has no differences: nothing is darkened").color(warn)
        }
        Some(Ok(picture)) => RichText::new(format!("{:.0} % of the photo's light stays", picture.mean * 100.0)).weak(),
    };
    ui.add(egui::Label::new(text).wrap()).on_hover_text("Mean of the mask over all pixels");
}
