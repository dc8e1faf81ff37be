"""What is said about a scene: captions, questions with answers, and CLIP's texts, from the annotated objects.

A record is `{"scene": name, "objs": [annotated objects]}`; `rng` is a `random.Random`. The order of the random draws is part of the format.
"""

from catalogue import CATEGORIES, COLOUR_IS_MENTIONED, SCENE_NAMES

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PLURALS = {"person": "people", "bus": "buses", "tv": "tvs"}
WHERE = {
    "beach": ["on the beach", "on the sand", "at the beach"],
    "park": ["on the grass", "in the park", "in a park"],
    "street": ["on the street", "in the city", "on a city street"],
    "room": ["in a living room", "in the living room", "in a room"],
    "kitchen": ["on a kitchen table", "on the table", "in a kitchen"],
    "office": ["on a desk", "on the desk", "in an office"],
    "lake": ["by the lake", "at the lake", "on the water"],
}
SIDES = {
    "left": ["on the left", "on the left side of the image", "to the left"],
    "right": ["on the right", "on the right side of the image", "to the right"],
    "middle": ["in the middle", "in the center of the image", "near the center"],
}
SIDE_ANSWERS = {"left": "On the left", "right": "On the right", "middle": "In the middle"}
ASK_DETAIL = [
    "Describe this image in detail.",
    "Please describe this image in detail.",
    "Please help me describe the image in detail.",
    "Describe the image.",
]
ASK_SHORT = ["Write a short caption for this image.", "Provide a one-sentence caption for the image."]
ASK_CONTENTS = ["What is in this image?", "What objects are in the image?", "What can you see in the image?"]
ASK_PRESENCE = ["Is there %s in the image?"] * 4 + [
    "Is there %s in the image? Please answer yes or no.",
    "Is there %s in this picture?",
]


# ---------------------------------------------------------------- words


def plural(category):
    return PLURALS.get(category, category + "s")


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def capitalised(text):
    return text[0].upper() + text[1:]


def enumerated(parts):
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def side(cx):
    """Third of the picture that a centre (share of the width) lies in; the middle is the narrower one."""
    return "left" if cx < 0.36 else ("right" if cx > 0.64 else "middle")


def groups(objects):
    """[(category, its objects)], the most prominent first."""
    found = {}
    for o in objects:
        found.setdefault(o["cat"], []).append(o)

    def prominence(entry):
        areas = [o["area"] for o in entry[1]]
        return -max(areas) - 0.3 * sum(areas)

    return sorted(found.items(), key=prominence)


def noun_phrase(category, objects, with_colour=False):
    with_colour = with_colour and category in COLOUR_IS_MENTIONED
    if len(objects) == 1:
        return article(f"{objects[0]['color']} {category}" if with_colour else category)
    same = with_colour and len({o["color"] for o in objects}) == 1
    return f"{NUMBERS[min(len(objects), 9)]} {objects[0]['color'] + ' ' if same else ''}{plural(category)}"


# ---------------------------------------------------------------- captions


def short_caption(record, rng):
    found = groups(record["objs"])[: rng.choice([2, 3, 3])]
    return capitalised(enumerated([noun_phrase(c, o) for c, o in found]) + " " + rng.choice(WHERE[record["scene"]])) + "."


def contents(record):
    return "The image contains " + enumerated([noun_phrase(c, o) for c, o in groups(record["objs"])]) + "."


def detailed_caption(record, rng):
    """One or two things with colour and side, then up to three more, then the rest."""
    found = groups(record["objs"])
    count = min(len(found), rng.choice([1, 2, 2]))
    first, rest = found[:count], found[count:]
    where, sentences = rng.choice(WHERE[record["scene"]]), []
    verb = "is" if len(first[0][1]) == 1 else "are"
    opening = rng.choice(["The image shows %s %s.", "The image features %s %s.", f"In the image, there {verb} %s %s."])
    sentences.append(opening % (enumerated([noun_phrase(c, o, True) for c, o in first]), where))
    sides = [f"the {c} is {rng.choice(SIDES[side(o[0]['cx'])])}" for c, o in first if len(o) == 1]
    if sides:
        sentences.append(capitalised(" and ".join(sides)) + ".")
    if rest:
        also = enumerated([noun_phrase(c, o, rng.random() < 0.5) for c, o in rest[:3]])
        verb = "is" if len(rest[0][1]) == 1 else "are"
        forms = [f"There {verb} also %s in the scene.", "In addition, %s can be seen nearby.", "The scene also includes %s."]
        sentences.append(rng.choice(forms) % also)
    if rest[3:]:
        background = enumerated([noun_phrase(c, o) for c, o in rest[3:]])
        sentences.append(f"{capitalised(background)} can be seen in the background.")
    return " ".join(sentences)


# ---------------------------------------------------------------- conversations


def conversation(record, rng, num_presence=4, always_ask_where=False):
    """[(question, answer)] about one scene: captions, presence of present and absent things, colour, side, number."""
    objects, turns = record["objs"], []
    found = dict(groups(objects))
    if objects:
        turns.append((rng.choice(ASK_DETAIL), detailed_caption(record, rng)))
        if rng.random() < 0.5:
            turns.append((rng.choice(ASK_SHORT), short_caption(record, rng)))
        else:
            turns.append((rng.choice(ASK_CONTENTS), contents(record)))
    present, absent = list(found), [c for c in CATEGORIES if c not in found]
    yes = rng.sample(present, min(len(present), num_presence // 2))
    no = rng.sample(absent, num_presence - num_presence // 2)
    turns += [(rng.choice(ASK_PRESENCE) % article(c), "Yes") for c in yes]
    turns += [(rng.choice(ASK_PRESENCE) % article(c), "No") for c in no]
    single = [c for c in found if len(found[c]) == 1]
    if single:
        coloured = [c for c in single if c in COLOUR_IS_MENTIONED]
        if coloured and rng.random() < 0.6:
            c = rng.choice(coloured)
            turns.append((f"What color is the {c}?", capitalised(found[c][0]["color"])))
        if always_ask_where:
            asked = rng.sample(single, min(3, len(single)))
        else:
            asked = [rng.choice(single)] if rng.random() < 0.5 else []
        turns += [(f"Where is the {c}?", SIDE_ANSWERS[side(found[c][0]["cx"])]) for c in asked]
    if found and rng.random() < 0.4:
        c = rng.choice(list(found))
        turns.append((f"How many {plural(c)} are there?", capitalised(NUMBERS[min(9, len(found[c]))])))
    return turns


def clip_text(record, rng):
    """A short text for contrastive training."""
    found, scene = groups(record["objs"]), SCENE_NAMES[record["scene"]]
    if not found:
        return "a photo of a " + scene
    if rng.random() < 0.25:
        return f"a photo of a {scene} with " + enumerated([noun_phrase(c, o, True) for c, o in found[:3]])
    rng.shuffle(found)
    found = found[: rng.choice([1, 2, 3])]
    text = enumerated([noun_phrase(c, o, rng.random() < 0.6) for c, o in found])
    return text + (" " + rng.choice(WHERE[record["scene"]]) if rng.random() < 0.6 else "")
