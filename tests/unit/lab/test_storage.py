"""What a guest's root could prepare, to make the machine write into its own files."""

import os
from pathlib import Path

import pytest

from lab.hypervisor.storage import open_beneath


def test_link_on_the_way_into_a_guest_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    # This process is its own guest: seen from /proc, its root is the machine's.
    parts = tmp_path.parts[1:]
    os.close(open_beneath(os.getpid(), (*parts, "target"), create=False))
    with pytest.raises(NotADirectoryError):
        open_beneath(os.getpid(), (*parts, "link"), create=False)
    with pytest.raises(NotADirectoryError):
        open_beneath(os.getpid(), (*parts, "link", "below"), create=True)
    assert list(target.iterdir()) == []
