"""The seven backdrops, painted in the 144 x 144 base space at any scale. The order of the random draws is part of the format."""

import math

import numpy as np
import skia

from canvas import (
    NOISE_FINE,
    NOISE_GRASS,
    NOISE_MEDIUM,
    NOISE_SOFT,
    NOISE_WATER,
    NOISE_WOOD,
    SKIA_RGBA,
    Pen,
    darker,
    ellipse,
    jitter,
    lighter,
    noise_crop,
    polygon,
    rectangle,
    spline,
)
from catalogue import SIDE


def gradient_rows(height, stops):
    """Colours down a column: **shape** [height, 3], between `stops` of (share of the height, colour)."""
    shares = np.linspace(0, 1, height)
    rows = np.zeros((height, 3), np.float32)
    for k in range(3):
        rows[:, k] = np.interp(shares, [stop[0] for stop in stops], [stop[1][k] for stop in stops])
    return rows


class Backdrop:
    """A picture of `size_px` pixels square under the base space's coordinates."""

    def __init__(self, size_px, rng):
        self.size_px = size_px
        self.scale = size_px / SIDE
        self.rng = rng
        self.pixels = np.zeros((size_px, size_px, 3), np.float32)

    def band(self, top, bottom, stops, noise, amount, tint=(1, 1, 1)):
        """Fills rows `top..bottom` (base units) with a vertical gradient and noise."""
        first, last = max(0, int(round(top * self.scale))), min(self.size_px, int(round(bottom * self.scale)))
        if last <= first:
            return
        rows = gradient_rows(last - first, stops)
        grain = noise_crop(noise, self.size_px, last - first, self.rng, self.scale)[..., None]
        self.pixels[first:last] = rows[:, None, :] + grain * amount * np.array(tint, np.float32)

    def draw_over(self, draw):
        """Calls `draw(pen)` on a clear layer and lays that over the picture."""
        surface = skia.Surface(self.size_px, self.size_px)
        canvas = surface.getCanvas()
        canvas.clear(0)
        canvas.scale(self.scale, self.scale)
        draw(Pen(canvas))
        layer = surface.makeImageSnapshot().toarray(colorType=SKIA_RGBA).astype(np.float32)
        alpha = layer[..., 3:] / 255
        self.pixels = self.pixels * (1 - alpha) + layer[..., :3] * alpha


def paint_sky(backdrop, horizon, rng):
    """One of four skies with clouds, down to the horizon."""
    t = rng.integers(4)
    st = [
        [(0, (84, 150, 220)), (1, (190, 220, 240))],
        [(0, (110, 160, 205)), (1, (225, 228, 225))],
        [(0, (90, 110, 170)), (0.6, (230, 170, 140)), (1, (250, 205, 150))],
        [(0, (150, 165, 180)), (1, (205, 212, 216))],
    ][t]
    backdrop.band(0, horizon + 1, st, NOISE_SOFT, 9)
    n = noise_crop(NOISE_SOFT, backdrop.size_px, max(2, int(horizon * backdrop.scale) + 1), rng, backdrop.scale * 0.8)
    m = np.clip((n - 0.5) * 0.9, 0, 0.8)[..., None]
    i1 = min(backdrop.size_px, m.shape[0])
    backdrop.pixels[:i1] = backdrop.pixels[:i1] * (1 - m[:i1]) + m[:i1] * np.array((250, 248, 244), np.float32)


def draw_tree(pen, rng, x, y, h):
    """A tree of `h` base units that stands at (x, y)."""
    pen.line([(x, y), (x, y - h * 0.5)], (96, 70, 46), h * 0.09)
    c = jitter(rng, (58, 118, 52), 0.02, 0.15, 0.18)
    for _ in range(6):
        pen.fill(
            ellipse(x + rng.normal() * h * 0.16, y - h * 0.68 + rng.normal() * h * 0.12, h * 0.2, h * 0.17),
            jitter(rng, c, 0.01, 0.1, 0.12),
            shade=0.18,
            outline=0,
        )


