//! Panels that dock.

use crate::ui::core::pane::{PANES, Pane, Place, TableKind};
use crate::ui::core::sections::Sections;
use eframe::egui;
use egui_tiles::{Container, Linear, LinearDir, SimplificationOptions, Tile, TileId, Tiles, Tree};
use serde::Deserialize as _;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

/// The field of a stored layout that names the open sections.
const SECTIONS: &str = "sections";

/// The default layout: images on the left, the photo as large as it gets, and on the right the answer over the
/// inspector, which holds every panel that is not in the tree as a section.
pub fn default_tree() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let mut tabs = |place: Place| {
        let panes = PANES.iter().filter(|entry| entry.place == place);
        let children: Vec<TileId> = panes.map(|entry| tiles.insert_pane(entry.pane)).collect();
        tiles.insert_tab_tile(children)
    };
    let images = tabs(Place::List);
    let photo = tabs(Place::Stage);
    let question = tabs(Place::Answer);
    let tools = tabs(Place::Tools);
    let mut column = |children: &[(TileId, f32)], dir: LinearDir| {
        let mut linear = Linear::new(dir, children.iter().map(|(id, _)| *id).collect());
        for (id, share) in children {
            linear.shares.set_share(*id, *share);
        }
        tiles.insert_new(Tile::Container(Container::Linear(linear)))
    };
    let right = column(&[(question, 0.55), (tools, 0.45)], LinearDir::Vertical);
    let root = column(&[(images, 0.115), (photo, 0.58), (right, 0.305)], LinearDir::Horizontal);
    Tree::new(egui::Id::unique("panels"), root, tiles)
}

/// Tree and open sections as they are stored: one object, the sections beside the tree's own fields.
pub fn stored(tree: &Tree<Pane>, sections: &Sections) -> Value {
    let mut value = serde_json::to_value(tree).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert(SECTIONS.to_owned(), serde_json::to_value(sections).unwrap_or_default());
    }
    value
}

/// The open sections of a stored layout; those of the default where it has none, without what is no panel any more.
pub fn restored_sections(json: &str) -> Sections {
    let names = serde_json::from_str::<Value>(json).ok().and_then(|value| value.get(SECTIONS)?.as_array().cloned());
    let Some(names) = names else { return Sections::default() };
    let open = names.iter().filter_map(|name| named(name.as_str()?)).collect();
    Sections::of(open)
}

