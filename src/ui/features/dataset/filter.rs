//! Which images are listed, and in which order.

use crate::data::dataset::{Order, Query, Sort, Tag};
use crate::ui::core::command::Command;
use crate::ui::core::wording::count as counted;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{named, row};
use eframe::egui;
use egui::{Context, RichText, Ui};

/// Most objects that the box counts to; a photo with more counts as this many.
const MOST_OBJECTS: u32 = 100;

pub(in crate::ui) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    if !cx.state.open.filter {
        return;
    }
    let mut open = true;
    let mut query = cx.state.browse.query.clone();
    egui::Window::new("Filter and sort images")
        .open(&mut open)
        .default_size([440.0, 620.0])
        .default_pos([220.0, 60.0])
        .collapsible(false)
        .show(ctx, |ui| contents(ui, cx, &mut query));
    if !open {
        cx.emit(Command::ToggleFilter);
    }
    if query != cx.state.browse.query {
        cx.emit(Command::SetQuery(Box::new(query)));
    }
}

fn contents(ui: &mut Ui, cx: &PanelContext<'_>, query: &mut Query) {
    let all = cx.state.library.images().len();
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("{} of {all} images", cx.state.library.num_listed())).strong());
        if ui.add_enabled(cx.state.browse.is_filtered(), egui::Button::new("Reset")).clicked() {
            *query = Query::default();
        }
    });
    row(ui, "Name", "Part of the file's name", |ui| {
        let response = ui.add(egui::TextEdit::singleline(&mut query.name).desired_width(250.0));
        named(ui, &response, "Part of the name");
    });
    let has_captions = cx.state.browse.sources.captions.is_some();
    row(ui, "Caption", "Words in a reference caption", |ui| {
        let edit = egui::TextEdit::singleline(&mut query.caption).desired_width(250.0);
        let response = ui.add_enabled(has_captions, edit).on_disabled_hover_text("Open a captions file first");
        named(ui, &response, "Words of a caption");
    });
    row(ui, "Objects", "Number of annotated objects", |ui| {
        let (mut least, mut most) = (*query.objects.start(), (*query.objects.end()).min(MOST_OBJECTS));
        ui.add(egui::DragValue::new(&mut least).range(0..=most).prefix("min "));
        let any = |value: f64, _: std::ops::RangeInclusive<usize>| {
            if value >= f64::from(MOST_OBJECTS) { "–".to_owned() } else { format!("{value:.0}") }
        };
        ui.add(egui::DragValue::new(&mut most).range(least..=MOST_OBJECTS).prefix("max ").custom_formatter(any));
        query.objects = least..=if most >= MOST_OBJECTS { u32::MAX } else { most };
    });
    row(ui, "Sizes", "An object of this size (COCO: small up to 32², medium up to 96² pixels)", |ui| {
        ui.toggle_value(&mut query.sizes.small, "small");
        ui.toggle_value(&mut query.sizes.medium, "medium");
        ui.toggle_value(&mut query.sizes.large, "large");
    });
    row(ui, "Tags", "Photos with all of these", |ui| tags(ui, cx, query));
    row(ui, "Questions", "", |ui| {
        three_way(ui, &mut query.asked, "asked", "not asked");
        three_way(ui, &mut query.has_questions, "has POPE questions", "has none");
    });
    row(ui, "Sort by", "", |ui| sort(ui, query));
    ui.separator();
    categories(ui, cx, query);
}

fn tags(ui: &mut Ui, cx: &PanelContext<'_>, query: &mut Query) {
    let own = cx.state.browse.notes.own_tags();
    let known = [
        (Tag::Star, "★ star"),
        (Tag::Hallucinates, "hallucinates"),
        (Tag::AnnotationWrong, "annotation wrong"),
        (Tag::Note, "has a note"),
    ];
    let known = known.into_iter().map(|(tag, label)| (tag, label.to_owned()));
    let own = own.iter().map(|(name, count)| (Tag::Own((*name).to_owned()), format!("{name} ({count})")));
    for (tag, label) in known.chain(own) {
        let chosen = query.tags.contains(&tag);
        if ui.selectable_label(chosen, label).clicked() {
            if chosen {
                query.tags.retain(|other| *other != tag);
            } else {
                query.tags.push(tag);
            }
        }
    }
}

