"""Opens a val2014-sized annotation file with gazelens and with pycocotools, and prints the ratios. Not run in CI.

    cargo build --release
    python tests/benches/coco.py [target/release/gazelens]

Needs pycocotools 2.0 (which brings numpy) and the real annotations in ../shared/data/coco. The file is generated from them: 40,504 images
and about 292,000 annotations under new numbers, with the members and the spacing of the published instances_val2014.json. Each side runs
three times in processes of its own, alternating; the median counts. gazelens is charged for its whole process with one mask written,
pycocotools only for `COCO(path)`, without starting Python.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REAL = HERE.parents[2] / "shared" / "data" / "coco" / "instances.json"
IMAGES = 40_504
ANNOTATIONS = 292_000
PYCOCOTOOLS = """
import resource, sys, time
from pycocotools.coco import COCO
started = time.perf_counter()
COCO(sys.argv[1])
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def generate(path: Path) -> None:
    """Repeats the real images and annotations under new numbers until both counts are reached."""
    real = json.loads(REAL.read_text())
    by_image = {}
    for annotation in real["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    # The subset has more objects an image than val2014: some copies stay without.
    share = ANNOTATIONS / (IMAGES * len(real["annotations"]) / len(real["images"]))
    images, annotations, due = [], [], 0.0
    for number in range(IMAGES):
        source = real["images"][number % len(real["images"])]
        image_id = 14 * number + 42
        images.append(source | {"id": image_id, "file_name": f"COCO_val2014_{image_id:012}.jpg"})
        for annotation in by_image.get(source["id"], []):
            due += share
            if due >= 1:
                due -= 1
                annotations.append(annotation | {"id": len(annotations) + 1, "image_id": image_id})
    whole = {key: real[key] for key in ("info", "licenses")}
    whole |= {"images": images, "annotations": annotations, "categories": real["categories"]}
    path.write_text(json.dumps(whole))
    print(f"{len(images)} images, {len(annotations)} annotations, {path.stat().st_size / 1e6:.0f} MB")


def gazelens(program: str, path: Path, out: Path) -> tuple[float, float]:
    """Seconds of the whole process and its peak in MB; the image with number 42 is a copy of the subset's first one."""
    command = [program, "mask", "--annotations", path, "--image-id", "42", "--category", "person", "--out", out]
    measured = [sys.executable, "-c", MEASURED, *map(str, command)]
    seconds, peak = subprocess.run(measured, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(peak) / 1e3


# A process of its own between, so that only this child is in the figure of the children.
MEASURED = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def pycocotools(path: Path) -> tuple[float, float]:
    """Seconds of `COCO(path)` and the process's peak in MB."""
    run = subprocess.run([sys.executable, "-c", PYCOCOTOOLS, str(path)], check=True, capture_output=True, text=True)
    seconds, peak = run.stdout.split("\n")[-2].split()
    return float(seconds), float(peak) / 1e3


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[1] / "target" / "release" / "gazelens")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instances_val2014.json"
        generate(path)
        ours, theirs = [], []
        for _ in range(3):
            ours.append(gazelens(program, path, Path(folder) / "mask.png"))
            theirs.append(pycocotools(path))
    seconds, peak = (statistics.median(values) for values in zip(*ours))
    their_seconds, their_peak = (statistics.median(values) for values in zip(*theirs))
    print(f"gazelens    {seconds:6.2f} s {peak:7.0f} MB")
    print(f"pycocotools {their_seconds:6.2f} s {their_peak:7.0f} MB")
    print(f"time   {their_seconds / seconds:.1f} times faster (at least 5)")
    print(f"memory {peak / their_peak:.3f} of pycocotools' peak (at most 0.25)")


if __name__ == "__main__":
    main()
