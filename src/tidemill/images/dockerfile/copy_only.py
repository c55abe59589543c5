"""Build a Dockerfile that only copies files, without a daemon.

The result is the canonical form of what an engine would make of it, so it has the same digest.
"""

from __future__ import annotations

from typing import Any

from tidemill.images import run_config
from tidemill.images.base_image import SCRATCH
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.canonical_image import write_image
from tidemill.images.dockerfile import parse
from tidemill.images.dockerfile.assemble import Assembly
from tidemill.images.dockerfile.stage_image import StageImage
from tidemill.images.dockerfile.stages import Stages
from tidemill.images.dockerfile.tree import layers_of
from tidemill.images.layer import Layer
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.rootfs import RootFs, canonical


def build_copy_only(build: DockerfileBuild, platform: Platform, workspace: Workspace) -> Descriptor:
    """Write the image of a Dockerfile to the workspace's layout, without a tag.

    It knows FROM, ARG, COPY, ADD (of plain files), ENV, LABEL, EXPOSE, USER, WORKDIR, VOLUME,
    ENTRYPOINT, CMD, SHELL, STOPSIGNAL, HEALTHCHECK and MAINTAINER.

    Raises:
        Refused: the Dockerfile has a mistake or needs an engine, or something that it names is
            not there; the error names the line.
        CompressorDiffers: the compressor is not the one of the profile.
    """
    stages = Stages(parse.read(build.file), build, platform)
    made = Assembly(stages, build, workspace).stage(stages.target)
    run = run_config.kept(_labelled(made.run, build), made.base.run)
    layers: list[Layer] = []
    below = _below(made, workspace)
    for layer in made.layers:
        entries = canonical(layer, below, run.get("Volumes", ()))
        if entries:
            layers.append(workspace.write(entries))
            below.add(entries)
    return write_image(layers, run, platform, made.base, workspace)


def _labelled(run: dict[str, Any], build: DockerfileBuild) -> dict[str, Any]:
    if not build.labels:
        return run
    return {**run, "Labels": {**(run.get("Labels") or {}), **build.labels}}


def _below(made: StageImage, workspace: Workspace) -> RootFs:
    """What is in the base, where its files can be opened if one of them may be written again."""
    if not made.layers or made.base is SCRATCH:
        return RootFs()
    below = made.base.rootfs.copy()
    if any(below.resembles(entry) for layer in made.layers for entry in layer):
        below = RootFs()
        for layer in layers_of(made.base, workspace.scratch):
            below.add(layer)
    return below
