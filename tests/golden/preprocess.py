"""Golden photos, resizes and pixel_values, from Pillow and transformers.

Made with Python 3.11, pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, libtiff 4.7.2), numpy 2.4.6, transformers 5.23.0, safetensors 0.8.0;
seed 20240611. Run from the repository's root: `python tests/golden/preprocess.py [folder of COCO images]`. Not run in CI.

Writes beside itself:
  photos/*                 small files of every kind that is read, and broken ones
  photos.safetensors       what Pillow makes of each: u8 [H, W, 3]
  preprocess.safetensors   `in.*`, `out.*`: resizes; `photo.*`, `pixel_values.*`: CLIPImageProcessorPil, crop and LLaVA's pad
  coco.json                SHA-256 of Pillow's RGB and of pixel_values (f32, little endian) at 336 px, crop and pad, of real photos
"""
import hashlib, io, json, os, struct, sys, zlib
import numpy as np
from PIL import Image, ImageOps, PngImagePlugin
from safetensors.numpy import save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

HERE = os.path.dirname(os.path.abspath(__file__))
PHOTOS = os.path.join(HERE, "photos")
os.makedirs(PHOTOS, exist_ok=True)
rng = np.random.default_rng(20240611)


def scene(w, h):
    """Smooth ramps, hard edges and noise: everything that resampling and chroma upsampling can get wrong."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    img = np.stack([255 * x / max(w - 1, 1), 255 * y / max(h - 1, 1), 127 + 127 * np.sin(x * 0.9 + y * 0.4)], -1)
    img[(x.astype(int) // 5 + y.astype(int) // 4) % 3 == 0] *= 0.35
    img[h // 3 : h // 3 + 3, :, 0] = 255
    img[:, w // 2 : w // 2 + 2] = [0, 255, 40]
    return np.clip(img + rng.normal(0, 12, img.shape), 0, 255).astype(np.uint8)


def pil(name):
    with Image.open(os.path.join(PHOTOS, name)) as image:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def path(name):
    return os.path.join(PHOTOS, name)


def write(name, data):
    with open(path(name), "wb") as f:
        f.write(data)


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


def png(w, h, depth, color, raw, extra=b""):
    def chunk(t, d):
        return struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    head = struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def make_photos():
    small = Image.fromarray(scene(21, 13))
    # Orientations: JPEG 1-8, and the other formats that carry them.
    for o in range(1, 9):
        small.save(path(f"exif_{o}.jpg"), quality=95, exif=exif(o))
    small.save(path("exif_6.png"), exif=exif(6))
    small.save(path("exif_8.webp"), lossless=True, exif=exif(8))
    small.save(path("exif_3.tif"), exif=exif(3))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    small.save(path("xmp_6.jpg"), quality=95, xmp=xmp)
    # JPEG: every subsampling, odd sizes, progressive, restarts, grey, RGB, CMYK, YCCK-like, tiny.
    odd = Image.fromarray(scene(45, 35))
    for name, sub in (("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0")):
        for kind, opts in (("", {}), ("_progressive", {"progressive": True})):
            odd.save(path(f"jpeg_{name}{kind}.jpg"), quality=80, subsampling=sub, **opts)
    # Pillow writes no other samplings: the same blocks, declared to lie otherwise (scrambled pictures, valid files).
    block = Image.fromarray(scene(31, 29))
    for name, source, factors in (("440", "4:2:2", 0x12), ("411", "4:2:0", 0x41), ("tall", "4:2:0", 0x14)):
        for kind, opts in (("", {}), ("_progressive", {"progressive": True})):
            buffer = io.BytesIO()
            block.save(buffer, "JPEG", quality=80, subsampling=source, **opts)
            data = bytearray(buffer.getvalue())
            sof = data.index(b"\xff\xc2" if opts else b"\xff\xc0")
            if opts and name != "440":
                continue  # the scans of a single channel count their blocks by the picture's own edges
            data[sof + 11] = factors
            write(f"jpeg_{name}{kind}.jpg", bytes(data))
    odd.save(path("jpeg_q5.jpg"), quality=5)
    odd.save(path("jpeg_q100.jpg"), quality=100, subsampling=0)
    odd.save(path("jpeg_restart.jpg"), quality=70, restart_marker_blocks=2)
    odd.save(path("jpeg_restart_progressive.jpg"), quality=70, progressive=True, restart_marker_rows=1)
    odd.save(path("jpeg_rgb.jpg"), quality=85, keep_rgb=True)
    odd.convert("L").save(path("jpeg_grey.jpg"), quality=85)
    odd.convert("L").save(path("jpeg_grey_progressive.jpg"), quality=85, progressive=True)
    odd.convert("CMYK").save(path("jpeg_cmyk.jpg"), quality=85)
    odd.convert("CMYK").save(path("jpeg_cmyk_progressive.jpg"), quality=85, progressive=True)
    # YCCK: the same bytes with Adobe's transform flag raised.
    data = open(path("jpeg_cmyk.jpg"), "rb").read()
    at = data.index(b"Adobe") + 11
    write("jpeg_ycck.jpg", data[:at] + b"\x02" + data[at + 1 :])
    for w, h in ((1, 1), (2, 1), (3, 2), (1, 17), (4, 5), (16, 16), (17, 33)):
        Image.fromarray(scene(w, h)).save(path(f"jpeg_{w}x{h}.jpg"), quality=75)
    # PNG.
    rgba = np.dstack([scene(15, 9), rng.integers(0, 256, (9, 15), dtype=np.uint8)])
    Image.fromarray(rgba).save(path("png_rgba.png"))
    Image.fromarray(rgba[..., 0]).save(path("png_grey.png"))
    Image.fromarray(rgba[..., [0, 3]]).save(path("png_grey_alpha.png"))
    Image.fromarray(rgba[..., 0]).convert("1").save(path("png_bilevel.png"))
    palette = Image.fromarray(rgba[..., :3]).quantize(13)
    palette.save(path("png_palette.png"))
    palette.save(path("png_palette_alpha.png"), transparency=bytes(range(0, 260, 20)))
    palette.save(path("png_palette_index.png"), transparency=3)
    Image.fromarray(rgba[..., :3]).save(path("png_rgb_transparent.png"), transparency=(1, 2, 3))
    samples = [0, 1, 127, 128, 255, 256, 257, 383, 384, 511, 1000, 32768, 65280, 65535]
    for color, n, name in ((4, 2, "grey_alpha"), (2, 3, "rgb"), (6, 4, "rgba")):
        raw = b"\0" + b"".join(struct.pack(">H", v) * n for v in samples)
        write(f"png_16_{name}.png", png(len(samples), 1, 16, color, raw))
    raw = b"\0" + b"".join(struct.pack(">H", v) for v in samples)
    write("png_16_grey.png", png(len(samples), 1, 16, 0, raw))
    for depth in (2, 4):
        write(f"png_grey_{depth}.png", png(8, 1, depth, 0, b"\0" + bytes([0x1B, 0xE4, 0x27, 0xD8][: depth])))
    # WebP, GIF, BMP, TIFF.
    odd.save(path("webp_lossy.webp"), quality=70)
    odd.save(path("webp_lossless.webp"), lossless=True)
    Image.fromarray(rgba).save(path("webp_alpha.webp"), quality=80)
    Image.fromarray(rgba).save(path("webp_alpha_lossless.webp"), lossless=True, exact=True)
    frames = [Image.fromarray(scene(16, 12)) for _ in range(2)]
    frames[0].save(path("webp_animated.webp"), save_all=True, append_images=frames[1:], lossless=True)
    palette.save(path("gif_plain.gif"))
    palette.save(path("gif_transparent.gif"), transparency=2)
    frames[0].save(path("gif_animated.gif"), save_all=True, append_images=frames[1:], duration=100)
    small.save(path("bmp_rgb.bmp"))
    small.quantize(9).save(path("bmp_palette.bmp"))
    small.convert("L").save(path("bmp_grey.bmp"))
    Image.fromarray(rgba).save(path("bmp_rgba.bmp"))
    for c in ("raw", "tiff_lzw", "tiff_deflate", "packbits"):
        small.save(path(f"tiff_{c}.tif"), compression=c)
    small.convert("L").save(path("tiff_grey.tif"))
    Image.fromarray(rgba).save(path("tiff_rgba.tif"))
    small.convert("CMYK").save(path("tiff_cmyk.tif"))
    small.quantize(9).save(path("tiff_palette.tif"))
    Image.fromarray(np.array([samples], dtype=np.uint16)).save(path("tiff_16_grey.tif"))
    # Broken ones.
    whole = open(path("jpeg_420.jpg"), "rb").read()
    write("broken_truncated.jpg", whole[: len(whole) // 2])
    write("broken_header.jpg", whole[:30])
    whole = open(path("png_rgba.png"), "rb").read()
    write("broken_truncated.png", whole[: len(whole) // 2])
    write("broken_empty.png", b"")
    write("broken_text.png", b"This is not a picture.\n")
    write("broken_bomb.png", png(60000, 60000, 8, 2, b"\0" * 100))
    head = open(path("gif_plain.gif"), "rb").read()
    write("broken_truncated.gif", head[: len(head) - 40])
    head = open(path("webp_lossy.webp"), "rb").read()
    write("broken_truncated.webp", head[: len(head) // 2])


def golden_photos():
    out = {}
    for name in sorted(os.listdir(PHOTOS)):
        if name.startswith("broken_"):
            continue
        out[name] = pil(name)
    save_file(out, os.path.join(HERE, "photos.safetensors"))
    print(len(out), "photos")


FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def expand2square(image, color):
    """LLaVA, llava/mm_utils.py (restated)."""
    w, h = image.size
    side = max(w, h)
    out = Image.new("RGB", (side, side), color)
    out.paste(image, ((side - w) // 2, (side - h) // 2))
    return out


def processor(size, crop=None, **kwargs):
    crop = crop or size
    return CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": crop, "width": crop}, **kwargs)


def padded(p, image):
    return expand2square(image, tuple(int(255 * m) for m in p.image_mean))


def golden_preprocess():
    out = {}
    sizes = [((37, 23), (16, 9)), ((23, 37), (50, 61)), ((1, 30), (7, 7)), ((31, 1), (8, 3)), ((20, 20), (20, 11)),
             ((20, 20), (13, 20)), ((2, 2), (33, 35)), ((64, 48), (3, 2)), ((19, 17), (19, 17))]
    for n, ((w, h), (ow, oh)) in enumerate(sizes):
        rgb = scene(w, h) if n % 2 else rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        out[f"in.{n}"] = rgb
        for name, f in FILTERS.items():
            out[f"out.{n}.rgb.{name}"] = np.array(Image.fromarray(rgb).resize((ow, oh), f))
            out[f"out.{n}.grey.{name}"] = np.array(Image.fromarray(rgb[..., 1].copy()).resize((ow, oh), f))
    shapes = {"landscape": (53, 31), "portrait": (30, 47), "exact": (28, 28), "tiny": (3, 2), "one_column": (1, 40),
              "one_row": (45, 1), "upscale": (13, 17), "square": (61, 61), "odd": (29, 28), "wide": (113, 20)}
    for name, (w, h) in shapes.items():
        rgb = scene(w, h)
        image = Image.fromarray(rgb)
        out[f"photo.{name}"] = rgb
        p = processor(28)
        out[f"pixel_values.crop.{name}"] = p(image, return_tensors="np")["pixel_values"][0].astype(np.float32)
        out[f"pixel_values.pad.{name}"] = p(padded(p, image), return_tensors="np")["pixel_values"][0].astype(np.float32)
        # The resized image is smaller than the crop: zeros around it, floor and ceil at odd differences.
        out[f"pixel_values.small.{name}"] = processor(11, 28)(image, return_tensors="np")["pixel_values"][0].astype(np.float32)
        out[f"pixel_values.odd.{name}"] = processor(25, 14)(image, return_tensors="np")["pixel_values"][0].astype(np.float32)
        plain = processor(14, do_rescale=False, do_normalize=False, resample=2)
        out[f"pixel_values.plain.{name}"] = plain(image, return_tensors="np")["pixel_values"][0].astype(np.float32)
    save_file(out, os.path.join(HERE, "preprocess.safetensors"))
    print(len(out), "tensors")


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def golden_coco(folder):
    p, rows = processor(336), []
    for name in sorted(os.listdir(folder)):
        with Image.open(os.path.join(folder, name)) as image:
            image = ImageOps.exif_transpose(image).convert("RGB")
        values = lambda im: digest(p(im, return_tensors="np")["pixel_values"][0].astype("<f4"))
        rows.append({"file": name, "rgb": digest(np.array(image)), "crop": values(image), "pad": values(padded(p, image))})
    with open(os.path.join(HERE, "coco.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    print(len(rows), "real photos")


make_photos()
golden_photos()
golden_preprocess()
if len(sys.argv) > 1:
    golden_coco(sys.argv[1])
