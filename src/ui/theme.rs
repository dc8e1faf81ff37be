//! Colours, sizes and type: one quiet look for every panel, in light and in dark.

use super::settings::ThemeChoice;
use crate::analysis::align::Change;
use crate::analysis::chair::Status;
use crate::ui::state::Preferences;
use eframe::egui;
use egui::{
    Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Theme, ThemePreference, Vec2, Visuals,
};

/// Space around a panel's content, points.
pub(super) const PANEL_MARGIN_PT: i8 = 8;

struct Palette {
    panel: Color32,
    sunken: Color32,
    raised: Color32,
    hovered: Color32,
    active: Color32,
    line: Color32,
    text: Color32,
    strong: Color32,
    weak: Color32,
    accent: Color32,
    accent_fill: Color32,
    warn: Color32,
    error: Color32,
}

const DARK: Palette = Palette {
    panel: Color32::from_rgb(30, 32, 36),
    sunken: Color32::from_rgb(20, 21, 24),
    raised: Color32::from_rgb(47, 50, 56),
    hovered: Color32::from_rgb(60, 64, 72),
    active: Color32::from_rgb(72, 78, 88),
    line: Color32::from_rgb(58, 61, 67),
    text: Color32::from_rgb(208, 211, 216),
    strong: Color32::from_rgb(240, 242, 245),
    weak: Color32::from_rgb(150, 155, 163),
    accent: Color32::from_rgb(110, 176, 240),
    accent_fill: Color32::from_rgb(41, 84, 128),
    warn: Color32::from_rgb(231, 178, 88),
    error: Color32::from_rgb(240, 120, 112),
};

const LIGHT: Palette = Palette {
    panel: Color32::from_rgb(247, 248, 249),
    sunken: Color32::from_rgb(255, 255, 255),
    raised: Color32::from_rgb(232, 234, 237),
    hovered: Color32::from_rgb(220, 223, 228),
    active: Color32::from_rgb(205, 210, 217),
    line: Color32::from_rgb(208, 211, 216),
    text: Color32::from_rgb(52, 56, 62),
    strong: Color32::from_rgb(20, 22, 26),
    weak: Color32::from_rgb(101, 107, 116),
    accent: Color32::from_rgb(22, 98, 175),
    accent_fill: Color32::from_rgb(196, 221, 246),
    warn: Color32::from_rgb(150, 97, 0),
    error: Color32::from_rgb(184, 42, 36),
};

/// Sets both themes up; once, at the start.
pub(super) fn install(ctx: &egui::Context) {
    for (theme, palette) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            style.visuals = visuals(theme, palette);
            style.text_styles = [
                (TextStyle::Heading, FontId::new(16.0, FontFamily::Proportional)),
                (TextStyle::Body, FontId::new(13.0, FontFamily::Proportional)),
                (TextStyle::Button, FontId::new(13.0, FontFamily::Proportional)),
                (TextStyle::Small, FontId::new(11.0, FontFamily::Proportional)),
                (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
            ]
            .into();
            let spacing = &mut style.spacing;
            spacing.item_spacing = Vec2::new(6.0, 5.0);
            spacing.button_padding = Vec2::new(8.0, 3.0);
            spacing.interact_size = Vec2::new(34.0, 22.0);
            spacing.slider_width = 130.0;
            spacing.combo_width = 90.0;
            spacing.menu_margin = Margin::same(6);
            spacing.window_margin = Margin::same(12);
            spacing.tooltip_width = 380.0;
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
    visuals.selection.bg_fill = palette.accent_fill;
    visuals.selection.stroke = Stroke::new(1.0, if theme == Theme::Dark { palette.strong } else { palette.accent });
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals.slider_trailing_fill = true;
    visuals.indent_has_left_vline = false;
    let radius = CornerRadius::same(4);
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
pub(super) fn apply(ctx: &egui::Context, prefs: &Preferences) {
    ctx.set_theme(match prefs.theme {
        ThemeChoice::System => ThemePreference::System,
        ThemeChoice::Light => ThemePreference::Light,
        ThemeChoice::Dark => ThemePreference::Dark,
    });
    ctx.set_zoom_factor(prefs.scale);
}

/// The colour that marks what is chosen.
pub(super) fn accent(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { DARK.accent } else { LIGHT.accent }
}

/// The colour of what is said of an object word; the line's form says it too.
pub(super) fn status(visuals: &Visuals, status: Status) -> Color32 {
    match (status, visuals.dark_mode) {
        (Status::Grounded, true) => Color32::from_rgb(86, 190, 130),
        (Status::Grounded, false) => Color32::from_rgb(20, 125, 70),
        (Status::Hallucinated, true) => Color32::from_rgb(255, 110, 100),
        (Status::Hallucinated, false) => Color32::from_rgb(200, 40, 30),
        (Status::Unknown, _) => visuals.weak_text_color(),
    }
}

/// The colour of what became of a token; a sign says it too.
pub(super) fn change(visuals: &Visuals, change: Change) -> Color32 {
    match change {
        Change::Kept => visuals.text_color(),
        Change::Changed => accent(visuals),
        Change::Inserted => status(visuals, Status::Grounded),
        Change::Removed => status(visuals, Status::Hallucinated),
    }
}

/// What lies between panels.
pub(super) fn gap(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(38, 41, 47) } else { Color32::from_rgb(225, 228, 232) }
}

/// Black or white, whichever reads better on `fill`.
pub(super) fn text_on(fill: Color32) -> Color32 {
    let [r, g, b, _] = fill.to_array();
    // Perceived lightness; 140 keeps contrast above 4.5 on both sides.
    let lightness = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
    if lightness > 140.0 { Color32::from_gray(16) } else { Color32::from_gray(245) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |c: Color32| {
            let linear = |v: u8| egui::ecolor::linear_f32_from_gamma_u8(v);
            0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b())
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_legible_in_both_themes() {
        for palette in [&DARK, &LIGHT] {
            for text in [palette.text, palette.strong, palette.weak, palette.accent, palette.warn, palette.error] {
                let ratio = contrast(text, palette.panel);
                assert!(ratio >= 4.5, "{text:?} on the panel has contrast {ratio}");
            }
        }
    }

    #[test]
    fn text_on_any_fill_is_legible() {
        for fill in [Color32::BLACK, Color32::WHITE, Color32::from_rgb(253, 231, 37), Color32::from_rgb(33, 145, 140)] {
            let ratio = contrast(text_on(fill), fill);
            assert!(ratio >= 3.5, "{fill:?}: {ratio}");
        }
    }
}
