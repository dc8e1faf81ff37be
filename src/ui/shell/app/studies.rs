//! What studies want done outside of the state.

use crate::ui::features::StudyEffect;
use crate::ui::features::open_files::OpenFiles;
use crate::ui::features::study::files::{self, StudyDone};
use crate::ui::features::study::job;
use crate::ui::shell::app::App;

impl App {
    /// What studies want done outside of the state.
    pub(in crate::ui) fn carry_out_study(&mut self, effect: StudyEffect) {
        let open = OpenFiles::of(&self.state);
        match effect {
            StudyEffect::Start(plan) => self.studies.start(*plan),
            StudyEffect::Pause => self.studies.pause(),
            StudyEffect::PickRun => self.jobs.pick_run(),
            StudyEffect::PickFile => self.jobs.pick_study(),
            StudyEffect::PickSave(file) => self.jobs.pick_study_place(&file),
            StudyEffect::PickOut => self.jobs.pick_rows_folder(),
            StudyEffect::PickTable(form, name) => self.jobs.pick_table_place(form, name),
            StudyEffect::FindRow(wish) => self.jobs.study(move || StudyDone::Row(Box::new(files::find(*wish)))),
            StudyEffect::ReadFile(path) => self.jobs.study(move || {
                let read = files::read(&path);
                StudyDone::FileRead(path, read)
            }),
            StudyEffect::WriteStudy(path, text) => self.jobs.study(move || {
                let written = files::write("the study", &path, text.as_bytes(), &open);
                StudyDone::StudyWritten(path, written)
            }),
            StudyEffect::WriteTable(path, bytes) => self.jobs.study(move || {
                let written = files::write("the table", &path, &bytes, &open);
                StudyDone::TableWritten(path, written)
            }),
            StudyEffect::PickFigure(name) => self.jobs.pick_study_figure(name),
            StudyEffect::WriteFigure(path, chart) => self.jobs.study(move || {
                let written = files::write_chart(&path, &chart, &open);
                StudyDone::FigureWritten(path, written)
            }),
            StudyEffect::Count(draft, shown) => {
                self.jobs.study(move || StudyDone::Counted(job::count(*draft, shown.as_deref())));
            }
        }
    }
}
