"""Drawing what is mostly found indoors.

Units: 1 is the object's height (for long things roughly their half length); the origin is the bottom centre, y points down, so everything
stands on y = 0 at negative y. `rng` decides details, `colour` is the (jittered) main colour. The order of the random draws is part of the
format: a seed means one picture.
"""

import math

from canvas import Pen, darker, ellipse, jitter, lighter, polygon, rectangle, spline
from catalogue import COLOURS


def draw_bottle(pen, rng, colour):
    """A bottle with cap and label."""
    gl = colour
    pen.fill(
        spline(
            [
                (-0.15, 0),
                (-0.16, -0.3),
                (-0.15, -0.58),
                (-0.06, -0.72),
                (-0.055, -0.92),
                (0.055, -0.92),
                (0.06, -0.72),
                (0.15, -0.58),
                (0.16, -0.3),
                (0.15, 0),
            ]
        ),
        gl,
        shade=0.3,
        across=True,
    )
    pen.fill(rectangle(-0.07, -1, 0.14, 0.1, 0.02), [(200, 40, 40), (230, 200, 80), (60, 60, 64)][rng.integers(3)])
    pen.fill(
        rectangle(-0.155, -0.5, 0.31, 0.28, 0.02),
        [(240, 236, 215), (230, 190, 90), (200, 70, 60)][rng.integers(3)],
        shade=0.06,
        outline=0.3,
    )
    pen.line([(-0.09, -0.6), (-0.1, -0.12)], (255, 255, 255), 0.03, alpha=110)


def draw_cup(pen, rng, colour):
    """A cup with something in it."""
    pen.stroke(ellipse(0.4, -0.48, 0.2, 0.22), darker(colour, 0.18), 0.1)
    pen.fill(
        spline([(-0.4, -0.85), (-0.38, -0.4), (-0.3, -0.05), (0, 0), (0.3, -0.05), (0.38, -0.4), (0.4, -0.85)]),
        colour,
        shade=0.2,
        across=True,
    )
    pen.fill(ellipse(0, -0.86, 0.4, 0.12), lighter(colour, 0.3), shade=0, outline=0.6)
    pen.fill(ellipse(0, -0.85, 0.33, 0.085), [(70, 40, 22), (170, 110, 50), (90, 50, 26)][rng.integers(3)], shade=0.1, outline=0)


def draw_banana(pen, rng, colour):
    """One to three bananas."""
    for k in range(rng.integers(1, 4)):
        d = k * 0.12
        pen.fill(
            spline(
                [
                    (-0.5, -0.5 - d * 0.6),
                    (-0.42, -0.52 - d * 0.6),
                    (-0.2, -0.26 - d),
                    (0.15, -0.2 - d),
                    (0.42, -0.44 - d),
                    (0.5, -0.42 - d),
                    (0.4, -0.14 - d * 0.9),
                    (0.1, 0 - d * 0.9),
                    (-0.25, -0.04 - d * 0.9),
                    (-0.44, -0.24 - d * 0.8),
                ]
            ),
            jitter(rng, colour, 0.01, 0.08, 0.06),
            shade=0.2,
        )
    pen.line([(-0.47, -0.52), (-0.49, -0.62)], (100, 80, 30), 0.07)


def draw_apple(pen, rng, colour):
    """An apple with a leaf."""
    pen.fill(
        spline(
            [
                (0, -0.82),
                (0.25, -0.9),
                (0.46, -0.7),
                (0.44, -0.35),
                (0.22, -0.02),
                (0, -0.06),
                (-0.22, -0.02),
                (-0.44, -0.35),
                (-0.46, -0.7),
                (-0.25, -0.9),
            ]
        ),
        colour,
        shade=0.25,
    )
    pen.line([(0, -0.8), (0.05, -1.0)], (90, 60, 30), 0.07)
    pen.fill(spline([(0.04, -0.92), (0.2, -1.06), (0.34, -0.98), (0.2, -0.9)]), (70, 150, 60), outline=0.3)
    pen.fill(ellipse(-0.2, -0.62, 0.08, 0.12), (255, 255, 255), shade=0, outline=0, alpha=120)


def draw_orange(pen, rng, colour):
    """An orange with a leaf."""
    pen.fill(ellipse(0, -0.46, 0.46), colour, shade=0.25)
    for _ in range(14):
        a = rng.random() * 6.28
        q = rng.random() ** 0.5 * 0.38
        pen.fill(ellipse(q * math.cos(a), -0.46 + q * math.sin(a), 0.018), darker(colour, 0.25), shade=0, outline=0)
    pen.fill(ellipse(0, -0.86, 0.05, 0.03), (90, 120, 50), shade=0, outline=0)
    pen.fill(spline([(0, -0.88), (0.16, -1.0), (0.34, -0.93), (0.16, -0.85)]), (60, 130, 50), outline=0.3)


