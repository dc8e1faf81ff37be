"""The tables of the scene generator: categories, colours, sizes, and which things are found where. No code, no randomness."""

SIDE = 144  # side of the base space: every coordinate and size is in its units

# COCO's names and ids.
COCO_IDS = {
    "person": 1, "bicycle": 2, "car": 3, "bus": 6, "boat": 9, "traffic light": 10, "bird": 16, "cat": 17, "dog": 18,
    "umbrella": 28, "sports ball": 37, "kite": 38, "bottle": 44, "cup": 47, "banana": 52, "apple": 53, "orange": 55,
    "pizza": 59, "chair": 62, "potted plant": 64, "tv": 72, "laptop": 73, "clock": 85, "book": 84,
}
CATEGORIES = list(COCO_IDS)

# Names of colours in captions, as sRGB before jitter.
COLOURS = {
    "red": (206, 44, 44), "blue": (44, 88, 200), "green": (52, 150, 66), "yellow": (238, 200, 44), "orange": (240, 132, 32),
    "purple": (128, 60, 160), "pink": (238, 128, 168), "brown": (126, 80, 44), "black": (38, 38, 42),
    "white": (236, 236, 232), "gray": (132, 136, 142), "teal": (30, 150, 150),
}
COLOUR_NAMES = list(COLOURS)

# Colours a category comes in.
PALETTES = {
    "person": ["red", "blue", "green", "yellow", "white", "purple", "pink", "black"],
    "bicycle": ["red", "blue", "green", "black", "yellow"],
    "car": ["red", "blue", "white", "black", "yellow", "green", "gray"],
    "bus": ["red", "yellow", "blue", "green", "white", "orange"],
    "boat": ["white", "red", "blue", "brown", "yellow"],
    "traffic light": ["black", "yellow"],
    "bird": ["white", "black", "blue", "brown", "red"],
    "cat": ["orange", "black", "gray", "white"],
    "dog": ["brown", "black", "white", "yellow", "gray"],
    "umbrella": ["red", "blue", "yellow", "green", "purple", "pink"],
    "sports ball": ["white", "orange", "yellow", "red"],
    "kite": ["red", "yellow", "purple", "green", "pink", "blue"],
    "bottle": ["green", "brown", "blue", "white"],
    "cup": ["white", "red", "blue", "yellow", "teal"],
    "banana": ["yellow"],
    "apple": ["red", "green"],
    "orange": ["orange"],
    "pizza": ["yellow"],
    "chair": ["brown", "red", "blue", "white", "gray"],
    "potted plant": ["green"],
    "tv": ["black"],
    "laptop": ["gray", "black"],
    "clock": ["white", "brown", "red", "black"],
    "book": ["red", "blue", "green", "brown", "purple"],
}

# Categories whose colour captions and questions mention.
COLOUR_IS_MENTIONED = {
    "bicycle", "car", "bus", "boat", "bird", "cat", "dog", "umbrella", "kite", "bottle", "cup", "apple", "chair", "book",
}

# Nominal height in base units at depth 1; half width as a share of the height; largest rotation in degrees.
SHAPES = {
    "person": (58, 0.27, 4),
    "bicycle": (34, 0.68, 4),
    "car": (27, 1.0, 2),
    "bus": (42, 1.12, 1),
    "boat": (38, 0.55, 5),
    "traffic light": (52, 0.15, 1),
    "bird": (19, 0.5, 10),
    "cat": (30, 0.5, 3),
    "dog": (30, 0.85, 4),
    "umbrella": (56, 0.62, 9),
    "sports ball": (17, 0.5, 180),
    "kite": (32, 0.3, 28),
    "bottle": (30, 0.17, 2),
    "cup": (18, 0.55, 3),
    "banana": (20, 0.52, 20),
    "apple": (17, 0.47, 14),
    "orange": (17, 0.47, 180),
    "pizza": (34, 0.53, 5),
    "chair": (44, 0.37, 2),
    "potted plant": (36, 0.52, 3),
    "tv": (40, 0.8, 1),
    "laptop": (34, 0.73, 1),
    "clock": (23, 0.5, 3),
    "book": (22, 0.55, 4),
}

