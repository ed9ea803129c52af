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

"""Batches of clean and degraded frames, and the pack that they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from infrared_ir_ros.errors import InfraredError, SourceError  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training.degradation import degrade_batch  # noqa: E402
from infrared_ir_ros.training.drawing import draw_thumbnail, draw_view  # noqa: E402
from infrared_ir_ros.training.frames import (  # noqa: E402
    CleanBatches,
    Mix,
    Pairs,
    Thumbnails,
    WholeFrames,
    loader,
)
from infrared_ir_ros.training.mottle import draw_mottle  # noqa: E402
from infrared_ir_ros.training.pack import FrameSets, read_pack, write_pack  # noqa: E402
from infrared_ir_ros.training.plain import plain  # noqa: E402
from infrared_ir_ros.training.raster import INTERPOLATIONS, Raster, through, through_each  # noqa: E402
from infrared_ir_ros.training.stream import Stream, streamed, streamed_each  # noqa: E402

MIX = Mix({"layouts": 1}, {"sensor_hard": 1}, [(64, 64, 4, 0.5), (64, 96, 2, 0.5)])
OF_THUMBNAILS = Mix({"layouts": 1}, {"hm_tir_hard": 1}, [])


@pytest.fixture(scope="module")
def frames() -> FrameSets:
    return {"layouts": [(255 * layout(np.random.default_rng(s), 128, 160)).astype(np.uint8) for s in range(6)]}


@pytest.mark.parametrize("name", ["photographs", "small_photographs", "layouts", "hit_uav"])
def test_hot_and_cold_are_exchanged_at_random_where_they_mean_nothing(name: str) -> None:
    scene = np.repeat(np.linspace(255, 0, 160).astype(np.uint8)[:, None], 200, axis=1)  # bright sky, dark ground
    bright = 0
    for seed in range(40):
        thumbnail = draw_thumbnail({name: [scene]}, {name: 1.0}, np.random.default_rng(seed))
        bright += thumbnail[:32].mean() > thumbnail[32:].mean()
    if name == "hit_uav":
        assert bright >= 30  # a few are upside down
    else:
        assert 10 < bright < 30


def test_batches_are_aligned_pairs_of_one_size(frames: FrameSets) -> None:
    batches = Pairs(WholeFrames(frames, MIX, (0, 1)))
    shapes = set()
    for step in range(12):
        clean, degraded = batches[step]
        assert clean.shape == degraded.shape
        assert 0 <= degraded.min() and degraded.max() <= 1
        shapes.add(tuple(clean.shape))
    assert shapes == {(4, 1, 64, 64), (2, 1, 64, 96)}


def test_a_batch_depends_on_seed_stage_step_and_process_alone(frames: FrameSets) -> None:
    scenes = WholeFrames(frames, MIX, (0, 1))
    drawn_ahead = loader(Pairs(scenes), 5, workers=2)
    for step, (clean, degraded) in zip(range(5, 9), drawn_ahead, strict=False):
        expected = Pairs(scenes)[step]
        assert torch.equal(clean, expected[0]) and torch.equal(degraded, expected[1])
    others = [Pairs(scenes)[6], Pairs(scenes, process=1)[5], Pairs(WholeFrames(frames, MIX, (1, 1)))[5]]
    own = Pairs(scenes)[5]
    assert not any(own[0].shape == other[0].shape and torch.equal(own[0], other[0]) for other in others)


def test_workers_do_not_wait_for_threads_that_opencv_had_before(frames: FrameSets) -> None:
    cv2.setNumThreads(2)
    cv2.GaussianBlur(np.zeros((1000, 1000), np.float32), (0, 0), 3)  # its threads start with the first large picture
    clean, _ = next(iter(loader(Pairs(WholeFrames(frames, MIX, (0, 1))), 5, workers=1)))
    assert torch.equal(clean, Pairs(WholeFrames(frames, MIX, (0, 1)))[5][0])


def test_processes_share_the_batch_of_one(frames: FrameSets) -> None:
    halves = [Pairs(Thumbnails(frames, OF_THUMBNAILS, (0, 0), 2, 8), process) for process in (0, 1)]
    whole = Pairs(Thumbnails(frames, OF_THUMBNAILS, (0, 0), 4, 8))[3]
    for side in (0, 1):
        assert torch.equal(torch.cat([half[3][side] for half in halves]), whole[side])


def test_what_the_device_degrades_is_what_the_loader_would(frames: FrameSets) -> None:
    scenes = Thumbnails(frames, OF_THUMBNAILS, (0, 0), 6, 8)
    batch = CleanBatches(scenes)[2]
    assert torch.equal(batch.clean, Pairs(scenes)[2][0])
    assert batch.presets == ["hm_tir_hard"] * 6
    assert set(batch.scales) <= {2, 4, 5, 6, 8, 16}


def finest(difference: torch.Tensor) -> float:
    """Share of the energy that changes its sign from each pixel to the next, along both axes."""
    diagonal = difference[..., ::2, ::2] + difference[..., 1::2, 1::2]
    diagonal = diagonal - difference[..., ::2, 1::2] - difference[..., 1::2, ::2]
    return float(diagonal.square().mean() / (4 * difference.square().mean()))


@pytest.mark.parametrize("on_device", [False, True])
def test_noise_of_resampled_frames_has_lost_its_finest_part(frames: FrameSets, on_device: bool) -> None:
    def noise(resampled: float) -> torch.Tensor:
        mix = replace(MIX, presets={"hm_tir_single": 1}, sizes=[(64, 96, 32, 1.0)], resampled=resampled)
        scenes = WholeFrames(frames, mix, (0, 1))
        drawn = [scene for scene in Pairs(scenes).scenes(0) if bool(scene.raster) == bool(resampled)]
        assert len(drawn) == 32
        if on_device:
            batch = CleanBatches(scenes)[0]
            noisy = batch.clean + 0.05 * torch.randn(batch.clean.shape, generator=torch.Generator().manual_seed(0))
            return through_each(noisy, batch.rasters) - batch.clean
        clean, degraded = Pairs(scenes)[0]
        return degraded - clean

    assert finest(noise(1.0)) < 0.2 * finest(noise(0.0))


def test_a_share_of_frames_is_resampled_and_their_scene_with_them(frames: FrameSets) -> None:
    mix = replace(MIX, presets={"clean": 1}, sizes=[(64, 96, 200, 1.0)], resampled=0.3)
    batches = Pairs(WholeFrames(frames, mix, (0, 1)))
    scenes = batches.scenes(0)
    assert 40 < sum(scene.raster is not None for scene in scenes) < 80
    clean, degraded = batches.of(scenes)
    resampled = torch.tensor([scene.raster is not None for scene in scenes])
    assert finest(clean[resampled]) < 0.6 * finest(clean[~resampled])
    assert (degraded - clean).abs().mean() < 0.01  # once or twice, it is the same scene


@pytest.mark.parametrize("on_device", [False, True])
def test_some_resampled_frames_get_noise_of_their_own_pixels_as_well(frames: FrameSets, on_device: bool) -> None:
    mix = replace(MIX, presets={"clean": 1}, sizes=[(64, 96, 100, 1.0)], resampled=1.0)
    scenes = WholeFrames(frames, mix, (0, 1))
    if on_device:
        batch = CleanBatches(scenes)[0]
        generator = torch.Generator().manual_seed(0)
        degraded = degrade_batch(batch.clean, batch.presets, generator, batch.scales, batch.rasters)
        clean = through_each(batch.clean, batch.rasters)
    else:
        clean, degraded = Pairs(scenes)[0]
    assert 15 < ((degraded - clean).std((1, 2, 3)) > 0.01).sum() < 45


@pytest.mark.parametrize("on_device", [False, True])
def test_mottled_sensors_add_a_pattern_that_neighbours_share_and_the_scene_stays(
    frames: FrameSets, on_device: bool
) -> None:
    mix = replace(MIX, presets={"clean": 1}, sizes=[(64, 96, 60, 1.0)], mottled=0.5)
    scenes = WholeFrames(frames, mix, (0, 1))
    if on_device:
        batch = CleanBatches(scenes)[0]
        clean = batch.clean
        degraded = degrade_batch(batch.seen, batch.presets, torch.Generator().manual_seed(0))
    else:
        clean, degraded = Pairs(scenes)[0]
    pattern = (degraded - clean)[:, 0]
    mottled = pattern.std((1, 2)) > 0.004
    assert 20 < mottled.sum() < 40
    assert torch.equal(clean, Pairs(WholeFrames(frames, replace(mix, mottled=0.0), (0, 1)))[0][0])
    assert finest(pattern[mottled]) < 0.6  # of independent pixels: 1


def test_mottle_is_coarse_and_fine_and_changes_no_level() -> None:
    drawn = np.stack([draw_mottle(np.random.default_rng(seed), 120, 160) for seed in range(20)])
    assert drawn.shape == (20, 120, 160) and drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean((1, 2)), 0, atol=1e-4)
    blurred = np.stack([cv2.blur(each, (9, 9)) for each in drawn])
    assert 0.15 < np.median(blurred.std((1, 2)) / drawn.std((1, 2))) < 0.8  # 0.11 of independent pixels


def fine(frame: np.ndarray) -> np.ndarray:
    """What differs from the surroundings, without the border."""
    return (frame - cv2.GaussianBlur(frame, (0, 0), 4))[8:-8, 8:-8]


def test_plain_scenes_are_smooth_but_for_small_targets_down_to_a_horizon(frames: FrameSets) -> None:
    scene = frames["layouts"][0].astype(np.float32)
    texture = fine(scene).std()
    horizons = []
    for seed in range(20):
        rows = plain(scene, np.random.default_rng(seed))
        assert rows.shape == scene.shape and rows.dtype == np.float32 and rows.min() >= 0 and rows.max() <= 255
        horizon = int((rows != scene).any(1).nonzero()[0].max()) + 1
        horizons.append(horizon / len(scene))
        sky = fine(rows[: horizon - 8])
        assert np.median(np.abs(sky)) < 0.1 * texture
        assert sky.max() > max(5, -2 * sky.min())  # a warm target, and no cold one
    assert 4 < sum(horizon < 0.99 for horizon in horizons) < 16


def test_plain_scenes_have_lost_what_was_labelled(frames: FrameSets) -> None:
    for share in (0.0, 1.0):
        scene = WholeFrames(frames, replace(MIX, plain=share), (0, 1)).draw(0, 0)
        assert (scene.view is None) == bool(share)


def test_the_mix_says_how_many_scenes_are_plain(frames: FrameSets) -> None:
    mix = replace(MIX, presets={"clean": 1}, sizes=[(64, 96, 60, 1.0)])
    clean, _ = Pairs(WholeFrames(frames, replace(mix, plain=0.5), (0, 1)))[0]
    usual, _ = Pairs(WholeFrames(frames, mix, (0, 1)))[0]
    changed = (clean[:, :, :16] - usual[:, :, :16]).abs().amax((1, 2, 3)) > 0.01  # above any horizon
    assert 20 < changed.sum() < 40


@pytest.mark.parametrize("on_device", [False, True])
def test_streams_are_rounded_coarsely_and_keep_the_scene(frames: FrameSets, on_device: bool) -> None:
    mix = replace(MIX, presets={"clean": 1}, sizes=[(64, 96, 60, 1.0)], streamed=0.5)
    scenes = WholeFrames(frames, mix, (0, 1))
    if on_device:
        batch = CleanBatches(scenes)[0]
        clean, passed = batch.clean, streamed_each(batch.clean, batch.streams)
    else:
        clean, passed = Pairs(scenes)[0]
    lost = (passed - clean).square().mean((1, 2, 3)).sqrt()
    assert 15 < (lost > 0.004).sum() < 45 and lost.max() < 0.1
    assert (passed - clean).mean((1, 2, 3)).abs().max() < 0.02


def test_streams_are_those_of_the_codec(frames: FrameSets) -> None:
    frame = frames["layouts"][0].astype(np.float32)
    for stream in (Stream(0.15, 60), Stream(0.6, 90)):
        whole = streamed_each(torch.from_numpy(frame)[None, None] / 255, [stream])[0, 0].numpy()
        assert np.abs(255 * whole - streamed(frame, stream)).mean() < 0.3 / stream.contrast
    assert np.abs(streamed(frame, Stream(0.15, 60)) - frame).mean() > 1


def test_clean_frames_have_the_levels_of_the_benchmark(frames: FrameSets) -> None:
    for seed in range(5):
        clean = draw_view(frames, {"layouts": 1.0}, np.random.default_rng(seed), 96, 128)[0]
        np.testing.assert_allclose(np.percentile(clean, (0.3, 99.7)), (14, 229), atol=1.5)


def test_thin_objects_never_leave_a_frame_without_contrast() -> None:
    """A wire on a flat ground can vanish when the frame is scaled down."""
    rng = np.random.default_rng(0)
    thin = np.full((12, 512, 640), 90, np.uint8)
    for frame, space in zip(thin, rng.integers(20, 60, 12), strict=True):
        frame[:, ::space] += np.uint8(rng.integers(7, 20))
    scenes = [np.rint(255 * layout(np.random.default_rng(s), 256, 320)).astype(np.uint8) for s in range(24)]
    frames, weights = {"layouts": scenes, "wires": list(thin)}, {"layouts": 0.5, "wires": 0.5}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        assert draw_view(frames, weights, rng, 64, 64 + 32 * (seed % 2))[0].std() > 1
        assert draw_thumbnail(frames, weights, rng).std() > 1


def test_a_pack_of_flat_frames_is_told() -> None:
    with pytest.raises(SourceError, match="of walls were flat"):
        draw_view({"walls": [np.full((64, 64), 90, np.uint8)]}, {"walls": 1.0}, np.random.default_rng(0), 64, 64)[0]


def test_a_pack_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no frames of hit_uav"):
        write_pack(tmp_path, None, tmp_path / "pack.npz", layouts=1)
    with pytest.raises(InfraredError, match="make it with"):
        read_pack(tmp_path / "pack.npz")


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_enlarged_frames_are_the_same_on_the_device_and_within_the_levels(interpolation: int) -> None:
    """Where edges overshoot, too."""
    frame = 255 * (np.indices((48, 64)).sum(0) // 12 % 2).astype(np.float32)
    raster = Raster(24, 32, interpolation, False)
    seen = through(frame, raster)
    batch = 255 * through_each(torch.from_numpy(frame)[None, None] / 255, [raster])[0, 0].numpy()
    for one in (seen, batch):
        assert one.min() >= 0 and one.max() <= 255 and 5 < np.abs(one - frame).mean() < 60
    inside = np.s_[8:-8, 8:-8]
    assert np.abs(seen - batch)[inside].max() < (25 if interpolation == INTERPOLATIONS[-1] else 1)  # no Lanczos there
