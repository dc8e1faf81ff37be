"""Small photo files of every kind that people have, and what Pillow makes of each.

Made with Python 3.11, pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, libtiff 4.7.2), numpy 2.4.6. Run from the repository's root:
`python tests/golden/photo_files.py [--seed 11] [--out FILE]`. Not run in CI.

Writes `photo_files.json` beside itself: by name, in Base64, the file; the size of `ImageOps.exif_transpose(Image.open(f)).convert("RGB")`
and the first 16 digits of the SHA-256 of its bytes; nothing of these where Pillow refuses the file.
With `--folder F` the files themselves are written there, for a comparison by eye or by another program; other seeds give other files.
"""
import argparse, base64, hashlib, io, json, os, struct, warnings, zlib
import numpy as np
from PIL import Image, ImageOps
from photo_files_common import *
from photo_files_more import bmp_cases, gif_cases, tiff_cases, webp_cases

warnings.simplefilter("ignore")


# ---- JPEG

def jpeg_cases(rng):
    small = Image.fromarray(scene(rng, 7, 4))
    plain = saved(small, "JPEG", quality=90)
    for value in range(10):
        yield f"exif_{value}.jpg", with_segments(plain, segment(0xE1, exif(value)))
        yield f"xmp_{value}.jpg", with_segments(plain, segment(0xE1, XMP_JPEG + xmp(value, value % 3)))
    for kind in TYPES:
        for order in "<>":
            value = int(rng.integers(2, 9))
            yield f"exif_{kind}_{'le' if order == '<' else 'be'}.jpg", with_segments(plain, segment(0xE1, exif(value, kind, order)))
    six = lambda **k: segment(0xE1, exif(6, **k))
    yield "exif_two_values.jpg", with_segments(plain, segment(0xE1, exif([6, 8])))
    yield "exif_three_longs.jpg", with_segments(plain, segment(0xE1, exif([8, 1, 1], "LONG")))
    yield "exif_prefix_twice.jpg", with_segments(plain, segment(0xE1, exif(6, prefix=2)))
    yield "exif_prefix_thrice.jpg", with_segments(plain, segment(0xE1, exif(6, prefix=3)))
    yield "exif_no_prefix.jpg", with_segments(plain, segment(0xE1, exif(6, prefix=0)))
    yield "exif_wrong_magic.jpg", with_segments(plain, segment(0xE1, exif(6, magic=0x2A00)))
    yield "exif_far_directory.jpg", with_segments(plain, segment(0xE1, exif(6, at=26)))
    yield "exif_in_two_parts.jpg", with_segments(plain, segment(0xE1, exif(6)[:20]), segment(0xE1, EXIF + exif(6)[20:]))
    yield "exif_and_xmp.jpg", with_segments(plain, six(), segment(0xE1, XMP_JPEG + xmp(3)))
    yield "exif_1_and_xmp.jpg", with_segments(plain, segment(0xE1, exif(1)), segment(0xE1, XMP_JPEG + xmp(3)))
    yield "exif_without_and_xmp.jpg", with_segments(plain, segment(0xE1, EXIF + directory([(270, "ASCII", "no orientation")])), segment(0xE1, XMP_JPEG + xmp(3)))
    yield "xmp_twice.jpg", with_segments(plain, segment(0xE1, XMP_JPEG + xmp(3)), segment(0xE1, XMP_JPEG + xmp(8)))
    yield "exif_doubled_tag.jpg", with_segments(plain, segment(0xE1, EXIF + directory([(274, "SHORT", 3), (274, "SHORT", 6)])))
    yield "exif_unknown_type_first.jpg", with_segments(plain, segment(0xE1, EXIF + directory([(274, "NONE99", 3), (274, "SHORT", 6)])))
    yield "exif_cut_off.jpg", with_segments(plain, segment(0xE1, exif(6)[:-20]))
    yield "exif_value_outside.jpg", with_segments(plain, segment(0xE1, EXIF + directory([(274, "SHORT", 6), (270, "ASCII", "x" * 40), (256, "SHORT", 6)])[:-41]))
    yield "exif_value_outside_before.jpg", with_segments(plain, segment(0xE1, EXIF + directory([(270, "ASCII", "x" * 40), (274, "SHORT", 6)])[:-30]))
    mpo = saved(small, "MPO", save_all=True, append_images=[small.transpose(Image.Transpose.ROTATE_90)], exif=exif(6))
    yield "two_pictures.mpo", mpo

    odd = Image.fromarray(scene(rng, 35, 27))
    kinds = {
        "420": dict(quality=70, subsampling="4:2:0"), "444": dict(quality=85, subsampling="4:4:4"),
        "422": dict(quality=60, subsampling="4:2:2"), "restart": dict(quality=75, restart_marker_blocks=1),
        "restart_row": dict(quality=75, restart_marker_rows=1), "progressive": dict(quality=75, progressive=True),
        "progressive_444": dict(quality=90, progressive=True, subsampling="4:4:4"),
        "progressive_restart": dict(quality=75, progressive=True, restart_marker_rows=1),
    }
    files = {name: saved(odd, "JPEG", **options) for name, options in kinds.items()}
    files["grey"] = saved(odd.convert("L"), "JPEG", quality=80)
    files["grey_progressive"] = saved(odd.convert("L"), "JPEG", quality=80, progressive=True)
    files["cmyk"] = saved(odd.convert("CMYK"), "JPEG", quality=80)
    files["cmyk_progressive"] = saved(odd.convert("CMYK"), "JPEG", quality=80, progressive=True)
    at = files["cmyk"].index(b"Adobe") + 11
    for transform in (0, 1, 2):
        yield f"cmyk_transform_{transform}.jpg", files["cmyk"][:at] + bytes([transform]) + files["cmyk"][at + 1 :]
    yield "cmyk_no_adobe.jpg", without_tables(files["cmyk"], (0xEE,))[0]
    rgb = saved(odd, "JPEG", quality=85, keep_rgb=True)
    yield "rgb.jpg", rgb
    yield "rgb_no_adobe.jpg", without_tables(rgb, (0xEE,))[0]
    yield "adobe_without_jfif.jpg", with_segments(files["444"], segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"), jfif=False)
    yield "adobe_and_jfif.jpg", with_segments(files["444"], segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"))
    # Motion JPEG has no Huffman tables: the standard's, which an encoder uses that does not optimise.
    yield "no_huffman_tables.jpg", without_tables(saved(odd, "JPEG", quality=75, subsampling="4:2:0"), (0xC4,))[0]
    yield "no_huffman_tables_progressive.jpg", without_tables(files["progressive"], (0xC4,))[0]
    yield "no_quantisation.jpg", without_tables(files["444"], (0xDB,))[0]
    for name, data in files.items():
        scans = scans_of(data)
        yield f"{name}_no_eoi.jpg", data[: scans[-1][1]]
        yield f"{name}_cut.jpg", data[: scans[-1][0] + (scans[-1][1] - scans[-1][0]) // 2]
        # An end marker in the middle, at several places of several scans.
        for nth, (start, end) in enumerate(scans):
            if nth in (0, 1, 2, 4, len(scans) - 1):
                cut = int(rng.integers(start + 1, end)) if end > start + 1 else start
                yield f"{name}_eoi_in_scan_{nth}.jpg", data[:cut].rstrip(b"\xff") + b"\xff\xd9"
            if 0 < nth < 6:
                yield f"{name}_eoi_before_scan_{nth}.jpg", data[: data.rindex(b"\xff\xda", 0, start)] + b"\xff\xd9"
        # Bytes lost, changed, and put in.
        start, end = scans[int(rng.integers(len(scans)))]
        for kind in range(3):
            if end - start > 8:
                at = int(rng.integers(start + 1, end - 3))
                changed = [data[:at] + data[at + 2 :], data[:at] + bytes([int(rng.integers(1, 255))]) + data[at + 1 :], data[:at] + b"\x5a\x33" + data[at:]]
                yield f"{name}_{['lost', 'changed', 'more'][kind]}.jpg", changed[kind]
        restarts = restarts_of(data)
        if len(restarts) > 5:
            some = lambda low=0: restarts[int(rng.integers(low, len(restarts)))]
            at = some()
            yield f"{name}_marker_lost.jpg", data[:at] + data[at + 2 :]
            for number in range(8):
                at = some()
                yield f"{name}_marker_{number}.jpg", data[:at] + bytes([255, 0xD0 + number]) + data[at + 2 :]
            at = some(2)
            yield f"{name}_markers_swapped.jpg", data[: at + 1] + bytes([0xD0 + (data[at + 1] + 1) % 8]) + data[at + 2 :]
            first, last = sorted(rng.choice(len(restarts), 2, replace=False))
            yield f"{name}_intervals_lost.jpg", data[: restarts[first]] + data[restarts[last]:]
            at = some()
            yield f"{name}_reserved_marker.jpg", data[:at] + b"\xff\x02" + data[at + 2 :]
            at = some()
            yield f"{name}_bytes_before_marker.jpg", data[:at] + b"\x11\x22\x33" + data[at:]


# ---- PNG

def chunk(kind, body, crc=None):
    return struct.pack(">I", len(body)) + kind + body + (struct.pack(">I", zlib.crc32(kind + body)) if crc is None else crc)


PASSES = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]


def filtered(rng, rows, pixel_bytes):
    """Rows behind random filters."""
    out, before = b"", bytes(len(rows[0])) if rows else b""
    for row in rows:
        kind = int(rng.integers(5))
        line = bytearray()
        for i, value in enumerate(row):
            a = row[i - pixel_bytes] if i >= pixel_bytes else 0
            b, c = before[i], before[i - pixel_bytes] if i >= pixel_bytes else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line.append((value - [0, a, b, (a + b) // 2, paeth][kind]) % 256)
        out += bytes([kind]) + bytes(line)
        before = row
    return out


def png(rng, w, h, bits, color, extra=b"", after=b"", interlaced=False, end=True, idats=1, colours=None, crc=None):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    most = 2**bits if colours is None else min(2**bits, colours)
    samples = rng.integers(0, most, (h, w, channels))
    pixel_bytes = max(1, channels * bits // 8)
    if interlaced:
        raw = b""
        for x, dx, y, dy in PASSES:
            part = samples[y::dy, x::dx]
            if part.size:
                raw += filtered(rng, packed_rows(part, bits), pixel_bytes)
    else:
        raw = filtered(rng, packed_rows(samples, bits), pixel_bytes)
    data = zlib.compress(raw)
    step = -(-len(data) // idats)
    parts = [data[i : i + step] for i in range(0, len(data), step)]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, color, 0, 0, int(interlaced)))
    palette = b""
    if color == 3:
        palette = chunk(b"PLTE", rng.integers(0, 256, 3 * (colours or 2**bits)).astype(np.uint8).tobytes())
    body = b"".join(chunk(b"IDAT", part, crc) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + head + palette + extra + body + after + (chunk(b"IEND", b"") if end else b"")


def profile(data, name=b"exif"):
    text = data.hex().encode()
    lines = b"\n".join(text[i : i + 72] for i in range(0, len(text), 72))
    return b"\n" + name + b"\n" + str(len(data)).rjust(8).encode() + b"\n" + lines + b"\n"


def text_chunk(kind, key, value):
    if kind == b"tEXt":
        return chunk(kind, key + b"\0" + value)
    if kind == b"zTXt":
        return chunk(kind, key + b"\0\0" + zlib.compress(value))
    if kind == b"iTXz":
        return chunk(b"iTXt", key + b"\0\1\0en\0\0" + zlib.compress(value))
    return chunk(kind, key + b"\0\0\0\0\0" + value)


def png_cases(rng):
    plain = lambda **k: png(rng, 5, 3, 8, 2, **k)
    for value in range(10):
        yield f"exif_{value}.png", plain(extra=chunk(b"eXIf", exif(value, prefix=0)))
        yield f"xmp_{value}.png", plain(extra=text_chunk(b"iTXt", b"XML:com.adobe.xmp", xmp(value, value % 3)))
    for prefix in range(4):
        for order in "<>":
            where = "extra" if order == "<" else "after"
            yield f"exif_prefix_{prefix}_{where}.png", plain(**{where: chunk(b"eXIf", exif(6, order=order, prefix=prefix))})
            for kind in (b"tEXt", b"zTXt", b"iTXt", b"iTXz"):
                data = text_chunk(kind, b"Raw profile type exif", profile(exif(8, order=order, prefix=prefix)))
                yield f"profile_{kind.decode()}_prefix_{prefix}_{where}.png", plain(**{where: data})
    for kind in TYPES:
        yield f"exif_{kind}.png", plain(extra=chunk(b"eXIf", exif(int(rng.integers(2, 9)), kind, prefix=0)))
    for kind in (b"tEXt", b"zTXt", b"iTXz"):
        yield f"profile_app1_{kind.decode()}.png", plain(extra=text_chunk(kind, b"Raw profile type APP1", profile(exif(6), b"APP1")))
        yield f"xmp_{kind.decode()}.png", plain(after=text_chunk(kind, b"XML:com.adobe.xmp", xmp(5)))
    yield "exif_and_profile.png", plain(extra=chunk(b"eXIf", exif(6, prefix=0)), after=text_chunk(b"tEXt", b"Raw profile type exif", profile(exif(8))))
    yield "profile_and_exif.png", plain(extra=text_chunk(b"tEXt", b"Raw profile type exif", profile(exif(8))), after=chunk(b"eXIf", exif(6, prefix=0)))
    yield "exif_twice.png", plain(extra=chunk(b"eXIf", exif(6, prefix=0)), after=chunk(b"eXIf", exif(3, prefix=0)))
    yield "exif_as_text.png", plain(extra=chunk(b"tEXt", b"exif\0" + exif(6)))
    yield "exif_empty.png", plain(extra=chunk(b"eXIf", b""))
    yield "exif_empty_and_xmp.png", plain(extra=chunk(b"eXIf", b"") + text_chunk(b"iTXt", b"XML:com.adobe.xmp", xmp(3)))
    yield "profile_spaces.png", plain(extra=text_chunk(b"tEXt", b"Raw profile type exif", profile(exif(6)).replace(b"45786966", b"45 78 69\t66")))
    for color, depths in ((0, (1, 2, 4, 8)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for bits in depths:
            for interlaced in (False, True):
                w, h = (int(v) for v in rng.integers(1, 12, 2))
                name = f"color_{color}_bits_{bits}{'_interlaced' if interlaced else ''}.png"
                yield name, png(rng, w, h, bits, color, interlaced=interlaced, idats=int(rng.integers(1, 4)))
    yield "interlaced_1x1.png", png(rng, 1, 1, 8, 2, interlaced=True)
    yield "interlaced_3x2.png", png(rng, 3, 2, 4, 3, interlaced=True)
    yield "grey_16.png", png(rng, 9, 4, 16, 0)
    yield "grey_16_interlaced.png", png(rng, 9, 5, 16, 0, interlaced=True)
    yield "palette_short.png", png(rng, 9, 4, 8, 3, colours=6).replace(b"\0\0\0\x12PLTE", b"\0\0\0\x12PLTE")
    few = png(rng, 9, 4, 8, 3)
    at = few.index(b"PLTE")
    yield "palette_too_short.png", few[: at - 4] + chunk(b"PLTE", few[at + 4 : at + 4 + 30]) + few[at + 4 + 768 + 4 :]
    yield "transparent_palette.png", png(rng, 6, 4, 4, 3, extra=chunk(b"tRNS", bytes(range(0, 160, 20))))
    yield "transparent_colour.png", png(rng, 6, 4, 8, 2, extra=chunk(b"tRNS", b"\0\1\0\2\0\3"))
    yield "transparent_grey.png", png(rng, 6, 4, 2, 0, extra=chunk(b"tRNS", b"\0\1"))
    # Without an end, with wrong checksums, and cut off at every byte of the end.
    whole = plain()
    yield "no_iend.png", plain(end=False)
    yield "no_iend_interlaced.png", png(rng, 7, 7, 8, 6, interlaced=True, end=False)
    for missing in range(1, 36):
        yield f"cut_{missing}.png", whole[:-missing]
    yield "crc_idat.png", plain(crc=b"abcd")
    yield "crc_ancillary_after.png", plain(after=chunk(b"eXIf", exif(6, prefix=0), b"abcd"))
    yield "crc_iend.png", plain(end=False) + chunk(b"IEND", b"", b"abcd")
    yield "crc_palette.png", (lambda f: f[: f.index(b"PLTE") + 4 + 48] + b"abcd" + f[f.index(b"PLTE") + 4 + 52 :])(png(rng, 4, 4, 4, 3))
    yield "crc_header.png", whole[:29] + b"abcd" + whole[33:]
    yield "idat_empty.png", whole[:33] + chunk(b"IDAT", b"") + whole[33:]
    yield "idat_apart.png", (lambda f: f.replace(f[f.rindex(b"IDAT") - 4 :], chunk(b"tEXt", b"a\0b") + f[f.rindex(b"IDAT") - 4 :]))(plain(idats=2))
    yield "junk_after.png", whole + b"some more bytes"
    yield "private_chunks.png", plain(extra=chunk(b"prVt", b"x" * 40), after=chunk(b"abCd", b"y" * 30))
    frames = [Image.fromarray(scene(rng, 8, 6)) for _ in range(3)]
    yield "animated.png", saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    yield "animated_default.png", saved(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True)


def cases(seed):
    for nth, make in enumerate((jpeg_cases, png_cases, gif_cases, bmp_cases, tiff_cases, webp_cases)):
        yield from make(np.random.default_rng([seed, nth]))


def pillow(data):
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception:
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "photo_files.json"))
    parser.add_argument("--folder")
    args = parser.parse_args()
    rows = {}
    for name, data in cases(args.seed):
        assert name not in rows, name
        if args.folder:
            with open(os.path.join(args.folder, name), "wb") as f:
                f.write(data)
            rows[name] = {}
            continue
        rgb = pillow(data)
        rows[name] = {"file": base64.b64encode(data).decode()}
        if rgb is not None:
            rows[name] |= {"size": [rgb.shape[1], rgb.shape[0]], "rgb": hashlib.sha256(rgb.tobytes()).hexdigest()[:16]}
    if not args.folder:
        with open(args.out, "w") as f:
            f.write("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()) + "\n}\n")
    print(len(rows), "files")


if __name__ == "__main__":
    main()
