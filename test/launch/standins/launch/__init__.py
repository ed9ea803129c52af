"""The little of `launch` that our launch files use, for machines without it: it starts real processes."""

from .core import Condition, LaunchContext, LaunchDescription, LaunchService

__all__ = ["Condition", "LaunchContext", "LaunchDescription", "LaunchService"]