# Per scene: (category, chance, {other category: chance if that is already there}, weights of one, two, three instances, place).
# The conditional chances are what a language model learns as a prior, and what makes the trained LLaVA invent things.
PROGRAMS = {
    "beach": [
        ("umbrella", 0.55, {}, (0.8, 0.2), "ground"),
        ("person", 0.25, {"umbrella": 0.88}, (0.6, 0.3, 0.1), "ground"),
        ("chair", 0.08, {"umbrella": 0.5}, (0.7, 0.3), "ground"),
        ("boat", 0.35, {}, (0.75, 0.25), "water"),
        ("bird", 0.15, {"boat": 0.7}, (0.5, 0.3, 0.2), "sky"),
        ("dog", 0.28, {}, (1,), "ground"),
        ("sports ball", 0.06, {"dog": 0.75}, (1,), "ground"),
        ("kite", 0.22, {}, (0.8, 0.2), "sky"),
        ("bottle", 0.04, {"chair": 0.3}, (1,), "ground"),
        ("book", 0.02, {"chair": 0.25}, (1,), "ground"),
    ],
    "park": [
        ("dog", 0.5, {}, (0.85, 0.15), "ground"),
        ("person", 0.3, {"dog": 0.8}, (0.6, 0.3, 0.1), "ground"),
        ("sports ball", 0.08, {"dog": 0.7}, (0.9, 0.1), "ground"),
        ("kite", 0.3, {"person": 0.45}, (0.8, 0.2), "sky"),
        ("bicycle", 0.15, {"person": 0.4}, (0.8, 0.2), "ground"),
        ("bird", 0.35, {}, (0.5, 0.3, 0.2), "both"),
        ("umbrella", 0.06, {}, (1,), "ground"),
        ("cat", 0.06, {}, (1,), "ground"),
        ("chair", 0.08, {}, (0.6, 0.4), "ground"),
        ("apple", 0.04, {}, (1,), "ground"),
        ("potted plant", 0.03, {}, (1,), "ground"),
    ],
    "street": [
        ("car", 0.75, {}, (0.55, 0.35, 0.1), "road"),
        ("traffic light", 0.12, {"car": 0.72}, (0.75, 0.25), "curb"),
        ("bus", 0.3, {"traffic light": 0.4}, (1,), "road"),
        ("person", 0.5, {"bus": 0.75}, (0.5, 0.35, 0.15), "curb"),
        ("bicycle", 0.12, {"person": 0.45}, (0.85, 0.15), "curb"),
        ("umbrella", 0.03, {"person": 0.12}, (1,), "curb"),
        ("dog", 0.03, {"person": 0.15}, (1,), "curb"),
        ("clock", 0.06, {"bus": 0.25}, (1,), "bldg"),
        ("bird", 0.08, {}, (0.7, 0.3), "sky"),
        ("potted plant", 0.08, {}, (1,), "curb"),
    ],
    "room": [
        ("tv", 0.6, {}, (1,), "stand"),
        ("clock", 0.1, {"tv": 0.75}, (1,), "wall"),
        ("chair", 0.35, {"tv": 0.6}, (0.6, 0.4), "ground"),
        ("potted plant", 0.2, {"chair": 0.6}, (0.8, 0.2), "ground"),
        ("cat", 0.35, {}, (0.9, 0.1), "ground"),
        ("dog", 0.12, {}, (1,), "ground"),
        ("person", 0.2, {"tv": 0.35}, (0.8, 0.2), "ground"),
        ("book", 0.1, {"chair": 0.4}, (0.8, 0.2), "ground"),
        ("sports ball", 0.03, {"dog": 0.3, "cat": 0.2}, (1,), "ground"),
        ("umbrella", 0.03, {}, (1,), "ground"),
    ],
    "kitchen": [
        ("cup", 0.6, {}, (0.7, 0.3), "table"),
        ("bottle", 0.15, {"cup": 0.65}, (0.7, 0.3), "tback"),
        ("apple", 0.4, {}, (0.5, 0.3, 0.2), "table"),
        ("orange", 0.08, {"apple": 0.72}, (0.5, 0.35, 0.15), "table"),
        ("banana", 0.1, {"apple": 0.5}, (1,), "table"),
        ("pizza", 0.35, {}, (0.9, 0.1), "table"),
        ("clock", 0.18, {}, (1,), "wall"),
        ("potted plant", 0.12, {}, (1,), "tback"),
        ("book", 0.08, {}, (1,), "table"),
        ("cat", 0.04, {}, (1,), "tback"),
        ("person", 0.08, {"pizza": 0.25}, (1,), "behind"),
    ],
    "office": [
        ("laptop", 0.78, {}, (0.9, 0.1), "tback"),
        ("cup", 0.12, {"laptop": 0.75}, (0.9, 0.1), "table"),
        ("book", 0.3, {"laptop": 0.6}, (0.6, 0.3, 0.1), "table"),
        ("clock", 0.3, {"book": 0.5}, (1,), "wall"),
        ("potted plant", 0.3, {}, (0.8, 0.2), "tback"),
        ("bottle", 0.1, {}, (1,), "tback"),
        ("apple", 0.05, {"book": 0.25}, (1,), "table"),
        ("cat", 0.1, {}, (1,), "tback"),
        ("tv", 0.08, {}, (1,), "tback"),
        ("person", 0.1, {}, (1,), "behind"),
        ("banana", 0.04, {}, (1,), "table"),
        ("orange", 0.03, {}, (1,), "table"),
    ],
    "lake": [
        ("boat", 0.75, {}, (0.5, 0.35, 0.15), "water"),
        ("bird", 0.2, {"boat": 0.75}, (0.4, 0.35, 0.25), "sky"),
        ("person", 0.25, {"boat": 0.4}, (0.7, 0.3), "ground"),
        ("kite", 0.12, {}, (1,), "sky"),
        ("umbrella", 0.05, {"person": 0.2}, (1,), "ground"),
        ("dog", 0.05, {"person": 0.25}, (1,), "ground"),
        ("chair", 0.05, {"person": 0.2}, (1,), "ground"),
        ("bicycle", 0.05, {}, (1,), "ground"),
        ("bottle", 0.04, {}, (1,), "ground"),
    ],
}
SCENES = list(PROGRAMS)
SCENE_NAMES = {scene: "living room" if scene == "room" else scene for scene in SCENES}

STRAY_CHANCE = 0.012  # of each category that does not belong to the scene: keeps the prior from being absolute
NEVER_STRAY = ("bus", "boat", "traffic light")

MIN_AREA = 36  # an instance counts as visible with at least this area (square base units) ...
MIN_VISIBLE = 0.3  # ... and this share of its nominal area
