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

"""Labels stay on what they name when a scene is cropped, scaled and turned; what semantic losses are asked to find."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tiny_recordings import MASKS, write_recordings  # noqa: E402

from infrared_ir_ros.errors import OptionError, SourceError  # noqa: E402
from infrared_ir_ros.media import write_image  # noqa: E402
from infrared_ir_ros.media.labels import read_mask  # noqa: E402
from infrared_ir_ros.training.drawing import draw_view  # noqa: E402
from infrared_ir_ros.training.frames import Mix, Scene  # noqa: E402
from infrared_ir_ros.training.labels import NO_LABELS, Labels, View, boxes_in_view, mask_in_view  # noqa: E402
from infrared_ir_ros.training.pack import read_labels, read_pack, write_pack  # noqa: E402
from infrared_ir_ros.training.small_targets import SmallTargetLoss, plant, signal_to_clutter  # noqa: E402
from infrared_ir_ros.training.task_config import TaskConfig, TasksConfig  # noqa: E402
from infrared_ir_ros.training.task_labels import check_labels, with_target  # noqa: E402
from infrared_ir_ros.training.task_model import TaskBatches  # noqa: E402

TOP, LEFT, ROWS, COLUMNS = 60, 130, 18, 26  # of the one bright object of the scenes
SHAPE = (200, 280)


@pytest.fixture
def one_object() -> tuple[dict[str, list[np.ndarray]], Labels]:
    """A bright rectangle on noise, its box and its mask."""
    frame = np.random.default_rng(0).integers(0, 60, SHAPE).astype(np.uint8)
    mask = np.zeros(SHAPE, np.uint8)
    mask[TOP : TOP + ROWS, LEFT : LEFT + COLUMNS] = 1
    frame[mask == 1] = 250
    height, width = SHAPE
    box = [0, (LEFT + COLUMNS / 2) / width, (TOP + ROWS / 2) / height, COLUMNS / width, ROWS / height]
    return {"aerial": [frame]}, Labels({"aerial": [np.array([box], np.float32)]}, {"aerial": [mask]})


def test_boxes_and_masks_follow_the_scene(one_object: tuple) -> None:
    frames, labels = one_object
    seen = turned = 0
    for seed in range(60):
        image, view = draw_view(frames, {"aerial": 1.0}, np.random.default_rng(seed), 96, 128)
        bright = image > 0.5 * (image.max() + np.median(image))
        boxes = boxes_in_view(labels.boxes["aerial"][0], view)
        if bright.sum() < 40 or not len(boxes):
            continue
        rows, columns = (np.flatnonzero(bright.any(axis)) for axis in (1, 0))
        x, y, width, height = boxes[0, 1:] * (128, 96, 128, 96)
        found = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        np.testing.assert_allclose((x - width / 2, y - height / 2, x + width / 2, y + height / 2), found, atol=2)
        mask = mask_in_view(labels.masks["aerial"][0], view, 96, 128) == 1
        assert (mask & bright).sum() > 0.8 * (mask | bright).sum()
        seen, turned = seen + 1, turned + view.upside_down
    assert seen > 20 and turned > 0


def test_a_box_that_the_crop_hardly_shows_is_left_out_and_others_are_cut() -> None:
    view = View("a", 0, (100, 100), 0, 50, 100, 50)
    boxes = np.array([[2, 0.5, 0.5, 0.1, 0.2], [3, 0.46, 0.5, 0.1, 0.2]], np.float32)  # half inside; a tenth inside
    boxes = np.append(boxes, np.float32([[4, 0.2, 0.5, 0, 0.2], [4, 0.8, 0.5, 0, 0.2]]), 0)  # of no area
    np.testing.assert_allclose(boxes_in_view(boxes, view), [[2, 0.05, 0.5, 0.1, 0.2]], atol=1e-6)


def test_a_pack_brings_the_labels_of_its_frames(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    write_pack(tmp_path, None, tmp_path / "pack.npz", layouts=1)
    assert set(read_pack(tmp_path / "pack.npz")) == {"hit_uav", "buffalo", "stills", "svanstrom", "layouts"}
    labels = read_labels(tmp_path / "pack.npz")
    assert [len(boxes) for boxes in labels.boxes["hit_uav"]] == [0, 2]
    assert labels.boxes["hit_uav"][1][0].tolist() == pytest.approx([3, 0.5, 0.5, 0.1, 0.1])
    assert [mask.mean() for mask in labels.masks["buffalo"]] == [0, 0.5]
    (tmp_path / MASKS / "0.png").unlink()
    with pytest.raises(SourceError, match="each frame needs a mask: .*0.png can't be read .No such file"):
        write_pack(tmp_path, None, tmp_path / "pack.npz", layouts=1)


def test_a_mask_may_have_any_name_and_depth(tmp_path: Path) -> None:
    mask = np.zeros((16, 20), np.uint16)
    mask[4:8] = 1  # of 16 bits: next to nothing once it is read as one of 8
    write_image(tmp_path / "mask.png", mask)
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))  # OpenCV itself crashes at this
    (tmp_path / "mask.png").rename(named)
    assert np.array_equal(read_mask(named), mask)
    named.write_bytes(b"no picture")
    with pytest.raises(SourceError, match="each frame needs a mask: .*udcff.png is not a png"):
        read_mask(named)


def scene(clean: np.ndarray, set_name: str = "aerial") -> Scene:
    view = View(set_name, 0, clean.shape, 0, 0, *clean.shape)
    return Scene(clean, "clean", 1.0, np.random.default_rng(0), view)


def test_only_frames_with_labels_have_a_target(one_object: tuple) -> None:
    _, labels = one_object
    scenes = [scene(np.zeros(SHAPE, np.float32), name) for name in ("sky", "aerial", "aerial", "aerial")]
    scenes[3] = scenes[3]._replace(view=None)  # a plain scene
    for kind in ("detection", "segmentation"):
        same, target = with_target(scenes, kind, labels)
        assert same is scenes and target.frames.tolist() == [1, 2]
    assert target.label.shape == (2, *SHAPE) and target.label.sum() == 2 * ROWS * COLUMNS
    boxes = with_target(scenes, "detection", labels)[1].label
    assert boxes["frames"].tolist() == [0, 1] and boxes["boxes"].shape == (2, 4)
    assert with_target(scenes[:1], "detection", labels)[1] is None
    assert with_target(scenes, None, labels) == (scenes, None)


def test_planted_targets_are_where_they_are_said_to_be() -> None:
    ground = np.full((128, 160), 80, np.float32)
    for seed in range(10):
        frame, places = plant(ground, np.random.default_rng(seed))
        assert 1 <= len(places) <= 5 and ground.max() == 80
        for row, column in places:
            near = frame[row - 5 : row + 6, column - 5 : column + 6]
            assert frame[row, column] == near.max() >= 95
            frame[row - 8 : row + 9, column - 8 : column + 9] = 80
        assert frame.max() < 85  # and nowhere else


def test_the_loss_is_what_targets_lost_of_their_signal_to_clutter_ratio() -> None:
    rng = np.random.default_rng(0)
    ground = (80 + rng.normal(0, 4, (128, 160))).astype(np.float32)
    target = with_target([scene(ground)], "small_target", NO_LABELS)[1].label
    clean, places, loss = target["clean"], target["places"], SmallTargetLoss()
    row, column = places[0, 1:]
    near, core = clean[0, 0, row - 15 : row + 16, column - 15 : column + 16].clone(), torch.ones(31, 31, dtype=bool)
    core[10:21, 10:21] = False
    expected = (near[14:17, 14:17].mean() - near[core].mean()) / near[core].std(correction=0)
    assert signal_to_clutter(clean, places)[0] == pytest.approx(float(expected), rel=1e-3)
    assert loss(clean, target) == 0 and loss(0.8 * clean + 0.1, target) < 1e-3
    erased = torch.from_numpy(ground)[None, None] / 255
    blurred = torch.nn.functional.avg_pool2d(clean, 9, 1, 4).requires_grad_()
    assert loss(erased, target) > 0.7
    loss(blurred, target).backward()
    gradient = blurred.grad[0, 0, row - 1 : row + 2, column - 1 : column + 2]
    assert 0 < loss(blurred, target) and (gradient < 0).all()  # a brighter target lowers the loss


@pytest.fixture
def config() -> TasksConfig:
    mix = Mix({"aerial": 1.0}, {"sensor_light": 1.0}, [(64, 96, 2, 1.0)])
    return TasksConfig([TaskConfig("find", 1, mix, semantic="detection", semantic_weight=1.0)])


def test_batches_bring_their_target_and_small_targets_are_degraded_too(one_object: tuple, config: TasksConfig) -> None:
    frames, labels = one_object
    clean, degraded, target = TaskBatches(config, frames, labels)[0]
    assert clean.shape == degraded.shape == (2, 1, 64, 96) and target.frames.tolist() == [0, 1]
    tiny = replace(config, tasks=[replace(config.tasks[0], semantic="small_target")])
    clean, degraded, target = TaskBatches(tiny, frames, NO_LABELS)[0]
    assert torch.equal(target.label["clean"], clean)
    again = TaskBatches(tiny, frames, NO_LABELS)[0]
    assert torch.equal(degraded, again[1]) and (degraded - clean).abs().max() > 0


def test_a_loss_without_labels_or_with_unknown_classes_is_refused(one_object: tuple, config: TasksConfig) -> None:
    _, labels = one_object
    model = torch.nn.Module()
    model.classes = 4
    check_labels(config, {"detection": model}, labels)
    check_labels(
        replace(config, tasks=[replace(config.tasks[0], semantic="segmentation")]), {"segmentation": model}, labels
    )
    with pytest.raises(OptionError, match="find needs the detection loss, which is not available: give --detector"):
        check_labels(config, {}, labels)
    with pytest.raises(OptionError, match="no labels for any of aerial"):
        check_labels(config, {"detection": model}, NO_LABELS)
    labels.boxes["aerial"][0][0, 0] = 4
    with pytest.raises(OptionError, match="labels of class 4, but the model has 4 classes"):
        check_labels(config, {"detection": model}, labels)


def test_a_segmenter_learns_from_a_pack_and_can_be_loaded(
    one_object: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers")
    from infrared_ir_ros.training.segmenter import train_segmenter
    from infrared_ir_ros.training.semantic import load_segmenter

    frames, labels = one_object
    steps = iter([False, True])
    assert train_segmenter(frames, labels, tmp_path / "segmenter", 5, width=8, stop=lambda: next(steps)) > 0
    assert "/300 [" in capsys.readouterr().err, "seconds of how many"
    assert load_segmenter(tmp_path / "segmenter").config.num_labels == 2
    with pytest.raises(SourceError, match="no masks"):
        train_segmenter(frames, NO_LABELS, tmp_path / "other", 5)
