# Copyright 2026 infrared_ir_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Detects objects, from the counts of a frame to boxes in its pixels."""

from __future__ import annotations

import json
from dataclasses import dataclass

import cv2
import numpy as np

from infrared_ir_ros.detection.files import checked_names, find_detector
from infrared_ir_ros.engines import Graph, load_graph
from infrared_ir_ros.errors import OptionError, WeightsError, one_line
from infrared_ir_ros.records import Counts, Detection, DetectionOptions
from infrared_ir_ros.restoration.counts import checked, window

INPUTS = ("image", "confidence", "iou")
OUTPUTS = ("detections",)
CHANNELS = 3
GREY = 114 / 255  # padding that YOLO networks are trained with
LARGEST_STRIDE = 256


class Detector:
    """Detects objects in frames of any size. Not for use by several threads at once.

    graph: inputs `image` (1, 3, H, W) float32 in 0..1, `confidence`, `iou`; output `detections` (N, 6): left, top,
    right, bottom in pixels of the image, score, class; its metadata hold `names` (a JSON list) and `stride`.
    Raises WeightsError for a graph with another interface or invalid output.
    """

    def __init__(self, graph: Graph, source: str = "", sha256: str = "") -> None:
        self._graph = graph
        try:
            self.names, self._stride, self._size = _interface(graph)
            self._probe()
        except (OptionError, WeightsError) as error:
            raise WeightsError(f"{source or 'this graph'} is not a detector of export_detector: {error}") from error
        self.description = {
            "detector": f"{source} {graph.metadata.get('version', '')}".strip(),
            "detector.weights": sha256[:12],
            "detector.engine": f"{graph.engine} {graph.device} {graph.precision}",
            "detector.classes": ", ".join(self.names),
        }

    def check(self, options: DetectionOptions) -> None:
        """Raises OptionError for an unknown class."""
        for name in options.classes:
            if name not in self.names:
                raise OptionError(f"detector.classes names {name!r}: this detector has {', '.join(self.names)}")

    def detect(
        self, frame: np.ndarray, options: DetectionOptions | None = None, counts: Counts | None = None
    ) -> tuple[Detection, ...]:
        """The detections in a frame, highest score first.

        frame: (height, width) uint8, uint16 or float32, 16 to 4096 pixels a side; it is not changed. counts: how its
        counts map to the unit range, as for the restorer. Raises FrameError for an invalid frame, OptionError for an
        unknown class, WeightsError for invalid output of the graph.
        """
        options, finite = options or DetectionOptions(), checked(frame)
        self.check(options)
        # 1. counts (H, W) -> unit range -> (1, 3, H', W'), in the top left corner of the network's input
        unit = np.clip(window(finite, counts or Counts()).to_unit(finite), 0, 1)
        fit = _fit(unit.shape, self._stride, self._size)
        image = np.ascontiguousarray(np.broadcast_to(fit.place(unit), (1, CHANNELS, *fit.target)))
        # 2. one evaluation -> (N, 6)
        found = self._run(image, options)
        # 3. boxes in pixels of the frame, within it; wanted classes
        boxes = np.clip(found[:, :4] / fit.scale, 0, (*unit.shape[::-1], *unit.shape[::-1]))
        filled = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        order = (index for index in np.argsort(-found[:, 4], kind="stable") if filled[index])
        detections = (
            Detection(tuple(boxes[index].tolist()), float(found[index, 4]), self.names[int(found[index, 5])])
            for index in order
        )
        return tuple(each for each in detections if not options.classes or each.label in options.classes)

    def warm_up(self, height: int, width: int) -> None:
        """Run one synthetic frame, so that the first real one is not slow."""
        ramp = np.linspace(20, 200, height * width).reshape(height, width).astype(np.uint8)
        self.detect(ramp)

    def _probe(self) -> None:
        """Run a synthetic frame and keep all boxes of all classes, so that invalid output shows at once."""
        height, width = self._size or (2 * self._stride, 3 * self._stride)
        image = np.linspace(0, 1, CHANNELS * height * width, dtype=np.float32).reshape(1, CHANNELS, height, width)
        self._run(image, DetectionOptions(confidence=0.0, iou=1.0))

    def _run(self, image: np.ndarray, options: DetectionOptions) -> np.ndarray:
        limits = (np.array(value, np.float32) for value in (options.confidence, options.iou))
        try:
            (found,) = self._graph.run(image, *limits)
        except Exception as error:  # each engine has its own exception types
            raise WeightsError(f"{self._graph.engine} can't run the detector: {one_line(error)}") from error
        if found.ndim != 2 or found.shape[1] != 6 or not np.isfinite(found).all():
            raise WeightsError(f"the detector's output is {found.shape} or not finite: (N, 6) is expected")
        classes = found[:, 5]
        if ((classes < 0) | (classes >= len(self.names))).any():
            worst = int(classes[np.abs(classes).argmax()])
            raise WeightsError(f"the detector found class {worst}, but names only {len(self.names)}: export it again")
        return found


