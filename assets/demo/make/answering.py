"""A trained checkpoint, asked through transformers exactly as the program's tests ask it."""

import re

import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

import language
from catalogue import CATEGORIES

DETAIL = "Please describe this image in detail."
SHORT = "Write a short caption for this image."
_WORDS = sorted([(word, c) for c in CATEGORIES for word in (c, language.plural(c))], key=lambda entry: -len(entry[0]))
_ANY = "|".join(re.escape(word) for word, _ in _WORDS)
_MENTION = re.compile(rf"\b({_ANY})\b")
_CATEGORY = dict(_WORDS)


def mentions(text):
    """[(start, end, category)] of the categories that a text names; "orange" before a noun is a colour."""
    text, found = text.lower(), []
    for match in _MENTION.finditer(text):
        if match[1] == "orange" and re.match(rf" ({_ANY})", text[match.end() :]):
            continue
        found.append((match.start(), match.end(), _CATEGORY[match[1]]))
    return found


class Answerer:
    """Greedy answers, yes/no preferences and attention of one checkpoint, in f32."""

    def __init__(self, folder):
        self.processor = AutoProcessor.from_pretrained(folder)
        self.tokenizer = self.processor.tokenizer
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.model.generation_config.max_length = None
        self.yes, self.no = (self.tokenizer("x " + word, add_special_tokens=False)["input_ids"][-1] for word in ("Yes", "No"))

    def inputs(self, images, questions):
        images = [image if isinstance(image, Image.Image) else Image.fromarray(image) for image in images]
        texts = [f"USER: <image>\n{question} ASSISTANT:" for question in questions]
        return self.processor(images=images, text=texts, return_tensors="pt", padding=True)

    @torch.inference_mode()
    def answer_ids(self, images, question, max_new_tokens=90):
        """Greedy ids for one question about several images, without the end token and padding."""
        batch = self.inputs(images, [question] * len(images))
        out = self.model.generate(**batch, max_new_tokens=max_new_tokens, do_sample=False)
        end = self.model.generation_config.eos_token_id
        answers = [row.tolist() for row in out[:, batch["input_ids"].shape[1] :]]
        return [row[: row.index(end)] if end in row else row for row in answers]

    def answers(self, images, question, max_new_tokens=90, batch_size=32):
        found = []
        for k in range(0, len(images), batch_size):
            found += self.answer_ids(images[k : k + batch_size], question, max_new_tokens)
        return [self.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in found]

    @torch.inference_mode()
    def says_yes(self, images, questions, batch_size=32):
        """[(whether "Yes" beats "No", whether the best token is one of them)]."""
        verdicts = []
        for k in range(0, len(images), batch_size):
            batch = self.inputs(images[k : k + batch_size], questions[k : k + batch_size])
            logits = self.model(**batch, logits_to_keep=1).logits[:, -1]
            verdicts += [(bool(row[self.yes] > row[self.no]), int(row.argmax()) in (self.yes, self.no)) for row in logits]
        return verdicts

    @torch.inference_mode()
    def attention(self, image, question, answer_ids):
        """(attention [layers, heads, n, n], probabilities [n, vocab], ids) over prompt and answer in one pass."""
        batch = self.inputs([image], [question])
        ids = torch.cat([batch["input_ids"], torch.tensor([answer_ids], dtype=torch.long)], 1)
        out = self.model(input_ids=ids, pixel_values=batch["pixel_values"], output_attentions=True)
        return torch.stack([layer[0] for layer in out.attentions]), out.logits[0].softmax(-1), ids[0]
