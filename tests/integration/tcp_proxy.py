"""A TCP proxy whose connections a test can cut, silence and restore.

    proxy = TcpProxy(("127.0.0.1", 2181))   # listens at proxy.port
    proxy.cut()       # closes all connections and closes new ones at once
    proxy.silence()   # keeps connections open, but nothing gets through any more
    proxy.slow()      # some 100 KB/s get through, and late
    proxy.hold(41)    # of what the server says over new connections, only so many bytes get through
    proxy.release()   # ... and now the rest
    proxy.restore()   # new connections work again (silenced ones are closed)
    proxy.close()
"""
import selectors
import socket
import threading
import time

OPEN, CUT, SILENT, SLOW = range(4)
SLOW_BYTES, SLOW_SECONDS = 2048, 0.02


class TcpProxy:
    def __init__(self, target):
        self.target = target
        self._mode = OPEN
        self._lock = threading.Lock()
        self._pairs = {}  # socket -> its peer, both ways
        self._passing = None  # how many bytes of a server get through; None: all
        self._held = {}  # a client's socket -> [how many more get through, what did not]
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def connect(self):
        return f"127.0.0.1:{self.port}"

    def cut(self):
        self._set_mode(CUT)

    def silence(self):
        self._set_mode(SILENT)

    def slow(self):
        self._set_mode(SLOW)

    def hold(self, size):
        with self._lock:
            self._passing = size

    def release(self):
        with self._lock:
            self._passing = None
            for client, (_, data) in self._held.items():
                if client in self._pairs:
                    client.sendall(data)
            self._held.clear()

    def restore(self):
        self._set_mode(OPEN)

    def close(self):
        self._closing = True
        self._wake_writer.send(b"x")
        self._thread.join()
        for connection in [self._listener, self._wake_reader, self._wake_writer, *self._pairs]:
            connection.close()
        self._selector.close()

    def _set_mode(self, mode):
        with self._lock:
            was_silent = self._mode == SILENT
            self._mode = mode
            if mode == CUT or (mode == OPEN and was_silent):
                for connection in list(self._pairs):
                    self._drop(connection)

    def _drop(self, connection):
        peer = self._pairs.pop(connection, None)
        if peer is None:
            return
        self._pairs.pop(peer, None)
        for end in (connection, peer):
            self._held.pop(end, None)
            self._selector.unregister(end)
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def _accept(self):
        client, _ = self._listener.accept()
        if self._mode == CUT:
            client.close()
            return
        try:
            server = socket.create_connection(self.target, 5)
        except OSError:
            client.close()
            return
        for end, peer in ((client, server), (server, client)):
            self._pairs[end] = peer
            self._selector.register(end, selectors.EVENT_READ)
        if self._passing is not None:
            self._held[client] = [self._passing, b""]

    def _hold_back(self, receiver, data):
        """What of it gets through."""
        if receiver not in self._held:
            return data
        size, held = self._held[receiver]
        self._held[receiver] = [size - len(data[:size]), held + data[size:]]
        return data[:size]

    def _forward(self, connection):
        try:
            data = connection.recv(SLOW_BYTES if self._mode == SLOW else 262144)
            if data and self._mode == SLOW:
                time.sleep(SLOW_SECONDS)
            if data and self._mode in (OPEN, SLOW):
                receiver = self._pairs[connection]
                receiver.sendall(self._hold_back(receiver, data))
        except OSError:
            data = b""
        if not data:
            self._drop(connection)

    def _run(self):
        while not self._closing:
            for key, _ in self._selector.select(1):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj is self._wake_reader:
                        self._wake_reader.recv(64)
                    elif key.fileobj in self._pairs:
                        self._forward(key.fileobj)
