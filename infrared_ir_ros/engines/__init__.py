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

"""Engines run the graphs of a prior: OpenVINO, ONNX Runtime, torch."""

from infrared_ir_ros.engines.engine import DEVICES, ENGINES, PRECISIONS, Engine, create_engine, engines_by_task
from infrared_ir_ros.engines.graph import Graph, load_graph

__all__ = ["DEVICES", "ENGINES", "PRECISIONS", "Engine", "Graph", "create_engine", "engines_by_task", "load_graph"]
