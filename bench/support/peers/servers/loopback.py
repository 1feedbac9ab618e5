"""Keeps servers on the loopback address that have no setting for where they listen. Imports nothing of ONNX Runtime."""

ADDRESS = "127.0.0.1"
EVERYWHERE = ("[::]:", "0.0.0.0:")


def listen_on_loopback():
    """From now on gRPC servers of this process that would listen on every address of the machine listen on 127.0.0.1."""
    # The class that grpc.aio.server() makes and that servers inherit from; grpc names it nowhere else.
    from grpc.aio._server import Server

    listen = Server.add_insecure_port

    def add_insecure_port(self, address):
        for everywhere in EVERYWHERE:
            if address.startswith(everywhere):
                address = f"{ADDRESS}:{address[len(everywhere):]}"
        return listen(self, address)

    Server.add_insecure_port = add_insecure_port
