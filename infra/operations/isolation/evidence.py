"""Write what a run of the isolation suite found: findings as JSON, what sensors heard as pcap."""

from collections.abc import Mapping
from pathlib import Path

from scapy.utils import RawPcapWriter

from infra.isolation.judge import HostKey, Report, capture_name
from infra.isolation.outcome import Findings

ETHERNET = 1
"""Link type of the captures. Source: libpcap."""


def write_captures(reports: Mapping[HostKey, Report], folder: Path) -> None:
    """Write one pcap a host that heard anything of this run: the first frame of each token.

    Args:
        reports: by host.
        folder: of the evidence.
    """
    for former in folder.glob(capture_name(("*", "*"))):
        former.unlink()
    for key, report in reports.items():
        if report.frames:
            file = folder / capture_name(key)
            file.parent.mkdir(parents=True, exist_ok=True)
            with RawPcapWriter(str(file), linktype=ETHERNET) as pcap:
                pcap.write_header(None)
                for at, frame in sorted(report.frames.values()):
                    pcap.write_packet(frame, sec=int(at), usec=int(at % 1 * 1e6))


def write_findings(findings: Findings, file: Path) -> None:
    """Write the findings, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(findings.model_dump_json(indent=1) + "\n")
    partial.replace(file)
