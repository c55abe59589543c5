"""What a field of a record may hold. It is checked where a record is read."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from tidemill.words.names import MAX_POSITION, NAME, REPOSITORY, SHA

Name: TypeAlias = Annotated[str, Meta(pattern=rf"\A(?:{NAME.pattern})\Z")]
Sha: TypeAlias = Annotated[str, Meta(pattern=rf"\A{SHA.pattern}\Z")]
Repository: TypeAlias = Annotated[str, Meta(pattern=rf"\A{REPOSITORY.pattern}\Z")]
Position: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_POSITION)]
PositionOrZero: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_POSITION)]
