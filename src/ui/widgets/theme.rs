//! Colours, sizes and type: one quiet look for every panel, in light and in dark. Both themes are tables; no other file
//! of the window names a colour of the interface or a size of its text.

use crate::analysis::align::Change;
use crate::analysis::chair::Status;
use crate::ui::core::settings::ThemeChoice;
use eframe::egui;
use egui::{
    Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Theme, ThemePreference, Vec2, Visuals,
};

/// The colours of one theme: grounds, lines, and what is written on the grounds.
struct Palette {
    panel: Color32,
    sunken: Color32,
    raised: Color32,
    hovered: Color32,
    active: Color32,
    gap: Color32,
    selected: Color32,
    note_fill: Color32,
    warn_fill: Color32,
    error_fill: Color32,
    line: Color32,
    text: Color32,
    strong: Color32,
    weak: Color32,
    accent: Color32,
    warn: Color32,
    error: Color32,
    grounded: Color32,
    hallucinated: Color32,
    /// Between small maps: neither black nor white, so that no lattice outshines them.
    lattice: Color32,
    /// First token, system text, image, question, answer.
    parts: [Color32; 5],
}

const DARK: Palette = Palette {
    panel: Color32::from_rgb(30, 32, 36),
    sunken: Color32::from_rgb(20, 21, 24),
    raised: Color32::from_rgb(47, 50, 56),
    hovered: Color32::from_rgb(55, 59, 66),
    active: Color32::from_rgb(62, 67, 76),
    gap: Color32::from_rgb(38, 41, 47),
    selected: Color32::from_rgb(30, 64, 100),
    note_fill: Color32::from_rgb(34, 44, 58),
    warn_fill: Color32::from_rgb(54, 46, 33),
    error_fill: Color32::from_rgb(60, 38, 38),
    line: Color32::from_rgb(58, 61, 67),
    text: Color32::from_rgb(214, 217, 222),
    strong: Color32::from_rgb(240, 242, 245),
    weak: Color32::from_rgb(174, 179, 187),
    accent: Color32::from_rgb(122, 184, 244),
    warn: Color32::from_rgb(231, 178, 88),
    error: Color32::from_rgb(252, 150, 142),
    grounded: Color32::from_rgb(96, 200, 140),
    hallucinated: Color32::from_rgb(255, 144, 134),
    lattice: Color32::from_gray(55),
    parts: [
        Color32::from_rgb(130, 130, 138),
        Color32::from_rgb(170, 140, 90),
        Color32::from_rgb(64, 150, 224),
        Color32::from_rgb(120, 180, 110),
        Color32::from_rgb(190, 120, 190),
    ],
};

const LIGHT: Palette = Palette {
    panel: Color32::from_rgb(247, 248, 249),
    sunken: Color32::from_rgb(255, 255, 255),
    raised: Color32::from_rgb(232, 234, 237),
    hovered: Color32::from_rgb(220, 223, 228),
    active: Color32::from_rgb(205, 210, 217),
    gap: Color32::from_rgb(225, 228, 232),
    selected: Color32::from_rgb(203, 225, 247),
    note_fill: Color32::from_rgb(229, 238, 248),
    warn_fill: Color32::from_rgb(250, 240, 219),
    error_fill: Color32::from_rgb(252, 230, 228),
    line: Color32::from_rgb(208, 211, 216),
    text: Color32::from_rgb(52, 56, 62),
    strong: Color32::from_rgb(20, 22, 26),
    weak: Color32::from_rgb(84, 89, 98),
    accent: Color32::from_rgb(18, 84, 152),
    warn: Color32::from_rgb(122, 76, 0),
    error: Color32::from_rgb(166, 34, 28),
    grounded: Color32::from_rgb(12, 98, 54),
    hallucinated: Color32::from_rgb(172, 28, 20),
    lattice: Color32::from_gray(135),
    parts: [
        Color32::from_rgb(117, 117, 124),
        Color32::from_rgb(153, 126, 81),
        Color32::from_rgb(58, 135, 202),
        Color32::from_rgb(108, 162, 99),
        Color32::from_rgb(171, 108, 171),
    ],
};

/// Spacing and text sizes. **Units** points.
pub(in crate::ui) struct Sizes {
    heading: f32,
    body: f32,
    small: f32,
    monospace: f32,
    /// Words of prompt and answer.
    pub(in crate::ui) chip: f32,
    /// Their signs.
    pub(in crate::ui) chip_sign: f32,
    panel_margin: i8,
    item_spacing: Vec2,
    button_padding: Vec2,
    interact_size: Vec2,
    slider_width: f32,
    combo_width: f32,
    tooltip_width: f32,
    menu_margin: i8,
    window_margin: i8,
    corner: u8,
    menu_corner: u8,
    window_corner: u8,
}

