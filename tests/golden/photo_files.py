"""Small photo files of every kind that people have, and what Pillow makes of each.

Made with Python 3.11, pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, libtiff 4.7.2), numpy 2.4.6. Run from the repository's root:
`python tests/golden/photo_files.py [--seed 11] [--out FILE]`. Not run in CI.

Writes `photo_files.json` beside itself: by name, in Base64, the file; the size of `ImageOps.exif_transpose(Image.open(f)).convert("RGB")`
and the first 16 digits of the SHA-256 of its bytes; nothing of these where Pillow refuses the file.
With `--folder F` the files themselves are written there, for a comparison by eye or by another program; other seeds give other files.
"""
import argparse, base64, hashlib, io, json, os, struct, warnings, zlib
import numpy as np
from PIL import Image, ImageOps, ImageSequence

warnings.simplefilter("ignore")
EXIF = b"Exif\0\0"
XMP_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
TYPES = {"BYTE": (1, "B"), "ASCII": (2, "s"), "SHORT": (3, "H"), "LONG": (4, "L"), "RATIONAL": (5, "LL"), "SBYTE": (6, "b"),
         "UNDEFINED": (7, "B"), "SSHORT": (8, "h"), "SLONG": (9, "l"), "SRATIONAL": (10, "ll"), "FLOAT": (11, "f"), "DOUBLE": (12, "d"),
         "IFD": (13, "L"), "LONG8": (16, "Q"), "NONE99": (99, "H")}


# ---- pictures

def scene(rng, w, h, channels=3):
    """Ramps, edges and noise."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    img = np.stack([255 * x / max(w - 1, 1), 255 * y / max(h - 1, 1), 127 + 127 * np.sin(x * 0.9 + y * 0.4), 200 - 9 * x], -1)
    img[(x.astype(int) // 5 + y.astype(int) // 4) % 3 == 0] *= 0.4
    img = np.clip(img + rng.normal(0, 14, img.shape), 0, 255).astype(np.uint8)
    return img[..., 0] if channels == 1 else img[..., :channels]


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# ---- directories of tags

def value_of(kind, value, order):
    code, letters = TYPES[kind]
    if kind == "ASCII":
        return code, str(value).encode() + b"\0", 2
    values = value if isinstance(value, (list, tuple)) else [value]
    data = b"".join(struct.pack(order + letters, *([v, 1] if len(letters) == 2 else [v])) for v in values)
    return code, data, len(values)


def directory(entries, order="<", at=8, start=0, magic=42, big=False):
    """Header, directory and what lies outside of it, `start` bytes from the front; entries are (tag, type, value or raw bytes)."""
    wide, count, entry, inline = ("Q", "Q", 20, 8) if big else ("L", "H", 12, 4)
    head = (b"II" if order == "<" else b"MM") + (struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HL", magic, at))
    at = 16 if big else at
    outside_at = at + struct.calcsize(order + count) + entry * len(entries) + struct.calcsize(order + wide)
    table, outside = struct.pack(order + count, len(entries)), b""
    for tag, kind, value in entries:
        code, data, n = value_of(kind, value, order) if not isinstance(value, bytes) else (TYPES[kind][0], value, len(value))
        if len(data) <= inline:
            cell = data.ljust(inline, b"\0")
        else:
            outside += b"\0" * (len(outside) % 2)
            cell = struct.pack(order + wide, start + outside_at + len(outside))
            outside += data
        table += struct.pack(order + "HH" + wide, tag, code, n) + cell
    table += struct.pack(order + wide, 0)
    return head + b"\0" * (at - len(head)) + table + outside


def exif(value, kind="SHORT", order="<", prefix=1, **kwargs):
    return EXIF * prefix + directory([(270, "ASCII", "a scene"), (274, kind, value)], order, **kwargs)


def xmp(value, form=0):
    said = [f'tiff:Orientation="{value}"', f"tiff:Orientation='{value}'"][form % 2] if form < 2 else ""
    inside = f"<tiff:Orientation>{value}</tiff:Orientation>" if form == 2 else ""
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description {said}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'.encode()


# ---- JPEG

def segment(marker, body):
    return bytes([255, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg, *segments, jfif=True):
    """Behind the start, or instead of JFIF's segment."""
    rest = jpeg[2:]
    if not jfif and rest[:2] == b"\xff\xe0":
        rest = rest[2 + struct.unpack(">H", rest[2:4])[0]:]
        return jpeg[:2] + b"".join(segments) + rest
    end = 2 + struct.unpack(">H", rest[2:4])[0] if rest[:2] == b"\xff\xe0" else 0
    return jpeg[:2] + rest[:end] + b"".join(segments) + rest[end:]


