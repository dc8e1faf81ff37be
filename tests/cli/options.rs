//! What the command line takes, and whose fault a refusal is.

use super::*;
use std::collections::BTreeSet;

/// Options of a model, and who uses them.
const OF_A_MODEL: [&str; 5] = ["model", "mmproj", "device", "dtype", "threads"];
const WITH_A_MODEL: [&str; 7] = ["gui", "trace", "prompt-image", "figure", "directions", "heads", "bench"];
const WITHOUT: [&str; 6] = ["chair", "list", "mask", "metrics", "html", "study"];
/// Options of decoding, and the one command that uses all of them; random masks have a seed too.
const OF_DECODING: [&str; 12] = [
    "seed",
    "strategy",
    "intervene",
    "forced-ids",
    "temperature",
    "top-p",
    "top-k",
    "repetition-penalty",
    "beams",
    "length-penalty",
    "logits",
    "vision",
];

#[test]
fn commands_offer_only_options_that_they_use() {
    let program = gazelens::cli::command();
    let longs = |command: &clap::Command| -> BTreeSet<String> {
        command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)).collect()
    };
    let top = longs(&program);
    assert!(OF_A_MODEL.iter().all(|option| top.contains(*option)), "the window without its name: {top:?}");
    assert!(!top.contains("seed"), "the window has its own seed");
    assert!(program.get_arguments().all(|argument| !argument.is_global_set()), "no option belongs to every command");
    let mut names: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
    names.sort_unstable();
    let mut known = [&WITH_A_MODEL[..], &WITHOUT].concat();
    known.sort_unstable();
    assert_eq!(names, known, "every command stands in the table");
    for command in program.get_subcommands() {
        let (name, options) = (command.get_name(), longs(command));
        for option in OF_A_MODEL {
            assert_eq!(options.contains(option), WITH_A_MODEL.contains(&name), "{name} --{option}");
        }
        for option in OF_DECODING {
            let uses = name == "trace"
                || [("directions", "seed"), ("bench", "beams"), ("bench", "method")].contains(&(name, option));
            assert_eq!(options.contains(option), uses, "{name} --{option}");
        }
        let generates = ["trace", "prompt-image", "heads", "bench"].contains(&name);
        assert_eq!(options.contains("max-new-tokens"), generates, "{name} --max-new-tokens");
        assert!(!options.contains("new-tokens") && !options.contains("sampling"), "{name}: one name for one thing");
        let json = ["trace", "chair", "list", "metrics", "prompt-image", "bench"].contains(&name);
        assert_eq!(options.contains("json"), json, "{name} --json");
    }
    for command in WITHOUT {
        let sentence = refused(&[command, "--model", "demo"], 2);
        assert!(sentence.contains("unexpected argument '--model'"), "{command}: {sentence}");
    }
    let sentence = one_sentence(&["--model", "demo", "list", "metrics"], 2);
    assert!(sentence.contains("Expected options behind the command"), "{sentence}");
}

#[test]
fn older_names_of_options_still_work() {
    let bench = gazelens::cli::command().try_get_matches_from(["gazelens", "bench", "--new-tokens", "2"]);
    let bench = bench.expect("--new-tokens is --max-new-tokens");
    let (_, bench) = bench.subcommand().expect("bench");
    assert_eq!(bench.get_one::<usize>("max_new_tokens"), Some(&2), "the same number");
    let sampling =
        ["metrics", "--annotations", "a", "--image-id", "1", "--category", "x", "--trace", "t", "--token", "0"];
    for option in ["--sampling", "--resample"] {
        let sentence = refused(&[&sampling[..], &[option, "cubic"]].concat(), 2);
        assert!(sentence.contains("one of nearest, bilinear, bicubic, found `cubic` (near: bicubic)"), "{sentence}");
    }
}

