#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "temporary")]
#[path = "../tests/window/script.rs"]
mod script;
fn main() {
    let paths = std::env::args().skip(1).map(Into::into).collect();
    gazelens::ui::run(gazelens::ui::WindowOptions { paths, ..Default::default() }, |wake| {
        Box::new(script::ScriptedLink::new(script::Script::default()).0.waking(wake))
    })
    .unwrap();
}
