"""Pellets found by three chains of OpenCV on one thread, to be timed.

Standard input, one JSON object a line. First {"strips": {NAME: {"path", "width", "rows"}}, "threshold", "minAreaPx",
"coreRadiusPx"}, answered by {"version", "threads"}; the files hold width * rows gray bytes. Then, until the input ends,
{"chain", "strip", "repeats"}, answered by {"ms": for all repeats together, "boxes": [[x, y, width, height], ...]} of the
components of at least minAreaPx.

Every buffer that OpenCV can be given is allocated once: fresh ones of this size cost page faults.
"""

import json
import sys
import time

import cv2
import numpy as np

DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


class Buffers:
    """Images of one strip's size, used again by every run."""

    def __init__(self, shape):
        rows, width = shape
        self.gray = np.empty(shape, np.uint8)
        self.mask = np.empty(shape, np.uint8)
        self.rest = np.empty(shape, np.uint8)
        self.labels = np.empty(shape, np.int32)
        self.markers = np.empty(shape, np.int32)
        self.zeros = np.zeros(shape, np.int32)
        self.distance = np.empty(shape, np.float32)
        self.colour = np.empty((rows, width, 3), np.uint8)
        self.framed = np.empty((rows + 2, width + 2), np.uint8)


def components(mask, buffers, connectivity=8):
    """Box and area of every component but the bed."""
    return cv2.connectedComponentsWithStats(mask, labels=buffers.labels, connectivity=connectivity)[2][1:]


def threshold(strip, buffers, setup):
    """Blur, threshold, connected components."""
    cv2.GaussianBlur(strip, (5, 5), 0, dst=buffers.gray)
    cv2.threshold(buffers.gray, setup["threshold"], 255, cv2.THRESH_BINARY, dst=buffers.mask)
    return components(buffers.mask, buffers)


def canny(strip, buffers, setup):
    """Blur, Canny, closing, fill from outside, connected components."""
    cv2.GaussianBlur(strip, (5, 5), 0, dst=buffers.gray)
    cv2.Canny(buffers.gray, 50, 120, edges=buffers.mask)
    cv2.morphologyEx(buffers.mask, cv2.MORPH_CLOSE, DISC, dst=buffers.mask)
    # The frame joins all of the bed, so that one fill reaches it.
    cv2.copyMakeBorder(buffers.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, dst=buffers.framed, value=0)
    cv2.floodFill(buffers.framed, None, (0, 0), 128)
    cv2.compare(buffers.framed[1:-1, 1:-1], 128, cv2.CMP_NE, dst=buffers.rest)
    return components(buffers.rest, buffers)


def watershed(strip, buffers, setup):
    """Threshold, distance transform, cores as markers, watershed, connected components."""
    cv2.threshold(strip, setup["threshold"], 255, cv2.THRESH_BINARY, dst=buffers.mask)
    cv2.distanceTransform(buffers.mask, cv2.DIST_L2, 3, dst=buffers.distance)
    cores = cv2.compare(buffers.distance, setup["coreRadiusPx"], cv2.CMP_GT, dst=buffers.rest)
    cv2.connectedComponents(cores, labels=buffers.markers)
    # Marker 1 is the bed, 0 is what the water is to fill: the rim between cores and bed.
    cv2.add(buffers.markers, 1, dst=buffers.markers)
    rim = cv2.subtract(buffers.mask, cores, dst=buffers.gray)
    cv2.copyTo(buffers.zeros, rim, buffers.markers)
    cv2.cvtColor(strip, cv2.COLOR_GRAY2BGR, dst=buffers.colour)
    cv2.watershed(buffers.colour, buffers.markers)
    cv2.compare(buffers.markers, 1, cv2.CMP_GT, dst=buffers.rest)
    return components(buffers.rest, buffers, connectivity=4)


CHAINS = {"threshold": threshold, "canny": canny, "watershed": watershed}


def answer(message):
    print(json.dumps(message), flush=True)


def main():
    setup = json.loads(sys.stdin.readline())
    cv2.setNumThreads(1)
    strips = {
        name: np.fromfile(strip["path"], np.uint8).reshape(strip["rows"], strip["width"])
        for name, strip in setup["strips"].items()
    }
    buffers = {shape: Buffers(shape) for shape in {strip.shape for strip in strips.values()}}
    answer({"version": cv2.__version__, "threads": cv2.getNumThreads()})
    for line in sys.stdin:
        question = json.loads(line)
        chain, strip = CHAINS[question["chain"]], strips[question["strip"]]
        began = time.perf_counter()
        for _ in range(question["repeats"]):
            found = chain(strip, buffers[strip.shape], setup)
            found = found[found[:, cv2.CC_STAT_AREA] >= setup["minAreaPx"]]
        ms = (time.perf_counter() - began) * 1000
        answer({"ms": ms, "boxes": found[:, :4].tolist()})


main()
