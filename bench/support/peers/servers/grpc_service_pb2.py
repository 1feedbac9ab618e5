"""Ray Serve pickles messages by the module that tritonclient's were compiled in, which goes by another name there."""

from tritonclient.grpc.service_pb2 import *  # noqa: F403
