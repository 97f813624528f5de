"""What bench/weights trains with is equal to torch's; a run that was stopped goes on as it was."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from bench.weights import data, device, norm, student, teach  # noqa: E402
from bench.weights.course import Course  # noqa: E402
from bench.weights.epochs import Lessons, train  # noqa: E402
from bench.weights.folder import put_facts, put_state  # noqa: E402
from bench.weights.matmul import convolve  # noqa: E402
from bench.weights.norm import activate  # noqa: E402
from bench.weights.plot import weights_svg  # noqa: E402
from bench.weights.quick import quicken  # noqa: E402
from bench.weights.resnet import ResNet, resnet18  # noqa: E402
from bench.weights.resnet18 import WAYS  # noqa: E402
from bench.weights.scores import kept  # noqa: E402
from bench.weights.views import Views  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from lowtide.pipeline.fit import fit  # noqa: E402
from lowtide.weights.train.data import TrainingPictures  # noqa: E402
from lowtide.weights.train.export import fitted  # noqa: E402
from lowtide.weights.train.generate import generate  # noqa: E402
from lowtide.weights.train.meets import meets  # noqa: E402

EXAMPLE = Path(__file__).parents[2] / "examples/resnet8_cifar10_small.onnx"
HALF = 0.006
"""Relative error of sums of bfloat16, of which each value has one of 0.002 at most."""


def near(found: Tensor, expected: Tensor, within: float = HALF) -> bool:
    found, expected = found.detach().float(), expected.detach()
    return bool((found - expected).norm() <= within * expected.norm())


def pictures(count: int = 64) -> TrainingPictures:
    dice = torch.Generator().manual_seed(1)
    values = torch.randint(256, (count, 3, 32, 32), generator=dice).to(torch.uint8)
    labels = torch.randint(10, (count,), generator=dice)
    return TrainingPictures(values, labels, torch.full((3,), 120.0), torch.full((3,), 60.0))


@pytest.mark.parametrize(("side", "stride"), [(2, 1), (4, 1), (8, 2), (8, 1), (16, 2), (16, 1)])
def test_convolutions_by_products_of_matrices(side: int, stride: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 8, side, side, requires_grad=True)
    w = torch.randn(16, 8, 3, 3, requires_grad=True)
    expected = torch.conv2d(x, w, None, stride, 1)
    g = torch.randn_like(expected)
    with torch.autocast("cpu", torch.bfloat16):
        found = convolve(x, w, stride)
    assert near(found, expected)
    ours = torch.autograd.grad(found, (x, w), g.to(found.dtype))
    for a, b in zip(ours, torch.autograd.grad(expected, (x, w), g), strict=True):
        assert near(a, b)


@pytest.mark.parametrize("channels", [16, 64, 128])
@pytest.mark.parametrize(("added", "relu"), [(False, True), (True, True), (True, False)])
def test_norms_in_one(channels: int, added: bool, relu: bool) -> None:
    torch.manual_seed(0)
    ours, theirs = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
    nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    x, more, g = (torch.randn(8, channels, 6, 6).to(torch.bfloat16) for _ in range(3))
    x, more, g = (t.contiguous(memory_format=torch.channels_last) for t in (2 * x + 1, more, g))
    exact = [t.float().requires_grad_() for t in (x, more)]
    given = [t.requires_grad_() for t in (x, more)]
    assert norm._suits(x), "no C compiler"
    found = activate(ours, x, more if added else None, relu)
    expected = theirs(exact[0]) + exact[1] if added else theirs(exact[0])
    expected = torch.relu(expected) if relu else expected
    assert near(found, expected)
    both = []
    for y, ins, n in ((found, given, ours), (expected, exact, theirs)):
        wanted = [*ins[: 1 + added], n.weight, n.bias]
        both.append(torch.autograd.grad(y, wanted, g.to(y.dtype)))
    for a, b in zip(*both, strict=True):
        assert near(a, b)
    assert near(ours.running_mean, theirs.running_mean, 1e-5)
    assert near(ours.running_var, theirs.running_var, 1e-5)


def test_a_student_of_kernels_is_the_dense_one() -> None:
    """What Quick makes of V (U B) is the layer's dense weights applied, forward and backward."""
    torch.manual_seed(0)
    model = quicken(ResNet((16, 96), 1))
    names = WAYS["resnet18-generated"].settings(model)
    x = pictures(8).normal(pictures(8).values)
    generate(model, fitted(model, names, meets(model, names, [x])))
    dense = [model.eval()(x)]
    with torch.autocast("cpu", torch.bfloat16):
        assert near(model(x), dense[0], 0.05)
    latent = model.blocks[1].conv2.parametrizations.weight[0].inside.latent
    gradient = torch.autograd.grad(dense[0].square().sum(), latent)[0]
    with torch.autocast("cpu", torch.bfloat16):
        ours = torch.autograd.grad(model(x).float().square().sum(), latent)[0]
    assert near(ours, gradient, 0.1)


