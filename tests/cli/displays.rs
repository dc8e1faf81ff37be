//! The window where there is no display, no driver, or one that does not answer.

use super::*;
#[cfg(target_os = "linux")]
use std::{
    io::Read as _,
    process::Stdio,
    time::{Duration, Instant},
};

#[test]
fn without_a_display_the_window_names_the_headless_command() {
    for args in [&[][..], &["gui"], &["gui", "photo.jpg"]] {
        let sentence = one_sentence(args, 1);
        assert!(sentence.contains("display") && sentence.contains("gazelens trace --image"), "{sentence}");
    }
}

/// A window that cannot open must end by itself; one that opens after all is ended here.
#[cfg(target_os = "linux")]
fn windowless(display: &str, more: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command
        .env("DISPLAY", display)
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .env("RUST_BACKTRACE", "1");
    command.envs(more.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            break status;
        }
        if started.elapsed() > Duration::from_mins(1) {
            child.kill().expect("a child to end");
            panic!("a window opened on {display} with {more:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut sentence = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut sentence).expect("text");
    assert_eq!(status.code(), Some(1), "{sentence}");
    assert!(
        !sentence.contains("panicked") && !sentence.contains(".rs:"),
        "no panic, no place in the source: {sentence}"
    );
    sentence
}

#[cfg(target_os = "linux")]
#[test]
fn a_display_that_does_not_answer_is_one_sentence() {
    let sentence = windowless(":9871", &[]);
    assert!(sentence.contains("display") && sentence.contains("gazelens trace --image"), "{sentence}");
    assert_eq!(sentence.trim_end().lines().count(), 1, "one line: {sentence}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_display_without_a_graphics_driver_is_one_sentence() {
    let server = Command::new("Xvfb").args([":9872", "-screen", "0", "640x480x24"]).stderr(Stdio::null()).spawn();
    let Ok(mut server) = server else {
        println!("Not run: a window without a graphics driver needs Xvfb to be installed");
        return;
    };
    std::thread::sleep(Duration::from_secs(2));
    let none = [("VK_ICD_FILENAMES", "/nonexistent"), ("VK_DRIVER_FILES", "/nonexistent"), ("WGPU_BACKEND", "vulkan")];
    let sentence = std::panic::catch_unwind(|| windowless(":9872", &none));
    server.kill().expect("a display server to end");
    server.wait().expect("a display server to end");
    let sentence = sentence.expect("the window says why it does not open");
    assert!(sentence.contains("graphics driver") && sentence.contains("gazelens trace --image"), "{sentence}");
}