/// The stored layout, whichever version of the program stored it: a panel that it lacks comes beside those that it
/// stands beside by default, or is a section of the inspector; one that there is no more goes. `None` for what is no
/// layout, or has a panel twice.
pub fn restored_tree(json: &str) -> Option<Tree<Pane>> {
    let value: Value = serde_json::from_str(json).ok()?;
    // Before there was an inspector every panel was of its own: those that are its sections now become that.
    let has_inspector = value.get(SECTIONS).is_some();
    let stored: Tree<String> = serde_json::from_value(value).ok()?;
    let (root, mut tiles, mut seen) = (stored.root()?, Tiles::default(), BTreeSet::new());
    for (id, tile) in stored.tiles.iter() {
        let tile = match tile {
            Tile::Container(container) => Tile::Container(container.clone()),
            Tile::Pane(name) => match named(name) {
                Some(pane) if pane.section().is_some() && !has_inspector => continue,
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
    let missing = PANES.iter().map(|entry| entry.pane).filter(|pane| pane.section().is_none() && !seen.contains(pane));
    for pane in missing {
        add(&mut tree, pane);
    }
    Some(tree)
}

/// Puts a panel beside those that it stands beside by default; a section beside the inspector.
fn add(tree: &mut Tree<Pane>, pane: Pane) {
    let neighbour = neighbours(pane).find_map(|other| tree.tiles.find_pane(&other));
    let Some(place) = neighbour.and_then(|tile| tree.tiles.parent_of(tile)).or(tree.root()) else { return };
    let added = tree.tiles.insert_pane(pane);
    if let Some(Tile::Container(container)) = tree.tiles.get_mut(place) {
        container.add_child(added);
    }
}

/// Makes a section of the inspector a panel of its own, in front.
pub fn tear_off(tree: &mut Tree<Pane>, pane: Pane) {
    if tree.tiles.find_pane(&pane).is_none() {
        add(tree, pane);
    }
    bring_to_front(tree, pane);
}

/// Whether a panel is in sight: in front of its tabs, or an open section of an inspector that is.
pub fn is_in_sight(tree: &Tree<Pane>, sections: &Sections, pane: Pane) -> bool {
    let is_section = pane.section().is_some() && !is_of_its_own(tree, pane);
    is_in_front(tree, if is_section { Pane::Inspector } else { pane }) && (!is_section || sections.is_open(pane))
}

/// Whether a panel stands in the tree; a section that does not is in the inspector.
pub fn is_of_its_own(tree: &Tree<Pane>, pane: Pane) -> bool {
    tree.tiles.find_pane(&pane).is_some()
}

/// The panel of a name in stored layouts.
fn named(name: &str) -> Option<Pane> {
    Pane::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name)).ok()
}

/// Those that share a place with a panel by default.
fn neighbours(pane: Pane) -> impl Iterator<Item = Pane> {
    let place = if pane.section().is_some() { Place::Tools } else { pane.entry().place };
    PANES.iter().filter(move |entry| entry.place == place && entry.pane != pane).map(|entry| entry.pane)
}

/// What was chosen with a right click on a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TabChoice {
    /// The table of the panel, to the clipboard.
    CopyTable(TableKind),
    /// Every panel in its default place.
    ResetLayout,
}

/// Shows panels; `show` draws one.
pub struct PanelBehavior<F: FnMut(&mut egui::Ui, Pane)> {
    /// Draws one panel.
    pub show: F,
    /// What was chosen in this frame.
    pub chosen: Option<TabChoice>,
}

