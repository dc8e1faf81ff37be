"""Writes what Python and Jinja make of string methods, `%` and filters, for `src/checkpoint/template/tests/words.rs`. Not run in CI.

Made with Python 3.11, jinja2 3.1.6. Seed 13.

    python tests/golden/template_words.py [--seed N] [--out FILE]

`template_words.json` is a list of `[expression, result]`: the expression as a template would have it, and what jinja2's sandbox, set up as transformers
does, gives for `{{ (expression)|tojson }}`; null where it refuses.
"""

import argparse
import json
import random
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = Path(__file__).resolve().parent
TEXTS = [
    "", "a", "abc", "  a  b ", "a,b,,c", "Hello World", "it's ONE two", "x = 1\ty\t\tz", "one\ntwo\r\nthree\x0bfour\u2028five\n", "-42", "+7", "007",
    "½", "²3", "１２", "一二", "é", "Straße", "ŒUVRE ſ ŉ", "ΑΣ ΑΣΑ Σ σς", "ǆ Ǆ ǅ", "ﬁne ﬃ", "İ ı I i", "Ꭰꭰ", "日本語", "a_b1", "1ab", "ünder_x", "a b\x1cc",
    "A Title Here", "not A title", "UPPER", "lower", "tab\tend", "\x7f\u200b", "🙂 ok", "देवनागरी लिपि", "'", "\"'\\", "a--b--c", "aaa", "ᾳ ᾴ ΐ", "\xa0x\xa0",
]
PARTS = ["a", "b", ",", " ", "--", "o", "", "aa", "xyz", "é", "Σ"]
NO_ARGUMENTS = [
    "casefold", "swapcase", "title", "capitalize", "isascii", "isidentifier", "isdecimal", "isdigit", "isnumeric", "isalpha", "isalnum", "isprintable",
    "isspace", "istitle", "islower", "isupper", "upper", "lower", "split", "rsplit", "splitlines", "expandtabs", "strip", "lstrip", "rstrip",
]
VALUES = [
    "1", "-7", "0", "true", "none", "3.75", "-0.5", "1e22", "1e-7", "123456789012345678901234567890", "'a'", "'it\\'s'", "'é\\n🙂'", "[1, 'a']", "(1,)",
    "('a', 2)", "{'a': 1, 'b': [none, 2.0]}", "65", "[]", "2.5", "1e16",
]


def text(rng: random.Random) -> str:
    chosen = rng.choice(TEXTS)
    if rng.random() < 0.3:
        chosen += rng.choice(TEXTS)
    return chosen


def quoted(value: str) -> str:
    escapes = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "'" + "".join(escapes.get(c, c) for c in value) + "'"


def number(rng: random.Random) -> str:
    return str(rng.choice([0, 1, 2, 3, 5, 9, -1, -2, -9, 20]))


def method(rng: random.Random) -> str:
    of, part = quoted(text(rng)), quoted(rng.choice(PARTS))
    places = "".join(", " + rng.choice([number(rng), "none"]) for _ in range(rng.randrange(3)))
    name = rng.choice(["find", "rfind", "index", "rindex", "count", "startswith", "endswith"])
    return of + rng.choice([
        f".{rng.choice(NO_ARGUMENTS)}()",
        f".{rng.choice(NO_ARGUMENTS)}()",
        f".{name}({part}{places})",
        f".{rng.choice(['startswith', 'endswith'])}(({part}, 'c'){places})",
        f".{rng.choice(['removeprefix', 'removesuffix', 'partition', 'rpartition', 'strip', 'lstrip', 'rstrip'])}({part})",
        f".{rng.choice(['split', 'rsplit'])}({rng.choice([part, 'none'])}, {number(rng)})",
        f".{rng.choice(['split', 'rsplit'])}({rng.choice(['maxsplit=1', 'sep=' + part, 'sep=none, maxsplit=2', part])})",
        f".splitlines({rng.choice(['true', 'false', 'keepends=true'])})",
        f".{rng.choice(['ljust', 'rjust', 'center'])}({number(rng)}{rng.choice(['', ', ' + part])})",
        f".zfill({number(rng)})",
        f".expandtabs({rng.choice([number(rng), 'tabsize=4'])})",
    ])


