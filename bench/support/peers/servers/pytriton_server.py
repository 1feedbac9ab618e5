"""PyTriton: Triton's dynamic batcher in front of a Python function, asked by gRPC. Arguments: MODEL.onnx PORT."""

import os
import sys
import sysconfig

import numpy
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

import runtime

# Triton's stub must load the library of this Python: that of the system may be of another patch release, on which the modules
# that it finds here do not run.
libraries = [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH")]
os.environ["LD_LIBRARY_PATH"] = ":".join(path for path in libraries if path)

run = runtime.open_model(sys.argv[1])


@batch
def infer(pellet):
    return {"logits": run(pellet)}


config = TritonConfig(
    grpc_address="127.0.0.1",
    grpc_port=int(sys.argv[2]),
    http_address="127.0.0.1",
    http_port=runtime.free_port(),
    allow_metrics=False,
)
with Triton(config=config) as triton:
    triton.bind(
        model_name="student",
        infer_func=infer,
        inputs=[Tensor(name="pellet", dtype=numpy.uint8, shape=(1, 50, 50))],
        outputs=[Tensor(name="logits", dtype=numpy.float32, shape=(2,))],
        # Without a delay, as Triton's guide has it: what has queued while a batch ran is the next batch.
        config=ModelConfig(max_batch_size=runtime.MAX_BATCH, batcher=DynamicBatcher()),
        strict=False,
    )
    triton.serve()