def load_detector(model: str, allow_pickle: bool = False, engine: str = "auto", device: str = "auto") -> Detector:
    """A detector by its name or path, see `find_detector`, in fp32, since boxes need exact numbers.

    engine: as for the restorer; instead of torch, the fastest other one is used. Raises WeightsError and OptionError.
    """
    found = find_detector(model, allow_pickle)
    try:
        graph = load_graph(found.data, "auto" if engine == "torch" else engine, device, "fp32")
    except WeightsError as error:
        raise WeightsError(f"{found.source}: {error}") from error
    return Detector(graph, found.source, found.sha256)


@dataclass(frozen=True)
class _Fit:
    """The scaled frame (`inner`) in the top left corner of the network's input (`target`): height and width of both."""

    scale: float
    inner: tuple[int, int]
    target: tuple[int, int]

    def place(self, unit: np.ndarray) -> np.ndarray:
        if self.inner != unit.shape:
            smaller = self.scale < 1
            unit = cv2.resize(unit, self.inner[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        bottom, right = (outer - inner for outer, inner in zip(self.target, self.inner, strict=True))
        return cv2.copyMakeBorder(unit, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=GREY)


def _fit(shape: tuple[int, ...], stride: int, size: tuple[int, int] | None) -> _Fit:
    """Pads the frame to multiples of `stride`; scales it only for a network of fixed `size`."""
    height, width = shape
    if size is None:
        return _Fit(1.0, (height, width), (height + -height % stride, width + -width % stride))
    scale = min(size[0] / height, size[1] / width)
    inner = (max(1, min(round(height * scale), size[0])), max(1, min(round(width * scale), size[1])))
    return _Fit(scale, inner, size)


def _interface(graph: Graph) -> tuple[tuple[str, ...], int, tuple[int, int] | None]:
    """The class names, stride and fixed size (height, width) or None. Raises WeightsError if it is no detector."""
    image = graph.inputs.get("image", ())
    if tuple(graph.inputs) != INPUTS or graph.outputs != OUTPUTS or len(image) != 4:
        raise WeightsError(
            f"it takes {', '.join(graph.inputs)} and gives {', '.join(graph.outputs)}, where {', '.join(INPUTS)} and "
            f"{', '.join(OUTPUTS)} are expected"
        )
    if image[1] not in (CHANNELS, None):
        raise WeightsError(f"it takes {image[1]} channels, where {CHANNELS} are expected")
    try:
        names = checked_names(json.loads(graph.metadata["names"]))
        stride = int(graph.metadata["stride"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(f"its metadata lack classes or stride ({error})") from error
    if not 1 <= stride <= LARGEST_STRIDE:
        raise WeightsError(f"its stride is {stride}")
    height, width = image[2:]
    if height is None or width is None:
        return names, stride, None
    return names, stride, (height, width)