def draw_pizza(pen, rng, colour):
    """A round pizza, seen at a slant."""
    f = 0.5
    pen.fill(ellipse(0, -0.26, 0.52, 0.27), (190, 125, 60), shade=0.15)
    pen.fill(ellipse(0, -0.275, 0.45, 0.22), (240, 196, 92), shade=0.1, outline=0.3)
    for _ in range(rng.integers(6, 10)):
        a = rng.random() * 6.28
        q = rng.random() ** 0.5 * 0.36
        pen.fill(ellipse(q * math.cos(a), -0.275 + q * f * math.sin(a), 0.065, 0.036), (186, 52, 36), shade=0.1, outline=0.3)
    for _ in range(6):
        a = rng.random() * 6.28
        q = rng.random() ** 0.5 * 0.36
        pen.fill(ellipse(q * math.cos(a), -0.275 + q * f * math.sin(a), 0.03, 0.014), (70, 130, 50), shade=0, outline=0)
    a = rng.random() * 6.28
    for k in range(3):
        b = a + k * math.pi / 3
        pen.line(
            [(-0.45 * math.cos(b), -0.275 - 0.22 * math.sin(b)), (0.45 * math.cos(b), -0.275 + 0.22 * math.sin(b))],
            (170, 110, 50),
            0.014,
        )


def draw_chair(pen, rng, colour):
    """A chair with a solid or a slatted back."""
    dk = darker(colour, 0.3)
    for x in (-0.2, 0.3):
        pen.line([(x, -0.42), (x, -0.06)], dk, 0.05)
    for x in (-0.3, 0.2):
        pen.line([(x, -0.4), (x, 0)], colour, 0.06)
    if rng.random() < 0.5:
        pen.fill(rectangle(-0.3, -1, 0.42, 0.52, 0.06), colour)
    else:
        pen.line([(-0.3, -0.42), (-0.3, -1)], colour, 0.06)
        pen.line([(0.1, -0.45), (0.1, -0.98)], colour, 0.06)
        for y in (-0.95, -0.8, -0.65):
            pen.line([(-0.3, y), (0.1, y)], colour, 0.055)
    pen.fill(polygon([(-0.34, -0.4), (-0.26, -0.52), (0.34, -0.52), (0.26, -0.4)]), lighter(colour, 0.12))
    pen.fill(rectangle(-0.34, -0.41, 0.6, 0.06, 0.02), dk, outline=0.3)


def draw_potted_plant(pen, rng, colour):
    """A potted plant with broad or narrow leaves."""
    pc = [(190, 95, 60), (225, 220, 210), (70, 100, 130), (120, 120, 116)][rng.integers(4)]
    n = rng.integers(7, 12)
    kind = rng.integers(2)
    for i in range(n):
        a = -math.pi / 2 + (i / (n - 1) - 0.5) * 2.5 + rng.normal() * 0.08
        L = rng.uniform(0.42, 0.62)
        ex, ey = (L * math.cos(a) * 0.85, -0.38 + L * math.sin(a))
        w = 0.05 if kind else 0.085
        nx, ny = (-math.sin(a) * w, math.cos(a) * w)
        mx, my = (ex * 0.55, -0.38 + (ey + 0.38) * 0.55)
        pen.fill(
            spline([(0, -0.36), (mx + nx, my + ny), (ex, ey), (mx - nx, my - ny)]),
            jitter(rng, colour, 0.02, 0.15, 0.2),
            shade=0.12,
            outline=0.4,
        )
    pen.fill(polygon([(-0.22, -0.4), (0.22, -0.4), (0.16, 0), (-0.16, 0)]), pc, shade=0.2, across=True)
    pen.fill(rectangle(-0.25, -0.43, 0.5, 0.09, 0.02), lighter(pc, 0.1), shade=0.1)


def draw_tv(pen, rng, colour):
    """A television on its foot."""
    pen.fill(rectangle(-0.12, -0.1, 0.24, 0.1), (50, 50, 54))
    pen.fill(rectangle(-0.35, -0.04, 0.7, 0.05, 0.02), (40, 40, 44))
    pen.fill(rectangle(-0.78, -1, 1.56, 0.92, 0.05), colour, shade=0.1)
    a = [(60, 110, 170), (40, 60, 90), (90, 140, 90), (150, 90, 120), (28, 32, 40)][rng.integers(5)]
    pen.fill(rectangle(-0.72, -0.94, 1.44, 0.78, 0.02), a, shade=0.35, outline=0.2)
    if rng.random() < 0.6:
        pen.fill(
            polygon(
                [
                    (-0.72, -0.3),
                    (-0.45, -0.5),
                    (-0.2, -0.36),
                    (0.1, -0.58),
                    (0.35, -0.4),
                    (0.5, -0.48),
                    (0.72, -0.36),
                    (0.72, -0.16),
                    (-0.72, -0.16),
                ]
            ),
            darker(a, 0.35),
            shade=0.1,
            outline=0,
        )
    pen.fill(polygon([(-0.6, -0.92), (-0.35, -0.92), (-0.62, -0.3), (-0.7, -0.4)]), (255, 255, 255), shade=0, outline=0, alpha=40)


