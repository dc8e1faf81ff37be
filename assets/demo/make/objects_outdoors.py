"""Drawing what is mostly found outdoors, and people and animals.

Units: 1 is the object's height (for long things roughly their half length); the origin is the bottom centre, y points down, so everything
stands on y = 0 at negative y. `rng` decides details, `colour` is the (jittered) main colour. The order of the random draws is part of the
format: a seed means one picture.
"""

import math

import skia

from canvas import Pen, darker, ellipse, jitter, lighter, polygon, rectangle, spline
from catalogue import COLOURS

SKIN = [(245, 210, 180), (224, 172, 120), (170, 115, 75), (105, 70, 48)]
HAIR = [(40, 28, 20), (90, 55, 25), (200, 160, 80), (120, 60, 30), (150, 150, 150)]


def draw_person(pen, rng, colour):
    """A standing person: trousers, arms in one of three poses, hair long or short."""
    sk = SKIN[rng.integers(4)]
    hair = HAIR[rng.integers(5)]
    pants = [(50, 60, 100), (60, 60, 64), (120, 95, 70), (170, 165, 150)][rng.integers(4)]
    st = rng.uniform(0.03, 0.12)
    arm = rng.integers(3)
    for sgn in (-1, 1):
        pen.line([(sgn * 0.05, -0.45), (sgn * st, -0.22), (sgn * (st + 0.01), -0.02)], pants, 0.085)
        pen.line([(sgn * (st + 0.01), -0.015), (sgn * (st + 0.01) + 0.04, -0.01)], (40, 34, 34), 0.04)
    w = rng.uniform(0.12, 0.15)
    for sgn in (-1, 1):
        if arm == 1 and sgn > 0:
            pt = [(sgn * w * 0.9, -0.76), (sgn * 0.24, -0.8), (sgn * 0.27, -0.97)]
        elif arm == 2:
            pt = [(sgn * w * 0.9, -0.76), (sgn * 0.25, -0.64), (sgn * 0.18, -0.5)]
        else:
            pt = [(sgn * w * 0.9, -0.76), (sgn * 0.19, -0.6), (sgn * 0.19, -0.45)]
        pen.line(pt[:2], darker(colour, 0.15), 0.07)
        pen.line(pt[1:], sk, 0.055)
    pen.fill(
        spline([(-w, -0.8), (0, -0.83), (w, -0.8), (w * 0.85, -0.6), (w * 0.9, -0.42), (-w * 0.9, -0.42), (-w * 0.85, -0.6)]),
        colour,
    )
    pen.fill(rectangle(-0.03, -0.87, 0.06, 0.07), sk, shade=0, outline=0)
    if rng.random() < 0.4:
        pen.fill(ellipse(0, -0.9, 0.085, 0.11), hair, outline=0.3)
    pen.fill(ellipse(0, -0.91, 0.072, 0.088), sk, shade=0.08, outline=0.3)
    pen.fill(
        spline([(-0.08, -0.93), (-0.06, -1.0), (0, -1.02), (0.06, -1.0), (0.08, -0.93), (0.04, -0.965), (-0.04, -0.965)]),
        hair,
        outline=0,
    )


def draw_bicycle(pen, rng, colour):
    """A bicycle from the side."""
    for x in (-0.42, 0.42):
        pen.ring(x, -0.26, 0.24, 0.24, (30, 30, 32), 0.045)
        pen.ring(x, -0.26, 0.2, 0.2, (170, 170, 175), 0.012)
        for k in range(4):
            a = k * math.pi / 4 + rng.random()
            pen.line(
                [(x - 0.2 * math.cos(a), -0.26 - 0.2 * math.sin(a)), (x + 0.2 * math.cos(a), -0.26 + 0.2 * math.sin(a))],
                (170, 170, 175),
                0.008,
            )
    pen.line([(-0.42, -0.26), (-0.14, -0.58), (0.3, -0.6), (0, -0.25), (-0.42, -0.26)], colour, 0.045)
    pen.line([(-0.14, -0.6), (0, -0.25)], colour, 0.045)
    pen.line([(0.42, -0.26), (0.3, -0.66), (0.22, -0.74)], colour, 0.045)
    pen.line([(0.22, -0.74), (0.36, -0.74)], (40, 40, 40), 0.04)
    pen.line([(-0.22, -0.66), (-0.06, -0.66)], (40, 34, 30), 0.06)
    pen.fill(ellipse(0, -0.25, 0.06), (90, 90, 95), outline=0.3)