def field(rng: random.Random, key: str) -> str:
    flags = "".join(rng.sample("-+ #0", rng.choice([0, 0, 1, 2])))
    width, precision = rng.choice(["", "", "1", "8", "12"]), rng.choice(["", "", ".0", ".2", ".5"])
    return f"%{key}{flags}{width}{precision}{rng.choice('sssdirafegxocGX%')}"


def percent(rng: random.Random) -> str:
    if rng.random() < 0.2:
        fields = " ".join(field(rng, f"({key})") for key in rng.choices(["a", "b", "c"], k=2))
        return f"{quoted(fields)} % {{'a': {rng.choice(VALUES)}, 'b': {rng.choice(VALUES)}}}"
    count = rng.choice([1, 1, 2, 3])
    fields = quoted("Year 2024: " + ", ".join(field(rng, "") for _ in range(count)))
    values = [rng.choice(VALUES) for _ in range(rng.choice([count, count, count, count + 1, 1]))]
    if rng.random() < 0.1:
        return f"'%*d|%-*.*f' % ({rng.choice([3, -6])}, 5, 9, 2, {rng.choice(VALUES)})"
    if rng.random() < 0.3:
        return f"{fields}|format({', '.join(values)})"
    return f"{fields} % ({', '.join(values)}{',' if len(values) == 1 and rng.random() < 0.5 else ''})"


def filtered(rng: random.Random) -> str:
    long = quoted(" ".join(rng.choices(["the", "quick", "brown", "été", "x_1", "-", "fox,"], k=rng.choice([2, 8, 20]))))
    return rng.choice([
        f"{quoted(text(rng))}|center({number(rng)})",
        f"{quoted(text(rng))}|center(width=9)",
        f"{long}|wordcount",
        f"{quoted(text(rng))}|wordcount",
        f"{long}|truncate({rng.choice(['', '9', '20, true', '12, end=' + quoted('!'), 'length=10, leeway=0', '12, false, ' + quoted('..') + ', 2'])})",
        f"{rng.choice(['0', '1', '999', '1000', '1500000', '123456789012', quoted('13')])}|filesizeformat({rng.choice(['', 'true', 'binary=true'])})",
        f"[1, 'a', 1].index({rng.choice(['1', quoted('a'), '2', '1, 1'])})",
        f"({rng.choice(VALUES[:3])}, {rng.choice(['7', '-3', '2.5', '0'])})|map('int')|sum % {rng.choice(['3', '-3', '2.5', '-2.5'])}",
    ])


def statements(rng: random.Random) -> list[str]:
    sets = ["{% set c = cycler('a', 'b', 3) %}", "{% set j = joiner('-') %}", "{% set j = joiner() %}"]
    uses = ["{{ c.next() }}", "{{ c.current }}", "{{ c.reset() or '' }}", "{{ j() }}", "x"]
    return ["".join(sets[:2] + rng.choices(uses, k=8)), "".join([sets[0], sets[2]] + rng.choices(uses, k=8))]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--out", type=Path, default=HERE / "template_words.json")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    expressions = [f"{quoted(of)}.{name}()" for of in TEXTS for name in NO_ARGUMENTS if rng.random() < 0.4]
    expressions += [f"{quoted(of)}.{name}()" for name in NO_ARGUMENTS[:14] for of in TEXTS[rng.randrange(3) :: 3]]
    expressions += [method(rng) for _ in range(700)] + [percent(rng) for _ in range(500)] + [filtered(rng) for _ in range(200)]
    sources = ["{{ (" + expression + ")|tojson }}" for expression in expressions]
    for _ in range(20):
        sources += statements(rng)
    cases = []
    for source in dict.fromkeys(sources):
        try:
            result = environment.from_string(source).render()
        except Exception:
            result = None
        cases.append([source, result])
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    arguments.out.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(cases)} cases, {sum(result is None for _, result in cases)} refused: {arguments.out}")


if __name__ == "__main__":
    main()
