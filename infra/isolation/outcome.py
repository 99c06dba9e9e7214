"""Give the shape of what the isolation suite found: its evidence, and what a report reads.

Plain frozen data. Must not decide a verdict (`judge.py` does) nor choose attempts.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["pass", "fail", "inconclusive"]
"""pass: nothing came through and all controls succeeded. inconclusive: a control did not."""

Layer = Literal["real packets", "lab model", "configuration only"]
"""What an outcome proved; the layers below it stay unproven. Source: DOMAIN.md section 3."""

Family = Literal["ethernet", "ipv4", "ipv6", "vcenter"]


class Finding(BaseModel):
    """Base of every part: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class End(Finding):
    """One side of an attempt. tenant: its id, or the provider's; server: None for vCenter."""

    tenant: str
    zone: str
    server: str | None


class Outcome(Finding):
    """One attack case from one source against one target.

    case: I01 to I28. attack: what was tried, one sentence in English. token: in every packet of
    the attempt (None: no packets). sent, arrived: packets with the token, at both sides.
    controls: by name whether it succeeded. capture: pcap file beside the evidence, or None.
    detail: why it is not a pass, or what came through; "" for a pass.
    """

    case: str
    source: End
    target: End
    family: Family
    layer: Layer
    attack: str
    token: str | None
    sent: int
    arrived: int
    controls: dict[str, bool]
    verdict: Verdict
    detail: str
    capture: str | None = None


class Untested(Finding):
    """A case, or a part of it, that this environment could not try. reason: one sentence."""

    case: str
    reason: str


class Findings(Finding):
    """All that one run of the suite found.

    time: ISO 8601 with zone. deployed: SHA-256 of the deployed configuration. tools: name to
    version. duration_s: wall time of the suite.
    """

    tenant: str
    time: str
    deployed: str
    tools: dict[str, str]
    duration_s: float
    outcomes: tuple[Outcome, ...]
    untested: tuple[Untested, ...]
