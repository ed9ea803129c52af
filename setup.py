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

"""Installs the nodes, commands, launch files, configuration and weights."""

from glob import glob

from setuptools import find_packages, setup

PACKAGE = "infrared_ir_ros"
ROS = f"{PACKAGE}.ros"
COMMANDS = f"{PACKAGE}.commands"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["weights/*", "weights/*/*", "training/*.yaml", "evaluation/*.jinja"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml", "LICENSE", "README.md"]),
        (f"share/{PACKAGE}/launch", sorted(glob("launch/*.launch.py"))),
        (f"share/{PACKAGE}/config", sorted(glob("config/*.*"))),
    ],
    python_requires=">=3.10,<3.13",
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},  # tells colcon test to run pytest
    zip_safe=False,
    maintainer="infrared_ir_ros maintainers",
    maintainer_email="maintainers@infrared-ir.example",
    description="Restores thermal camera frames: one network evaluation at the estimated diffusion timestep.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            f"restore_node = {ROS}.restore_node:main",
            f"trainer_node = {ROS}.trainer_node:main",
            f"thermal_camera = {ROS}.thermal_camera:main",
            f"recorder = {ROS}.recorder:main",
            f"restore_images = {COMMANDS}.restore_images:main",
            f"make_bag = {COMMANDS}.make_bag:main",
            f"evaluate_bag = {COMMANDS}.evaluate_bag:main",
            f"profile_sensor = {COMMANDS}.profile_sensor:main",
            f"demo = {COMMANDS}.demo:main",
            f"train_prior = {COMMANDS}.train_prior:main",
            f"train_tasks = {COMMANDS}.train_tasks:main",
            f"train_detector = {COMMANDS}.train_detector:main",
            f"train_segmenter = {COMMANDS}.train_segmenter:main",
            f"adapt_prompt = {COMMANDS}.adapt_prompt:main",
            f"export_prior = {COMMANDS}.export_prior:main",
            f"export_detector = {COMMANDS}.export_detector:main",
            f"import_checkpoint = {COMMANDS}.import_checkpoint:main",
            f"pack_frames = {COMMANDS}.pack_frames:main",
        ],
    },
)
