//! Methods that change the words of a question, or ask something first.

use super::super::plan::Built;
use super::*;
use crate::data::demo::IMAGES;
use crate::decode::{ActiveMethod, DecodeError, MethodInfo, Parameters, QuestionContext, Registered, Word, Words};
use crate::engine::{DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource, OpenModel};

/// A method of this test that is in no registry.
static INFO: MethodInfo = MethodInfo { id: "toy", ..MethodInfo::NONE };

struct Toy;

impl Registered for Toy {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

/// Has the photo described, puts that before the question, and shouts.
#[derive(Default)]
struct Describe {
    answers: Vec<FirstAnswer>,
    prepared: Option<String>,
}

impl ActiveMethod for Describe {
    fn reword(&self, words: &Words<'_>) -> Result<Option<String>, DecodeError> {
        Ok(words.templated.then(|| format!("{}!", words.text)))
    }

    fn first_questions(&self) -> Vec<FirstQuestion> {
        vec![FirstQuestion { words: "Describe this image in detail.".to_owned(), max_new_tokens: 5 }]
    }

    fn rewrite(&mut self, full_prompt: &str, answers: &[FirstAnswer]) -> Result<Option<String>, DecodeError> {
        let Some(first) = answers.first() else { return Ok(None) };
        self.answers = answers.to_vec();
        Ok(Some(full_prompt.replace("<image>\n", &format!("<image>\n{} ", first.text.trim()))))
    }

    fn prepare(&mut self, _: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.prepared = Some(question.full_prompt.to_owned());
        Ok(())
    }
}

fn toy() -> Vec<Built> {
    let parameters = Parameters::resolve(&Toy, &[]).expect("none");
    vec![Built { word: Word::Method, info: &INFO, active: Box::new(Describe::default()), parameters }]
}

fn question(words: &str, max_new_tokens: usize) -> Question {
    Question {
        image: ImageSource::Bundled(IMAGES[0].file_name.to_owned()),
        prompt: Prompt::Templated(words.to_owned()),
        framing: None,
        sampling: Sampling { temperature: 0.7, ..Sampling::default() },
        max_new_tokens,
        strategy: "vcd".parse().expect("a SPEC"),
        interventions: Vec::new(),
        methods: Vec::new(),
        prompted: None,
        fork: None,
        record: RecordOptions::default(),
    }
}

#[test]
fn a_description_is_answered_by_the_plain_model_and_stands_in_the_prompt() {
    let (device, dtype) = (DevicePreference::Cpu, DtypePreference::F32);
    let request = LoadRequest { source: ModelSource::Demo, device, dtype };
    let model = OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).expect("the demo");
    let model = model.answerer().expect("it answers");
    let (asked, go_on) = (question("Is there a dog?", 3), AtomicBool::new(false));

    let photo = asked_photo(&asked).expect("a photo");
    let prepared = model.prepare(&photo, None).expect("an input");
    let plan = Plan::of(model, &asked, &prepared, toy(), &[]).expect("a plan");
    assert_eq!(plan.full_prompt, "USER: <image>\nIs there a dog?! ASSISTANT:", "words are changed before the template");
    let answers = ask_first(model, RunId(1), &asked, &plan, &go_on).expect("an answer").expect("to its question");
    let plain = Question {
        sampling: Sampling::default(),
        strategy: Spec::default(),
        ..question("Describe this image in detail.", 5)
    };
    let described = answer(model, RunId(2), &plain, &mut |_| {}, &go_on).expect("an answer").trace;
    let ids: Vec<u32> = described.output.iter().map(|token| token.id).collect();
    assert_eq!(answers, [[FirstAnswer { ids, text: described.text() }]], "greedy and plain, whatever the question is");

    let plan = Plan::of(model, &asked, &prepared, toy(), &answers).expect("a plan");
    let expected = format!("USER: <image>\n{} Is there a dog?! ASSISTANT:", described.text().trim());
    assert_eq!(plan.full_prompt, expected, "in the prompt");
    let ids = model.vlm.prompt(&model.checkpoint.tokenizer, &expected, &prepared.framed.layout);
    assert_eq!(plan.prompt.ids, ids.expect("ids").ids, "and in its ids");
    assert_eq!(plan.further.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["toy"], "the run names it");

    let none = Plan::new(model, &asked, &prepared).expect("a plan");
    assert!(ask_first(model, RunId(3), &asked, &none, &go_on).expect("nothing").is_none(), "others ask nothing");
}
