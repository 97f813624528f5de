"""CIFAR's residual networks in torch: ResNet-20, -56 (He et al. 2016, 4.2), ResNet-18 on 32x32."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from bench.weights.norm import activate


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = activate(self.bn1, self.conv1(x))
        past = x
        if self.shortcut:
            past = activate(self.shortcut[1], self.shortcut[0](x), relu=False)
        return activate(self.bn2, self.conv2(y), past)


class ResNet(nn.Module):
    """A stem, stages that halve the picture from the second on, the mean, a dense layer."""

    def __init__(self, widths: Sequence[int], blocks: int, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        layers: list[nn.Module] = []
        inputs = widths[0]
        for stage, outputs in enumerate(widths):
            for block in range(blocks):
                layers.append(Block(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*layers)
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(activate(self.bn1, self.conv1(x)))
        return self.linear(y.mean((2, 3)))


def resnet20() -> ResNet:
    """272,474 parameters."""
    return ResNet((16, 32, 64), 3)


def resnet56() -> ResNet:
    """855,770 parameters."""
    return ResNet((16, 32, 64), 9)


def resnet18(width: int = 64) -> ResNet:
    """11,173,962 parameters."""
    return ResNet((width, 2 * width, 4 * width, 8 * width), 2)


def resnet18_half() -> ResNet:
    """ResNet-18 of half as many channels: a quarter of the parameters."""
    return resnet18(32)


def resnet18_quarter() -> ResNet:
    return resnet18(16)


NAMES = ("resnet18", "resnet18_half", "resnet18_quarter", "resnet20", "resnet56")
