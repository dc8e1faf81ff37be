"""Pictures and directories of tags that the photo files of `photo_files.py` are made of."""
import io, struct
import numpy as np

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


# ---- samples

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