class Stop(Exception):
    pass


def test_a_killed_run_goes_on_the_same(tmp_path: Path) -> None:
    """Two epochs at one go, and killed twice in between: equal weights and the same curve."""
    views, course = Views.of(pictures()), Course(2, batch=16, rate=0.05, sides=((0.5, 24),))

    def trained(file: Path, stop: int | None = None) -> tuple[nn.Module, list[dict[str, float]]]:
        def draw(step: int) -> tuple[Tensor, Tensor]:
            if step == stop:
                raise Stop
            return views.batch(step, 16)

        torch.manual_seed(0)
        model = quicken(ResNet((16, 32), 1))
        curve = train(
            model, teach.loss, Lessons(draw, views.steps(16)), course, file=file, device="cpu",
            measure=lambda m: teach.right(m, pictures(), "cpu"), say=lambda _: None, every=0.0,
        )  # fmt: skip
        return model, curve.rows

    whole, rows = trained(tmp_path / "whole")
    for stop in (3, 5):
        with pytest.raises(Stop):
            trained(tmp_path / "parts", stop)
    again, others = trained(tmp_path / "parts")
    for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    for one, other in zip(rows, others, strict=True):
        same = ("epoch", "loss", "accuracy")
        assert [one[key] for key in same] == [other[key] for key in same]
    course = Course(3, batch=16)
    with pytest.raises(SystemExit, match=r"parts was trained by epochs 2, not 3; rate 0.05, not"):
        trained(tmp_path / "parts")


def damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_what_is_kept_is_used_only_if_it_is_whole_and_of_this_course(tmp_path: Path) -> None:
    """A network of another course, half a file, or one without its facts: each is named."""
    course = Course(1, batch=16)
    put_facts(tmp_path / "resnet20.json", {"accuracy": 0.5, "course": vars(course)})
    put_state(tmp_path / "resnet20.pt", teach.built("resnet20").state_dict())

    def again(course: Course) -> float:
        _, known = teach.teach("resnet20", tmp_path, tmp_path / "none", course, "cpu")
        return float(known["accuracy"])

    assert again(course) == 0.5
    with pytest.raises(SystemExit, match=r"resnet20.json was trained by epochs 1, not 50: move"):
        again(Course(50, batch=16))
    damaged(tmp_path / "resnet20.pt")
    with pytest.raises(SystemExit, match=r"resnet20.pt is absent, damaged or of something else"):
        again(course)
    damaged(tmp_path / "resnet20.json")
    with pytest.raises(SystemExit, match=r"resnet20.json is absent, damaged"):
        again(course)