def scans_of(jpeg):
    """Places where entropy-coded data begin and end."""
    places, pos = [], 2
    while pos < len(jpeg) - 2:
        marker, length = jpeg[pos + 1], struct.unpack(">H", jpeg[pos + 2 : pos + 4])[0]
        pos += 2 + length
        if marker == 0xDA:
            start = pos
            while not (jpeg[pos] == 255 and jpeg[pos + 1] not in (0, *range(0xD0, 0xD8))):
                pos += 1
            places.append((start, pos))
            if jpeg[pos + 1] == 0xD9:
                break
    return places


def restarts_of(jpeg):
    return [i for start, end in scans_of(jpeg) for i in range(start, end - 1) if jpeg[i] == 255 and 0xD0 <= jpeg[i + 1] <= 0xD7]


def without_tables(jpeg, marker):
    """The file without its segments of a kind, and these."""
    rest, taken, pos = jpeg[:2], b"", 2
    while jpeg[pos + 1] != 0xDA:
        length = 2 + struct.unpack(">H", jpeg[pos + 2 : pos + 4])[0]
        if jpeg[pos + 1] in marker:
            taken += jpeg[pos : pos + length]
        else:
            rest += jpeg[pos : pos + length]
        pos += length
    return rest + jpeg[pos:], taken


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


def packed_rows(samples, bits):
    rows = []
    for row in samples:
        flat = row.reshape(-1)
        if bits == 16:
            rows.append(flat.astype(">u2").tobytes())
        elif bits == 8:
            rows.append(flat.astype(np.uint8).tobytes())
        else:
            text = "".join(format(int(v), f"0{bits}b") for v in flat)
            text += "0" * (-len(text) % 8)
            rows.append(bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return rows


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


# ---- GIF

def lzw(values, bits, early=False, most_significant=False, clear_first=True):
    """LZW codes of GIF (least significant bit first) and TIFF (most significant first, code sizes change one code early)."""
    clear, end = 1 << bits, (1 << bits) + 1
    codes, size, table = [], bits + 1, {(v,): v for v in range(1 << bits)}
    emit = lambda code: codes.append((code, size))
    if clear_first:
        emit(clear)
    next_code, string = end + 1, ()
    for value in values:
        longer = string + (int(value),)
        if longer in table:
            string = longer
            continue
        emit(table[string])
        if next_code < 4096 - int(early):
            table[longer] = next_code
            next_code += 1
            if next_code + int(early) > (1 << size) and size < 12:
                size += 1
        else:
            emit(clear)
            table = {(v,): v for v in range(1 << bits)}
            next_code, size = end + 1, bits + 1
        string = (int(value),)
    emit(table[string])
    # The decoder's table is one entry further now.
    if next_code + 1 + int(early) > (1 << size) and size < 12:
        size += 1
    emit(end)
    number, have, out = 0, 0, bytearray()
    for code, width in codes:
        if most_significant:
            number = number << width | code
            have += width
            while have >= 8:
                out.append(number >> (have - 8) & 255)
                have -= 8
            number &= (1 << have) - 1
        else:
            number |= code << have
            have += width
            while have >= 8:
                out.append(number & 255)
                number >>= 8
                have -= 8
    if have:
        out.append((number << (8 - have) if most_significant else number) & 255)
    return bytes(out)


def blocks(data, size=255):
    return b"".join(bytes([len(data[i : i + size])]) + data[i : i + size] for i in range(0, len(data), size)) + b"\0"


def gif(rng, screen, frame, bits=3, global_bits=3, local_bits=None, transparent=None, interlaced=False, background=0, size=255, ramp=(), comment=False, pixels=None):
    left, top, w, h = frame
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, (0x80 | (global_bits - 1)) if global_bits else 0, background, 0)
    colours = lambda n, name: bytes(v for i in range(1 << n) for v in (i, i, i)) if name in ramp else rng.integers(0, 256, 3 << n).astype(np.uint8).tobytes()
    if global_bits:
        head += colours(global_bits, "global")
    if comment:
        head += b"\x21\xfe" + blocks(b"a comment, with ; and , in it")
    if transparent is not None:
        head += b"\x21\xf9\x04" + struct.pack("<BHBB", 1, 0, transparent, 0)
    flags = (0x40 if interlaced else 0) | ((0x80 | (local_bits - 1)) if local_bits else 0)
    head += b"," + struct.pack("<HHHHB", left, top, w, h, flags)
    if local_bits:
        head += colours(local_bits, "local")
    most = 1 << min(bits, 8)
    values = rng.integers(0, most, w * h) if pixels is None else pixels
    code_bits = max(2, bits)
    return head + bytes([code_bits]) + blocks(lzw(values, code_bits), size) + b";"


