"""KServe: a custom model behind its model server, asked by gRPC. Arguments: MODEL.onnx PORT.

It has no setting for where it listens, which is every address of the machine: both its servers are kept on the loopback address here.
"""

import sys

path, port = sys.argv[1], int(sys.argv[2])
# The package reads the command line when it is imported.
sys.argv = sys.argv[:1]

import kserve
from kserve import InferOutput, InferResponse, model_server

import loopback
import runtime


class Student(kserve.Model):
    def load(self):
        self.run = runtime.open_model(path)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        logits = self.run(payload.inputs[0].as_numpy())
        output = InferOutput("logits", list(logits.shape), "FP32")
        output.set_data_from_numpy(logits)
        return InferResponse(response_id=payload.id, model_name=self.name, infer_outputs=[output])


class LoopbackRESTServer(model_server.RESTServer):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.config.host = loopback.ADDRESS


if __name__ == "__main__":
    loopback.listen_on_loopback()
    model_server.RESTServer = LoopbackRESTServer
    model = Student("student")
    model.load()
    kserve.ModelServer(http_port=runtime.free_port(), grpc_port=port, enable_latency_logging=False).start([model])