def test_scores_are_kept(tmp_path: Path) -> None:
    torch.manual_seed(0)
    teacher, said = quicken(ResNet((16, 32), 1)).eval(), []
    views = Views.of(pictures(32), seed=1)
    lessons = kept(teacher, views, 16, tmp_path, said.append, period=2)
    first = lessons.draw(3)
    again = kept(teacher, views, 16, tmp_path, said.append, period=2).draw(7)
    assert len(said) == 2
    assert torch.equal(first[0], again[0])
    for file in tmp_path.iterdir():
        damaged(file)
    made = kept(teacher, views, 16, tmp_path, said.append, period=2).draw(3)
    assert len(said) == 4
    for x, taught in (first, again, made):
        assert near(taught.scores, teacher(x), 0.05)
        assert torch.equal(taught.labels, views.batch(3, 16)[1])


def test_a_program_classifies_as_onnxruntime_does() -> None:
    """The C alone, one picture after the other, as the column *of C* is measured."""
    fitted = fit(EXAMPLE)
    seen = np.random.default_rng(0).standard_normal((4, 32, 32, 3)).astype(np.float32)
    milliseconds, classes = device.classify(fitted, seen)
    run = onnxruntime.InferenceSession(EXAMPLE).run
    scores = [run(None, {"image": x[None].transpose(0, 3, 1, 2)})[0] for x in seen]
    assert milliseconds > 0
    assert classes.tolist() == [int(one.argmax()) for one in scores]


@pytest.mark.slow
def test_the_shipped_resnet18_knows_the_shipped_pictures() -> None:
    """By its C, which has 350 KiB of weights where the dense network has 42.6 MiB."""
    fitted = fit(EXAMPLE.with_name("resnet18_cifar10_small.onnx"))
    files = sorted((EXAMPLE.parent / "pictures").glob("*.jpg"))
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    seen = data.normal(pixels.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    _, classes = device.classify(fitted, np.ascontiguousarray(seen))
    labels = (EXAMPLE.parent / "cifar10_labels.txt").read_text().split()
    assert [labels[found] for found in classes] == [file.stem for file in files]
    assert fitted.facts()["weight_bytes"] < 353_000


def test_the_papers_bytes() -> None:
    model = resnet18()
    count = student.counted(model, WAYS["resnet18-generated"].settings(model))
    assert round(count / 1024, 1) == 350.0


def test_a_picture_of_bytes_and_accuracy() -> None:
    rows = [
        {"name": "resnet18-generated", "paper_bytes": 358400, "accuracy": 0.91},
        {"name": "resnet20-4bit", "paper_bytes": 142000, "accuracy": 0.88},
    ]
    drawn = ElementTree.fromstring(weights_svg(0.92, rows))
    points = [one for one in drawn.iter() if one.tag.endswith("circle")]
    (ours, other) = [(float(p.get("cx", 0)), float(p.get("cy", 0))) for p in points]
    assert ours[0] > other[0]
    assert ours[1] < other[1]


def test_names_in_the_picture_cover_nothing() -> None:
    found = {
        "resnet18-generated": (350, 87.9), "resnet20-4bit": (138, 86.0),
        "resnet56-2bit": (214, 87.5), "resnet56-4bit": (420, 88.1),
        "resnet18-half-1bit": (363, 87.0), "resnet18-quarter-4bit": (352, 86.8),
    }  # fmt: skip
    rows = [
        {"name": name, "paper_bytes": 1024 * kib, "accuracy": level / 100}
        for name, (kib, level) in found.items()
    ]
    boxes = []
    for one in ElementTree.fromstring(weights_svg(0.8799, rows)).iter():
        wide, high, at = 12.0, 12.0, ("cx", "cy")
        if one.get("class") == "mid":
            wide, high, at = 6.0 * len(one.text or ""), 8.0, ("x", "y")
        elif not one.tag.endswith("circle"):
            continue
        x, y = (float(one.get(key, 0)) for key in at)
        y -= high / 2 if at == ("x", "y") else 0
        boxes.append((x, y, wide, high))
    assert len(boxes) == 2 * len(rows)
    for number, (x, y, wide, high) in enumerate(boxes):
        for u, v, broad, tall in boxes[:number]:
            assert abs(x - u) >= (wide + broad) / 2 or abs(y - v) >= (high + tall) / 2
