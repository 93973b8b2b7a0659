"""rules.loaded: a whole set of rules or a policy, at its place in the log."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.fields import Document, Part, Sha256

RulesKind = Literal["alert_rules", "status_policy", "entity_policy", "notification_policy"]


class RulesLoadedData(Part):
    """The whole set. `hash` is the SHA-256 of the document as JSON with sorted keys and no white space."""

    kind: RulesKind
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]
    hash: Sha256
    document: Document


class RulesLoaded(Envelope):
    """From here on, this partition is judged by these rules."""

    TYPE: ClassVar[str] = "infrastructor.rules.loaded.v1"
    type: Literal["infrastructor.rules.loaded.v1"] = "infrastructor.rules.loaded.v1"
    data: RulesLoadedData
