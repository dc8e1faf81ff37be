"""The two tokenizers: a LLaMA-like byte-fallback BPE for the decoder, a CLIP-like byte-level BPE for CLIP's text tower."""

import json
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import language
from catalogue import CATEGORIES

LLAVA_VOCAB = 640
CLIP_VOCAB = 900  # an upper bound: the texts are few, training stops when every word is a piece
SPECIALS = ["<unk>", "<s>", "</s>"]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?!:;'\"-()▁"
CLIP_START, CLIP_END = "<|startoftext|>", "<|endoftext|>"


def corpora(records, seed=0):
    """Texts for the decoder and for CLIP."""
    rng, decoder_texts, clip_texts = random.Random(seed), [], []
    for record in records:
        for question, answer in language.conversation(record, rng):
            decoder_texts += [f"USER: {question} ASSISTANT: {answer}", question, answer]
        clip_texts.append(language.clip_text(record, rng) if record["objs"] else "a photo")
    clip_texts += (["a photo of " + language.article(c) for c in CATEGORIES] + CATEGORIES) * 20
    return decoder_texts, clip_texts


def learned(tokenizer):
    """(pieces in order, merges) of a trained BPE."""
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    return sorted(model["vocab"], key=model["vocab"].get), merges


def numbered(pieces):
    vocab = {}
    for piece in pieces:
        vocab.setdefault(piece, len(vocab))
    return vocab


def train_llava(texts):
    """Ids in LLaMA's order: specials, 256 bytes, pieces, then `<image>` and `<pad>`."""
    words = pre_tokenizers.Sequence([
        pre_tokenizers.Split("\n", "isolated"),
        pre_tokenizers.Metaspace("▁", prepend_scheme="first"),
        pre_tokenizers.Split(Regex(r"[.,?:!]"), "isolated"),
    ])  # fmt: skip
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = words
    trained.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=LLAVA_VOCAB - 261, initial_alphabet=list(LETTERS), show_progress=False)
    )
    pieces, merges = learned(trained)
    vocab = numbered([*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces, "<image>", "<pad>"])
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = words
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in [*SPECIALS, "<image>", "<pad>"]])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
    return tokenizer


def train_clip(texts):
    """Ids in CLIP's order: bytes, bytes that end a word, pieces, start, end."""
    pattern = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    words = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    trained.normalizer, trained.pre_tokenizer = normalizer, words
    trainer = trainers.BpeTrainer(
        vocab_size=CLIP_VOCAB, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    pieces, merges = learned(trained)
    vocab = numbered([*sorted(alphabet), *(letter + "</w>" for letter in sorted(alphabet)), *pieces, CLIP_START, CLIP_END])
    model = models.BPE(vocab=vocab, merges=merges, unk_token=CLIP_END, end_of_word_suffix="</w>", continuing_subword_prefix="")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, words, decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(CLIP_START, special=True), AddedToken(CLIP_END, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(
        (CLIP_END, vocab[CLIP_END]), (CLIP_START, vocab[CLIP_START]), trim_offsets=False, add_prefix_space=False
    )
    return tokenizer


def build(records, work):
    """Writes `llava_tokenizer.json` and `clip_tokenizer.json`."""
    decoder_texts, clip_texts = corpora(records)
    train_llava(decoder_texts).save(str(work / "llava_tokenizer.json"))
    train_clip(clip_texts).save(str(work / "clip_tokenizer.json"))
