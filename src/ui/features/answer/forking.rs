//! Forks: an answer goes on from one of its tokens with another one, or with another strategy.

use crate::engine::{Fork, Question, RunId};
use crate::trace::Trace;
use crate::ui::core::wording::count;
use crate::ui::features::{AppState, Effect, ForkedFrom, Run, Severity, Until};
use std::sync::Arc;

/// Tokens that a fork may add at least, however long the answer was that it comes from.
const LEAST_NEW_TOKENS: usize = 64;

/// One answer in the tree of those that come from one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The answer.
    pub run: RunId,
    /// 0 for the one that all others come from.
    pub depth: usize,
    /// Its name, or what sets it apart from where it comes from.
    pub label: String,
}

impl AppState {
    /// Goes on from the shown answer's token `token_idx`: with `id` in its place, or as the settings now say.
    pub(in crate::ui) fn fork(&mut self, token_idx: usize, id: Option<u32>) -> Vec<Effect> {
        let Some(run) = self.current_run() else { return Vec::new() };
        let Some(trace) = run.trace.as_ref().filter(|trace| token_idx < trace.output.len()) else { return Vec::new() };
        if self.is_of_another_model(trace) {
            let advice = "Open the model that gave it, or ask again";
            let what = "This answer is another model's, so it cannot be continued";
            self.notices.push((Severity::Info, Until::NextQuestion), what, advice, None);
            return Vec::new();
        }
        let mut question = run.question.clone();
        let ids: Vec<u32> = trace.output.iter().take(token_idx).map(|token| token.id).chain(id).collect();
        if id.is_none() {
            question = self.ask.with_methods(question);
            question.sampling = self.ask.sampling();
        }
        question.max_new_tokens = question.max_new_tokens.max(ids.len() + LEAST_NEW_TOKENS);
        question.fork = Some(Fork { ids, known: Some(Arc::new(trace.clone())) });
        let from = ForkedFrom { run: run.id, token_idx };
        self.send_fork(question, from)
    }

    /// Goes on from the last token of the shown answer, as it was asked.
    pub(in crate::ui) fn continue_answer(&mut self) -> Vec<Effect> {
        let Some(run) = self.current_run().filter(|run| self.can_continue(run)) else { return Vec::new() };
        let Some(trace) = &run.trace else { return Vec::new() };
        let mut question = run.question.clone();
        let ids: Vec<u32> = trace.output.iter().map(|token| token.id).collect();
        question.max_new_tokens = ids.len() + question.max_new_tokens.max(LEAST_NEW_TOKENS);
        let from = ForkedFrom { run: run.id, token_idx: ids.len() };
        question.fork = Some(Fork { ids, known: Some(Arc::new(trace.clone())) });
        self.send_fork(question, from)
    }

    /// Whether more tokens can be generated behind an answer: it came to its limit, and its model is open.
    pub(in crate::ui) fn can_continue(&self, run: &Run) -> bool {
        let trace = run.trace.as_ref().filter(|trace| !trace.output.is_empty());
        let is_open = self.model.info.is_some() && !self.model.worker_dead;
        run.stopped_at_limit() && is_open && trace.is_some_and(|trace| !self.is_of_another_model(trace))
    }

    fn is_of_another_model(&self, trace: &Trace) -> bool {
        self.model.info.as_ref().is_some_and(|info| info.weight_hash != trace.run.weight_hash)
    }

    fn send_fork(&mut self, question: Question, from: ForkedFrom) -> Vec<Effect> {
        let effects = self.send(question);
        let image = self.current_image().cloned();
        if let Some(id) = image.and_then(|image| self.runs.shown(&image).map(|run| run.id)).filter(|id| *id != from.run)
            && let Some(run) = self.runs.get_mut(id)
        {
            run.forked_from = Some(from);
        }
        effects
    }

    /// Names an answer; no name takes the one away that it has.
    pub(in crate::ui) fn name_run(&mut self, id: RunId, name: &str) {
        if let Some(run) = self.runs.get_mut(id) {
            name.clone_into(&mut run.name);
        }
    }

    /// Whether going on from a token with the present settings would be something else than what the shown answer did.
    pub(in crate::ui) fn would_switch(&self, run: &Run) -> bool {
        !self.ask.has_methods_of(&run.question) || run.question.sampling != self.ask.sampling()
    }

