//! The whole window, driven by the labels that users read and screen readers speak.

mod answering;
mod asking;
mod comfort;
mod commanding;
mod compare;
mod comparing;
mod datasets;
mod demo;
mod figure;
mod forks;
mod looking;
mod messages;
mod mitigation;
mod picking;
mod pictures;
mod pope;
mod prompting;
mod recent;
mod room;
mod script;
mod sessions;
mod states;
mod support;
mod surviving;
mod tasks;
mod truth;
