"""Packets are written each with its own outcome: one that is refused does not end the others."""

import socket

import pytest

from infra.matrix.submission import BATCH, write_each

NO_FILE = 1 << 20


def test_refused_piece_does_not_end_the_others() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        nobody.bind(("127.0.0.1", 0))
        sender.connect(nobody.getsockname())
        nobody.close()
        # The refusal of a datagram is told at the next, which is not sent then.
        assert write_each(sender.fileno(), memoryview(b"onetwosix"), 3, 3) == [0, 2]


def test_pieces_are_taken_out_of_what_lies_between() -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        assert write_each(near.fileno(), memoryview(b"one--two--six"), 5, 3) == [0, 1, 2]
        assert [far.recv(9) for _ in range(3)] == [b"one", b"two", b"six"]


def test_more_than_one_batch_is_written_in_order(tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytes(number % 251 for number in range(BATCH + 7))
    path = tmp_path_factory.mktemp("written") / "file"
    with path.open("ab") as file:
        assert write_each(file.fileno(), memoryview(content), 1, 1) == [*range(BATCH + 7)]
    assert path.read_bytes() == content


def test_kernel_that_takes_no_order_is_told() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        write_each(NO_FILE, memoryview(b"one"), 3, 3)