def draw_laptop(pen, rng, colour):
    """An open laptop."""
    sc = [(80, 140, 210), (235, 240, 245), (60, 70, 90), (150, 200, 170)][rng.integers(4)]
    pen.fill(polygon([(-0.52, -0.98), (0.52, -0.98), (0.56, -0.26), (-0.56, -0.26)]), colour, shade=0.1)
    pen.fill(polygon([(-0.46, -0.92), (0.46, -0.92), (0.5, -0.32), (-0.5, -0.32)]), sc, shade=0.2, outline=0.3)
    for i in range(rng.integers(2, 5)):
        y = -0.82 + i * 0.12
        pen.line([(-0.36, y), (-0.36 + rng.uniform(0.2, 0.6), y)], lighter(sc, 0.5) if sum(sc) < 600 else (90, 100, 120), 0.035)
    pen.fill(polygon([(-0.56, -0.26), (0.56, -0.26), (0.72, -0.02), (-0.72, -0.02)]), lighter(colour, 0.18), shade=0.1)
    pen.fill(polygon([(-0.48, -0.22), (0.48, -0.22), (0.56, -0.11), (-0.56, -0.11)]), darker(colour, 0.45), shade=0, outline=0)
    pen.fill(rectangle(-0.72, -0.03, 1.44, 0.035, 0.01), darker(colour, 0.3), outline=0)


def draw_clock(pen, rng, colour):
    """A round wall clock at some time of day."""
    pen.fill(ellipse(0, -0.5, 0.5), colour, shade=0.2, outline=0.6)
    pen.fill(ellipse(0, -0.5, 0.4), (248, 246, 236), shade=0.04, outline=0.3)
    for k in range(12):
        a = k * math.pi / 6
        pen.line(
            [(0.33 * math.cos(a), -0.5 + 0.33 * math.sin(a)), (0.37 * math.cos(a), -0.5 + 0.37 * math.sin(a))], (40, 40, 44), 0.03
        )
    a, b = (rng.random() * 6.28, rng.random() * 6.28)
    pen.line([(0, -0.5), (0.2 * math.cos(a), -0.5 + 0.2 * math.sin(a))], (25, 25, 28), 0.055)
    pen.line([(0, -0.5), (0.3 * math.cos(b), -0.5 + 0.3 * math.sin(b))], (25, 25, 28), 0.035)
    pen.fill(ellipse(0, -0.5, 0.035), (180, 40, 40), shade=0, outline=0)


def draw_book(pen, rng, colour):
    """A closed book, a pile of books, or one standing."""
    t = rng.integers(3)
    if t == 0:
        pen.fill(polygon([(-0.55, -0.1), (0.35, -0.1), (0.55, -0.42), (-0.35, -0.42)]), colour, shade=0.1)
        pen.fill(polygon([(-0.55, -0.1), (0.35, -0.1), (0.35, 0), (-0.55, 0)]), (238, 232, 214), shade=0.05, outline=0.4)
        pen.fill(polygon([(0.35, -0.1), (0.55, -0.42), (0.55, -0.32), (0.35, 0)]), darker(colour, 0.3), outline=0.3)
        pen.line([(-0.2, -0.32), (0.25, -0.32)], lighter(colour, 0.6), 0.04)
        pen.line([(-0.55, 0), (0.35, 0)], darker(colour, 0.2), 0.035)
    elif t == 1:
        for i in range(rng.integers(2, 4)):
            cc = colour if i == 0 else jitter(rng, colour, 0.03, 0.2, 0.25)
            w = rng.uniform(0.42, 0.52)
            y = -i * 0.2
            pen.fill(rectangle(-w, y - 0.2, 2 * w, 0.2, 0.02), cc, shade=0.15)
            pen.fill(rectangle(w - 0.16, y - 0.17, 0.15, 0.14), (238, 232, 214), shade=0.04, outline=0)
            pen.line([(-w + 0.1, y - 0.1), (-w + 0.35, y - 0.1)], lighter(cc, 0.6), 0.03)
    else:
        pen.fill(rectangle(-0.3, -0.9, 0.6, 0.9, 0.02), colour, shade=0.15, across=True)
        pen.fill(rectangle(-0.3, -0.9, 0.09, 0.9), darker(colour, 0.3), shade=0, outline=0)
        pen.fill(rectangle(-0.12, -0.75, 0.32, 0.14), lighter(colour, 0.65), shade=0, outline=0)
        pen.line([(-0.1, -0.45), (0.18, -0.45)], lighter(colour, 0.5), 0.03)
        pen.line([(0.29, -0.88), (0.29, -0.02)], (238, 232, 214), 0.03)


DRAW = {
    "bottle": draw_bottle,
    "cup": draw_cup,
    "banana": draw_banana,
    "apple": draw_apple,
    "orange": draw_orange,
    "pizza": draw_pizza,
    "chair": draw_chair,
    "potted plant": draw_potted_plant,
    "tv": draw_tv,
    "laptop": draw_laptop,
    "clock": draw_clock,
    "book": draw_book,
}
