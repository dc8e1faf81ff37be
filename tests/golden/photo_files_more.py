"""The GIF, BMP, TIFF and WebP files of `photo_files.py`."""
import io, struct, zlib
import numpy as np
from PIL import Image
from photo_files_common import *


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