/// Yes, no, or either.
fn three_way(ui: &mut Ui, value: &mut Option<bool>, yes: &str, no: &str) {
    for (wanted, label) in [(true, yes), (false, no)] {
        if ui.selectable_label(*value == Some(wanted), label).clicked() {
            *value = (*value != Some(wanted)).then_some(wanted);
        }
    }
}

fn sort(ui: &mut Ui, query: &mut Query) {
    let options = [
        (Sort::Given, "the file's order"),
        (Sort::ImageId, "number"),
        (Sort::Name, "name"),
        (Sort::Objects, "objects"),
        (Sort::Categories, "categories"),
        (Sort::TotalArea, "area of objects"),
    ];
    let label = options.iter().find(|(sort, _)| *sort == query.sort).map_or("", |(_, label)| label);
    let response = egui::ComboBox::from_id_salt("sort images").selected_text(label).show_ui(ui, |ui| {
        for (sort, label) in options {
            ui.selectable_value(&mut query.sort, sort, label);
        }
    });
    named(ui, &response.response, "Sort images by");
    let descending = query.order == Order::Descending;
    if ui.selectable_label(descending, "largest first").clicked() {
        query.order = if descending { Order::Ascending } else { Order::Descending };
    }
}

/// What is asked of a category.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Any,
    All,
    None,
}

/// Every category: with any of these, with all of these, with none of these.
fn categories(ui: &mut Ui, cx: &PanelContext<'_>, query: &mut Query) {
    let Some(dataset) = &cx.state.browse.dataset else { return };
    let Some(instances) = dataset.instances() else {
        ui.weak("Open a COCO instances file to filter by objects");
        return;
    };
    ui.label(RichText::new("Categories: each click switches between any of, all of, none of and off").weak().small());
    egui::ScrollArea::vertical().id_salt("filter categories").auto_shrink(false).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(3.0, 3.0);
            for (category, count) in instances.categories().iter().zip(dataset.category_counts()) {
                let id = category.id;
                let now = wanted(query, id);
                let (sign, next) = match now {
                    Wanted::Nothing => ("", Wanted::Any),
                    Wanted::Any => ("any: ", Wanted::All),
                    Wanted::All => ("all: ", Wanted::None),
                    Wanted::None => ("none: ", Wanted::Nothing),
                };
                let text = format!("{sign}{} {}", category.name, count.images);
                let text = if now == Wanted::None { RichText::new(text).strikethrough() } else { RichText::new(text) };
                let response = ui.selectable_label(now != Wanted::Nothing, text);
                named(ui, &response, &format!("Filter {}", category.name));
                let tip = format!("{}, {}", counted(count.images, "image"), counted(count.objects, "object"));
                if response.on_hover_text(tip).clicked() {
                    want(query, id, next);
                }
            }
        });
    });
}

fn wanted(query: &Query, id: u32) -> Wanted {
    match () {
        () if query.any_of.contains(&id) => Wanted::Any,
        () if query.all_of.contains(&id) => Wanted::All,
        () if query.none_of.contains(&id) => Wanted::None,
        () => Wanted::Nothing,
    }
}

fn want(query: &mut Query, id: u32, wanted: Wanted) {
    for list in [&mut query.any_of, &mut query.all_of, &mut query.none_of] {
        list.retain(|other| *other != id);
    }
    match wanted {
        Wanted::Nothing => {}
        Wanted::Any => query.any_of.push(id),
        Wanted::All => query.all_of.push(id),
        Wanted::None => query.none_of.push(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_wanted_in_one_way() {
        let mut query = Query::default();
        for next in [Wanted::Any, Wanted::All, Wanted::None, Wanted::Nothing] {
            want(&mut query, 18, next);
            assert!(wanted(&query, 18) == next, "as it was set");
            let lists = [&query.any_of, &query.all_of, &query.none_of];
            let times: usize = lists.iter().map(|list| list.len()).sum();
            assert_eq!(times, usize::from(next != Wanted::Nothing), "in one list at most");
        }
        assert!(query == Query::default(), "back to the beginning");
    }
}
