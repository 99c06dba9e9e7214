"""Evidence names what was deployed without its secrets, and its captures can be read."""

from pathlib import Path

from pydantic import SecretStr
from scapy.utils import RawPcapReader

from infra.isolation.judge import Report
from infra.operations.isolation.evidence import write_captures
from infra.outputs import StackOutputs


def test_fingerprint_follows_the_deployment_and_not_its_secrets(
    own: StackOutputs, other: StackOutputs
) -> None:
    rotated = own.secrets.model_copy(update={"management_key": SecretStr("new")})
    assert own.model_copy(update={"secrets": rotated}).fingerprint == own.fingerprint
    assert other.fingerprint != own.fingerprint


def test_capture_holds_the_frames_in_order_and_no_former_run(tmp_path: Path) -> None:
    frames = {"late": (2.5, b"second frame ....."), "early": (1.25, b"first frame ......")}
    report = Report(heard={}, frames=frames, received={}, lost=0, sent={})
    write_captures({("own", "db01"): report}, tmp_path)
    former = tmp_path / "isolation" / "own-gone01.pcap"
    former.write_bytes(b"")
    write_captures({("own", "db01"): report}, tmp_path)
    assert not former.exists()
    with RawPcapReader(str(tmp_path / "isolation" / "own-db01.pcap")) as pcap:
        read = [(packet, meta.sec, meta.usec) for packet, meta in pcap]
    assert read == [(b"first frame ......", 1, 250000), (b"second frame .....", 2, 500000)]
