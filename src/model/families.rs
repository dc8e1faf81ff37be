//! The model families that can be opened.

/// A model family.
pub trait Family: Sync {
    /// Unique name.
    fn id(&self) -> &'static str;
    /// Name for people.
    fn label(&self) -> &'static str;
    /// One line.
    fn help(&self) -> &'static str;
    /// Where it comes from.
    fn paper(&self) -> &'static str;
    /// `model_type` values of `config.json` that belong to it.
    fn model_types(&self) -> &'static [&'static str];
}

/// Every family.
pub const FAMILIES: &[&dyn Family] =
    &[&super::llava::LlavaFamily, &super::clip::ClipFamily, &super::dinov2::Dinov2Family];

/// Every family, in the order of menus.
pub fn families() -> &'static [&'static dyn Family] {
    FAMILIES
}

/// The family of a checkpoint, by the `model_type` of its configuration.
pub fn family_of(model_type: &str) -> Option<&'static dyn Family> {
    FAMILIES.iter().copied().find(|family| family.model_types().contains(&model_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn families_have_unique_ids_help_and_paper() {
        let ids: HashSet<_> = families().iter().map(|family| family.id()).collect();
        assert_eq!(ids.len(), families().len(), "two families share an id");
        for family in families() {
            let texts = [family.label(), family.help(), family.paper()];
            assert!(texts.iter().all(|text| !text.is_empty()), "{} lacks a label, help or paper", family.id());
            let found = family.model_types().iter().all(|name| family_of(name).is_some_and(|f| f.id() == family.id()));
            assert!(found, "{} is not found by its model type", family.id());
        }
    }
}
