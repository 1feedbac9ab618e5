"""Ray Serve: one replica with @serve.batch, asked by gRPC. Arguments: MODEL.onnx PORT; state goes to the current folder.

It has no setting for where its gRPC servers listen, which is every address of the machine: `loopback` sees to those of Python in
each of its processes. Its own processes take the loopback address for that of the node, and listen there only, where it is told that
clusters are not wanted.
"""

import os
import signal
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Where it would write an access token.
os.environ["HOME"] = os.getcwd()
# Named for other systems, and heeded on all: the node's address is that of the loopback.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))

import numpy
import ray
from ray import serve
from tritonclient.grpc import service_pb2

import loopback
import runtime


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
class Student:
    def __init__(self, path):
        self.run = runtime.open_model(path)

    async def ModelInfer(self, request):
        [tensor] = request.inputs
        crops = numpy.frombuffer(request.raw_input_contents[0], numpy.uint8).reshape(list(tensor.shape))
        logits = await self.infer(crops)
        answer = service_pb2.ModelInferResponse(model_name="student", id=request.id)
        answer.outputs.add(name="logits", datatype="FP32", shape=logits.shape)
        answer.raw_output_contents.append(logits.tobytes())
        return answer

    @serve.batch(
        max_batch_size=runtime.MAX_BATCH,
        batch_wait_timeout_s=runtime.BATCH_WAIT,
        batch_size_fn=lambda batch: sum(len(crops) for crops in batch),
    )
    async def infer(self, batch):
        logits = self.run(numpy.concatenate(batch))
        return numpy.split(logits, numpy.cumsum([len(crops) for crops in batch])[:-1])


if __name__ == "__main__":
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"worker_process_setup_hook": "loopback.listen_on_loopback"},
        _node_ip_address=loopback.ADDRESS,
        _temp_dir=os.getcwd(),
    )
    serve.start(
        http_options={"host": loopback.ADDRESS, "port": runtime.free_port()},
        grpc_options={
            "port": int(sys.argv[2]),
            "grpc_servicer_functions": [
                "tritonclient.grpc.service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server"
            ],
        },
    )
    serve.run(Student.bind(sys.argv[1]))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()