impl<F: FnMut(&mut egui::Ui, Pane)> egui_tiles::Behavior<Pane> for PanelBehavior<F> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _tile_id: TileId, pane: &mut Pane) -> egui_tiles::UiResponse {
        let frame =
            egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(crate::ui::widgets::theme::PANEL_MARGIN_PT);
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            (self.show)(ui, *pane);
        });
        egui_tiles::UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        pane.title().into()
    }

    fn on_tab_button(&mut self, tiles: &mut Tiles<Pane>, tile_id: TileId, tab: egui::Response) -> egui::Response {
        let pane = tiles.get_pane(&tile_id).copied();
        let mut back = false;
        tab.context_menu(|ui| {
            let table = TableKind::ALL.into_iter().find(|kind| Some(kind.pane()) == pane);
            let copies = table.map(|kind| (format!("Copy the table of {}", kind.label()), TabChoice::CopyTable(kind)));
            let reset = ("Reset the layout".to_owned(), TabChoice::ResetLayout);
            for (words, choice) in copies.into_iter().chain([reset]) {
                if ui.button(words).clicked() {
                    self.chosen = Some(choice);
                    ui.close();
                }
            }
            if pane.is_some_and(|pane| pane.section().is_some()) && ui.button("Back into the inspector").clicked() {
                back = true;
                ui.close();
            }
        });
        if back {
            tiles.remove(tile_id);
        }
        match pane {
            Some(pane) => tab.on_hover_text(pane.help()),
            None => tab,
        }
    }

    /// Closing the tab of a section puts it back into the inspector.
    fn is_tab_closable(&self, tiles: &Tiles<Pane>, tile_id: TileId) -> bool {
        tiles.get_pane(&tile_id).is_some_and(|pane| pane.section().is_some())
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
        crate::ui::widgets::theme::gap(visuals)
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
        bring_to_front(&mut tree, Pane::Figure);
        tear_off(&mut tree, Pane::Layers);
        let json = stored(&tree, &Sections::default()).to_string();
        let back = restored_tree(&json).expect("every panel is there");
        assert!(is_in_front(&back, Pane::Figure) && !is_in_front(&back, Pane::Photo), "the chosen tab is in front");
        assert!(is_in_front(&back, Pane::Layers), "a section of its own stays one");
        assert!(!is_of_its_own(&back, Pane::Heads), "and what is a section stays one");
        let of_before = serde_json::to_string(&tree).expect("a tree is plain data");
        let back = restored_tree(&of_before).expect("a layout of before there was an inspector");
        assert!(!is_of_its_own(&back, Pane::Layers) && is_of_its_own(&back, Pane::Inspector), "has its sections in it");
    }

    #[test]
    fn open_sections_are_stored_with_the_tree() {
        let mut sections = Sections::default();
        sections.show(Pane::Metrics);
        sections.toggle(Pane::Heads);
        let json = stored(&default_tree(), &sections).to_string();
        assert!(restored_tree(&json).is_some(), "it is a layout as before");
        let back = restored_sections(&json.replace("Origin", "Horoscope"));
        let open = |pane| back.is_open(pane);
        assert!(open(Pane::Metrics) && !open(Pane::Heads) && !open(Pane::Origin), "what is no panel is left out");
        let tree = default_tree();
        assert!(
            is_in_sight(&tree, &back, Pane::Metrics) && !is_in_sight(&tree, &back, Pane::Heads),
            "open is in sight"
        );
        assert!(restored_sections("{}").is_open(Pane::Heads), "without any, those of the default");
    }

    #[test]
    fn a_layout_of_another_version_keeps_what_it_says() {
        let mut tree = default_tree();
        bring_to_front(&mut tree, Pane::Figure);
        let json = serde_json::to_string(&tree).expect("a tree is plain data");
        // One that did not have the comparison yet, and one whose panel is no more.
        let json = json.replace("\"Compare\"", "\"Horoscope\"");
        let back = restored_tree(&json).expect("a layout all the same");
        let all: BTreeSet<Pane> = back.tiles.tiles().filter_map(pane_of).collect();
        let expected = PANES.iter().map(|entry| entry.pane).filter(|pane| pane.section().is_none()).collect();
        assert_eq!(all, expected, "every panel of this version is there, and no other");
        assert!(is_in_front(&back, Pane::Figure), "what was chosen stays");
        let place = |pane: Pane| back.tiles.parent_of(back.tiles.find_pane(&pane).expect("there"));
        assert_eq!(place(Pane::Compare), place(Pane::Photo), "beside what it stands beside by default");
    }

    fn pane_of(tile: &Tile<Pane>) -> Option<Pane> {
        if let Tile::Pane(pane) = tile { Some(*pane) } else { None }
    }

    #[test]
    fn what_is_no_layout_is_refused() {
        assert!(restored_tree("{}").is_none() && restored_tree("").is_none(), "rubbish");
        let json = serde_json::to_string(&default_tree()).expect("a tree is plain data");
        assert!(restored_tree(&json.replace("\"Figure\"", "\"Compare\"")).is_none(), "a panel twice");
    }

    #[test]
    fn a_section_that_is_torn_off_stands_beside_the_inspector() {
        let mut tree = default_tree();
        tear_off(&mut tree, Pane::Metrics);
        tear_off(&mut tree, Pane::Metrics);
        let place = |pane: Pane| tree.tiles.parent_of(tree.tiles.find_pane(&pane).expect("there"));
        assert_eq!(place(Pane::Metrics), place(Pane::Inspector), "as one of its tabs, once");
        let times = tree.tiles.tiles().filter_map(pane_of).filter(|pane| *pane == Pane::Metrics).count();
        assert_eq!(times, 1, "once");
    }
}
