"""A small fake of a service manager (sd_notify(3)): a datagram socket that keeps what comes, and when it was sent."""
import os
import socket
import struct

SO_TIMESTAMP = 29  # the kernel's word, in seconds since 1970: we may come to read much later


class Manager:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        self.heard = []

    def listen(self):
        while True:
            try:
                text, ((_, _, sent),), _, _ = self.socket.recvmsg(4096, 64)
                seconds, us = struct.unpack("qq", sent)
                self.heard.append((seconds + us / 1e6, text.decode().split("\n")))
            except BlockingIOError:
                return [lines for _, lines in self.heard]

    def count(self, line):
        return sum(line in lines for lines in self.listen())