    /// The answers that come from one another and from the one with `id`, parents before children, in the order in
    /// which they were made. One whose parent was forgotten stands at the top.
    pub(in crate::ui) fn fork_tree(&self, id: RunId) -> Vec<Branch> {
        let parent = |id: RunId| {
            let from = self.runs.get(id)?.forked_from?.run;
            self.runs.get(from).map(|run| run.id)
        };
        // Parents are older than their children, so this ends.
        let mut root = id;
        while let Some(above) = parent(root) {
            root = above;
        }
        let mut tree = Vec::new();
        let mut open = vec![(root, 0)];
        while let Some((id, depth)) = open.pop() {
            let Some(run) = self.runs.get(id) else { continue };
            tree.push(Branch { run: id, depth, label: self.branch_label(run) });
            let children = self.runs.of_image(&run.question.image).filter(|child| parent(child.id) == Some(id));
            let mut children: Vec<(RunId, usize)> = children.map(|child| (child.id, depth + 1)).collect();
            children.reverse();
            open.extend(children);
        }
        tree
    }

    fn branch_label(&self, run: &Run) -> String {
        if !run.name.is_empty() {
            return run.name.clone();
        }
        let Some(from) = run.forked_from else { return "original answer".to_owned() };
        let parent = self.runs.get(from.run);
        let known = parent.and_then(|parent| parent.trace.as_ref()).map(|trace| trace.output.len());
        if known == Some(from.token_idx) {
            return format!("continued after {}", count(from.token_idx, "token"));
        }
        let before = parent.and_then(|parent| word(parent, from.token_idx));
        let after = word(run, from.token_idx).unwrap_or_else(|| "…".to_owned());
        let at = from.token_idx;
        let forced = run.question.fork.as_ref().is_some_and(|fork| fork.ids.len() > at);
        let what = match before {
            Some(before) if before != after => format!("token {at}: {before} to {after}"),
            _ => format!("token {at}: {after}"),
        };
        let how = if forced || run.variant().is_empty() { String::new() } else { format!(", {}", run.variant()) };
        let how = if !forced && how.is_empty() { ", plain".to_owned() } else { how };
        let state = if run.phase.is_active() && run.trace.is_none() { " (waiting)" } else { "" };
        format!("{what}{how}{state}")
    }
}

