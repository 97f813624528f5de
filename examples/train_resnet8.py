"""Train ResNet-8 (as in MLPerf Tiny) on CIFAR-10; write it as ONNX, batch norms kept as nodes.

Usage (needs torch, numpy, pillow, onnx, onnxruntime):
    python examples/train_resnet8.py --data DIR --epochs 34 --seed 0 -o resnet8_cifar10.onnx

DIR holds cifar10_train_jpeg.npz and cifar10_test_jpeg.npz: arrays `jpeg` (all files in a row),
`offset` (where each begins, and the end), `label`, `names`. The network of the last epoch is kept;
its test accuracy, measured with onnxruntime, goes into a JSON file next to the ONNX file.
"""

import argparse
import io
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from torch.optim.lr_scheduler import OneCycleLR

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when it is loaded
import onnxruntime  # type: ignore[import-untyped]

BATCH, PEAK_LR, WEIGHT_DECAY, CROP_PAD = 128, 0.2, 5e-4, 4
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)  # by channel, of train / 255


class Add(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class ResNet8(nn.Module):
    """A list of ONNX nodes, each with the layer by which torch trains it."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[onnx.NodeProto] = []
        self.layers = nn.ModuleList()
        x = self.add("Relu", "relu0", nn.ReLU(), self.conv_bn("", "0", "image", 3, 16))
        for s, cin, cout in (("stage1.", 16, 16), ("stage2.", 16, 32), ("stage3.", 32, 64)):
            y = self.add("Relu", f"{s}relu1", nn.ReLU(), self.conv_bn(s, "1", x, cin, cout))
            y = self.conv_bn(s, "2", y, cout, cout)
            if cin != cout:
                x = self.add("Conv", f"{s}shortcut", nn.Conv2d(cin, cout, 1, 2), x, strides=[2, 2])
            x = self.add("Relu", f"{s}relu2", nn.ReLU(), self.add("Add", f"{s}add", Add(), y, x))
        x = self.add("GlobalAveragePool", "pool", nn.AdaptiveAvgPool2d(1), x)
        x = self.add("Flatten", "flatten", nn.Flatten(), x)
        self.add("Gemm", "logits", nn.Linear(64, 10), x, transB=1)

    def add(self, op: str, name: str, layer: nn.Module, *inputs: str, **attributes: Any) -> str:
        parameters = [f"{name}.{k}" for k, v in layer.state_dict().items() if v.ndim]
        self.nodes.append(helper.make_node(op, [*inputs, *parameters], [name], name, **attributes))
        self.layers.append(layer)
        return name

    def conv_bn(self, s: str, number: str, x: str, cin: int, cout: int) -> str:
        stride = 2 if cout == 2 * cin else 1
        layer = nn.Conv2d(cin, cout, 3, stride, padding=1, bias=False)
        x = self.add("Conv", f"{s}conv{number}", layer, x, strides=[stride] * 2, pads=[1] * 4)
        return self.add("BatchNormalization", f"{s}bn{number}", nn.BatchNorm2d(cout), x)

    def forward(self, image: Tensor) -> Tensor:
        values = {"image": image}
        for node, layer in zip(self.nodes, self.layers, strict=True):
            values[node.name] = layer(*(values[x] for x in node.input if x in values))
        return values["logits"]

    def to_onnx(self, about: dict[str, Any]) -> onnx.ModelProto:
        """ONNX made by hand, for the sake of the names and as torch's export folds batch norms."""
        weights = [
            numpy_helper.from_array(value.numpy(), f"{node.name}.{k}")
            for node, layer in zip(self.nodes, self.layers, strict=True)
            for k, value in layer.state_dict().items()
            if value.ndim  # all but batch norm's counter of steps
        ]
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 32])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])
        graph = helper.make_graph(self.nodes, "resnet8_cifar10", [image], [logits], weights)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(proto, {k: json.dumps(v) for k, v in about.items()})
        onnx.checker.check_model(proto, full_check=True)
        return proto


def load(path: Path) -> tuple[Tensor, Tensor, list[str]]:
    """All pictures [N, 32, 32, 3] as bytes, their labels, and the names of the labels."""
    with np.load(path) as file:
        jpeg, offset, label, names = (file[k] for k in ("jpeg", "offset", "label", "names"))
    files = (io.BytesIO(jpeg[a:b].tobytes()) for a, b in pairwise(offset))
    pictures = np.stack([np.asarray(Image.open(f).convert("RGB")) for f in files])
    return torch.from_numpy(pictures), torch.from_numpy(label.astype(np.int64)), names.tolist()


def normalise(pictures: Tensor) -> Tensor:
    return ((pictures / 255 - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)


def train(model: nn.Module, pictures: Tensor, labels: Tensor, epochs: int) -> None:
    """SGD with a one-cycle learning rate, on pictures cropped and flipped at random."""
    padded = pad(pictures, (0, 0, CROP_PAD, CROP_PAD, CROP_PAD, CROP_PAD))
    weights, steps = model.parameters(), len(labels) // BATCH
    sgd = torch.optim.SGD(weights, PEAK_LR, 0.9, weight_decay=WEIGHT_DECAY, nesterov=True)
    cycle = OneCycleLR(sgd, PEAK_LR, steps * epochs, pct_start=0.2, cycle_momentum=False)
    for epoch in range(1, epochs + 1):
        losses = 0.0
        for index in torch.randperm(len(labels))[: steps * BATCH].view(steps, BATCH):
            rows, columns = torch.randint(2 * CROP_PAD + 1, (2, BATCH, 1)) + torch.arange(32)
            columns = torch.where(torch.rand(BATCH, 1) < 0.5, columns.flip(1), columns)
            crops = padded[index[:, None, None], rows[:, :, None], columns[:, None, :]]
            loss = cross_entropy(model(normalise(crops)), labels[index])
            sgd.zero_grad()
            torch.autograd.backward(loss)
            sgd.step()
            cycle.step()
            losses += loss.item() / steps
        print(f"epoch {epoch}/{epochs}: loss {losses:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two .npz files")
    parser.add_argument("--epochs", type=int, default=34)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("resnet8_cifar10.onnx"))
    a = parser.parse_args()
    torch.manual_seed(a.seed)
    pictures, labels, names = load(a.data / "cifar10_train_jpeg.npz")
    model = ResNet8().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(model, pictures, labels, a.epochs)
    about: dict[str, Any] = {"epochs": a.epochs, "seed": a.seed, "data": "JPEG quality 75"}
    about |= {"labels": names, "input": "(RGB / 255 - mean) / std", "mean": MEAN, "std": STD}
    onnx.save(model.to_onnx(about), a.output)
    pictures, labels, _ = load(a.data / "cifar10_test_jpeg.npz")
    session = onnxruntime.InferenceSession(a.output)
    images = normalise(pictures).numpy()[:, None]
    found = [session.run(["logits"], {"image": x})[0].argmax() for x in images]
    run = {"test_accuracy": float(np.mean(np.array(found) == labels.numpy()))}
    run |= {"weights": sum(p.numel() for p in model.parameters())}
    print(f"{a.output}: {run}")
    a.output.with_suffix(".json").write_text(json.dumps(run | about, indent=2) + "\n")


if __name__ == "__main__":
    main()