/// Those of both themes.
pub(in crate::ui) const SIZES: Sizes = Sizes {
    heading: 16.0,
    body: 13.0,
    small: 11.0,
    monospace: 12.0,
    chip: 14.0,
    chip_sign: 12.0,
    panel_margin: 8,
    item_spacing: Vec2::new(6.0, 5.0),
    button_padding: Vec2::new(8.0, 3.0),
    interact_size: Vec2::new(34.0, 22.0),
    slider_width: 130.0,
    combo_width: 90.0,
    tooltip_width: 380.0,
    menu_margin: 6,
    window_margin: 12,
    corner: 4,
    menu_corner: 6,
    window_corner: 8,
};

/// Space around a panel's content, points.
pub(in crate::ui) const PANEL_MARGIN_PT: i8 = SIZES.panel_margin;

/// Marks over photos and maps: light on dark, seen on every colour.
pub(in crate::ui) const MARK_LIGHT: Color32 = Color32::WHITE;
/// What lies around [`MARK_LIGHT`].
pub(in crate::ui) const MARK_DARK: Color32 = Color32::from_black_alpha(165);

fn palette(visuals: &Visuals) -> &'static Palette {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// Sets both themes up; once, at the start.
pub(in crate::ui) fn install(ctx: &egui::Context) {
    for (theme, palette) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            style.visuals = visuals(theme, palette);
            style.text_styles = [
                (TextStyle::Heading, FontId::new(SIZES.heading, FontFamily::Proportional)),
                (TextStyle::Body, FontId::new(SIZES.body, FontFamily::Proportional)),
                (TextStyle::Button, FontId::new(SIZES.body, FontFamily::Proportional)),
                (TextStyle::Small, FontId::new(SIZES.small, FontFamily::Proportional)),
                (TextStyle::Monospace, FontId::new(SIZES.monospace, FontFamily::Monospace)),
            ]
            .into();
            let spacing = &mut style.spacing;
            spacing.item_spacing = SIZES.item_spacing;
            spacing.button_padding = SIZES.button_padding;
            spacing.interact_size = SIZES.interact_size;
            spacing.slider_width = SIZES.slider_width;
            spacing.combo_width = SIZES.combo_width;
            spacing.menu_margin = Margin::same(SIZES.menu_margin);
            spacing.window_margin = Margin::same(SIZES.window_margin);
            spacing.tooltip_width = SIZES.tooltip_width;
            style.animation_time = 0.08;
        });
    }
}

fn visuals(theme: Theme, palette: &Palette) -> Visuals {
    let mut visuals = theme.default_visuals();
    visuals.panel_fill = palette.panel;
    visuals.window_fill = palette.panel;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.extreme_bg_color = palette.sunken;
    visuals.text_edit_bg_color = Some(palette.sunken);
    visuals.faint_bg_color = palette.raised.gamma_multiply(0.5);
    visuals.code_bg_color = palette.raised;
    visuals.hyperlink_color = palette.accent;
    visuals.warn_fg_color = palette.warn;
    visuals.error_fg_color = palette.error;
    visuals.weak_text_color = Some(palette.weak);
    visuals.selection.bg_fill = palette.selected;
    visuals.selection.stroke = Stroke::new(1.0, if theme == Theme::Dark { palette.strong } else { palette.accent });
    visuals.window_corner_radius = CornerRadius::same(SIZES.window_corner);
    visuals.menu_corner_radius = CornerRadius::same(SIZES.menu_corner);
    visuals.slider_trailing_fill = true;
    visuals.indent_has_left_vline = false;
    let radius = CornerRadius::same(SIZES.corner);
    let widgets = &mut visuals.widgets;
    for (widget, fill, stroke, text) in [
        (&mut widgets.noninteractive, palette.panel, palette.line, palette.text),
        (&mut widgets.inactive, palette.raised, palette.line, palette.text),
        (&mut widgets.hovered, palette.hovered, palette.weak, palette.strong),
        (&mut widgets.active, palette.active, palette.accent, palette.strong),
        (&mut widgets.open, palette.hovered, palette.line, palette.strong),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, stroke);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = radius;
        widget.expansion = 0.0;
    }
    visuals
}

/// Brings the user's choices into force.
pub(in crate::ui) fn apply(ctx: &egui::Context, theme: ThemeChoice, scale: f32) {
    ctx.set_theme(match theme {
        ThemeChoice::System => ThemePreference::System,
        ThemeChoice::Light => ThemePreference::Light,
        ThemeChoice::Dark => ThemePreference::Dark,
    });
    ctx.set_zoom_factor(scale);
}

