//! Panels that dock.

use super::pane::Pane;
use eframe::egui;
use egui_tiles::{Container, Linear, LinearDir, SimplificationOptions, Tile, TileId, Tiles, Tree};

/// The layout of the first day: images on the left, photo over question in the middle, numbers on the right.
pub fn default_tree() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let mut tabs = |panes: &[Pane]| {
        let children: Vec<TileId> = panes.iter().map(|pane| tiles.insert_pane(*pane)).collect();
        tiles.insert_tab_tile(children)
    };
    let images = tabs(&[Pane::Images]);
    let photo = tabs(&[Pane::Photo, Pane::Compare, Pane::Figure]);
    let question = tabs(&[Pane::Question]);
    let attention = tabs(&[Pane::Attention, Pane::Colours, Pane::Objects, Pane::Prompting]);
    let heads = tabs(&[Pane::Heads, Pane::Layers, Pane::Metrics]);
    let candidates = tabs(&[Pane::Candidates, Pane::Origin, Pane::Outliers, Pane::Pope]);
    let mut column = |children: &[(TileId, f32)], dir: LinearDir| {
        let mut linear = Linear::new(dir, children.iter().map(|(id, _)| *id).collect());
        for (id, share) in children {
            linear.shares.set_share(*id, *share);
        }
        tiles.insert_new(Tile::Container(Container::Linear(linear)))
    };
    let middle = column(&[(photo, 0.61), (question, 0.39)], LinearDir::Vertical);
    let right = column(&[(attention, 0.34), (heads, 0.33), (candidates, 0.33)], LinearDir::Vertical);
    let root = column(&[(images, 0.155), (middle, 0.55), (right, 0.295)], LinearDir::Horizontal);
    Tree::new(egui::Id::unique("panels"), root, tiles)
}

/// The stored layout, if every panel is in it exactly once: a layout of another version of the program is not worth a
/// missing panel.
pub fn restored_tree(json: &str) -> Option<Tree<Pane>> {
    let tree: Tree<Pane> = serde_json::from_str(json).ok()?;
    let mut panes: Vec<Pane> =
        tree.tiles.tiles().filter_map(|tile| if let Tile::Pane(pane) = tile { Some(*pane) } else { None }).collect();
    panes.sort_unstable();
    (panes == Pane::ALL && tree.root().is_some()).then_some(tree)
}

/// Shows panels; `show` draws one.
pub struct PanelBehavior<F: FnMut(&mut egui::Ui, Pane)> {
    /// Draws one panel.
    pub show: F,
}

impl<F: FnMut(&mut egui::Ui, Pane)> egui_tiles::Behavior<Pane> for PanelBehavior<F> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _tile_id: TileId, pane: &mut Pane) -> egui_tiles::UiResponse {
        let frame = egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(super::theme::PANEL_MARGIN_PT);
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            (self.show)(ui, *pane);
        });
        egui_tiles::UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        pane.title().into()
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        4.0
    }

    fn min_size(&self) -> f32 {
        80.0
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        26.0
    }

    fn tab_bar_color(&self, visuals: &egui::Visuals) -> egui::Color32 {
        super::theme::gap(visuals)
    }

    fn tab_outline_stroke(
        &self,
        _visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile_id: TileId,
        _state: &egui_tiles::TabState,
    ) -> egui::Stroke {
        egui::Stroke::NONE
    }

    fn tab_text_color(
        &self,
        visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile_id: TileId,
        state: &egui_tiles::TabState,
    ) -> egui::Color32 {
        if state.active { visuals.strong_text_color() } else { visuals.weak_text_color() }
    }
}

/// Shows the tab of a panel that may stand behind another.
pub fn bring_to_front(tree: &mut Tree<Pane>, pane: Pane) {
    tree.make_active(|_, tile| matches!(tile, Tile::Pane(other) if *other == pane));
}

/// Whether a panel stands in front of its tabs.
pub fn is_in_front(tree: &Tree<Pane>, pane: Pane) -> bool {
    tree.active_tiles().into_iter().any(|id| matches!(tree.tiles.get(id), Some(Tile::Pane(other)) if *other == pane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_layout_comes_back() {
        let mut tree = default_tree();
        bring_to_front(&mut tree, Pane::Layers);
        let json = serde_json::to_string(&tree).expect("a tree is plain data");
        let back = restored_tree(&json).expect("every panel is there");
        assert!(is_in_front(&back, Pane::Layers) && !is_in_front(&back, Pane::Heads), "the chosen tab is in front");
    }

    #[test]
    fn a_layout_without_every_panel_is_refused() {
        let mut tree = default_tree();
        let id = tree.tiles.find_pane(&Pane::Candidates).expect("in the default layout");
        tree.tiles.remove(id);
        let json = serde_json::to_string(&tree).expect("a tree is plain data");
        assert!(restored_tree(&json).is_none(), "the candidates are missing");
        assert!(restored_tree("{}").is_none() && restored_tree("").is_none(), "nor is rubbish taken");
    }
}
