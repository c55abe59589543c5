"""Build a Dockerfile that only copies files, without a daemon.

The result is the canonical form of what an engine would make of it, so it has the same digest.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from tidemill.images import run_config
from tidemill.images.base_image import SCRATCH, BaseImage
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.canonical_image import write_changes
from tidemill.images.dockerfile.context import BuildContext
from tidemill.images.dockerfile.copy import ENGINE, carry_out
from tidemill.images.dockerfile.instructions import (
    Arg,
    Copy,
    Healthcheck,
    Instruction,
    Pairs,
    Run,
    Start,
    Text,
    Words,
)
from tidemill.images.dockerfile.stage_image import StageImage
from tidemill.images.dockerfile.stages import Image, Origin, Stages
from tidemill.images.dockerfile.tree import Source, layers_of, tree_of
from tidemill.images.dockerfile.words import Mistake
from tidemill.images.oci import Descriptor, Platform
from tidemill.words.names import shown


def build_copy_only(build: DockerfileBuild, platform: Platform, workspace: Workspace) -> Descriptor:
    """Write the image of a Dockerfile to the workspace's layout, without a tag.

    It knows FROM, ARG, COPY, ADD (of plain files), ENV, LABEL, EXPOSE, USER, WORKDIR, VOLUME,
    ENTRYPOINT, CMD, SHELL, STOPSIGNAL, HEALTHCHECK and MAINTAINER.

    Raises:
        Refused: the Dockerfile has a mistake or needs an engine, or something that it names is
            not there; the error names the line.
        CompressorDiffers: the compressor is not the one of the profile.
    """
    stages = Stages(build, platform)
    made = Assembly(stages, build, workspace).stage(stages.target)
    labels = {**(made.run.get("Labels") or {}), **build.labels}
    run = run_config.kept({**made.run, "Labels": labels}, made.base.run)
    lower = layers_of(made.base, workspace.scratch)
    return write_changes(made.layers, run, platform, made.base, lower, workspace)


class Assembly(Struct):
    """The stages of one build, each worked out when it is needed.

    Raises, from every method:
        Refused: a stage needs an engine, or something that it copies can't be copied.
    """

    stages: Stages
    build: DockerfileBuild
    workspace: Workspace
    _made: dict[int, StageImage] = field(default_factory=dict)
    _sources: dict[Origin | None, Source] = field(default_factory=dict)

    def stage(self, index: int) -> StageImage:
        """A stage, with all that its instructions do."""
        if index not in self._made:
            made = self._started(index)
            if not self.stages.is_replaced(index):
                for instruction in self.stages.file.stages[index].instructions:
                    try:
                        self._carry_out(instruction, made, index)
                    except Mistake as mistake:
                        raise self.stages.file.refused(
                            instruction.line, f"has a mistake: {mistake}"
                        ) from None
            self._made[index] = made
        return self._made[index]

    def _started(self, index: int) -> StageImage:
        origin = self.stages.start(index)
        file = self.stages.file
        line = file.stages[index].line
        if isinstance(origin, int):
            return self.stage(origin).on_top()
        if isinstance(origin, Path):
            what = f"builds on the folder {origin}"
            raise file.refused(line, what, "build on an image, and COPY the folder")
        base = self._image(origin)
        if base.run.get("OnBuild"):
            what = "builds on an image with ONBUILD, which assemble can't carry out"
            raise file.refused(line, what, ENGINE)
        if base.has_relative_workdir:
            what = "builds on an image whose WORKDIR is not an absolute path"
            raise file.refused(line, what, "build on another image: no container of it starts")
        return StageImage.started(base, self.workspace.scratch, file.escape)

    def _image(self, image: Image) -> BaseImage:
        if image.location is None:
            return SCRATCH
        return self.workspace.bases(image.location, image.platform)

    def _carry_out(self, instruction: Instruction, made: StageImage, index: int) -> None:
        match instruction:
            case Run(line):
                raise self.stages.file.refused(line, "has RUN, which assemble can't do", ENGINE)
            case Arg(pairs=pairs):
                for name, default in pairs:
                    self._declare(name, default, made)
            case Copy():
                source = self._source(instruction, index)
                carry_out(instruction, made, source, self.stages.file)
            case Pairs():
                made.set_pairs(instruction)
            case Start():
                made.start(instruction)
            case Healthcheck():
                made.check_health(instruction)
            case Words(keyword="EXPOSE", words=words):
                made.expose(words)
            case Words(words=words):
                made.add_volumes(words)
            case Text():
                self._text_instruction(instruction, made)

    def _declare(self, name: str, default: str | None, made: StageImage) -> None:
        value = self.build.arguments.get(name)
        if value is None:
            value = self.stages.variables.get(name) if default is None else made.text(default)
        if value is not None:
            made.variables[name] = value

    def _text_instruction(self, instruction: Text, made: StageImage) -> None:
        match instruction.keyword:
            case "USER":
                made.run["User"] = made.text(instruction.text)
            case "STOPSIGNAL":
                made.set_stop_signal(made.text(instruction.text))
            case "WORKDIR":
                path = made.text(instruction.text)
                with self.stages.file.at(instruction.line):
                    made.set_work_folder(path)
            case "MAINTAINER":  # a name that is no part of the canonical form
                pass
            case keyword:
                what = f"has {keyword}, which assemble can't do"
                raise self.stages.file.refused(instruction.line, what, ENGINE)

    def _source(self, instruction: Copy, index: int) -> Source:
        origin: Origin | None = None
        name = instruction.origin
        if name:
            origin = self.stages.copied_from(index, instruction.line, name)
        if origin not in self._sources:
            self._sources[origin] = self._opened(origin, name)
        return self._sources[origin]

    def _opened(self, origin: Origin | None, name: str) -> Source:
        if origin is None:
            return BuildContext.of(self.build.context, self.build.file)
        if isinstance(origin, Path):
            return BuildContext.of(origin)
        if isinstance(origin, int):
            return self.stage(origin).tree(f"the stage {shown(name)}")
        return tree_of(self._image(origin), f"the image {shown(name)}", self.workspace.scratch)
