//! Panels that dock.

use super::pane::Pane;
use eframe::egui;
use egui_tiles::{Container, Linear, LinearDir, SimplificationOptions, Tile, TileId, Tiles, Tree};
use serde::Deserialize as _;
use std::collections::{BTreeSet, HashSet};

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

/// The stored layout, whichever version of the program stored it: a panel that it lacks comes beside those that it
/// stands beside on the first day, one that there is no more goes. `None` for what is no layout, or has a panel twice.
pub fn restored_tree(json: &str) -> Option<Tree<Pane>> {
    let stored: Tree<String> = serde_json::from_str(json).ok()?;
    let (root, mut tiles, mut seen) = (stored.root()?, Tiles::default(), BTreeSet::new());
    for (id, tile) in stored.tiles.iter() {
        let tile = match tile {
            Tile::Container(container) => Tile::Container(container.clone()),
            Tile::Pane(name) => match named(name) {
                Some(pane) if seen.insert(pane) => Tile::Pane(pane),
                Some(_) => return None,
                None => continue,
            },
        };
        tiles.insert(*id, tile);
    }
    let there: HashSet<TileId> = tiles.tile_ids().collect();
    for tile in tiles.tiles_mut() {
        if let Tile::Container(container) = tile {
            container.retain(|child| there.contains(&child));
        }
    }
    tiles.get_container(root)?;
    let mut tree = Tree::new(egui::Id::unique("panels"), root, tiles);
    let first_day = default_tree();
    for pane in Pane::ALL.into_iter().filter(|pane| !seen.contains(pane)) {
        let beside = neighbours(&first_day, pane).into_iter().find_map(|other| tree.tiles.find_pane(&other));
        let place = beside.and_then(|tile| tree.tiles.parent_of(tile)).unwrap_or(root);
        let added = tree.tiles.insert_pane(pane);
        if let Some(Tile::Container(container)) = tree.tiles.get_mut(place) {
            container.add_child(added);
        }
    }
    Some(tree)
}

/// The panel of a name in stored layouts.
fn named(name: &str) -> Option<Pane> {
    Pane::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name)).ok()
}

/// Those that share a place with a panel.
fn neighbours(tree: &Tree<Pane>, pane: Pane) -> Vec<Pane> {
    let parent = tree.tiles.find_pane(&pane).and_then(|tile| tree.tiles.parent_of(tile));
    let siblings = parent.and_then(|parent| match tree.tiles.get(parent) {
        Some(Tile::Container(container)) => Some(container.children_vec()),
        _ => None,
    });
    let panes = siblings.unwrap_or_default().into_iter().filter_map(|tile| tree.tiles.get_pane(&tile).copied());
    panes.filter(|other| *other != pane).collect()
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
    fn a_layout_of_another_version_keeps_what_it_says() {
        let mut tree = default_tree();
        bring_to_front(&mut tree, Pane::Layers);
        let json = serde_json::to_string(&tree).expect("a tree is plain data");
        // One that did not have the candidates yet, and one whose panel is no more.
        let json = json.replace("\"Candidates\"", "\"Horoscope\"");
        let back = restored_tree(&json).expect("a layout all the same");
        let all: BTreeSet<Pane> = back.tiles.tiles().filter_map(pane_of).collect();
        assert_eq!(all, Pane::ALL.into(), "every panel of this version is there, and no other");
        assert!(is_in_front(&back, Pane::Layers), "what was chosen stays");
        let place = |pane: Pane| back.tiles.parent_of(back.tiles.find_pane(&pane).expect("there"));
        assert_eq!(place(Pane::Candidates), place(Pane::Origin), "beside what it stands beside on the first day");
    }

    fn pane_of(tile: &Tile<Pane>) -> Option<Pane> {
        if let Tile::Pane(pane) = tile { Some(*pane) } else { None }
    }

    #[test]
    fn what_is_no_layout_is_refused() {
        assert!(restored_tree("{}").is_none() && restored_tree("").is_none(), "rubbish");
        let json = serde_json::to_string(&default_tree()).expect("a tree is plain data");
        assert!(restored_tree(&json.replace("\"Origin\"", "\"Candidates\"")).is_none(), "a panel twice");
    }
}