def draw_car(pen, rng, colour):
    """A saloon, a sports car or an estate."""
    t = rng.integers(3)
    h = [0.62, 0.56, 0.72][t]
    cab = [
        [(-0.5, -0.4), (-0.3, -h), (0.26, -h), (0.52, -0.4)],
        [(-0.32, -0.38), (-0.12, -h), (0.25, -h), (0.5, -0.38)],
        [(-0.8, -0.4), (-0.66, -h), (0.3, -h), (0.56, -0.4)],
    ][t]
    pen.fill(polygon(cab), colour)
    k = [(x * 0.88 + 0.0, y * 0.97 + 0.0) for x, y in cab]
    mid = (k[1][0] + k[2][0]) / 2
    gl = (150, 190, 215)
    pen.fill(polygon([k[0], k[1], (mid - 0.02, k[1][1]), (mid - 0.02, k[0][1])]), gl, shade=0.3, outline=0.3)
    pen.fill(polygon([(mid + 0.02, k[1][1]), k[2], k[3], (mid + 0.02, k[3][1])]), gl, shade=0.3, outline=0.3)
    pen.fill(
        spline(
            [(-0.98, -0.15), (-0.96, -0.34), (-0.55, -0.43), (0.5, -0.43), (0.9, -0.34), (1.0, -0.2), (0.97, -0.1), (-0.95, -0.1)]
        ),
        colour,
        shade=0.25,
    )
    pen.line([(-0.92, -0.2), (0.94, -0.2)], lighter(colour, 0.4), 0.02, alpha=150)
    pen.fill(ellipse(0.93, -0.27, 0.05, 0.045), (255, 240, 170), shade=0, outline=0.2)
    pen.fill(rectangle(-0.98, -0.32, 0.06, 0.08, 0.02), (200, 30, 30), shade=0, outline=0.2)
    for x in (-0.56, 0.58):
        pen.fill(ellipse(x, -0.13, 0.155), (28, 28, 30), shade=0.05)
        pen.fill(ellipse(x, -0.13, 0.08), (180, 182, 188), outline=0.3)


def draw_bus(pen, rng, colour):
    """A bus with four to six windows."""
    pen.fill(rectangle(-1.1, -0.98, 2.2, 0.9, 0.09), colour, shade=0.18)
    n = rng.integers(4, 7)
    w = 1.95 / n
    for i in range(n):
        pen.fill(rectangle(-1.02 + i * w, -0.84, w * 0.84, 0.32, 0.03), (165, 205, 228), shade=0.3, outline=0.4)
    st = lighter(colour, 0.65) if sum(colour) < 520 else (200, 60, 50)
    pen.fill(rectangle(-1.1, -0.43, 2.2, 0.09), st, shade=0, outline=0)
    pen.fill(rectangle(0.86, -0.5, 0.18, 0.38, 0.02), (120, 160, 185), outline=0.4)
    for x in (-0.64, 0.56):
        pen.fill(ellipse(x, -0.1, 0.13), (28, 28, 30), shade=0.05)
        pen.fill(ellipse(x, -0.1, 0.06), (170, 170, 176), outline=0.3)
    pen.fill(ellipse(1.05, -0.2, 0.035), (255, 240, 170), shade=0, outline=0.2)


