"""The sizes of socket buffers and the congestion control that server.properties asks for are those
of connections: the broker's own end of one is looked at, with pidfd_getfd."""
import ctypes
import os
import pathlib
import socket
import unittest

from broker_cluster import BrokerCluster, wait_until

PIDFD_GETFD = 438  # no wrapper in Python


def sockets_of(pid):
    """Copies of the process's TCP sockets."""
    process = os.pidfd_open(pid)
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            if os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
                yield socket.socket(fileno=ctypes.CDLL(None, use_errno=True).syscall(
                    PIDFD_GETFD, process, int(number), 0))
    finally:
        os.close(process)


def end_of(broker, client):
    """The broker's end of a connection, once it has accepted it."""
    found = None
    for one in sockets_of(broker.process.pid):
        if one.family != socket.AF_UNIX and not found and _peer(one) == client.getsockname():
            found = one
        else:
            one.close()
    return found


def _peer(one):
    try:
        return one.getpeername()
    except OSError:
        return None


class SocketSettings(unittest.TestCase):
    def options(self, settings):
        with BrokerCluster(1, settings=settings) as cluster:
            broker = cluster.brokers[1]
            with socket.create_connection(("127.0.0.1", broker.port)) as client:
                with wait_until(lambda: end_of(broker, client), 20, "it is accepted") as end:
                    return (end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
                            end.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                            end.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION,
                                           16).rstrip(b"\0").decode())

    def test_buffers_are_of_the_size_that_was_asked_for(self):
        own = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
        self.assertEqual(
            (60000, 80000, own),  # the kernel doubles sizes, for its own use
            self.options({"socket.send.buffer.bytes": 30000, "socket.receive.buffer.bytes": 40000,
                          "barnabas.socket.congestion.control": own}))

    def test_without_a_wish_the_kernel_tunes_them_and_loopback_is_not_paced(self):
        self.assertEqual("reno", self.options({})[2])


if __name__ == "__main__":
    unittest.main()
