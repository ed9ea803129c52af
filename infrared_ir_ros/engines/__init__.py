"""Engines run the graphs of a prior: OpenVINO, ONNX Runtime, torch."""

from infrared_ir_ros.engines.engine import DEVICES, ENGINES, PRECISIONS, Engine, create_engine

__all__ = ["DEVICES", "ENGINES", "PRECISIONS", "Engine", "create_engine"]
