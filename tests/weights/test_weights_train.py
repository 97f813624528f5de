"""Training what is stored; all of it is skipped without torch (the extra train)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra train")

from torch import Tensor, nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from lowtide.cli.app import app  # noqa: E402
from lowtide.errors import UsageError  # noqa: E402
from lowtide.pipeline.fit import fit  # noqa: E402
from lowtide.weights.batch import session  # noqa: E402
from lowtide.weights.setting import Setting, plain  # noqa: E402
from lowtide.weights.store import recall  # noqa: E402
from lowtide.weights.train.data import Augment, TrainingPictures  # noqa: E402
from lowtide.weights.train.export import export, fitted  # noqa: E402
from lowtide.weights.train.generate import Factor, generate, stored  # noqa: E402
from lowtide.weights.train.loop import Recipe, run  # noqa: E402
from lowtide.weights.train.losses import Distil, distillation, orthonormality  # noqa: E402
from lowtide.weights.train.measure import accuracy  # noqa: E402
from lowtide.weights.train.meets import meets  # noqa: E402
from weight_layers import codes  # noqa: E402

torch.set_num_threads(1)
"""The networks are small: threads would wait for each other, for minutes on a machine in use."""

SETTINGS = {
    "0": Setting((5, 4, 0), 3),
    "3": Setting((6, 4, 4), 2, 12),
    "6": Setting((4, 0, 4), 0, 12),
    "11": plain(4),
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(4, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def noise(count: int = 64) -> TrainingPictures:
    dice = torch.Generator().manual_seed(1)
    values = torch.rand(count, 4, 8, 8, generator=dice)
    labels = torch.randint(10, (count,), generator=dice)
    return TrainingPictures(values, labels, torch.zeros(4), torch.ones(4))


def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(model(x), y)


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_factor_is_what_is_stored_of_it(bits: int) -> None:
    made = codes(np.random.default_rng(bits), bits, 5, 40)
    factor = Factor(made)
    assert torch.allclose(factor(), torch.from_numpy(made.values), atol=1e-6)
    with torch.no_grad():
        factor.latent.add_(0.3 * torch.randn_like(factor.latent))
    assert np.allclose(factor().detach().numpy(), factor.codes().values, rtol=2e-3)
    factor().square().sum().backward()
    assert factor.latent.grad is not None
    assert float(factor.step.grad.abs().sum()) > 0


def test_generated_modules_and_their_file_are_equal() -> None:
    model = network()
    generate(model, fitted(model, SETTINGS))
    run(model, loss, noise(), Recipe(5, 16, rate=0.01, optimizer="adamw"))
    model.eval()
    x = noise(3).values
    written = export(model, x[:1])
    made = stored(model)
    assert {m.name() for m in recall(written).values()} == {m.name() for m in made.values()}
    for name, ours in made.items():
        assert np.allclose(model.get_submodule(name).weight.detach(), ours.values, atol=1e-3)
    (found,) = session(written).run(None, {"input": x.numpy()})
    assert np.allclose(found, model(x).detach().numpy(), atol=5e-3)


def test_what_layers_meet_is_what_their_outputs_come_of() -> None:
    """E|W x|^2 by the moments is the mean square of what the layer gives."""
    model, x = network().eval(), noise(16).values
    met = meets(model, ["0", "3", "11"], [x])
    given = x
    for number, module in enumerate(model):
        given = module(given)
        if str(number) in met and number != 11:
            weights = module.weight.detach().flatten(1).numpy().astype(np.float64)
            expected = given.square().sum(1).mean().item()
            assert met[str(number)].error(weights) == pytest.approx(expected, rel=1e-4)
    assert met["11"].channels.shape == (32, 32)
    with pytest.raises(UsageError, match="is no Conv2d or Linear"):
        meets(model, ["1"], [x])


def test_wrong_names_are_refused() -> None:
    model = network()
    made = fitted(model, SETTINGS)
    with pytest.raises(UsageError, match="is no Conv or Linear"):
        generate(model, {"1": made["0"]})
    with pytest.raises(UsageError, match="has weights"):
        generate(model, {"0": made["3"]})


def test_losses() -> None:
    scores = torch.randn(8, 10)
    labels = scores.argmax(1)
    assert float(distillation(scores, scores, labels, share=1.0)) == pytest.approx(0, abs=1e-5)
    model = network()
    generate(model, fitted(model, SETTINGS))
    before = orthonormality(model).item()
    assert before > 0
    objective = Distil(network().eval(), orthonormal=10.0)
    run(model, objective, noise(), Recipe(30, 16, rate=0.02, optimizer="adamw"))
    assert orthonormality(model).item() < before


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    """Stopped after 6 of 12 steps and begun again: the same weights as without the stop."""

    class Stop(Exception):
        pass

    def stopping(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 7:
            raise Stop
        return loss(model, x, y)

    calls: list[int] = []
    recipe, file = Recipe(12, 16, rate=0.01, optimizer="adamw"), tmp_path / "state.pt"
    whole, parts = network(), network()
    run(whole, loss, noise(), recipe)
    with pytest.raises(Stop):
        run(parts, stopping, noise(), recipe, checkpoint=file)
    fresh = network()
    run(fresh, loss, noise(), recipe, checkpoint=file)
    for a, b in zip(whole.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)


PROCESS = """
import sys, torch, torch.distributed as dist
sys.path[:0] = {paths!r}
import test_weights_train as t
dist.init_process_group("gloo")
model = t.network()
t.generate(model, t.fitted(model, t.SETTINGS))
t.run(model, t.Distil(t.network().eval()), t.noise(), t.Recipe(4, 16, rate=0.01))
flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
both = [torch.zeros_like(flat) for _ in range(2)]
dist.all_gather(both, flat)
assert torch.equal(both[0], both[1]) and torch.isfinite(flat).all()
print("rank", dist.get_rank(), "same")
dist.destroy_process_group()
"""


def test_two_processes_stay_the_same(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(PROCESS.format(paths=[str(Path(__file__).parent), *sys.path]))
    words = ["--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("same") == 2


def digits() -> tuple[TrainingPictures, TrainingPictures]:
    """1,797 digits of 8x8, of scikit-learn."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    held = datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(held.target))
    values = torch.from_numpy(held.images[order][:, None].astype(np.float32))
    labels = torch.from_numpy(held.target[order].astype(np.int64))
    both = TrainingPictures(values, labels, torch.full((1,), 5.0), torch.full((1,), 6.0))
    return both.part(torch.arange(1300)), both.part(torch.arange(1300, 1797))