def draw_boat(pen, rng, colour):
    """A sailing boat or a small motor boat."""
    pen.fill(polygon([(-0.5, -0.2), (0.55, -0.24), (0.4, 0), (-0.4, 0)]), colour)
    pen.line([(-0.48, -0.16), (0.5, -0.19)], lighter(colour, 0.55), 0.025)
    if rng.random() < 0.65:
        sc = (
            lighter(jitter(rng, (240, 236, 226)), 0.1)
            if rng.random() < 0.6
            else COLOURS[["red", "orange", "teal"][rng.integers(3)]]
        )
        pen.line([(0, -0.2), (0, -1)], (90, 66, 44), 0.03)
        pen.fill(spline([(0.03, -0.97), (0.2, -0.6), (0.44, -0.3), (0.03, -0.3)]), sc, shade=0.12, across=True)
        pen.fill(polygon([(-0.03, -0.9), (-0.3, -0.3), (-0.03, -0.3)]), darker(sc, 0.06), shade=0.12)
    else:
        pen.fill(rectangle(-0.25, -0.44, 0.42, 0.22, 0.03), (235, 232, 222))
        for i in range(3):
            pen.fill(rectangle(-0.2 + i * 0.12, -0.39, 0.08, 0.09, 0.02), (90, 130, 160), outline=0.2)
        pen.line([(0.05, -0.44), (0.05, -0.75)], (80, 80, 84), 0.025)
        pen.fill(polygon([(0.06, -0.75), (0.22, -0.69), (0.06, -0.63)]), (200, 40, 40), outline=0.2)


def draw_traffic_light(pen, rng, colour):
    """A traffic light with one lamp on."""
    pen.line([(0, 0), (0, -0.6)], (70, 72, 76), 0.06)
    pen.fill(rectangle(-0.13, -1, 0.26, 0.52, 0.05), colour, shade=0.15)
    on = rng.integers(3)
    for i, cc in enumerate([(235, 40, 30), (250, 190, 30), (40, 210, 90)]):
        f = cc if i == on else darker(cc, 0.62)
        pen.fill(ellipse(0, -0.9 + i * 0.16, 0.066), f, shade=0.15 if i == on else 0.05, outline=0.4)
        if i == on:
            pen.fill(ellipse(-0.02, -0.92 + i * 0.16, 0.02), (255, 255, 255), shade=0, outline=0, alpha=190)


def draw_bird(pen, rng, colour, fly=False):
    """A bird, on the wing or on its feet."""
    be = (240, 160, 40)
    if fly:
        up = rng.uniform(0.1, 0.4)
        pen.fill(spline([(-0.08, -0.3), (-0.5, -0.4 - up), (-0.3, -0.25), (-0.02, -0.2)]), darker(colour, 0.12))
        pen.fill(spline([(0.05, -0.3), (0.42, -0.45 - up), (0.28, -0.22), (0, -0.2)]), colour)
        pen.fill(spline([(-0.34, -0.22), (-0.1, -0.33), (0.16, -0.34), (0.3, -0.3), (0.14, -0.18), (-0.1, -0.16)]), colour)
        pen.fill(ellipse(0.26, -0.31, 0.085), colour, outline=0.3)
        pen.fill(polygon([(0.33, -0.34), (0.45, -0.29), (0.33, -0.27)]), be, outline=0.2)
        pen.fill(ellipse(0.28, -0.33, 0.02), (15, 15, 15), shade=0, outline=0)
    else:
        for x in (-0.03, 0.06):
            pen.line([(x, -0.3), (x, 0), (x + 0.06, 0)], be, 0.025)
        pen.fill(
            spline([(-0.55, -0.32), (-0.2, -0.52), (0.1, -0.72), (0.28, -0.6), (0.2, -0.34), (0, -0.22), (-0.25, -0.24)]), colour
        )
        pen.fill(spline([(-0.4, -0.36), (-0.1, -0.52), (0.08, -0.5), (0, -0.34)]), darker(colour, 0.3), outline=0.3)
        pen.fill(ellipse(0.2, -0.75, 0.14), colour, outline=0.3)
        pen.fill(polygon([(0.32, -0.8), (0.48, -0.73), (0.32, -0.69)]), be, outline=0.2)
        pen.fill(ellipse(0.24, -0.78, 0.028), (15, 15, 15), shade=0, outline=0)


