"""What every server here loads: the ONNX file in ONNX Runtime on two threads, as the bare run does."""

import socket

import numpy
import onnxruntime

THREADS = 2
MAX_BATCH = 32
# How long a batch may wait for more crops where a batcher must be told, s: about what 32 callers take to send theirs.
BATCH_WAIT = 0.002


def open_model(path):
    """The model as a function of uint8 [N,1,50,50] that gives float32 [N,2]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(crops):
        return session.run(["logits"], {"pellet": crops})[0]

    run(numpy.zeros((MAX_BATCH, 1, 50, 50), numpy.uint8))
    return run


def free_port():
    """A port that is free on the loopback address, for what a server must open beside the one that is asked."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