def test_digits_are_learned_stored_and_run() -> None:
    """From scratch to packed C in under a minute of a core.

    Dense, then from least squares and distillation; the file alone, in onnxruntime and as C.
    """
    began = time.process_time()
    train, test = digits()
    model = network()
    model[0] = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
    recipe = Recipe(180, 64, rate=0.1, augment=Augment(1, mirror=False))
    run(model, loss, train, recipe)
    dense = accuracy(model, test)
    teacher = network()
    teacher[0] = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
    teacher.load_state_dict(model.state_dict())
    settings = {"0": plain(4), "3": Setting((4, 3, 3), 2, 12), "6": Setting((4, 3, 3), 2, 12),
                "11": plain(4)}  # fmt: skip
    generate(model, fitted(model, settings))
    begin = accuracy(model, test)
    objective = Distil(teacher.eval())
    student = Recipe(180, 64, 0.01, optimizer="adamw", weight_decay=0, augment=recipe.augment)
    run(model, objective, train, student)
    written = export(model.eval(), train.normal(train.values[:1]))
    seen = test.normal(test.values).numpy()
    (scores,) = session(written).run(None, {"input": seen})
    right = float((scores.argmax(1) == test.labels.numpy()).mean())
    size = sum(made.bytes for made in stored(model).values())
    weights = 4 * (16 * 9 + 32 * 16 * 9 + 32 * 32 * 9 + 320)
    print(f"digits: dense {dense:.3f}, untrained {begin:.3f}, trained {right:.3f}, "
          f"{weights / size:.1f}x")  # fmt: skip
    assert weights / size > 20
    assert dense > 0.93
    assert right > dense - 0.03
    assert abs(right - accuracy(model, test)) < 0.005
    fitted_c = fit(written, samples={str(i): {"input": seen[i : i + 1]} for i in range(20)})
    assert fitted_c.checks is not None
    assert fitted_c.checks.faults == 0
    made = [int(fitted_c.checks.results[str(i)][0].argmax()) for i in range(20)]
    assert made == scores[:20].argmax(1).tolist()
    biases = 4 * (16 + 32 + 32 + 10)
    assert fitted_c.plan.profile.weight_bytes <= size + biases + 64
    assert time.process_time() - began < 60


def test_command(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    rng = np.random.default_rng(0)
    data, out = tmp_path / "data.npz", tmp_path / "out.onnx"
    values = rng.integers(0, 256, (80, 3, 32, 32), np.uint8)
    np.savez(data, values=values, labels=rng.integers(0, 10, 80))
    words = [str(root / "examples/resnet8_cifar10.onnx"), "--flash", "30KiB", "--data", str(data),
             "--mean", "125", "--std", "63", "--steps", "3", "--batch", "8", "--held-back", "0.2",
             "--weights", "plain", "-o", str(out), "--json"]  # fmt: skip
    done = CliRunner().invoke(app, ["train-compressed", *words])
    assert done.exit_code == 0, done.exception
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["bytes"] <= 30 * 1024
    assert facts["steps"] == 3
    assert facts["validation_accuracy"] is not None
    assert len(recall(onnx.load(out))) == 10
    assert not out.with_name("out.onnx.pt").exists()
