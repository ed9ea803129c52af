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

"""Writes a detector's files: an ONNX graph with non-maximum suppression, safetensors, YAML and a manifest."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save
from torch import Tensor, nn

from infrared_ir_ros.detection.files import GRAPH
from infrared_ir_ros.priors.halves import LARGE, store_in_half
from infrared_ir_ros.priors.manifest import write_with_manifest
from infrared_ir_ros.training.detector_architecture import architecture_of
from infrared_ir_ros.training.detector_network import DESCRIPTION, WEIGHTS, Description, load_weights

OPSET = 17
STRIDE = 32  # of the coarsest of YOLOv8's three grids: sides of a frame divide by it
MOST_BOXES = 300  # per class, as in ultralytics' validation
LARGEST_HALF = 6e4


def export_detector(model: nn.Module, names: Sequence[str], folder: Path, version: str) -> None:
    """Write `detector.onnx`, `detector.safetensors`, `detector.yaml` and `manifest.json` into `folder`.

    model: a YOLOv8 of ultralytics; not changed. Weights are rounded to fp16 first, so that the files agree.
    Raises WeightsError for another network, OptionError for invalid names.
    """
    architecture = architecture_of(model)
    state = {name: _stored(tensor) for name, tensor in model.state_dict().items()}
    description = Description(architecture, tuple(names), version)
    weights = save(state)
    rebuilt = load_weights(architecture, len(names), weights)
    files = {
        WEIGHTS: weights,
        DESCRIPTION: yaml.safe_dump(description.to_table(), sort_keys=False).encode(),
        GRAPH: detector_graph(rebuilt, names, version),
    }
    write_with_manifest(folder, files, {"version": version, "names": list(names)})


def detector_graph(model: nn.Module, names: Sequence[str], version: str) -> bytes:
    """The ONNX file of a detector of ultralytics, with inline data.

    Inputs: `image` (1, 3, H, W) float32 in 0..1, sides multiples of 32; `confidence` and `iou`, scalars. Output:
    `detections` (N, 6) float32: x1, y1, x2, y2 in pixels of the image, score, class.
    """
    network, image, buffer = _Boxes(model), torch.rand(1, 3, 128, 160), io.BytesIO()
    axes = {"image": {2: "height", 3: "width"}, "boxes": {1: "anchors"}, "scores": {2: "anchors"}}
    with torch.no_grad():
        torch.onnx.export(
            network, (image,), buffer, input_names=["image"], output_names=["boxes", "scores"],
            dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    graph = with_suppression(onnx.load_from_string(buffer.getvalue()))
    store_in_half(graph)
    helper.set_model_props(graph, {"names": json.dumps(list(names)), "stride": str(STRIDE), "version": version})
    onnx.checker.check_model(graph)
    return graph.SerializeToString()


def with_suppression(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turns outputs `boxes` (1, A, 4), as corners, and `scores` (1, C, A) of a graph into `detections` (N, 6).

    Of boxes of one class that overlap by more than `iou`, the best is kept if its score is above `confidence`.
    """
    graph = model.graph
    steps = [
        ("NonMaxSuppression", ["boxes", "scores", "most_boxes", "iou", "confidence"], "kept", {}),  # batch, class, box
        ("GatherND", ["scores", "kept"], "kept_scores", {}),
        ("Unsqueeze", ["kept_scores", "axis_1"], "score_column", {}),
        ("Gather", ["kept", "axis_1"], "class_column_int", {"axis": 1}),
        ("Cast", ["class_column_int"], "class_column", {"to": TensorProto.FLOAT}),
        ("Gather", ["kept", "two"], "box_index", {"axis": 1}),
        ("Squeeze", ["boxes", "axis_0"], "all_boxes", {}),
        ("Gather", ["all_boxes", "box_index"], "box_columns", {"axis": 0}),
        ("Concat", ["box_columns", "score_column", "class_column"], "detections", {"axis": 1}),
    ]
    graph.node.extend(helper.make_node(kind, given, [made], **attributes) for kind, given, made, attributes in steps)
    for name, value in {"most_boxes": [MOST_BOXES], "axis_0": [0], "axis_1": [1], "two": 2}.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))
    for name in ("confidence", "iou"):
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, []))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("detections", TensorProto.FLOAT, ["found", 6]))
    return model


class _Boxes(nn.Module):
    """A network of ultralytics, normalisation folded into its convolutions: image -> boxes as corners, scores."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        network = copy.deepcopy(model).float().eval()
        self.network = network.fuse(verbose=False)
        head = self.network.model[-1]
        head.export = head.dynamic = True

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        answer = self.network(image)  # (1, 4 + C, A): centre x, centre y, width, height, scores
        centre, size = answer[:, :2], answer[:, 2:4]
        corners = torch.cat([centre - size / 2, centre + size / 2], 1)
        return corners.transpose(1, 2), answer[:, 4:]


def _stored(tensor: Tensor) -> Tensor:
    """fp16 for large weights; normalisation parameters stay fp32, since their range may be wider."""
    if tensor.ndim > 1 and tensor.numel() >= LARGE and tensor.abs().max() < LARGEST_HALF:
        return tensor.half().contiguous()
    return (tensor.float() if tensor.is_floating_point() else tensor).contiguous()
