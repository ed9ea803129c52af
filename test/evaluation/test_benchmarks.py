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

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("pywt")

from infrared_ir_ros.evaluation import Score, metrics  # noqa: E402
from infrared_ir_ros.evaluation.classical import noise_sigma  # noqa: E402
from infrared_ir_ros.media import write_image  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for number in range(2):
        image = (255 * layout(np.random.default_rng(number), 64, 80)).astype(np.uint8)
        write_image(tmp_path / "data" / "clean_test" / "roadscene" / f"FLIR_{number}.png", image)
    monkeypatch.setenv("INFRARED_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def score(psnr: float, fitted: float | None = None) -> Score:
    return Score(psnr, psnr + 2 if fitted is None else fitted, 0.5, 0.6, psnr + 1.32)


def table(ours: float, none: float, dome: float, gradient: float) -> dict[str, list[Score]]:
    values = {
        "input": 12.0,
        "wavelet+none": none,
        "wavelet+dome": dome,
        "wavelet+gaussian": 10.0,
        "wavelet+gradient": gradient,
        "v0": ours - 0.5,
        "ours": ours,
    }
    return {name: [score(value), score(value + 1)] for name, value in values.items()}


def test_the_opponent_is_the_best_variant_of_the_mean_over_sets(load: object) -> None:
    report = load("_figures")  # type: ignore[operator]
    scores = {("hm_tir_hard", "hit-uav"): table(21, 15, 18, 19), ("hm_tir_hard", "roadscene"): table(22, 20, 19, 17)}
    figures = report.summarise(scores)
    assert figures["hm_tir_hard.all.classical.psnr"] == 19.0  # dome: 18.5, none: 17.5, each 0.5 higher over its frames
    assert figures["hm_tir_hard.all.strongest.psnr"] == 19.0
    assert figures["hm_tir_hard.roadscene.classical.psnr"] == 19.5
    assert figures["hm_tir_hard.all.lead_over_classical.psnr"] == 3.0
    assert figures["hm_tir_hard.seen.lead_over_v0.psnr"] == 0.5
    assert report.best_variant(figures, "hm_tir_hard", report.DESIGN_VARIANTS, "psnr") == "wavelet+dome"


def test_the_strongest_chain_may_go_beyond_section_7(load: object) -> None:
    report = load("_figures")  # type: ignore[operator]
    figures = report.summarise({("hm_tir_hard", "hit-uav"): table(21, 15, 18, 20)})
    assert figures["hm_tir_hard.all.lead_over_classical.psnr"] == 3.0
    assert figures["hm_tir_hard.all.lead_over_strongest.psnr"] == 1.0


def test_requirements_of_both_stages_are_judged_by_the_numbers(load: object) -> None:
    figures = load("_figures").summarise({("hm_tir_hard", "roadscene"): table(20, 18, 18.5, 18)})  # type: ignore[operator]
    missed = {
        stage: [r.text for r, value in load("_requirements").verdicts(figures) if r.stage == stage and value <= r.asked]  # type: ignore[operator]
        for stage in "AB"
    }
    overall = ["hm_tir_hard: lead over classical, psnr", "hm_tir_hard: lead over classical, psnr_fitted"]
    assert missed == {"A": overall, "B": overall}  # 1.5 dB: enough on the set, too little of a mean
    text = load("_report").render(figures)  # type: ignore[operator]
    assert "4 of 6 requirements are met" in text and "2 of 4 requirements are met" in text


def test_a_rival_that_is_ahead_is_a_missed_requirement(load: object) -> None:
    scores = table(25, 20, 20, 20)
    scores["nafnet"] = [score(25.2), score(26.2)]
    figures = load("_figures").summarise({("hm_tir_hard", "roadscene"): scores})  # type: ignore[operator]
    missed = [r.text for r, value in load("_requirements").verdicts(figures) if value <= r.asked]  # type: ignore[operator]
    assert missed == ["hm_tir_hard: lead over nafnet, psnr", "hm_tir_hard: lead over nafnet, psnr_fitted"]


def test_st_lpips_counts_where_it_was_computed_and_smaller_is_better(load: object) -> None:
    scores = table(25, 20, 20, 20)
    for method, entries in scores.items():
        value = {"ours": 0.1, "wavelet+dome": 0.2}.get(method, 0.3)
        entries[0] = replace(entries[0], st_lpips=value, st_lpips_fitted=value)
    figures = load("_figures").summarise({("hm_tir_hard", "hit-uav"): scores})  # type: ignore[operator]
    assert figures["hm_tir_hard.all.classical.st_lpips"] == 0.2
    assert figures["hm_tir_hard.hit-uav.lead_over_classical.st_lpips"] == pytest.approx(-0.1)
    assert "ST-LPIPS" in load("_report").render(figures)  # type: ignore[operator]


def test_equal_frames_do_not_make_a_mean_infinite(load: object) -> None:
    report = load("_figures")  # type: ignore[operator]
    frames = [score(float("inf")), score(40.0)]
    figures = report.summarise({("clean", "hit-uav"): {"input": frames, "preserved": frames, "ours": frames}})
    assert figures["clean.all.preserved.psnr"] == 70.0
    assert figures["clean.all.preserved.psnr.worst"] == 40.0


def test_a_result_is_flat_json_with_its_origin(load: object) -> None:
    common = load("_common")  # type: ignore[operator]
    path = common.write_result("trial", {"a.b": 1.5}, [7], {"prior": "x"})
    record = json.loads(path.read_text())
    assert record["a.b"] == 1.5 and record["seeds"] == [7] and record["prior"] == "x"
    assert re.fullmatch(r"[0-9a-f]{7,}\+?|unknown", record["commit"])
    assert "cores" in record["machine"]
    assert not any(isinstance(value, dict) for value in record.values())


def test_a_table_is_aligned_markdown(load: object) -> None:
    common: ModuleType = load("_common")  # type: ignore[operator]
    lines = common.markdown_table(["", "dB"], [["ours", "21.10"], ["v = 0", "9.00"]]).splitlines()
    assert lines == ["|       |    dB |", "| ----- | ----: |", "| ours  | 21.10 |", "| v = 0 |  9.00 |"]


def test_cases_are_seeded_one_by_one(load: object, data: Path) -> None:
    cases = load("_cases").cases  # type: ignore[operator]
    both = list(cases(("roadscene",), ("hm_tir_hard", "sensor_hard"), 2, 0, data))
    alone = list(cases(("roadscene",), ("sensor_hard",), 2, 0, data))
    assert [case.preset for case in both] == ["hm_tir_hard", "sensor_hard"] * 2
    assert np.array_equal(both[1].degraded, alone[0].degraded)
    other = next(cases(("roadscene",), ("sensor_hard",), 2, 1, data))
    assert not np.array_equal(other.degraded, alone[0].degraded)


@pytest.mark.parametrize("group", ["tone", "blur", "noise"])
def test_single_degradations_come_by_group(load: object, data: Path, group: str) -> None:
    case = next(load("_cases").cases(("roadscene",), (f"hm_tir_single_{group}",), 1, 0, data))  # type: ignore[operator]
    clean, degraded = case.clean, case.degraded.astype(np.float32)
    rough = [np.abs(np.diff(image, axis=1)).mean() for image in (clean, metrics.fit_tone(degraded, clean))]
    assert {"tone": 0.9 < rough[1] / rough[0] < 1.1, "blur": rough[1] < 0.9 * rough[0], "noise": True}[group]
    assert (metrics.psnr(metrics.fit_tone(degraded, clean), clean) > 34) == (group == "tone")
    assert (noise_sigma(degraded) > 3) == (group == "noise")


def test_classical_results_are_remembered(load: object, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("_cases")  # type: ignore[operator]
    case = next(module.cases(("roadscene",), ("hm_tir_hard",), 1, 0, data))
    first = module.score_classical(case)
    monkeypatch.setattr(module.classical, "prepare", None)  # would fail if it were called again
    again = module.score_classical(case)
    assert {name: entry.psnr for name, entry in again.items()} == {name: entry.psnr for name, entry in first.items()}
    assert set(first) == {"input", "wavelet+none", "wavelet+dome", "wavelet+gaussian", "wavelet+gradient"}


def test_a_perceptual_distance_that_another_run_computed_is_not_told_unasked(
    load: object, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("_cases")  # type: ignore[operator]
    case = next(module.cases(("roadscene",), ("hm_tir_hard",), 1, 2, data))
    monkeypatch.setattr(module, "perceptual_distance", lambda case: lambda image, clean: 0.5)
    assert module.score_classical(case, (("wavelet", "none"),))["input"].st_lpips == 0.5
    monkeypatch.setattr(module, "perceptual_distance", lambda case: None)
    assert np.isnan(module.score_classical(case, (("wavelet", "none"),))["input"].st_lpips)


def test_the_whole_run_at_tiny_size(
    load: object, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    load("restoration").restoration(  # type: ignore[operator]
        frames=1,
        denoiser_frames=1,
        presets=("hm_tir_hard",),
        sets=("roadscene",),
        workers=1,
        pictures=tmp_path / "pictures",
    )
    figures = json.loads((tmp_path / "results" / "restoration.json").read_text())
    assert {f"hm_tir_hard.all.{method}.psnr" for method in ("input", "classical", "v0", "ours")} <= figures.keys()
    assert "hm_tir_hard.denoisers.nlm.psnr" in figures
    assert "clean.all.preserved.psnr" in figures and figures["seeds"] == [0]
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 1
    assert "### hm_tir_hard" in capsys.readouterr().out
    load("restoration").restoration(render_only=True)  # type: ignore[operator]
    assert "### hm_tir_hard" in capsys.readouterr().out


def test_bias_and_noise_are_read_through_the_camera(load: object) -> None:
    differences = load("preserve").differences  # type: ignore[operator]
    rng = np.random.default_rng(0)
    kelvin = 280 + 15 * layout(rng, 96, 128).astype(np.float64)
    seen = 0.5 * kelvin + 145 + rng.normal(0, 0.8, kelvin.shape)  # contrast and level of the scene are lost
    restored = 0.5 * kelvin + 145.05 + rng.normal(0, 0.2, kelvin.shape)
    found = differences(np.rint(seen * 100).astype(np.uint16), np.rint(restored * 100).astype(np.uint16), kelvin)
    assert found["bias"] == pytest.approx(0.05, abs=0.02)
    assert found["noise_before"] == pytest.approx(0.8, rel=0.05)
    assert found["noise_after"] == pytest.approx(0.2, rel=0.05)
    assert found["fine_after"] == pytest.approx(0.2, rel=0.05)


def test_fine_structure_is_blind_to_gain_and_shading(load: object) -> None:
    module = load("real_pair")  # type: ignore[operator]
    truth = 255 * layout(np.random.default_rng(0), 96, 128)
    shaded = 0.2 * truth + 60 * np.linspace(0, 1, 128)[None] ** 2
    noisy = shaded + np.random.default_rng(1).normal(0, 5, truth.shape)
    assert module.fine_correlation(shaded, truth) > 0.9 > np.corrcoef(shaded.ravel(), truth.ravel())[0, 1]
    assert module.fine_correlation(noisy, truth) < module.fine_correlation(shaded, truth)


def test_the_steered_engine_moves_the_log_snr_and_nothing_else(load: object) -> None:
    module = load("estimator")  # type: ignore[operator]
    engine = module.create_engine(module.find_prior("embedded", ""), "torch")
    steered = module.Steered(engine)
    frame = layout(np.random.default_rng(0), 64, 96).astype(np.float32)[None, None]
    plain, steered.shift = engine.estimate(frame), 0.5
    moved = steered.estimate(frame)
    assert np.allclose(moved[5], plain[5] + 0.5)
    assert all(np.array_equal(moved[index], plain[index]) for index in (0, 1, 2, 3, 4, 6))
    steered.fixed, steered.shift = 1.5, 0.0
    assert (steered.estimate(frame)[5] == 1.5).all()


def test_rivals_cost_no_more_than_5_gmac_and_begin_as_nothing(load: object) -> None:
    torch = pytest.importorskip("torch")
    rivals = load("_rivals")  # type: ignore[operator]
    frame = torch.rand(1, 1, 64, 96)
    for kind in rivals.RIVALS.values():
        network = kind()
        assert 3.5e9 < rivals.multiply_adds(network) <= 5e9
        torch.testing.assert_close(network(frame), frame, atol=1e-5, rtol=0)


def test_a_rival_resumes_where_it_was_and_joins_the_table(
    load: object, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    pack, config = tmp_path / "pack.npz", tmp_path / "config.yaml"
    rng = np.random.default_rng(0)
    np.savez(pack, **{f"layouts/{n:05d}": (255 * layout(rng, 96, 128)).astype(np.uint8) for n in range(3)})
    config.write_text(
        "prior: {}\nstages: [{name: restore, minutes: 1, rate: 0.001, "
        "mix: {sets: {layouts: 1}, presets: {hm_tir_hard: 1}, sizes: [[64, 96, 1, 1]]}}]\n"
    )
    module = load("rivals")  # type: ignore[operator]
    monkeypatch.setattr(module, "FOLDER", tmp_path / "rivals")
    options = {"pack": pack, "config": config, "workers": 0, "steps": 1}
    module.rivals("plain_unet", **options)
    module.rivals("plain_unet", **options)
    (trained,) = load("_rivals").load_rivals(tmp_path / "rivals").values()  # type: ignore[operator]
    assert trained.description.endswith("2 steps")
    restored = trained.restore((255 * layout(rng, 60, 90)).astype(np.uint8))
    assert restored.shape == (60, 90) and restored.dtype == np.uint8


def test_a_part_of_the_video_benchmark_keeps_the_figures_of_the_others(
    load,  # noqa: ANN001
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    data: Path,
) -> None:
    video: ModuleType = load("video")
    monkeypatch.setattr(video, "SCENES", ("roadscene",))
    monkeypatch.setattr(video, "DOCUMENT", tmp_path / "video.md")
    load("_common").write_result("video", {"ghost.pan.percent": 0.5, "cost.memory_ms": -1.0})
    assert video.video(parts=("cost",), data=data) == 0
    figures = json.loads((tmp_path / "results/video.json").read_text())
    assert figures["ghost.pan.percent"] == 0.5 and figures["cost.memory_ms"] > 0
    text = (tmp_path / "video.md").read_text()
    assert re.search(r"ghost\.pan\.percent +\| +0\.50 +\| +at most 1 % of full scale", text), text
