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

"""Adapters: nothing at first, differentiable in the prompt, and the same folded in numpy and in every engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from tiny_tasks import prompts, tiny_adapters, tiny_prior, write_prior  # noqa: E402

from infrared_ir_ros.engines import create_engine  # noqa: E402
from infrared_ir_ros.engines.torch_engine import load_prior  # noqa: E402
from infrared_ir_ros.priors import EmbeddedPrior  # noqa: E402
from infrared_ir_ros.priors.adapters import GROUPS, AdaptedPrior, Adapters  # noqa: E402
from infrared_ir_ros.priors.hypernetwork import Hypernetwork  # noqa: E402
from infrared_ir_ros.restoration import folding  # noqa: E402
from infrared_ir_ros.restoration.folding import Tasks  # noqa: E402
from infrared_ir_ros.restoration.prompts import PromptBank  # noqa: E402
from infrared_ir_ros.restoration.weights import PriorFiles, find_prior  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> PriorFiles:
    return write_prior(tmp_path_factory.mktemp("prior"))


@pytest.fixture(scope="module")
def prior() -> EmbeddedPrior:
    return tiny_prior()


def test_untrained_adapters_leave_the_prior_as_it_is(prior: EmbeddedPrior) -> None:
    frame = torch.rand(1, 1, 64, 64)
    adapted = AdaptedPrior(prior, Adapters(prior.denoiser, 4))
    with torch.no_grad():
        expected = prior.restore(frame, *prior.estimate(frame)[:6])
        assert torch.equal(adapted(frame, torch.randn(512)), expected)


def test_every_layer_has_adapters_and_every_group_a_layer(prior: EmbeddedPrior) -> None:
    adapters = Adapters(prior.denoiser, 4)
    weights = {name for name, tensor in prior.denoiser.named_parameters() if tensor.ndim > 1}
    assert set(adapters.weights(prior.denoiser, torch.ones(512))) == weights
    assert set(adapters.layers.values()) == set(GROUPS)


def test_weight_change_is_the_operator_between_the_bases(prior: EmbeddedPrior) -> None:
    """The adapted convolution computes W0 x + scale * B h, h_r = sum_k (A x)_k C[k, r]."""
    adapters, prompt, x = tiny_adapters(prior), torch.randn(512), torch.randn(2, 128, 6, 6)
    index, layer = list(adapters.layers).index("stem"), prior.denoiser.stem
    operator = adapters.hypernetwork.operators(prompt)[GROUPS.index("in_out")]
    inner = torch.einsum("bkhw,kr->brhw", torch.conv2d(x, adapters.down[index], padding=1), operator)
    expected = layer(x) + adapters.scale * torch.einsum("or,brhw->bohw", adapters.up[index], inner)
    weight = adapters.weights(prior.denoiser, prompt)["stem.weight"]
    torch.testing.assert_close(torch.conv2d(x, weight, layer.bias, padding=1), expected, atol=1e-4, rtol=1e-4)


def test_the_output_depends_on_the_prompt_and_the_prior_stays_frozen(prior: EmbeddedPrior) -> None:
    prompt = torch.ones(512, requires_grad=True)
    adapted = AdaptedPrior(prior, tiny_adapters(prior))
    adapted(torch.rand(1, 1, 64, 64), prompt).square().sum().backward()
    assert prompt.grad.abs().max() > 0
    assert all(parameter.grad is not None for parameter in adapted.adapters.parameters())
    assert all(parameter.grad is None for parameter in prior.parameters())


def test_numpy_and_torch_make_the_same_operators(prior: EmbeddedPrior) -> None:
    adapters = tiny_adapters(prior)
    stored = folding.Adapters.from_bytes(adapters.to_bytes("0" * 64), "adapters")
    again = Adapters.from_file(prior.denoiser, stored)
    for prompt in prompts().values():
        operators = stored.operators(prompt)
        expected = again.hypernetwork.operators(torch.from_numpy(prompt))
        for group, theirs in zip(GROUPS, expected, strict=True):
            np.testing.assert_allclose(operators[group], theirs.detach().numpy(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("idle", "loud"), [(-8, 20), (0, 500)])
def test_other_prompts_reach_other_operators_once_the_hypernetwork_is_widened(idle: float, loud: float) -> None:
    """After a training most units idle, or a few drown all others."""
    torch.manual_seed(2)
    network, known = Hypernetwork((4, 4)), 1 + torch.randn(2, 512)
    with torch.no_grad():
        network[2].bias[32:] += idle
        network[2].bias[:4] += loud
        other = known + 0.1 * torch.randn(2, 512)
        before, moved_before = network(known), (network(other) - network(known)).std()
        network.widen(known)
        moved = (network(other) - network(known)).std()
        assert moved > 20 * moved_before
        network.widen(known)  # once more: not wider than wanted
        assert (network(other) - network(known)).std() < 1.4 * moved
        torch.testing.assert_close(network(known), before, atol=2e-3, rtol=0)


def test_the_operators_of_the_shipped_prior_follow_a_new_prompt() -> None:
    """With idle units, as before 0.2.2, 0.4 moved them by 0.7 %, and a prompt learned nothing; in 0.3.1 0.1 by 3 %."""
    files = find_prior("embedded")
    adapters = folding.read_adapters(files)
    start = PromptBank.from_bytes(files.read(folding.PROMPTS), "prompts").prompts["restore"]
    other = start + 0.1 * np.random.default_rng(0).standard_normal(512, np.float32)
    for first, second in zip(adapters.operators(start).values(), adapters.operators(other).values(), strict=True):
        assert np.std(second - first) > 0.1 * np.std(first)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "torch"])
def test_folded_engines_agree_with_the_adapted_prior(files: PriorFiles, name: str) -> None:
    pytest.importorskip(name)
    frame, tasks = np.random.default_rng(0).random((1, 1, 64, 96), np.float32), Tasks(files)
    stored = folding.Adapters.from_bytes(files.read(folding.ADAPTERS), "adapters")
    frozen = load_prior(files)
    adapted, outputs = AdaptedPrior(frozen, Adapters.from_file(frozen.denoiser, stored)), {}
    for task, prompt in prompts().items():
        engine = create_engine(tasks.fold(task), name, precision="fp32")
        outputs[task] = engine.restore(frame, *engine.estimate(frame)[:6])
        with torch.no_grad():
            expected = adapted(torch.from_numpy(frame), torch.from_numpy(prompt)).numpy()
        np.testing.assert_allclose(outputs[task], expected, atol=1e-3)
    assert np.abs(outputs["restore"] - outputs["detect"]).max() > 1e-2


def test_folding_leaves_the_files_alone_and_changes_only_the_layers(files: PriorFiles, tmp_path: Path) -> None:
    before = {name: files.read(name) for name in files.hashes}
    folded = Tasks(files).fold("detect")
    assert {name: files.read(name) for name in files.hashes} == before  # so unfolding is exact
    graph, ours = before["restore.onnx"], folded.read("restore.onnx")
    assert len(graph) == len(ours) and graph != ours
    stored = folding.load(folded.read("weights.safetensors"))
    original = folding.load(before["weights.safetensors"])
    changed = {name for name, tensor in original.items() if not np.array_equal(tensor, stored[name])}
    adapters = folding.Adapters.from_bytes(before[folding.ADAPTERS], "adapters")
    assert changed == {f"denoiser.{layer}.weight" for layer in adapters.layers}
    assert all(stored[name].tobytes() in ours for name in changed)
    assert folded.read("estimate.onnx") == before["estimate.onnx"]