def gif_cases(rng):
    whole = (12, 9)
    for bits in range(1, 9):
        yield f"bits_{bits}.gif", gif(rng, whole, (0, 0, 12, 9), bits, bits)
    for h in (1, 2, 3, 4, 5, 8, 9, 17):
        yield f"interlaced_{h}.gif", gif(rng, (7, h), (0, 0, 7, h), interlaced=True)
    yield "interlaced_9x9.gif", gif(rng, (9, 9), (0, 0, 9, 9), 1, 1, interlaced=True)
    yield "part.gif", gif(rng, whole, (3, 2, 5, 4))
    yield "part_interlaced.gif", gif(rng, whole, (2, 1, 9, 7), interlaced=True)
    yield "part_background.gif", gif(rng, whole, (3, 2, 5, 4), background=5)
    yield "part_transparent.gif", gif(rng, whole, (3, 2, 5, 4), transparent=6)
    yield "part_local.gif", gif(rng, whole, (3, 2, 5, 4), local_bits=4)
    yield "part_local_transparent.gif", gif(rng, whole, (3, 2, 5, 4), local_bits=4, transparent=9)
    yield "part_no_palette.gif", gif(rng, whole, (3, 2, 5, 4), global_bits=0)
    yield "part_no_palette_transparent.gif", gif(rng, whole, (3, 2, 5, 4), global_bits=0, transparent=7)
    yield "local_only.gif", gif(rng, whole, (0, 0, 12, 9), global_bits=0, local_bits=3)
    yield "local_grey.gif", gif(rng, whole, (1, 1, 9, 6), local_bits=3, ramp=("local",))
    yield "global_grey.gif", gif(rng, whole, (1, 1, 9, 6), ramp=("global",))
    yield "both_grey.gif", gif(rng, whole, (1, 1, 9, 6), local_bits=3, ramp=("global", "local"))
    yield "over_the_edge.gif", gif(rng, (6, 5), (3, 2, 8, 7))
    yield "over_the_edge_transparent.gif", gif(rng, (6, 5), (3, 2, 8, 7), transparent=2)
    yield "screen_0.gif", gif(rng, (0, 0), (0, 0, 4, 3))
    yield "frame_0.gif", gif(rng, (4, 4), (0, 0, 0, 4), pixels=[1, 2])
    yield "palette_small.gif", gif(rng, whole, (0, 0, 12, 9), bits=5, global_bits=2)
    yield "transparent_beyond_palette.gif", gif(rng, whole, (3, 2, 5, 4), transparent=200)
    yield "short_blocks.gif", gif(rng, whole, (0, 0, 12, 9), size=7)
    yield "comment.gif", gif(rng, whole, (0, 0, 12, 9), comment=True)
    long = gif(rng, (90, 70), (0, 0, 90, 70), 8, 8)
    yield "full_table.gif", long
    file = gif(rng, (20, 15), (0, 0, 20, 15), 4, 4, size=40)
    for missing in (1, 2, 3, 10, 41, 60):
        yield f"cut_{missing}.gif", file[:-missing]
    yield "no_terminator.gif", file[:-2] + b";"
    yield "too_many_pixels.gif", gif(rng, (5, 4), (0, 0, 5, 4), pixels=rng.integers(0, 8, 40))
    yield "too_few_pixels.gif", gif(rng, (5, 4), (0, 0, 5, 4), pixels=rng.integers(0, 8, 12))
    yield "code_size_13.gif", (lambda f: f.replace(b"\0\x04" + f[f.rindex(b",") + 11 : f.rindex(b",") + 13], b"\0\x0d" + f[f.rindex(b",") + 11 : f.rindex(b",") + 13]))(file)
    frames = [Image.fromarray(scene(rng, 10, 8)) for _ in range(2)]
    yield "animated.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)


# ---- BMP

def bmp(rng, w, h, bits, header=40, top_down=False, compression=0, masks=(), colours=None, data=None, grey=False, gap=0):
    colours = (2**bits if colours is None else colours) if bits <= 8 else 0
    stride = (w * bits + 31) // 32 * 4
    if data is None:
        data = rng.integers(0, 256, stride * h).astype(np.uint8).tobytes()
        if bits <= 8 and colours < 2**bits:
            data = bytes(v % max(colours, 1) for v in data) if bits == 8 else data
    palette = b"".join(bytes([v, v, v] if grey else rng.integers(0, 256, 3).tolist()) + (b"\0" if header > 12 else b"") for v in range(colours))
    mask_bytes = struct.pack(f"<{len(masks)}I", *masks)
    if header == 12:
        info = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, w, -h if top_down else h, 1, bits, compression, len(data), 2835, 2835, 0 if colours == 2**bits else colours, 0)
        if header >= 52:
            info += mask_bytes.ljust(header - 40, b"\0")[: header - 40]
        else:
            info += mask_bytes
    offset = 14 + len(info) + len(palette) + gap
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + palette + b"\0" * gap + data