def paint_beach(backdrop, rng, layout):
    """Sea, surf and sand, perhaps a headland."""
    horizon = layout["horizon"]
    sh = layout["ground"]
    paint_sky(backdrop, horizon, rng)
    sea = [(36, 110, 150), (40, 130, 160), (60, 120, 140)][rng.integers(3)]
    backdrop.band(horizon, sh + 3, [(0, darker(sea, 0.15)), (0.8, lighter(sea, 0.25)), (1, lighter(sea, 0.6))], NOISE_WATER, 9)
    sand = [(226, 200, 150), (215, 185, 135), (235, 215, 175)][rng.integers(3)]
    backdrop.band(sh, SIDE, [(0, darker(sand, 0.12)), (0.15, sand), (1, lighter(sand, 0.1))], NOISE_MEDIUM, 6)

    def scenery(pen):
        ph = rng.random() * 6
        pen.line(
            [(x, sh + 1.5 * math.sin(x * 0.09 + ph)) for x in range(-6, 152, 6)], (250, 250, 248), 2.2, alpha=190, curve=True
        )
        if rng.random() < 0.4:
            pen.fill(
                spline(
                    [
                        (-5, horizon + 1),
                        (rng.uniform(0, 20), horizon - rng.uniform(5, 12)),
                        (rng.uniform(30, 60), horizon - 2),
                        (70, horizon + 1),
                    ]
                ),
                (90, 120, 110),
                outline=0,
                shade=0.1,
            )

    backdrop.draw_over(scenery)


def paint_park(backdrop, rng, layout):
    """Trees behind a meadow, perhaps a path and flowers."""
    horizon = layout["ground"]
    paint_sky(backdrop, horizon, rng)
    gr = [(96, 150, 66), (110, 158, 70), (86, 136, 72)][rng.integers(3)]

    def scenery(pen):
        for _ in range(rng.integers(2, 6)):
            draw_tree(pen, rng, rng.uniform(-5, 150), horizon + rng.uniform(0, 4), rng.uniform(26, 52))

    backdrop.band(horizon, SIDE, [(0, darker(gr, 0.2)), (0.3, gr), (1, lighter(gr, 0.1))], NOISE_GRASS, 11, (0.8, 1, 0.6))
    backdrop.draw_over(scenery)

    def foreground(pen):
        if rng.random() < 0.4:
            x = rng.uniform(30, 110)
            pen.fill(
                spline([(x - 4, horizon + 2), (x + 4, horizon + 2), (x + 30, SIDE + 8), (x - 30, SIDE + 8)]),
                (196, 178, 140),
                shade=0.06,
                outline=0,
                alpha=200,
            )
        for _ in range(rng.integers(0, 25)):
            pen.fill(
                ellipse(rng.uniform(0, SIDE), rng.uniform(horizon + 8, SIDE), 0.9),
                [(250, 240, 120), (250, 250, 250), (240, 150, 170)][rng.integers(3)],
                shade=0,
                outline=0,
            )

    backdrop.draw_over(foreground)


