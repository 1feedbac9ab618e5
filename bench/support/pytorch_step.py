"""One training step of a network in PyTorch, to be timed.

Standard input, one JSON object a line: first {"network", "side", "batch", "threads", "channelsLast"}, answered by
{"version", "parameters"}; then {"steps": N}, answered by {"seconds": S} per step, until the input ends. The network is the
data that services/distillation/networks/network.ts describes, built layer for layer.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Step(nn.Module):
    """The forward pass of a network given as data, on [batch, 1, side, side]."""

    def __init__(self, layers, side):
        super().__init__()
        self.layers = layers
        self.parts = nn.ModuleDict()
        channels = {}
        last = 1
        for layer in layers:
            name = layer["name"].replace(".", "_")
            if layer["kind"] == "convolution":
                inputs = channels[layer["from"]] if "from" in layer else last
                last = layer["channels"]
                self.parts[name] = nn.Conv2d(
                    inputs, last, layer["kernel"], layer["stride"], layer["padding"], bias=False
                )
                normalization = nn.BatchNorm2d(last)
                if "pool" in layer:
                    # Without a gain: what is pooled before it is normalised has none.
                    normalization.weight = None
                self.parts[f"{name}_normalization"] = normalization
            elif layer["kind"] == "dense":
                self.parts[name] = nn.Linear(last, layer["units"])
                last = layer["units"]
            channels[layer["name"]] = last

    def forward(self, x):
        outputs = {}
        for layer in self.layers:
            name = layer["name"].replace(".", "_")
            kind = layer["kind"]
            if kind == "convolution":
                x = self.parts[name](outputs[layer["from"]] if "from" in layer else x)
                if "pool" in layer:
                    x = pool(x, layer["pool"])
                x = self.parts[f"{name}_normalization"](x)
                if "shortcut" in layer:
                    x = x + outputs[layer["shortcut"]]
                x = activate(x, layer)
            elif kind == "maxPool":
                x = pool(x, layer)
            elif kind == "globalAveragePool":
                x = x.mean((2, 3))
            elif kind == "dropout":
                x = F.dropout(x, layer["rate"], self.training)
            elif kind == "dense":
                x = activate(self.parts[name](x), layer)
            else:
                raise ValueError(f"unknown layer {kind}")
            outputs[layer["name"]] = x
        return x


def pool(x, shape):
    return F.max_pool2d(x, shape["kernel"], shape["stride"], shape["padding"])


def activate(x, layer):
    if "slope" not in layer:
        return x
    slope = layer["slope"]
    return F.relu(x, inplace=True) if slope == 0 else F.leaky_relu(x, slope, inplace=True)


def answer(message):
    print(json.dumps(message), flush=True)


def main():
    setup = json.loads(sys.stdin.readline())
    torch.set_num_threads(setup["threads"])
    torch.manual_seed(1)
    batch, side = setup["batch"], setup["side"]
    layout = torch.channels_last if setup["channelsLast"] else torch.contiguous_format
    model = Step(setup["network"]["layers"], side).to(memory_format=layout).train()
    adam = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    images = torch.randint(0, 256, (batch, 1, side, side), dtype=torch.uint8)
    labels = torch.randint(0, 2, (batch,))
    answer({"version": torch.__version__, "parameters": sum(p.numel() for p in model.parameters())})
    for line in sys.stdin:
        steps = json.loads(line)["steps"]
        began = time.perf_counter()
        for _ in range(steps):
            x = ((images.float() - 40) / 60).contiguous(memory_format=layout)
            loss = F.cross_entropy(model(x), labels)
            adam.zero_grad()
            loss.backward()
            adam.step()
            loss.item()
        answer({"seconds": (time.perf_counter() - began) / steps})


main()
