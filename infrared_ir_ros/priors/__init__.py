"""Torch modules of the priors: what is trained, and the reference for the graphs that ship."""

from infrared_ir_ros.priors.embedded import Correction, EmbeddedPrior

__all__ = ["Correction", "EmbeddedPrior"]