def paint_street(backdrop, rng, layout):
    """House fronts, pavement and a road with a dashed line."""
    ground = layout["ground"]
    paint_sky(backdrop, ground, rng)

    def scenery(pen):
        x = -rng.uniform(0, 20)
        while x < SIDE:
            w = rng.uniform(22, 44)
            h = rng.uniform(28, min(70, ground - 4))
            c = jitter(rng, [(170, 120, 95), (150, 150, 150), (190, 170, 140), (120, 130, 150), (200, 185, 170)][rng.integers(5)])
            pen.fill(rectangle(x, ground - 6 - h, w, h + 6), c, shade=0.1, outline=0)
            nx, ny = (int(w // 9), int(h // 12))
            wc = [(90, 110, 130), (60, 70, 90), (230, 210, 140)][rng.integers(3)]
            for i in range(nx):
                for j in range(ny):
                    pen.fill(
                        rectangle(x + 3 + i * 9, ground - 2 - h + j * 12, 5, 7),
                        jitter(rng, wc, 0.01, 0.1, 0.15),
                        shade=0,
                        outline=0,
                    )
            x += w

    backdrop.draw_over(scenery)
    backdrop.band(ground - 6, ground + 4, [(0, (160, 156, 150)), (1, (178, 174, 168))], NOISE_FINE, 5)
    backdrop.band(ground + 4, SIDE, [(0, (84, 86, 90)), (1, (104, 106, 110))], NOISE_FINE, 7)

    def foreground(pen):
        pen.line([(0, ground + 4.5), (SIDE, ground + 4.5)], (120, 118, 114), 1.6)
        y = ground + 4 + (SIDE - ground) * 0.5
        o = rng.uniform(0, 24)
        for x in range(-30, SIDE, 26):
            pen.fill(
                polygon([(x + o, y), (x + o + 13, y), (x + o + 12, y + 2.2), (x + o - 1, y + 2.2)]),
                (228, 214, 150),
                shade=0,
                outline=0,
                alpha=210,
            )

    backdrop.draw_over(foreground)


def paint_room(backdrop, rng, layout):
    """A wall with a window or picture, and a wooden floor."""
    ground = layout["ground"]
    w = jitter(
        rng,
        [(214, 200, 176), (176, 196, 200), (206, 180, 170), (190, 200, 176), (226, 222, 214)][rng.integers(5)],
        0.02,
        0.1,
        0.06,
    )
    backdrop.band(0, ground, [(0, darker(w, 0.08)), (1, lighter(w, 0.08))], NOISE_SOFT, 4)
    fl = jitter(rng, [(160, 112, 70), (134, 94, 62), (176, 160, 140)][rng.integers(3)])
    backdrop.band(ground, SIDE, [(0, darker(fl, 0.2)), (1, lighter(fl, 0.1))], NOISE_WOOD, 11)

    def scenery(pen):
        if rng.random() < 0.45:
            for i in range(0, SIDE, 9):
                pen.line([(i, 0), (i, ground)], darker(w, 0.12), 1.5, alpha=60)
        pen.fill(rectangle(-1, ground - 3.5, SIDE + 2, 3.5), lighter(w, 0.4), shade=0.06, outline=0)
        n = rng.integers(4, 7)
        for i in range(1, n):
            y = ground + (SIDE - ground) * (i / n) ** 1.4
            pen.line([(0, y), (SIDE, y)], darker(fl, 0.4), 0.7, alpha=110)
        if rng.random() < 0.5:
            cx = rng.uniform(40, 104)
            pen.fill(
                ellipse(cx, (ground + SIDE) / 2 + 6, rng.uniform(36, 54), (SIDE - ground) * 0.3),
                jitter(rng, [(150, 60, 60), (70, 90, 130), (190, 170, 120)][rng.integers(3)]),
                shade=0.08,
                outline=0.2,
            )
        if rng.random() < 0.45:
            x = rng.uniform(4, 96)
            pen.fill(rectangle(x, 12, 38, 34), (244, 242, 236), shade=0.03, outline=0)
            pen.fill(rectangle(x + 2.5, 14.5, 33, 29), (156, 202, 232), shade=0.25, outline=0)
            pen.line([(x + 19, 14), (x + 19, 44)], (244, 242, 236), 2)
            pen.line([(x + 2, 29), (x + 36, 29)], (244, 242, 236), 2)
        elif rng.random() < 0.5:
            x = rng.uniform(8, 100)
            pen.fill(rectangle(x, 14, 28, 22), (110, 78, 48), shade=0.15, outline=0)
            pen.fill(rectangle(x + 2.5, 16.5, 23, 17), jitter(rng, (150, 170, 140), 0.2, 0.3, 0.2), shade=0.25, outline=0)

    backdrop.draw_over(scenery)


def paint_kitchen(backdrop, rng, layout):
    """A tiled wall and a table, perhaps with a cloth."""
    ground = layout["ground"]
    w = jitter(rng, [(226, 220, 208), (196, 214, 206), (230, 210, 170), (200, 208, 220)][rng.integers(4)], 0.02, 0.1, 0.05)
    backdrop.band(0, ground, [(0, darker(w, 0.12)), (1, w)], NOISE_SOFT, 3)
    t = jitter(rng, [(176, 126, 78), (146, 100, 62), (206, 170, 120), (190, 190, 186)][rng.integers(4)])
    backdrop.band(ground, SIDE, [(0, darker(t, 0.22)), (0.2, t), (1, lighter(t, 0.12))], NOISE_WOOD, 10)

    def scenery(pen):
        if rng.random() < 0.6:
            s = rng.uniform(10, 15)
            for i in range(0, 16):
                pen.line([(i * s, 0), (i * s, ground)], darker(w, 0.2), 0.8, alpha=90)
                (
                    pen.line([(0, ground - i * s), (SIDE, ground - i * s)], darker(w, 0.2), 0.8, alpha=90)
                    if ground - i * s > 0
                    else None
                )
        pen.line([(0, ground), (SIDE, ground)], darker(t, 0.5), 1.4)
        if rng.random() < 0.35:
            c = jitter(rng, [(180, 50, 50), (60, 90, 150), (240, 236, 226)][rng.integers(3)])
            pen.fill(
                polygon([(16, ground + 8), (128, ground + 8), (140, SIDE + 4), (4, SIDE + 4)]),
                c,
                shade=0.08,
                outline=0,
                alpha=225,
            )
            for i in range(6):
                x = 22 + i * 20
                pen.line([(x, ground + 8), (72 + (x - 72) * 1.25, SIDE)], lighter(c, 0.5), 1.6, alpha=130)

    backdrop.draw_over(scenery)


def paint_office(backdrop, rng, layout):
    """A wall with a shelf or notes, and a desk."""
    ground = layout["ground"]
    w = jitter(rng, [(198, 206, 214), (222, 216, 204), (170, 186, 190), (208, 196, 206)][rng.integers(4)], 0.02, 0.1, 0.05)
    backdrop.band(0, ground, [(0, darker(w, 0.1)), (1, lighter(w, 0.06))], NOISE_SOFT, 4)
    t = jitter(rng, [(120, 84, 56), (200, 190, 174), (88, 70, 60), (160, 130, 96)][rng.integers(4)])
    backdrop.band(ground, SIDE, [(0, darker(t, 0.2)), (0.25, t), (1, lighter(t, 0.1))], NOISE_WOOD, 8)

    def scenery(pen):
        if rng.random() < 0.6:
            y = rng.uniform(22, 36)
            x = rng.uniform(-10, 70)
            pen.fill(rectangle(x, y, 66, 3.5), darker(t, 0.15), shade=0.1, outline=0)
        elif rng.random() < 0.6:
            x = rng.uniform(6, 80)
            for i in range(3):
                pen.fill(
                    rectangle(x + i * 17, rng.uniform(14, 30), 10, 10),
                    [(246, 226, 120), (160, 214, 240), (246, 170, 180)][i],
                    shade=0.06,
                    outline=0,
                )
        pen.line([(0, ground), (SIDE, ground)], darker(t, 0.5), 1.4)

    backdrop.draw_over(scenery)


def paint_lake(backdrop, rng, layout):
    """Hills, water and a jetty."""
    horizon = layout["horizon"]
    ground = layout["ground"]
    paint_sky(backdrop, horizon, rng)
    sea = [(52, 104, 140), (70, 120, 130), (60, 96, 120)][rng.integers(3)]

    def scenery(pen):
        p = [(-8, horizon + 2)] + [(x, horizon - rng.uniform(3, 18)) for x in range(0, 150, 18)] + [(152, horizon + 2)]
        pen.fill(spline(p), jitter(rng, [(90, 120, 100), (110, 120, 140), (70, 100, 80)][rng.integers(3)]), shade=0.15, outline=0)

    backdrop.draw_over(scenery)
    backdrop.band(horizon, SIDE, [(0, lighter(sea, 0.25)), (0.4, sea), (1, darker(sea, 0.1))], NOISE_WATER, 11)
    if ground < SIDE:

        def foreground(pen):
            pen.fill(rectangle(-2, ground, SIDE + 4, SIDE - ground + 2), (150, 112, 76), shade=0.12, outline=0)
            for i in range(0, SIDE, 12):
                pen.line([(i, ground), (i - (72 - i) * 0.25, SIDE)], (96, 70, 46), 1.2, alpha=170)

        backdrop.draw_over(foreground)


PAINT = {
    "beach": paint_beach,
    "park": paint_park,
    "street": paint_street,
    "room": paint_room,
    "kitchen": paint_kitchen,
    "office": paint_office,
    "lake": paint_lake,
}