def rle8(rng, w, h, ends=True):
    out = b""
    for y in range(h):
        x = 0
        while x < w:
            n = int(rng.integers(1, 6))
            if rng.random() < 0.5:
                out += bytes([min(n, w - x), int(rng.integers(256))])
                x += min(n, w - x)
            elif w - x >= 3:
                n = min(max(n, 3), w - x)
                out += bytes([0, n]) + rng.integers(0, 256, n).astype(np.uint8).tobytes() + b"\0" * (n % 2)
                x += n
        out += b"\0\0" if y + 1 < h or not ends else b"\0\1"
    return out


def rle4(rng, w, h):
    out = b""
    for y in range(h):
        x = 0
        while x < w:
            n = min(int(rng.integers(1, 7)), w - x)
            out += bytes([n, int(rng.integers(256))])
            x += n
        out += b"\0\0" if y + 1 < h else b"\0\1"
    return out


def bmp_cases(rng):
    for bits in (1, 4, 8, 16, 24, 32):
        for header in (12, 40, 108, 124):
            if header == 12 and bits in (16, 32):
                continue
            for top_down in (False, True):
                if header == 12 and top_down:
                    continue
                w, h = (int(v) for v in rng.integers(1, 14, 2))
                yield f"bits_{bits}_header_{header}{'_top_down' if top_down else ''}.bmp", bmp(rng, w, h, bits, header, top_down)
    for bits in (1, 4, 8):
        yield f"grey_{bits}.bmp", bmp(rng, 9, 5, bits, grey=True)
    yield "two_colours_black_white.bmp", bmp(rng, 9, 5, 1, grey=True).replace(b"\0\0\0\0\1\1\1\0", b"\0\0\0\0\xff\xff\xff\0")
    yield "two_colours_white_black.bmp", bmp(rng, 9, 5, 1, grey=True).replace(b"\0\0\0\0\1\1\1\0", b"\xff\xff\xff\0\0\0\0\0")
    yield "few_colours.bmp", bmp(rng, 9, 5, 8, colours=20)
    yield "gap.bmp", bmp(rng, 9, 5, 8, gap=10)
    yield "os2_v2.bmp", bmp(rng, 9, 5, 24, header=64)
    for name, bits, masks in (
        ("565", 16, (0xF800, 0x7E0, 0x1F)), ("555", 16, (0x7C00, 0x3E0, 0x1F)), ("444", 16, (0xF00, 0xF0, 0xF)),
        ("bgrx", 32, (0xFF0000, 0xFF00, 0xFF, 0)), ("xbgr", 32, (0xFF000000, 0xFF0000, 0xFF00, 0)), ("abgr", 32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
        ("rgba", 32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)), ("bgra", 32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), ("bgr24", 24, (0xFF0000, 0xFF00, 0xFF)),
    ):
        for header in (40, 52, 56, 108, 124):
            yield f"fields_{name}_header_{header}.bmp", bmp(rng, 6, 5, bits, header, compression=3, masks=masks[: 3 if header < 56 else 4])
    yield "rle8.bmp", bmp(rng, 11, 6, 8, compression=1, data=rle8(rng, 11, 6))
    yield "rle8_no_end.bmp", bmp(rng, 11, 6, 8, compression=1, data=rle8(rng, 11, 6, False))
    yield "rle4.bmp", bmp(rng, 11, 6, 4, compression=2, data=rle4(rng, 11, 6))
    yield "rle8_delta.bmp", bmp(rng, 8, 4, 8, compression=1, data=b"\x03\x05\0\2\2\1\2\x09\0\0\4\7\0\1")
    yield "rle8_short_lines.bmp", bmp(rng, 8, 4, 8, compression=1, data=b"\x03\x05\0\0\x04\x06\0\0\x08\x07\0\1")
    yield "rle8_too_long.bmp", bmp(rng, 5, 3, 8, compression=1, data=b"\x09\x05\0\0\x04\x06\0\0\x08\x07\0\1")
    yield "jpeg_inside.bmp", bmp(rng, 5, 3, 24, compression=4)
    yield "cut.bmp", bmp(rng, 9, 9, 24)[:-20]


# ---- TIFF

def pack_bits(data):
    out, i = b"", 0
    while i < len(data):
        n = 1
        while i + n < len(data) and n < 128 and data[i + n] == data[i]:
            n += 1
        if n > 2:
            out += bytes([257 - n, data[i]])
        else:
            n = min(128, len(data) - i, 5)
            out += bytes([n - 1]) + data[i : i + n]
        i += n
    return out


def reverse(data):
    return bytes(int(format(v, "08b")[::-1], 2) for v in data)


