"""How good a restoration is: figures of merit, the classical opponent, and the clean frames to try both on.
No torch and no ROS; wavelets and BM3D come with the *evaluate* requirements."""

from infrared_ir_ros.evaluation.metrics import Score, bootstrap_interval, mean_over_sets, score

__all__ = ["Score", "bootstrap_interval", "mean_over_sets", "score"]
