"""What a controller in the cluster deploys from a folder or with a file of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Deployed:
    """An Application of Argo CD, or a Kustomization of Flux.

    Attributes:
        file: where it stands; `kind` and `name` as Kubernetes has them.
        paths: the folder and the files of values that it is made of, from the root.
        made_by: the ApplicationSet that makes it; empty if it stands in a file itself.
        variables: by value what stands for it in the set's template.
    """

    file: str
    kind: Literal["Application", "Kustomization"]
    name: str
    paths: tuple[str, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    made_by: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
