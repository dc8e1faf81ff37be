"""Drawing primitives on skia, colour arithmetic, and the bank of noise textures."""

import colorsys

import numpy as np
import skia
from PIL import Image

SKIA_RGBA = skia.kRGBA_8888_ColorType


# ---------------------------------------------------------------- noise


def octave_noise(rng, octaves, decay, size=512):
    """Tileable noise of unit deviation: sums of random grids, each octave `decay` times as strong as the one before."""
    total, strength = np.zeros((size, size), np.float32), 1.0
    for cells in octaves:
        grid = np.pad(rng.random((cells, cells)).astype(np.float32), ((0, 1), (0, 1)), mode="wrap")
        side = size + size // cells
        total += strength * (np.asarray(Image.fromarray(grid).resize((side, side), Image.BICUBIC))[:size, :size] - 0.5)
        strength *= decay
    return total / total.std()


def stretched(noise, across, down):
    """The noise drawn out by these factors: wood, grass, waves."""
    height, width = noise.shape
    part = Image.fromarray(noise[: int(height / down), : int(width / across)])
    return np.asarray(part.resize((width, height), Image.BICUBIC))


_rng = np.random.default_rng(7)
NOISE_SOFT = octave_noise(_rng, (4, 8, 16, 32), 0.55)
NOISE_MEDIUM = octave_noise(_rng, (16, 32, 64, 128), 0.7)
NOISE_FINE = octave_noise(_rng, (64, 128, 256), 0.9)
NOISE_WOOD = stretched(NOISE_MEDIUM, 8, 1)
NOISE_GRASS = stretched(NOISE_FINE, 1, 3)
NOISE_WATER = stretched(NOISE_MEDIUM, 5, 1)


def noise_crop(noise, width, height, rng, scale=1.0):
    """A random piece of the noise, `scale` times enlarged, of width x height pixels."""
    crop_width, crop_height = max(2, int(round(width / scale))), max(2, int(round(height / scale)))
    left = int(rng.random() * (noise.shape[1] - crop_width)) if noise.shape[1] > crop_width else 0
    top = int(rng.random() * (noise.shape[0] - crop_height)) if noise.shape[0] > crop_height else 0
    piece = noise[top : top + crop_height, left : left + crop_width]
    if piece.shape != (height, width):
        piece = np.asarray(Image.fromarray(piece).resize((width, height), Image.BICUBIC))
    return piece


# ---------------------------------------------------------------- colour


def jitter(rng, colour, hue=0.02, saturation=0.12, value=0.12):
    """The colour, varied in HSV by normal deviates of these sizes."""
    h, s, v = colorsys.rgb_to_hsv(*[channel / 255 for channel in colour])
    h = (h + rng.normal() * hue * 0.6) % 1
    s = min(1, max(0, s * (1 + rng.normal() * saturation)))
    v = min(1, max(0.08, v * (1 + rng.normal() * value)))
    return tuple(int(255 * channel) for channel in colorsys.hsv_to_rgb(h, s, v))


def mix(first, second, share):
    return tuple(int(a * (1 - share) + b * share) for a, b in zip(first, second))


def lighter(colour, share=0.3):
    return mix(colour, (255, 255, 255), share)


def darker(colour, share=0.3):
    return mix(colour, (0, 0, 0), share)


def skia_colour(colour, alpha=255):
    return skia.Color(int(colour[0]), int(colour[1]), int(colour[2]), int(alpha))


# ---------------------------------------------------------------- paths


def polygon(points, closed=True):
    path = skia.Path()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    if closed:
        path.close()
    return path


def spline(points, closed=True):
    """A Catmull-Rom curve through the points."""
    path, count = skia.Path(), len(points)
    path.moveTo(*points[0])

    def at(k):
        return points[k % count] if closed else points[min(max(k, 0), count - 1)]

    for k in range(count if closed else count - 1):
        a, b, c, d = at(k - 1), at(k), at(k + 1), at(k + 2)
        path.cubicTo(
            b[0] + (c[0] - a[0]) / 6, b[1] + (c[1] - a[1]) / 6, c[0] - (d[0] - b[0]) / 6, c[1] - (d[1] - b[1]) / 6, c[0], c[1]
        )
    if closed:
        path.close()
    return path


def ellipse(x, y, rx, ry=None):
    ry = rx if ry is None else ry
    path = skia.Path()
    path.addOval(skia.Rect(x - rx, y - ry, x + rx, y + ry))
    return path


def rectangle(x, y, width, height, radius=0):
    path, area = skia.Path(), skia.Rect(x, y, x + width, y + height)
    if radius:
        path.addRoundRect(area, radius, radius)
    else:
        path.addRect(area)
    return path


class Pen:
    """Filled and stroked paths on one canvas."""

    def __init__(self, canvas):
        self.canvas = canvas

    def fill(self, path, colour, shade=0.22, outline=0.5, alpha=255, across=False):
        """Fills with a gradient from `shade` lighter to `shade` darker, and a thin dark outline of opacity `outline`."""
        paint = skia.Paint(AntiAlias=True)
        if shade:
            box = path.computeTightBounds()
            end = skia.Point(box.right(), box.top()) if across else skia.Point(box.left(), box.bottom())
            colours = [skia_colour(lighter(colour, shade), alpha), skia_colour(darker(colour, shade), alpha)]
            paint.setShader(skia.GradientShader.MakeLinear([skia.Point(box.left(), box.top()), end], colours))
        else:
            paint.setColor(skia_colour(colour, alpha))
        self.canvas.drawPath(path, paint)
        if outline:
            self.stroke(path, darker(colour, 0.6), 0.018, int(255 * outline))

    def stroke(self, path, colour, width, alpha=255):
        style = skia.Paint.kStroke_Style
        self.canvas.drawPath(path, skia.Paint(AntiAlias=True, Style=style, StrokeWidth=width, Color=skia_colour(colour, alpha)))

    def line(self, points, colour, width, alpha=255, closed=False, curve=False):
        """A line with round caps through the points, straight or curved."""
        path = spline(points, closed) if curve else polygon(points, closed)
        paint = skia.Paint(
            AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=width, Color=skia_colour(colour, alpha),
            StrokeCap=skia.Paint.kRound_Cap, StrokeJoin=skia.Paint.kRound_Join,
        )  # fmt: skip
        self.canvas.drawPath(path, paint)

    def ring(self, x, y, rx, ry, colour, width):
        self.stroke(ellipse(x, y, rx, ry), colour, width)
