"""Restore thermal infrared frames in one evaluation of a diffusion denoiser."""

__version__ = "0.1.0"
