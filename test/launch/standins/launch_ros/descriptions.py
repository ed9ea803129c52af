"""Values of parameters."""

from __future__ import annotations

from launch.core import LaunchContext
from launch.substitutions import Text, perform


class ParameterValue:
    """A value with a type."""

    def __init__(self, value: Text, *, value_type: type) -> None:
        self._value, self._type = value, value_type

    def evaluate(self, context: LaunchContext) -> object:
        return self._type(perform(context, self._value))
