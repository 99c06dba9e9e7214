"""Write many packets a system call, each with an outcome of its own.

Runs on the tenant's hosts: standard library only. Must not know what is in a packet.

sendmmsg(2) ends at the first packet that is refused; io_submit(2) goes on to the next.
"""

import ctypes
import os
from array import array
from collections.abc import Sequence

BATCH = 1024
"""Packets a system call: of fs.aio-max-nr, 65,536 on a kernel, a small part."""

_IO_SETUP, _IO_DESTROY, _IO_GETEVENTS, _IO_SUBMIT = 206, 207, 208, 209
"""On x86-64; the C library has no names for them. Source: syscalls(2)."""

_PWRITE = 1
_ORDER, _EVENT = 8, 4
"""A struct iocb and a struct io_event, in words of 8 bytes. Source: linux/aio_abi.h."""

_library = ctypes.CDLL(None, use_errno=True)


def write_each(file: int, places: Sequence[int], length: int) -> list[int]:
    """Write the bytes at each place in memory.

    Returns:
        The places that were taken whole; the others were refused.

    Raises:
        OSError: when the kernel takes no orders.
    """
    orders = array("Q", bytes(8 * _ORDER * BATCH))
    orders[2::_ORDER] = array("Q", [_PWRITE | file << 32]) * BATCH
    orders[4::_ORDER] = array("Q", [length]) * BATCH
    first = orders.buffer_info()[0]
    pointers = array("Q", range(first, first + 8 * _ORDER * BATCH, 8 * _ORDER))
    events = array("q", bytes(8 * _EVENT * BATCH))
    context = ctypes.c_ulong(0)
    taken: list[int] = []
    _call(_IO_SETUP, BATCH, ctypes.byref(context))
    try:
        while places:
            batch = array("Q", places[:BATCH])
            # What an event tells of itself, and where its packet stands.
            for word in (0, 3):
                orders[word : _ORDER * len(batch) : _ORDER] = batch
            done = _call(_IO_SUBMIT, context, len(batch), _address(pointers))
            _call(_IO_GETEVENTS, context, done, done, _address(events), None)
            told, outcomes = (events[word : _EVENT * done : _EVENT] for word in (0, 2))
            at = zip(told, outcomes, strict=True)
            taken += [place for place, outcome in at if outcome == length]
            places = places[done:]
    finally:
        _call(_IO_DESTROY, context)
    return taken


def _address(words: "array[int]") -> ctypes.c_void_p:
    return ctypes.c_void_p(words.buffer_info()[0])


def _call(number: int, *arguments: object) -> int:
    done: int = _library.syscall(ctypes.c_long(number), *arguments)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
