"""A small fake of a service manager (sd_notify(3)): a datagram socket that keeps what comes, and when."""
import os
import socket
import time


class Manager:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        while True:
            try:
                self.heard.append((time.monotonic(), self.socket.recv(4096).decode().split("\n")))
            except BlockingIOError:
                return [lines for _, lines in self.heard]

    def count(self, line):
        return sum(line in lines for lines in self.listen())
