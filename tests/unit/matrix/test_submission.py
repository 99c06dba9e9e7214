"""Packets are written each with its own outcome: one that is refused does not end the others."""

import ctypes
import socket

import pytest

from infra.matrix.submission import BATCH, write_each

NOWHERE = 16
"""An address in memory that nobody has."""

NO_FILE = 1 << 20


def test_refused_piece_does_not_end_the_others() -> None:
    memory = ctypes.create_string_buffer(b"onetwo", 6)
    first = ctypes.addressof(memory)
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        taken = write_each(near.fileno(), [first, NOWHERE, first + 3], 3)
        assert [far.recv(9), far.recv(9)] == [b"one", b"two"]
    assert taken == [first, first + 3]


def test_more_than_one_batch_is_written_in_order(tmp_path_factory: pytest.TempPathFactory) -> None:
    memory = ctypes.create_string_buffer(BATCH + 7)
    places = range(ctypes.addressof(memory), ctypes.addressof(memory) + BATCH + 7)
    with (tmp_path_factory.mktemp("written") / "file").open("wb") as file:
        assert write_each(file.fileno(), places, 1) == [*places]


def test_kernel_that_takes_no_order_is_told() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        write_each(NO_FILE, [NOWHERE], 1)
