"""Write many packets a system call, each with an outcome of its own.

Runs on the tenant's hosts: standard library only. Must not know what is in a packet.

sendmmsg(2) ends at the first packet that is refused; io_submit(2) goes on to the next.
"""

import ctypes
import os
from array import array

BATCH = 1024
"""Packets a system call: of fs.aio-max-nr, 65,536 on a kernel, a small part."""

_IO_SETUP, _IO_DESTROY, _IO_GETEVENTS, _IO_SUBMIT = 206, 207, 208, 209
"""On x86-64; the C library has no names for them. Source: syscalls(2)."""

_PWRITE = 1
_ORDER, _EVENT = 8, 4
"""A struct iocb and a struct io_event, in words of 8 bytes. Source: linux/aio_abi.h."""

_library = ctypes.CDLL(None, use_errno=True)


def write_each(file: int, pieces: memoryview, every: int, length: int) -> list[int]:
    """Write pieces of one length, which begin at equal distances.

    Args:
        file: descriptor that takes them.
        pieces: from the first byte of the first one on.
        every: how many bytes after the one before a piece begins.
        length: of a piece.

    Returns:
        The numbers of the pieces that were taken whole, from 0; the others were refused.

    Raises:
        OSError: when the kernel takes no orders.
    """
    # Copied to where the orders point: so these are made once, which takes longer than a copy.
    window = bytearray(every * BATCH)
    place = ctypes.addressof(ctypes.c_char.from_buffer(window))
    orders = array("Q", bytes(8 * _ORDER * BATCH))
    orders[0::_ORDER] = array("Q", range(BATCH))
    orders[2::_ORDER] = array("Q", [_PWRITE | file << 32]) * BATCH
    orders[3::_ORDER] = array("Q", range(place, place + every * BATCH, every))
    orders[4::_ORDER] = array("Q", [length]) * BATCH
    first = orders.buffer_info()[0]
    pointers = array("Q", range(first, first + 8 * _ORDER * BATCH, 8 * _ORDER))
    events = array("q", bytes(8 * _EVENT * BATCH))
    context = ctypes.c_ulong(0)
    taken: list[int] = []
    count, before = (len(pieces) + every - length) // every, 0
    _call(_IO_SETUP, BATCH, ctypes.byref(context))
    try:
        while before < count:
            copied = pieces[before * every : (before + BATCH) * every]
            memoryview(window)[: len(copied)] = copied
            done = _call(_IO_SUBMIT, context, min(BATCH, count - before), _address(pointers))
            _call(_IO_GETEVENTS, context, done, done, _address(events), None)
            numbers, outcomes = (events[word : _EVENT * done : _EVENT] for word in (0, 2))
            if length in outcomes:
                at = zip(numbers, outcomes, strict=True)
                taken += [before + number for number, outcome in at if outcome == length]
            before += done
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