#[test]
fn an_output_has_an_ending_that_the_command_writes() {
    let dir = folder();
    let trace = path(dir.path(), "t.safetensors");
    assert!(trace_to(&trace, &["--max-new-tokens", "2"]).status.success(), "a trace");
    let before = entries(dir.path());
    let mask = ["mask", "--annotations", "nowhere.json", "--image-id", "1", "--category", "dog"];
    let prompt = ["prompt-image", "--attribution", "clip", "--image", "demo_01_beach.png", "--query", "a dog"];
    let sound = path(dir.path(), "sound.png");
    for (args, flag, wrong, expected) in [
        (&TRACE[..], "--out", "x.txt", "as a safetensors file, found the ending txt"),
        (&["html", "--trace", &trace], "--out", "x.png", "as an html file"),
        (&["html", "--trace", &trace], "--out", "x.html.gz", "found the ending gz"),
        (&["figure", "--trace", &trace], "--out", "x.jpg", "png, svg, pdf or html file"),
        (&["figure", "--trace", &trace], "--out", "x", "found no ending"),
        (&["figure", "--trace", &trace, "--data", "d"], "--out", "x.html", "png, svg or pdf file"),
        (&mask, "--out", "m.jpg", "as a PNG"),
        (&prompt, "--out", "b.jpeg", "as a PNG"),
        (&[&prompt[..], &["--out", &sound]].concat(), "--mask-out", "m.webp", "as a PNG"),
        (&[&prompt[..], &["--out", &sound]].concat(), "--map-out", "m.npz", "as a safetensors file"),
    ] {
        let out = path(dir.path(), wrong);
        let sentence = one_sentence(&[args, &[flag, &out]].concat(), 2);
        let told = sentence.contains(&format!("Expected {flag} ")) && sentence.contains(expected);
        assert!(told && sentence.trim_end().ends_with(wrong), "{wrong}: {sentence}");
    }
    assert_eq!(entries(dir.path()), before, "nothing was written");
}

#[test]
fn a_wrong_value_is_status_2_and_what_the_data_do_not_have_is_1() {
    let dir = folder();
    let trace = path(dir.path(), "t.safetensors");
    assert!(trace_to(&trace, &["--max-new-tokens", "2"]).status.success(), "a trace");
    let annotations = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/instances.json");
    let of = |category: &'static str, id: &'static str| {
        ["--annotations", annotations, "--image-id", id, "--category", category]
    };
    let metrics = |category: &'static str, id: &'static str, more: &[&str], status: i32| {
        one_sentence(&[&["metrics"], &of(category, id)[..], &["--trace", &trace], more].concat(), status)
    };
    metrics("person", "1", &["--token", "999"], 2);
    metrics("person", "1", &["--token", "0", "--layer", "9"], 2);
    metrics("person", "1", &["--token", "0", "--head", "99"], 2);
    assert!(metrics("persn", "1", &["--token", "0"], 1).contains("(near: person)"), "a category that there is not");
    metrics("person", "99999", &["--token", "0"], 1);
    let out = path(dir.path(), "o.png");
    let prompt = ["prompt-image", "--attribution", "llava", "--image", "demo_01_beach.png", "--query", "a dog"];
    one_sentence(&[&prompt[..], &["--out", &out, "--layer", "22"]].concat(), 2);
    let ask = |more: &[&str], status: i32| one_sentence(&[&TRACE[..], &["--json"], more].concat(), status);
    ask(&["--forced-ids", "99999999"], 2);
    ask(&["--model", "nowhere"], 1);
    ask(&["--model", "demo-clip", "--mmproj", "x.gguf"], 2);
    for (more, near) in [
        (["--strategy", "PAI"], "(near: pai-cfg)"),
        (["--strategy", "vdc"], "(near: vcd)"),
        (["--strategy", "VCD"], "(near: vcd"),
        (["--strategy", "vcd:preset=offical"], "(near: official)"),
        (["--strategy", "vcd:aplha=1"], "(near: alpha)"),
        (["--intervene", "Knock-out"], "(near: knockout)"),
        (["--strategy", "damro:cls=Mean"], "(near: mean)"),
    ] {
        let sentence = ask(&more, 2);
        assert!(sentence.contains(near), "{more:?}: {sentence}");
    }
    let captions = ["chair", "--captions", "c", "--annotations", "i", "--lemmatiser", "vocabulry"];
    assert!(refused(&captions, 2).contains("(near: vocabulary)"), "lemmatisers too");
}

#[test]
fn what_is_missing_is_named_with_all_that_would_do() {
    let sentence = one_sentence(&TRACE, 2);
    let expected = "Expected --out or --json (or --questions with --out-dir), found none of them";
    assert!(sentence.contains(expected), "{sentence}");
    let sentence = one_sentence(&["trace", "--json", "--prompt", "Why?"], 2);
    assert!(sentence.contains("Expected --image, or --questions with --images, found neither"), "{sentence}");
}

