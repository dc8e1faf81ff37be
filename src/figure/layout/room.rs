//! What has no room: texts that are left out rather than drawn over others, and panels that are smaller than they can
//! be read.

use super::super::font::Typeface;
use super::super::recipe::{Panel, Recipe, Show};
use super::super::scene::{Group, Node, PT_PER_MM, Rect, Scene, box_of};
use super::Placed;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

/// Boxes that overlap by less touch. **Units** points.
const TOUCH: f64 = 0.05;
/// Height of a band of the page. **Units** points.
const BAND: f64 = 24.0;
/// Size of the text that smallest widths are given for. **Units** points.
const FONT_PT: f64 = 7.0;
/// Letters of a text in a message.
const MOST_LETTERS: usize = 40;

/// Texts without room, by panel (none: those of the whole figure).
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Whose texts are being set.
    panel: Cell<Option<usize>>,
    left_out: RefCell<BTreeMap<Option<usize>, Vec<String>>>,
}

impl Room {
    /// The texts that come are those of this panel.
    pub(super) fn of(&self, panel: Option<usize>) {
        self.panel.set(panel);
    }

    /// A text that is not drawn.
    pub(super) fn leave_out(&self, text: &str) {
        self.leave_out_of(self.panel.get(), text);
    }

    fn leave_out_of(&self, panel: Option<usize>, text: &str) {
        let mut all = self.left_out.borrow_mut();
        let texts = all.entry(panel).or_default();
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }

    /// A sentence for each panel that lost something.
    pub(super) fn sentences(&self) -> Vec<String> {
        let all = self.left_out.borrow();
        let sentences = all.iter().map(|(panel, texts)| {
            let whose = panel.map_or_else(|| "The figure".to_owned(), |idx| format!("Panel {}", idx + 1));
            let first = texts.first().map_or("", String::as_str);
            let letters = first.chars().count();
            let first: String = first.chars().take(MOST_LETTERS).collect();
            let quoted = if first.starts_with('“') && letters <= MOST_LETTERS {
                first
            } else if letters > MOST_LETTERS {
                format!("the text that begins with “{first}”")
            } else {
                format!("“{first}”")
            };
            let more = match texts.len() {
                0 | 1 => String::new(),
                2 => " and 1 more text".to_owned(),
                count => format!(" and {} more texts", count - 1),
            };
            let are = if texts.len() > 1 { "are" } else { "is" };
            format!("{whose} has no room for {quoted}{more}, which {are} left out: fewer columns or a wider figure")
        });
        sentences.collect()
    }
}

/// Takes texts away that leave the page or lie on others: in print nobody could read them, or what is below.
pub(super) fn keep_apart(scene: &mut Scene, typeface: &Typeface, room: &Room) {
    let width = scene.width;
    // By bands of the page, so that a text is compared with its neighbours alone.
    let mut kept: HashMap<i64, Vec<Rect>> = HashMap::new();
    for group in &mut scene.groups {
        let panel = panel_of(group);
        group.nodes.retain(|node| {
            let Node::Text(text) = node else { return true };
            let place = box_of(typeface, text);
            let leaves = place.x < -TOUCH || place.right() > width + TOUCH || place.y < -TOUCH;
            let lies_on = |band| kept.get(&band).is_some_and(|all| all.iter().any(|other| overlap(place, *other)));
            if leaves || bands(place).any(lies_on) {
                room.leave_out_of(panel, &text.text);
                return false;
            }
            for band in bands(place) {
                kept.entry(band).or_default().push(place);
            }
            true
        });
    }
}

/// The bands of the page that a box lies in.
fn bands(place: Rect) -> impl Iterator<Item = i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a page is some thousand points high")]
    let band = |y: f64| (y / BAND).floor() as i64;
    band(place.y)..=band(place.bottom())
}

fn panel_of(group: &Group) -> Option<usize> {
    group.id.strip_prefix("panel-")?.parse::<usize>().ok()?.checked_sub(1)
}

fn overlap(a: Rect, b: Rect) -> bool {
    let along = |from: f64, to: f64, other_from: f64, other_to: f64| to.min(other_to) - from.max(other_from) > TOUCH;
    along(a.x, a.right(), b.x, b.right()) && along(a.y, a.bottom(), b.y, b.bottom())
}

/// Smallest width at which a panel can be read, with text of 7 points. **Units** mm.
fn smallest_mm(panel: &Panel) -> f64 {
    match &panel.show {
        Show::Photo { .. } => 12.0,
        Show::Mask { .. } | Show::Prompted { .. } => 18.0,
        Show::Map { .. } | Show::Difference { .. } | Show::Overlap { .. } => 20.0,
        Show::Grid { .. } | Show::Scores { .. } | Show::Answer { .. } => 25.0,
        Show::Plot { .. } => 40.0,
    }
}

/// A kind of panel, the smallest width that it needs, and the numbers of such panels. **Units** mm.
type Need<'a> = (&'a str, f64, Vec<String>);

/// A sentence for panels that are smaller than they can be read, one a width.
pub(super) fn too_small(recipe: &Recipe, rows: &[Vec<Placed<'_>>]) -> Vec<String> {
    let layout = &recipe.layout;
    // By the width that they have: what they need, kinds in the order of their first panels.
    let mut widths: BTreeMap<String, Vec<Need<'_>>> = BTreeMap::new();
    for placed in rows.iter().flatten().filter(|placed| placed.panel.absent.is_none()) {
        let Some(panel) = recipe.panels.get(placed.idx) else { continue };
        let (needed, has) = (smallest_mm(panel) * layout.font_pt / FONT_PT, placed.w / PT_PER_MM);
        if has + 0.05 >= needed {
            continue;
        }
        let kinds = widths.entry(short(has)).or_default();
        let (kind, number) = (panel.show.label(), (placed.idx + 1).to_string());
        match kinds.iter_mut().find(|(known, ..)| *known == kind) {
            Some((.., numbers)) => numbers.push(number),
            None => kinds.push((kind, needed, vec![number])),
        }
    }
    let columns = layout.columns;
    let sentence = |(has, kinds): (String, Vec<Need<'_>>)| {
        let width = short(layout.width.mm());
        let left = match columns {
            1 => format!("1 column at {width} mm leaves {has} mm"),
            _ => format!("{columns} columns at {width} mm leave {has} mm a panel"),
        };
        let kinds = kinds.iter().enumerate().map(|(idx, (kind, needed, numbers))| {
            let which = match numbers.as_slice() {
                [first @ .., last] if !first.is_empty() => format!("panels {} and {last}", first.join(", ")),
                _ => format!("panel {}", numbers.concat()),
            };
            let needs = if idx == 0 { "needs " } else { "" };
            format!("the {kind} ({which}) {needs}{} mm", short(*needed))
        });
        let change = if columns == 1 { "a wider figure" } else { "fewer columns or a wider figure" };
        format!("{left}; {}: {change}", kinds.collect::<Vec<_>>().join(", "))
    };
    widths.into_iter().map(sentence).collect()
}

/// Millimetres without decimals that say nothing.
fn short(mm: f64) -> String {
    let text = format!("{mm:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
