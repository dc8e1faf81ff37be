//! What goes to the clipboard, and that it is said.

use crate::figure::TableForm;
use crate::trace::Trace;
use crate::ui::core::command::CopyCommand;
use crate::ui::core::pane::TableKind;
use crate::ui::core::wording::count;
use crate::ui::features::{AppState, Effect, Severity, Until};

impl AppState {
    pub(in crate::ui) fn copy(&mut self, command: CopyCommand) -> Vec<Effect> {
        match command {
            CopyCommand::Picture => vec![Effect::CopyPicture],
            CopyCommand::TableInFront => vec![Effect::CopyTable(None, TableForm::Tsv)],
            CopyCommand::Table(kind, form) => vec![Effect::CopyTable(Some(kind), form)],
            CopyCommand::Path(path) => {
                self.toasts.push("Copied the path");
                vec![Effect::Copy(path.display().to_string())]
            }
            CopyCommand::Name(name) => {
                self.toasts.push("Copied the name");
                vec![Effect::Copy(name)]
            }
        }
    }

    pub(in crate::ui) fn copy_answer(&mut self) -> Vec<Effect> {
        let text = self.current_run().and_then(|run| run.trace.as_ref()).map(Trace::text);
        match text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) {
            Some(text) => {
                self.toasts.push("Copied the answer");
                vec![Effect::Copy(text)]
            }
            None => Vec::new(), // what hinders is said wherever a command comes from
        }
    }

    /// A table was copied, or there is none.
    pub(in crate::ui) fn table_copied(&mut self, copied: Result<(TableKind, TableForm, usize), String>) {
        match copied {
            Ok((kind, form, rows)) => {
                let rows = count(rows, "row");
                self.toasts.push(format!("Copied the table of {}: {rows} as {}", kind.label(), form.label()));
            }
            Err(why) => self.toasts.push(why),
        }
    }

    /// A picture was copied, or why not.
    pub(in crate::ui) fn picture_copied(&mut self, copied: Result<(&str, [usize; 2]), String>) {
        match copied {
            Ok((what, [width, height])) => {
                self.toasts.push(format!("Copied {what}: {width} × {height} pixels"));
            }
            Err(why) => self.notices.push((Severity::Warning, Until::NextQuestion), why, "", None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::core::command::Command;
    use crate::ui::features::testing::{answered, loaded};

    #[test]
    fn what_was_copied_is_said_and_what_is_not_there_too() {
        let mut state = answered();
        let effects = state.apply(Command::CopyAnswer);
        assert!(matches!(effects.as_slice(), [Effect::Copy(text)] if !text.is_empty()), "the text: {effects:?}");
        let said = |state: &AppState| state.toasts.iter().last().map(|toast| toast.text.clone()).unwrap_or_default();
        assert_eq!(said(&state), "Copied the answer", "said");
        state.table_copied(Ok((TableKind::Metrics, TableForm::Latex, 1)));
        assert_eq!(said(&state), "Copied the table of metrics: 1 row as LaTeX", "which one, and how");
        state.picture_copied(Ok(("the photo", [3, 2])));
        assert_eq!(said(&state), "Copied the photo: 3 × 2 pixels", "how large");
        let mut state = loaded();
        assert!(state.apply(Command::CopyAnswer).is_empty(), "there is none");
        assert_eq!(said(&state), "There is no answer about this photo yet", "and that is said");
        state.table_copied(Err("There is no table".to_owned()));
        assert_eq!(said(&state), "There is no table", "of tables too");
        state.picture_copied(Err("There is no photo".to_owned()));
        assert_eq!(state.notices.iter().count(), 1, "a picture that cannot be drawn is a warning");
    }
}
