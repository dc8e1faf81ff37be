"""Draws the program's icon: an eye over a grid of patches, of which the one it looks at is bright.

Run in this folder with Pillow (13.0.0 made the files that are here): python3 icon.py
"""

from PIL import Image, ImageDraw

SIDE = 2048
SIZES = (32, 128, 256)
CELLS = 4
# Dark to bright, as the patches lie around the pupil.
GROUND = (24, 26, 32)
COLOURS = ((62, 28, 96), (52, 74, 138), (34, 132, 141), (120, 200, 84))
EYE = (255, 255, 255)
PUPIL = (253, 231, 37)


def icon() -> Image.Image:
    image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, SIDE - 1, SIDE - 1), SIDE * 0.2, fill=GROUND)
    gap, edge = SIDE * 0.03, SIDE * 0.08
    pitch = (SIDE - 2 * edge + gap) / CELLS
    for row in range(CELLS):
        for col in range(CELLS):
            away = abs(row - 1.5) + abs(col - 1.5)
            colour = COLOURS[min(3, max(0, round(3.4 - away)))]
            x, y = edge + col * pitch, edge + row * pitch
            draw.rounded_rectangle((x, y, x + pitch - gap, y + pitch - gap), SIDE * 0.04, fill=colour)
    # The lids: two arcs of circles that meet in the corners.
    eye = Image.new("L", (SIDE, SIDE), 0)
    half, rise = SIDE * 0.42, SIDE * 0.25
    radius = (half * half + rise * rise) / (2 * rise)
    centre = SIDE / 2
    upper, lower = Image.new("L", (SIDE, SIDE), 0), Image.new("L", (SIDE, SIDE), 0)
    for part, y in ((upper, centre - rise + radius), (lower, centre + rise - radius)):
        ImageDraw.Draw(part).ellipse((centre - radius, y - radius, centre + radius, y + radius), fill=255)
    eye.paste(255, mask=upper)
    eye = Image.composite(eye, Image.new("L", (SIDE, SIDE), 0), lower)
    image.paste(EYE, mask=eye)
    draw = ImageDraw.Draw(image)
    for radius, colour in ((SIDE * 0.2, GROUND), (SIDE * 0.1, PUPIL)):
        draw.ellipse((centre - radius, centre - radius, centre + radius, centre + radius), fill=colour)
    return image


for size in SIZES:
    icon().resize((size, size), Image.Resampling.LANCZOS).save(f"icon-{size}.png", optimize=True)