/// A token of an answer, in quotes.
fn word(run: &Run, token_idx: usize) -> Option<String> {
    let text = &run.trace.as_ref()?.output.get(token_idx)?.text;
    Some(format!("“{}”", text.trim().replace('\n', "\\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, Request};
    use crate::ui::core::command::Command;
    use crate::ui::features::testing::{answered, row, token, trace};

    fn asked(effects: &[Effect]) -> (RunId, crate::engine::Question) {
        let request =
            effects.iter().find_map(|effect| if let Effect::Send(request) = effect { Some(request) } else { None });
        let Some(Request::Ask(id, question)) = request else { panic!("a question is sent") };
        (*id, (**question).clone())
    }

    #[test]
    fn a_fork_keeps_what_stood_before_and_knows_where_it_comes_from() {
        let mut state = answered();
        let parent = state.current_run().expect("answered").id;
        let (id, question) = asked(&state.apply(Command::Fork(1, Some(9))));
        let fork = question.fork.expect("a beginning");
        let first = state.runs.get(parent).and_then(|run| run.trace.as_ref()).expect("a trace").output[0].id;
        assert_eq!(fork.ids, [first, 9], "the first token stays, the second is another one");
        assert!(fork.known.is_some(), "what is known of it goes along");
        let run = state.runs.get(id).expect("begun");
        assert_eq!(run.forked_from, Some(ForkedFrom { run: parent, token_idx: 1 }), "where it comes from");
        assert_eq!(state.current_run().map(|run| run.id), Some(id), "it is shown");
    }

    #[test]
    fn the_tree_can_be_walked_and_named() {
        let mut state = answered();
        let root = state.current_run().expect("answered").id;
        let (first, _) = asked(&state.apply(Command::Fork(1, Some(9))));
        state.receive(Event::Started(first, Box::new(trace())), 0.0);
        for text in ["A", " cat", " sits"] {
            state.receive(Event::Token(first, Box::new(token(text)), Some(row(0.5))), 1.0);
        }
        let (second, _) = asked(&state.apply(Command::Fork(2, Some(9))));
        state.apply(Command::ShowRun(root));
        let (third, _) = asked(&state.apply(Command::Fork(0, Some(3))));
        state.apply(Command::NameRun(second, "the cat".to_owned()));
        for id in [root, first, second, third] {
            let tree = state.fork_tree(id);
            let shape: Vec<_> = tree.iter().map(|branch| (branch.run, branch.depth)).collect();
            assert_eq!(shape, [(root, 0), (first, 1), (second, 2), (third, 1)], "the same tree from everywhere");
            assert_eq!(tree[1].label, "token 1: “dog” to “cat”", "what sets it apart");
            assert_eq!(tree[2].label, "the cat", "its name");
        }
        state.apply(Command::ForgetRun(first));
        assert_eq!(state.fork_tree(second).len(), 1, "what it came from is gone");
    }

    #[test]
    fn another_strategy_goes_on_from_a_token() {
        let mut state = answered();
        let run = state.current_run().expect("answered").clone();
        assert!(!state.would_switch(&run), "nothing was set otherwise");
        state.ask.strategy = "vcd".to_owned();
        assert!(state.would_switch(&run), "another strategy");
        let (_, question) = asked(&state.apply(Command::Fork(1, None)));
        assert_eq!(question.strategy.name, "vcd", "the present one");
        assert_eq!(question.fork.map(|fork| fork.ids.len()), Some(1), "the token itself is chosen anew");
    }

    #[test]
    fn an_answer_goes_on_from_its_limit_as_it_was_asked() {
        let mut state = answered();
        assert!(state.apply(Command::Continue).is_empty(), "it ended by itself");
        let run = state.current_run().expect("answered").clone();
        let trace = run.trace.as_ref().expect("answered");
        state.ask.strategy = "vcd".to_owned();
        state.runs.get_mut(run.id).and_then(|run| run.trace.as_mut()).expect("answered").warnings =
            vec!["Stopped at the limit of 3 tokens".to_owned()];
        let (id, question) = asked(&state.apply(Command::Continue));
        let ids: Vec<u32> = trace.output.iter().map(|token| token.id).collect();
        assert_eq!(question.fork.as_ref().map(|fork| fork.ids.clone()), Some(ids), "all of it stays");
        assert!(question.max_new_tokens >= 3 + LEAST_NEW_TOKENS, "and more follows: {}", question.max_new_tokens);
        assert_eq!(question.strategy, run.question.strategy, "decoded as before, whatever is set now");
        let labels: Vec<String> = state.fork_tree(id).into_iter().map(|branch| branch.label).collect();
        assert_eq!(labels, ["original answer", "continued after 3 tokens"], "in the tree of forks");
    }

    #[test]
    fn another_models_answer_is_asked_again_with_a_higher_limit() {
        let mut state = answered();
        let id = state.current_run().expect("answered").id;
        let trace = state.runs.get_mut(id).and_then(|run| run.trace.as_mut()).expect("answered");
        trace.warnings = vec!["The answer was cut off after 3 tokens, as many as were asked for".to_owned()];
        let mut other = (*crate::ui::features::testing::info(1, 1)).clone();
        other.weight_hash = "other".to_owned();
        state.receive(Event::Loaded(Arc::new(other)), 0.0);
        let run = state.current_run().expect("answered");
        assert!(run.stopped_at_limit() && !state.can_continue(run), "its model is gone");
        let limit = state.ask.max_new_tokens;
        let (_, question) = asked(&state.apply(Command::RaiseLimit));
        assert_eq!((question.max_new_tokens, question.fork), (2 * limit, None), "the whole question again");
        assert_eq!(state.ask.max_new_tokens, 2 * limit, "and those to come");
    }

    #[test]
    fn a_token_that_is_not_there_is_no_fork() {
        let mut state = answered();
        assert!(state.apply(Command::Fork(3, Some(7))).is_empty(), "the answer has three tokens");
    }
}