def draw_cat(pen, rng, colour):
    """A sitting cat from the front."""
    dk = darker(colour, 0.35)
    li = lighter(colour, 0.55)
    pen.line([(0.2, -0.08), (0.42, -0.1), (0.5, -0.3), (0.42, -0.45)], dk, 0.09, curve=True)
    pen.fill(spline([(-0.26, 0), (-0.24, -0.3), (-0.12, -0.58), (0.1, -0.58), (0.25, -0.3), (0.28, 0)]), colour)
    pen.fill(spline([(-0.1, -0.06), (-0.08, -0.34), (0.06, -0.34), (0.08, -0.06)]), li, shade=0, outline=0, alpha=180)
    for x in (-0.1, 0.1):
        pen.fill(ellipse(x, -0.035, 0.075, 0.045), li, outline=0.3)
    for s in (-1, 1):
        pen.fill(polygon([(s * 0.22 - 0.01, -0.72), (s * 0.2, -1.0), (s * 0.04, -0.86)]), colour)
        pen.fill(polygon([(s * 0.185, -0.76), (s * 0.175, -0.92), (s * 0.09, -0.84)]), (225, 150, 150), shade=0, outline=0)
    pen.fill(ellipse(0, -0.71, 0.235, 0.19), colour)
    if rng.random() < 0.6:
        for k in (-0.06, 0, 0.06):
            pen.line([(k, -0.88), (k, -0.82)], dk, 0.025)
    for s in (-1, 1):
        pen.fill(ellipse(s * 0.09, -0.74, 0.045, 0.05), (190, 210, 90), shade=0, outline=0.3)
        pen.fill(ellipse(s * 0.09, -0.74, 0.016, 0.04), (10, 10, 10), shade=0, outline=0)
        pen.line([(s * 0.06, -0.64), (s * 0.26, -0.66)], (250, 250, 250), 0.01, alpha=180)
    pen.fill(polygon([(-0.03, -0.67), (0.03, -0.67), (0, -0.635)]), (220, 110, 120), shade=0, outline=0)


def draw_dog(pen, rng, colour):
    """A standing dog from the side."""
    dk = darker(colour, 0.3)
    sp = rng.random() < 0.35
    pen.line([(-0.5, -0.55), (-0.68, -0.68), (-0.7, -0.85)], colour, 0.085, curve=True)
    for x in (-0.4, -0.25, 0.2, 0.34):
        pen.line([(x, -0.4), (x + rng.uniform(-0.04, 0.04), -0.05)], dk if x in (-0.25, 0.2) else colour, 0.12)
    pen.fill(
        spline([(-0.54, -0.5), (-0.3, -0.66), (0.25, -0.66), (0.45, -0.6), (0.42, -0.36), (0.1, -0.3), (-0.4, -0.32)]), colour
    )
    if sp:
        pen.fill(spline([(-0.2, -0.64), (0.1, -0.64), (0.05, -0.45), (-0.15, -0.46)]), dk, shade=0, outline=0)
    pen.fill(spline([(0.25, -0.6), (0.3, -0.9), (0.5, -1.0), (0.66, -0.9), (0.64, -0.68), (0.45, -0.52)]), colour)
    pen.fill(spline([(0.56, -0.84), (0.82, -0.78), (0.84, -0.68), (0.6, -0.64)]), lighter(colour, 0.2))
    pen.fill(ellipse(0.83, -0.76, 0.05, 0.042), (25, 22, 22), shade=0, outline=0)
    pen.fill(ellipse(0.56, -0.86, 0.032), (15, 12, 12), shade=0, outline=0)
    pen.fill(spline([(0.34, -0.96), (0.44, -0.92), (0.42, -0.62), (0.28, -0.66)]), dk)
    if rng.random() < 0.5:
        pen.line([(0.3, -0.56), (0.46, -0.52)], (200, 30, 40), 0.06)


def draw_umbrella(pen, rng, colour):
    """An open umbrella of six panels."""
    pen.line([(0, 0), (0, -0.95)], (150, 120, 80), 0.035)
    n = 6
    c2 = lighter(colour, 0.75) if rng.random() < 0.65 else darker(colour, 0.2)
    for i in range(n):
        a0 = math.pi * (1 - i / n)
        a1 = math.pi * (1 - (i + 1) / n)
        x0, y0 = (0.6 * math.cos(a0), -0.55 - 0.08 * math.sin(a0) * 0)
        x1 = 0.6 * math.cos(a1)
        p = skia.Path()
        p.moveTo(0, -1.0)
        p.cubicTo(x0 * 0.6, -0.98, x0, -0.8, x0, -0.55)
        p.quadTo((x0 + x1) / 2, -0.63, x1, -0.55)
        p.cubicTo(x1, -0.8, x1 * 0.6, -0.98, 0, -1.0)
        p.close()
        pen.fill(p, colour if i % 2 == 0 else c2, shade=0.15, outline=0.4)
    pen.fill(ellipse(0, -1.01, 0.025), (60, 50, 40), outline=0)