/// The colour that marks what is chosen.
pub(in crate::ui) fn accent(visuals: &Visuals) -> Color32 {
    palette(visuals).accent
}

/// How a message looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Tone {
    /// Worth knowing.
    Note,
    /// Something was left out.
    Warning,
    /// Something failed.
    Error,
}

/// The colour of a message's first word and border, and its ground.
pub(in crate::ui) fn message(visuals: &Visuals, tone: Tone) -> [Color32; 2] {
    let palette = palette(visuals);
    match tone {
        Tone::Note => [palette.accent, palette.note_fill],
        Tone::Warning => [palette.warn, palette.warn_fill],
        Tone::Error => [palette.error, palette.error_fill],
    }
}

/// The colour of what is said of an object word; the line's form says it too.
pub(in crate::ui) fn status(visuals: &Visuals, status: Status) -> Color32 {
    match status {
        Status::Grounded => palette(visuals).grounded,
        Status::Hallucinated => palette(visuals).hallucinated,
        Status::Unknown => palette(visuals).weak,
    }
}

/// The colour of what became of a token; a sign says it too.
pub(in crate::ui) fn change(visuals: &Visuals, change: Change) -> Color32 {
    match change {
        Change::Kept => palette(visuals).text,
        Change::Changed => accent(visuals),
        Change::Inserted => status(visuals, Status::Grounded),
        Change::Removed => status(visuals, Status::Hallucinated),
    }
}

/// What lies between panels.
pub(in crate::ui) fn gap(visuals: &Visuals) -> Color32 {
    palette(visuals).gap
}

/// What lies between the small maps of the grid.
pub(in crate::ui) fn lattice(visuals: &Visuals) -> Color32 {
    palette(visuals).lattice
}

/// The five parts of a word's attention: first token, system text, image, question, answer.
pub(in crate::ui) fn parts(visuals: &Visuals) -> [Color32; 5] {
    palette(visuals).parts
}

/// Black or white, whichever has more contrast with `fill`: the better of both has at least 4.58:1 on any colour.
///
/// **Source** WCAG 2.2, relative luminance and contrast ratio.
pub(in crate::ui) fn text_on(fill: Color32) -> Color32 {
    if contrast(Color32::BLACK, fill) > contrast(Color32::WHITE, fill) { Color32::BLACK } else { Color32::WHITE }
}

/// Contrast ratio of two opaque colours, 1 to 21. **Source** WCAG 2.2.
fn contrast(a: Color32, b: Color32) -> f64 {
    let luminance = |colour: Color32| {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::colormaps;

    /// For text of any size.
    const LEAST: f64 = 4.5;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9, "the largest there is");
        let grey = contrast(Color32::from_rgb(119, 119, 119), Color32::WHITE);
        assert!((grey - 4.478).abs() < 1e-3, "the grey that just fails on white: {grey}");
    }

    #[test]
    fn every_text_is_legible_on_every_ground_in_both_themes() {
        for (theme, palette) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
            let visuals = visuals(theme, palette);
            let statuses = [Status::Grounded, Status::Hallucinated, Status::Unknown].map(|of| status(&visuals, of));
            let changes = [Change::Kept, Change::Changed, Change::Inserted, Change::Removed];
            let texts = [palette.text, palette.strong, palette.weak, palette.accent, palette.warn, palette.error];
            let styles = [visuals.text_color(), visuals.strong_text_color(), visuals.selection.stroke.color];
            let all = texts.into_iter().chain(styles).chain(statuses).chain(changes.map(|of| change(&visuals, of)));
            let grounds = [palette.panel, palette.sunken, palette.raised, palette.hovered, palette.active];
            let notices = [Tone::Note, Tone::Warning, Tone::Error].map(|tone| message(&visuals, tone)[1]);
            let grounds = grounds.into_iter().chain([palette.gap, palette.selected]).chain(notices);
            for (text, ground) in all.flat_map(|text| grounds.clone().map(move |ground| (text, ground))) {
                let ratio = contrast(text, ground);
                assert!(ratio >= LEAST, "{theme:?}: {text:?} on {ground:?} has contrast {ratio:.2}");
            }
        }
    }

    #[test]
    fn text_on_chips_is_legible_on_every_colour_of_every_map() {
        for map in colormaps() {
            for step in 0..=64_u8 {
                let [r, g, b] = map.at(f32::from(step) / 64.0).map(|v| {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
                    let byte = (v * 255.0).round().clamp(0.0, 255.0) as u8;
                    byte
                });
                let fill = Color32::from_rgb(r, g, b);
                let ratio = contrast(text_on(fill), fill);
                assert!(ratio >= LEAST, "{} at {step}/64, {fill:?}: {ratio:.2}", map.id);
            }
        }
    }
}
