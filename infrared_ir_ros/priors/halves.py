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

"""Halves the size of ONNX files: stores large tensors in fp16, and computes in fp32."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper, numpy_helper

LARGE = 256  # fewest numbers in a tensor that is stored in fp16


def store_in_half(model: onnx.ModelProto) -> None:
    """Store each large fp32 tensor once, as fp16 with a cast, which engines fold when they load the graph."""
    graph = model.graph
    _constants_to_initializers(graph)
    casts, stored = [], {}
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < LARGE:
            continue
        half = values.astype("float16")
        key = (half.shape, half.tobytes())
        if key in stored:
            graph.initializer.remove(tensor)
            casts.append((tensor.name, stored[key]))
            continue
        stored[key] = tensor.name + "_half"
        casts.append((tensor.name, stored[key]))
        tensor.CopyFrom(numpy_helper.from_array(half, stored[key]))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT) for name, half in casts])
    graph.node.extend(nodes)


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Turn large constants into initializers: the exporter repeats a buffer wherever it is used."""
    for node in list(graph.node):
        if node.op_type != "Constant" or node.attribute[0].name != "value":
            continue
        values = numpy_helper.to_array(node.attribute[0].t)
        if values.size >= LARGE:
            graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
            graph.node.remove(node)