def differences(samples, bits):
    out = samples.astype(np.int64).copy()
    out[:, 1:] -= samples[:, :-1].astype(np.int64)
    return out % (1 << bits)


def tiff(rng, w, h, photometric, bits=8, samples=1, compression=1, order="<", rows=None, tile=None, planar=1, predictor=1, fill=1,
         extra=(), palette=None, tags=(), big=False, magic=42, one_bits=False, data=None, format_=None, jpeg=None, photo_tag=True):
    """`data`: sample values [h, w, samples]; `jpeg`: options of JPEG strips."""
    if data is None:
        data = rng.integers(0, 1 << min(bits, 16), (h, w, samples))
    tw, th = tile or (w, rows or h)
    across, down = -(-w // tw), -(-h // th)
    planes = [data[..., c : c + 1] for c in range(samples)] if planar == 2 else [data]
    chunks, tables = [], None
    for plane in planes:
        for r in range(down):
            for c in range(across):
                part = plane[r * th : (r + 1) * th, c * tw : (c + 1) * tw]
                if tile:
                    part = np.pad(part, ((0, th - part.shape[0]), (0, tw - part.shape[1]), (0, 0)), mode="edge")
                if jpeg is not None:
                    mode = {1: "L", 3: "RGB", 4: "CMYK"}[part.shape[2]]
                    image = Image.fromarray(part.astype(np.uint8)[..., 0] if mode == "L" else part.astype(np.uint8), mode)
                    options = {k: v for k, v in jpeg.items() if k != "shared"}
                    packed = saved(image, "JPEG", **options)
                    packed = without_tables(packed, (0xE0, 0xEE))[0]
                    if jpeg.get("shared"):
                        packed, shared = without_tables(packed, (0xC4, 0xDB))
                        tables = b"\xff\xd8" + shared + b"\xff\xd9"
                    chunks.append(packed)
                    continue
                if predictor == 2:
                    part = differences(part, bits)
                if bits in (32,):
                    raw = part.astype(order + "u4").tobytes()
                elif bits == 16:
                    raw = part.astype(order + "u2").tobytes()
                else:
                    raw = b"".join(packed_rows(part, bits))
                packed = {1: lambda v: v, 5: lambda v: lzw(v, 8, True, True), 8: zlib.compress, 32946: zlib.compress, 32773: pack_bits}[compression](raw)
                chunks.append(reverse(packed) if fill == 2 else packed)
    if jpeg is not None:
        compression = 7
    offset_type = "LONG8" if big else "LONG"
    entries = [(256, "LONG", w), (257, "SHORT", h), (258, "SHORT", [bits] * (1 if one_bits else samples)), (259, "SHORT", compression)]
    if photo_tag:
        entries.append((262, "SHORT", photometric))
    if fill != 1:
        entries.append((266, "SHORT", fill))
    entries.append((277, "SHORT", samples))
    if tile:
        entries += [(322, "SHORT", tw), (323, "SHORT", th)]
    else:
        entries += [(278, "LONG", th)]
    if planar != 1:
        entries.append((284, "SHORT", planar))
    if predictor != 1:
        entries.append((317, "SHORT", predictor))
    if palette is not None:
        entries.append((320, "SHORT", [int(v) for v in palette]))
    if extra:
        entries.append((338, "SHORT", list(extra)))
    if format_ is not None:
        entries.append((339, "SHORT", list(format_)))
    if tables is not None:
        entries.append((347, "UNDEFINED", tables))
    entries += list(tags)
    where = (324, 325) if tile else (273, 279)
    counts = (where[1], "LONG", [len(v) for v in chunks])
    build = lambda offsets: directory(sorted(entries + [(where[0], offset_type, offsets), counts]), order, big=big, magic=magic)
    start = len(build([0] * len(chunks)))
    offsets = [start + sum(len(v) for v in chunks[:i]) for i in range(len(chunks))]
    return build(offsets) + b"".join(chunks)


def tiff_cases(rng):
    base = lambda **k: tiff(rng, 7, 4, 2, samples=3, **k)
    for value in range(10):
        yield f"orientation_{value}.tif", base(tags=[(274, "SHORT", value)])
        yield f"xmp_{value}.tif", base(tags=[(700, "BYTE", xmp(value, value % 3))])
    for kind in TYPES:
        for order in "<>":
            value = int(rng.integers(2, 9))
            yield f"orientation_{kind}_{'le' if order == '<' else 'be'}.tif", base(order=order, tags=[(274, kind, value)])
    yield "orientation_compressed.tif", base(compression=8, tags=[(274, "SHORT", 7)])
    yield "orientation_two_values.tif", base(tags=[(274, "SHORT", [6, 8])])
    yield "orientation_two_longs.tif", base(tags=[(274, "LONG", [5, 8])])
    yield "orientation_1_and_xmp.tif", base(tags=[(274, "SHORT", 1), (700, "BYTE", xmp(6))])
    yield "xmp_undefined.tif", base(tags=[(700, "UNDEFINED", xmp(6))])
    yield "wrong_magic_le.tif", base(magic=0x2A00, tags=[(274, "SHORT", 6)])
    yield "wrong_magic_be.tif", base(magic=0x2A00, order=">", tags=[(274, "SHORT", 8)])
    yield "big_le.tif", base(big=True, tags=[(274, "SHORT", 6)])
    yield "big_be.tif", base(big=True, order=">", tags=[(274, "SHORT", 6)])
    yield "big_deflate.tif", base(big=True, compression=8, rows=2)
    sides = lambda: tuple(int(v) for v in rng.integers(1, 14, 2))
    for compression, orders in ((1, "<>"), (5, "<>"), (8, "<"), (32946, ">"), (32773, ">")):
        for order in orders:
            name = f"{compression}_{'le' if order == '<' else 'be'}"
            for photometric in (0, 1):
                for bits in (1, 2, 4, 8):
                    w, h = sides()
                    yield f"grey_{photometric}_{bits}_{name}.tif", tiff(rng, w, h, photometric, bits, compression=compression, order=order, rows=int(rng.integers(1, h + 1)))
            w, h = sides()
            yield f"grey_1_16_{name}.tif", tiff(rng, w, h, 1, 16, compression=compression, order=order, rows=3)
            for bits in (1, 2, 4, 8):
                w, h = sides()
                colours = rng.integers(0, 65536, 3 << bits)
                yield f"palette_{bits}_{name}.tif", tiff(rng, w, h, 3, bits, compression=compression, order=order, palette=colours)
            for bits in (8, 16):
                w, h = sides()
                for planar in (1, 2):
                    if bits == 16 and planar == 2 and compression == 1:
                        continue  # read by Pillow as something else
                    yield f"rgb_{bits}_planar_{planar}_{name}.tif", tiff(rng, w, h, 2, bits, 3, compression, order, rows=4, planar=planar)
                    for kinds in ((0,), (1,), (2,)):
                        yield f"rgb_{bits}_extra_{kinds[0]}_planar_{planar}_{name}.tif", tiff(rng, w, h, 2, bits, 4, compression, order, rows=4, planar=planar, extra=kinds)
                yield f"cmyk_{bits}_{name}.tif", tiff(rng, w, h, 5, bits, 4, compression, order, rows=5)
                if compression in (5, 8):
                    yield f"predictor_{bits}_{name}.tif", tiff(rng, w, h, 2, bits, 3, compression, order, rows=4, predictor=2)
                    yield f"predictor_grey_{bits}_{name}.tif", tiff(rng, w, h, 1, bits, 1, compression, order, predictor=2)
            yield f"tiles_{name}.tif", tiff(rng, 18, 17, 2, 8, 3, compression, order, tile=(16, 16))
            yield f"tiles_grey_{name}.tif", tiff(rng, 17, 33, 1, 8, 1, compression, order, tile=(16, 32))
            yield f"tiles_bits_{name}.tif", tiff(rng, 37, 21, 1, 1, 1, compression, order, tile=(16, 16))
            yield f"tiles_planar_{name}.tif", tiff(rng, 17, 9, 2, 8, 3, compression, order, tile=(16, 16), planar=2)
            yield f"reversed_{name}.tif", tiff(rng, 13, 5, 1, 1, 1, compression, order, fill=2)
            yield f"reversed_rgb_{name}.tif", tiff(rng, 9, 5, 2, 8, 3, compression, order, fill=2)
    yield "grey_0_16.tif", tiff(rng, 6, 4, 0, 16)
    for kinds in ((0,), (1,), (2,)):
        yield f"grey_extra_{kinds[0]}.tif", tiff(rng, 6, 4, 1, 8, 2, extra=kinds)
        yield f"palette_extra_{kinds[0]}.tif", tiff(rng, 6, 4, 3, 8, 2, extra=kinds, palette=rng.integers(0, 65536, 768))
    yield "grey_two_samples.tif", tiff(rng, 6, 4, 1, 8, 2)
    yield "rgb_four_samples.tif", tiff(rng, 6, 4, 2, 8, 4)
    yield "rgb_extra_999.tif", tiff(rng, 6, 4, 2, 8, 4, extra=(999,))
    yield "rgb_extra_00.tif", tiff(rng, 6, 4, 2, 8, 5, extra=(0, 0))
    yield "rgb_extra_10.tif", tiff(rng, 6, 4, 2, 8, 5, extra=(1, 0))
    yield "rgb_extra_200.tif", tiff(rng, 6, 4, 2, 8, 6, extra=(2, 0, 0))
    yield "cmyk_extra.tif", tiff(rng, 6, 4, 5, 8, 5, extra=(0,))
    yield "rgb_one_bits.tif", tiff(rng, 6, 4, 2, 8, 3, one_bits=True)
    yield "no_photometric.tif", tiff(rng, 6, 4, 1, 8, 1, photo_tag=False)
    yield "signed_8.tif", tiff(rng, 6, 4, 1, 8, 1, format_=(2,))
    yield "signed_16.tif", tiff(rng, 6, 4, 1, 16, 1, format_=(2,))
    yield "unsigned_32.tif", tiff(rng, 6, 4, 1, 32, 1)
    yield "float_32.tif", saved(Image.fromarray(rng.random((4, 6)).astype(np.float32)), "TIFF")
    yield "palette_no_map.tif", tiff(rng, 6, 4, 3, 8)
    yield "lab.tif", saved(Image.fromarray(scene(rng, 8, 6), "RGB").convert("LAB") if False else Image.new("LAB", (4, 3), (100, 20, 30)), "TIFF")
    # YCbCr with and without compression; blocks of colours that are shared.
    flat = rng.integers(0, 256, (6, 8, 3))
    yield "ycbcr_raw.tif", tiff(rng, 8, 6, 6, 8, 3, data=flat, tags=[(530, "SHORT", [1, 1])])
    yield "ycbcr_raw_untold.tif", tiff(rng, 8, 6, 6, 8, 3, data=flat)
    yield "ycbcr_pillow.tif", saved(Image.fromarray(scene(rng, 9, 7)).convert("YCbCr"), "TIFF")
    yield "ycbcr_pillow_lzw.tif", saved(Image.fromarray(scene(rng, 9, 7)).convert("YCbCr"), "TIFF", compression="tiff_lzw")
    for h, v in ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)):
        for w_, h_ in ((8, 8), (9, 7)):
            if (h, v, w_) == (4, 4, 9):
                continue  # libtiff reads four bytes too few
            across, down = -(-w_ // h), -(-h_ // v)
            units = rng.integers(0, 256, (down, across, h * v + 2)).astype(np.uint8)
            packed = zlib.compress(units.tobytes())
            entries = [(256, "LONG", w_), (257, "LONG", h_), (258, "SHORT", [8, 8, 8]), (259, "SHORT", 8), (262, "SHORT", 6), (277, "SHORT", 3),
                       (278, "LONG", h_), (279, "LONG", len(packed)), (530, "SHORT", [h, v])]
            for name, tags in (("", []), ("_reference", [(532, "LONG", None)])):
                if tags:
                    if (h, v) not in ((1, 1), (2, 2)):
                        continue
                    pairs = b"".join(struct.pack("<LL", n, 1) for n in (16, 235, 128, 240, 128, 240))
                    made = lambda at: directory_rationals(sorted(entries + [(273, "LONG", at)]), 532, pairs)
                else:
                    made = lambda at: directory(sorted(entries + [(273, "LONG", at)]))
                yield f"ycbcr_{h}{v}_{w_}x{h_}{name}.tif", made(len(made(0))) + packed
    # JPEG strips and tiles.
    photo = scene(rng, 40, 30).astype(np.int64)
    for name, options in (("420", dict(quality=80, subsampling="4:2:0")), ("444", dict(quality=90, subsampling="4:4:4")), ("422", dict(quality=70, subsampling="4:2:2"))):
        factors = {"420": [2, 2], "444": [1, 1], "422": [2, 1]}[name]
        tags = [(530, "SHORT", factors)]
        yield f"jpeg_{name}.tif", tiff(rng, 40, 30, 6, 8, 3, data=photo, jpeg=options, tags=tags)
        yield f"jpeg_{name}_strips.tif", tiff(rng, 40, 30, 6, 8, 3, data=photo, jpeg=options, tags=tags, rows=16)
        yield f"jpeg_{name}_shared.tif", tiff(rng, 40, 30, 6, 8, 3, data=photo, jpeg=dict(options, shared=True), tags=tags, rows=16)
        yield f"jpeg_{name}_tiles.tif", tiff(rng, 40, 30, 6, 8, 3, data=photo, jpeg=options, tags=tags, tile=(16, 16))
    yield "jpeg_rgb.tif", tiff(rng, 40, 30, 2, 8, 3, data=photo, jpeg=dict(quality=85, keep_rgb=True, subsampling=0), rows=8)
    yield "jpeg_grey.tif", tiff(rng, 40, 30, 1, 8, 1, data=photo[..., :1], jpeg=dict(quality=85), rows=8)
    yield "jpeg_grey_0.tif", tiff(rng, 40, 30, 0, 8, 1, data=photo[..., :1], jpeg=dict(quality=85), rows=8)
    yield "jpeg_rgb_planar.tif", tiff(rng, 40, 30, 2, 8, 3, data=photo, jpeg=dict(quality=85), planar=2, rows=16)
    yield "jpeg_cmyk.tif", tiff(rng, 40, 30, 5, 8, 4, data=scene(rng, 40, 30, 4).astype(np.int64), jpeg=dict(quality=85), rows=16)
    yield "jpeg_progressive.tif", tiff(rng, 40, 30, 6, 8, 3, data=photo, jpeg=dict(quality=80, progressive=True, subsampling="4:2:0"), tags=[(530, "SHORT", [2, 2])])
    yield "jpeg_pillow.tif", saved(Image.fromarray(photo.astype(np.uint8)), "TIFF", compression="jpeg", quality=80)
    cut = tiff(rng, 40, 30, 6, 8, 3, data=photo, jpeg=dict(quality=80, subsampling="4:2:0"), tags=[(530, "SHORT", [2, 2])])
    yield "jpeg_damaged.tif", cut[:-150] + b"\xff\xd9" + cut[-148:]
    # Bilevel.
    bits = Image.fromarray(scene(rng, 61, 33)).convert("1")
    for name in ("group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw"):
        yield f"bilevel_{name}.tif", saved(bits, "TIFF", compression=name)
    yield "bilevel_group4_strips.tif", saved(bits, "TIFF", compression="group4", tiffinfo={278: 8})
    yield "two_pages.tif", saved(Image.fromarray(scene(rng, 6, 5)), "TIFF", save_all=True, append_images=[Image.fromarray(scene(rng, 4, 4))])
    for compression in (1, 5, 8, 32773):
        whole = base(compression=compression)
        yield f"cut_{compression}.tif", whole[:-9]


def directory_rationals(entries, tag, pairs):
    """One more tag, of rationals that are there as bytes."""
    made = directory(sorted(entries + [(tag, "UNDEFINED", pairs)]))
    at = made.index(struct.pack("<HHL", tag, 7, len(pairs)))
    return made[:at] + struct.pack("<HHL", tag, 5, len(pairs) // 8) + made[at + 8 :]


# ---- WebP

def webp_with(data, chunks, flags):
    """An extended file of a simple one."""
    image = Image.open(io.BytesIO(data))
    w, h = image.size
    head = b"VP8X" + struct.pack("<I", 10) + struct.pack("<I", flags) + (w - 1).to_bytes(3, "little") + (h - 1).to_bytes(3, "little")
    body = data[12:]
    for kind, value in chunks:
        body += kind + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
    inside = b"WEBP" + head + body
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def webp_cases(rng):
    plain = saved(Image.fromarray(scene(rng, 7, 4)), "WEBP", lossless=True)
    for value in range(10):
        yield f"exif_{value}.webp", webp_with(plain, [(b"EXIF", exif(value, prefix=value % 3))], 8)
        yield f"xmp_{value}.webp", webp_with(plain, [(b"XMP ", xmp(value, value % 3))], 4)
    for kind in TYPES:
        yield f"exif_{kind}.webp", webp_with(plain, [(b"EXIF", exif(int(rng.integers(2, 9)), kind, "<>"[len(kind) % 2], prefix=len(kind) % 3))], 8)
    yield "exif_and_xmp.webp", webp_with(plain, [(b"EXIF", exif(6, prefix=0)), (b"XMP ", xmp(3))], 12)
    yield "exif_unflagged.webp", webp_with(plain, [(b"EXIF", exif(6, prefix=0))], 0)
    odd = Image.fromarray(scene(rng, 45, 35))
    for quality in (5, 40, 75, 95):
        yield f"lossy_{quality}.webp", saved(odd, "WEBP", quality=quality)
    alpha = Image.fromarray(scene(rng, 19, 15, 4))
    yield "alpha.webp", saved(alpha, "WEBP", quality=70)
    yield "alpha_lossless.webp", saved(alpha, "WEBP", lossless=True, exact=True)
    frames = [Image.fromarray(scene(rng, 16, 12)) for _ in range(3)]
    yield "animated.webp", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    yield "animated_lossy.webp", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=60)
    clear = [Image.fromarray(scene(rng, 16, 12, 4)) for _ in range(2)]
    yield "animated_alpha.webp", saved(clear[0], "WEBP", save_all=True, append_images=clear[1:], lossless=True, background=(10, 200, 30, 255))
    # A first frame that does not fill the canvas.
    file = bytearray(saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    at = file.index(b"VP8X") + 12
    file[at : at + 6] = (19).to_bytes(3, "little") + (17).to_bytes(3, "little")
    yield "animated_part.webp", bytes(file)
    yield "cut.webp", saved(odd, "WEBP", quality=70)[:-40]


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