#[test]
fn names_are_looked_at_before_any_file_is_read() {
    let dir = folder();
    let ask = |more: &[&str], status: i32| one_sentence(&[&TRACE[..], &["--json"], more].concat(), status);
    let nowhere = path(dir.path(), "nowhere.txt");
    for (option, spec) in [
        ("--strategy", format!("icd:text=@{nowhere}")),
        ("--strategy", format!("vcd:alfa=@{nowhere}")),
        ("--strategy", format!("icdd:prompt=@{nowhere}")),
        ("--intervene", format!("knockout:layer=@{nowhere}")),
    ] {
        let sentence = ask(&[option, &spec], 2);
        assert!(sentence.contains("Expected") && !sentence.contains("nowhere"), "{spec}: {sentence}");
    }
    assert!(ask(&["--strategy", "vcd:alfa=1"], 2).contains("found alfa (near: alpha)"), "as it is heard");
    assert!(ask(&["--strategy", &format!("icd:prompt=@{nowhere}")], 1).contains("no such file"), "a right name");
    let image = ["trace", "--image", "demo_1_beach.png", "--prompt", "Why?", "--json"];
    assert!(one_sentence(&image, 1).contains("(near: demo_01_beach.png"), "names of bundled images too");
}

#[cfg(unix)]
#[test]
fn noise_that_cannot_be_read_says_why() {
    let dir = folder();
    let pipe = path(dir.path(), "pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success(), "a pipe");
    let sparse = path(dir.path(), "sparse");
    let file = std::fs::File::create(&sparse).expect("a writable folder");
    file.set_len(2 << 40).expect("a file without blocks");
    let folder = path(dir.path(), "");
    for (noise, why) in [
        (pipe.as_str(), "a device, pipe or socket"),
        ("/dev/zero", "a device, pipe or socket"),
        (&folder, "it is a folder"),
        (&sparse, "2199023255552 bytes, more than 268435456"),
        ("nowhere.safetensors", "no such file"),
    ] {
        let strategy = format!("vcd:noise={noise}");
        let sentence = one_sentence(&[&TRACE[..], &["--json", "--strategy", &strategy]].concat(), 1);
        assert!(sentence.contains(&format!("Cannot read `noise` of vcd from a file: {why}: {noise}")), "{sentence}");
    }
}

#[test]
fn a_list_with_nul_bytes_is_blamed_and_not_the_output() {
    let dir = folder();
    let (figure, list) = (path(dir.path(), "o.svg"), path(dir.path(), "list.txt"));
    assert!(gazelens(&["figure", "--demo", "--out", &figure]).status.success(), "a recipe");
    std::fs::write(&list, "demo_01_beach.png\na\0b.png\n").expect("a writable folder");
    let out = path(dir.path(), "{name}.svg");
    let args = ["figure", "--recipe", &path(dir.path(), "o.json"), "--images", &list, "--out", &out];
    let sentence = one_sentence(&args, 1);
    let expected = "Cannot read the list of --images: a NUL character in line 2";
    assert!(sentence.contains(expected) && sentence.trim_end().ends_with("list.txt"), "{sentence}");
}

#[test]
fn what_a_model_without_a_decoder_passes_over_is_said() {
    let clip = ["trace", "--model", "demo-clip", "--image", "demo_01_beach.png", "--prompt", "a dog", "--json"];
    let said = |options: &[&str]| stderr(&gazelens(&[&clip[..], options].concat()));
    assert_eq!(said(&["--seed", "7"]).matches("not used").count(), 0, "nothing is drawn, so it is of no account");
    let all = said(&["--forced-ids", "3", "--temperature", "1", "--top-k", "5", "--logits"]);
    for expected in ["How tokens are chosen was not used", "first ids were not used", "Logits were not recorded"] {
        assert!(all.contains(expected), "{expected}: {all}");
    }
}

#[test]
fn a_length_penalty_is_of_beams() {
    let trace = ["trace", "--image", "demo_01_beach.png", "--prompt", "x", "--json", "--length-penalty", "2"];
    let sentence = refused(&trace, 2);
    assert!(sentence.contains("--beams"), "{sentence}");
}

#[test]
fn a_batch_is_of_a_recipe() {
    let dir = folder();
    let out = path(dir.path(), "{name}.svg");
    let sentence = refused(&["figure", "--demo", "--images", "nowhere", "--out", &out], 2);
    assert!(sentence.contains("--demo") && sentence.contains("--images"), "{sentence}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0, "nothing is written");
}
