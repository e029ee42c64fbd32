#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fibers answer a Python program, through a port and ctypes.

    python3 ask.py libpeal.so service.so

Prints:
    3 words
    -110
    ['1 words', '2 words', '3 words']
"""
import ctypes
import os
import select
import sys

peal = ctypes.CDLL(sys.argv[1])
service = ctypes.CDLL(sys.argv[2])

pointer, size, instant = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64
peal.peal_in.restype = instant
peal.peal_in.argtypes = [instant]
peal.peal_port_connect.argtypes = [ctypes.POINTER(pointer), pointer]
peal.peal_port_call.restype = ctypes.c_ssize_t
peal.peal_port_call.argtypes = [pointer, ctypes.c_char_p, size, pointer, size, instant]
peal.peal_port_send.argtypes = [pointer, ctypes.c_char_p, size, instant, ctypes.POINTER(ctypes.c_uint64)]
peal.peal_port_take.restype = ctypes.c_ssize_t
peal.peal_port_take.argtypes = [pointer, ctypes.POINTER(ctypes.c_uint64), pointer, size]
peal.peal_port_fd.argtypes = [pointer]
peal.peal_port_disconnect.argtypes = [pointer]
peal.peal_rt_stop.argtypes = [pointer]

SECOND = 10**9
EAGAIN = 11


class Client:
    def __init__(self, port):
        self.handle = pointer()
        err = peal.peal_port_connect(ctypes.byref(self.handle), port)
        if err:
            raise OSError(-err, os.strerror(-err))
        self.buffer = ctypes.create_string_buffer(4096)

    def call(self, request, within):
        """The reply as text, or a negative errno. Python's other threads run meanwhile."""
        n = peal.peal_port_call(self.handle, request, len(request), self.buffer, len(self.buffer), peal.peal_in(within))
        return self.buffer.raw[:n].decode() if n >= 0 else n

    def send(self, request, within):
        ticket = ctypes.c_uint64()
        err = peal.peal_port_send(self.handle, request, len(request), peal.peal_in(within), ctypes.byref(ticket))
        if err:
            raise OSError(-err, os.strerror(-err))
        return ticket.value

    def take(self):
        """A ticket and its reply, or None. When fileno() is readable, as asyncio and select want it."""
        ticket = ctypes.c_uint64()
        n = peal.peal_port_take(self.handle, ctypes.byref(ticket), self.buffer, len(self.buffer))
        if n == -EAGAIN:
            return None
        return ticket.value, self.buffer.raw[:n].decode() if n >= 0 else n

    def fileno(self):
        return peal.peal_port_fd(self.handle)

    def close(self):
        peal.peal_port_disconnect(self.handle)


rt, port = pointer(), pointer()
err = service.service_start(ctypes.byref(rt), ctypes.byref(port))
if err:
    sys.exit(os.strerror(-err))

client = Client(port)
print(client.call(b"how many words", SECOND * 10))
print(client.call(b"too late", 0))

sent = [client.send(text, SECOND * 10) for text in (b"one", b"one two", b"one two three")]
replies = {}
while len(replies) < len(sent):
    select.select([client], [], [])
    taken = client.take()
    if taken:
        replies[taken[0]] = taken[1]
print([replies[ticket] for ticket in sent])

client.close()
peal.peal_rt_stop(rt)