def draw_sports_ball(pen, rng, colour):
    """A football, a basketball or a beach ball, told apart by the colour."""
    pen.fill(ellipse(0, -0.5, 0.5), colour, shade=0.25, outline=0.7)
    t = 0 if sum(colour) > 640 else 1 if colour[0] > 200 and colour[1] > 90 and (colour[1] < 170) else 2
    if t == 0:
        a = rng.random() * 6
        pen.fill(
            polygon([(0.17 * math.cos(a + k * 1.2566), -0.5 + 0.17 * math.sin(a + k * 1.2566)) for k in range(5)]),
            (25, 25, 28),
            shade=0,
            outline=0,
        )
        for k in range(5):
            b = a + k * 1.2566
            pen.line(
                [(0.17 * math.cos(b), -0.5 + 0.17 * math.sin(b)), (0.34 * math.cos(b), -0.5 + 0.34 * math.sin(b))],
                (40, 40, 44),
                0.03,
            )
            b += 0.63
            pen.fill(ellipse(0.4 * math.cos(b) * 0.98, -0.5 + 0.4 * math.sin(b) * 0.98, 0.085), (25, 25, 28), shade=0, outline=0)
    elif t == 1:
        pen.line([(-0.5, -0.5), (0.5, -0.5)], (50, 30, 20), 0.035)
        pen.line([(0, -1), (0, 0)], (50, 30, 20), 0.035)
        pen.line([(-0.33, -0.87), (-0.14, -0.5), (-0.33, -0.13)], (50, 30, 20), 0.035, curve=True)
        pen.line([(0.33, -0.87), (0.14, -0.5), (0.33, -0.13)], (50, 30, 20), 0.035, curve=True)
    else:
        for k, cc in ((-0.28, (250, 250, 245)), (0.24, (60, 110, 210))):
            pen.fill(
                spline(
                    [(k - 0.1, -0.93), (k + 0.1, -0.93), (k + 0.16, -0.5), (k + 0.1, -0.07), (k - 0.1, -0.07), (k - 0.02, -0.5)]
                ),
                cc,
                shade=0.1,
                outline=0.2,
            )


def draw_kite(pen, rng, colour):
    """A kite with a tail of bows."""
    c2 = COLOURS[["yellow", "white", "blue", "orange", "red"][rng.integers(5)]]
    pen.line([(0, -0.42), (0.1, -0.28), (-0.05, -0.15), (0.08, 0)], (70, 70, 70), 0.02, curve=True)
    for x, y in ((0.08, -0.3), (-0.02, -0.17), (0.06, -0.04)):
        pen.fill(
            polygon([(x - 0.07, y - 0.04), (x + 0.07, y + 0.04), (x + 0.07, y - 0.04), (x - 0.07, y + 0.04)]),
            c2,
            shade=0,
            outline=0.2,
        )
    T, B, L, Rr, M = ((0, -1), (0, -0.4), (-0.27, -0.76), (0.27, -0.76), (0, -0.76))
    for p, cc in (([T, L, M], colour), ([T, Rr, M], c2), ([B, L, M], c2), ([B, Rr, M], colour)):
        pen.fill(polygon(p), cc, shade=0.12, outline=0.4)


DRAW = {
    "person": draw_person,
    "bicycle": draw_bicycle,
    "car": draw_car,
    "bus": draw_bus,
    "boat": draw_boat,
    "traffic light": draw_traffic_light,
    "bird": draw_bird,
    "cat": draw_cat,
    "dog": draw_dog,
    "umbrella": draw_umbrella,
    "sports ball": draw_sports_ball,
    "kite": draw_kite,
}
