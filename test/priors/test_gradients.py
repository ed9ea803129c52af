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

"""The evidence that gradients give of a shading."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from infrared_ir_ros.priors.field import HEIGHT, TOKENS, WIDTH, dome_bank  # noqa: E402
from infrared_ir_ros.priors.gradients import FEATURES, GradientFit  # noqa: E402


def scene_with_edges(generator: torch.Generator) -> torch.Tensor:
    """(1, 1, 64, 80): rectangles of uniform grey, far stronger than any shading."""
    scene = torch.zeros(1, 1, HEIGHT, WIDTH)
    for _ in range(12):
        top, left = (int(torch.randint(0, side - 10, (1,), generator=generator)) for side in (HEIGHT, WIDTH))
        scene[:, :, top : top + 24, left : left + 24] = torch.rand((), generator=generator) * 4
    return scene + 0.01 * torch.randn(scene.shape, generator=generator)


@pytest.mark.parametrize("token", [12, 44, 79])
@pytest.mark.parametrize("strength", [1.5, -1.5])
def test_a_dome_under_a_scene_of_edges_is_found(token: int, strength: float) -> None:
    bank = dome_bank()
    fit = GradientFit(bank, (HEIGHT, WIDTH), TOKENS)
    dome = strength * bank[token].view(1, 1, HEIGHT, WIDTH)
    features, shares = fit(scene_with_edges(torch.Generator().manual_seed(token)) + dome)
    found = (shares @ bank).view(dome.shape)
    assert features.shape == (1, TOKENS[0] * TOKENS[1], FEATURES)
    assert (found - dome).square().mean() < 0.1 * dome.square().mean()


def test_a_scene_without_shading_gets_little() -> None:
    bank = dome_bank()
    _, shares = GradientFit(bank, (HEIGHT, WIDTH), TOKENS)(scene_with_edges(torch.Generator().manual_seed(1)))
    assert (shares @ bank).abs().max() < 0.2
