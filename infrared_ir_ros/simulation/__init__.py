"""What cameras do to scenes, and scenes to do it to: degradation presets and procedural thermal scenes, numpy only."""

from infrared_ir_ros.simulation.degradation import PRESETS, VideoDegradation, degrade, stretch
from infrared_ir_ros.simulation.layout import layout

__all__ = ["PRESETS", "VideoDegradation", "degrade", "layout", "stretch"]
