"""bench(): time the program that fit wrote, beside onnxruntime, on one core."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.compile import check_compiler, find_compiler
from lowtide.check.difference import check_near, compare
from lowtide.check.ends import Ends
from lowtide.check.trial import pack, split
from lowtide.check.verify import Folder, read_folder
from lowtide.clock import Progress, quiet
from lowtide.errors import NO_COMPILER, UsageError
from lowtide.timing.find_model import find_model
from lowtide.timing.machine import a_core, machine
from lowtide.timing.memory_by_operator import held_by_operator
from lowtide.timing.others import check_other, check_reads, other_command, write_inputs
from lowtide.timing.pairs import Rounds, measure, spread, tasks
from lowtide.timing.program import build_timer, release_flags
from lowtide.timing.result import Benched, OperatorTime, Timed
from lowtide.timing.worker import Worker


def bench(
    folder: str | Path,
    against: str | None = None,
    *,
    model: str | Path | None = None,
    profile: bool = False,
    seconds: float = 5.0,
    progress: Progress = quiet,
) -> Benched:
    """Times the program in a folder that fit wrote, on the inputs of its reference.npz.

    With `against` ("onnxruntime", or "litert" for .tflite files) the two run in turns. That needs
    the model: `model`, or the file that was fitted, where lowtide.toml says, or by its name in the
    folder, beside it, or where the process is (`find_model.py`). `seconds` is how long is measured,
    a few more for `profile`: the time of each operator. Raises
    UnreadableModel for missing or damaged files, UsageError without a compiler or a model,
    CheckError where the results, or the model, are not those that were fitted.
    """
    if against is not None:
        check_other(against)
    if not 0 < seconds < 1e5:
        raise UsageError("--seconds takes a number above 0")
    held = read_folder(Path(folder))
    found = find_model(Path(folder), held, model) if against or model else None
    if against and found:
        check_reads(against, found)
    compiler = find_compiler()
    if compiler is None:
        raise UsageError(NO_COMPILER)
    check_compiler(tuple(compiler))
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as name:
        one = _Bench(held, Path(name), compiler, a_core(), progress)
        benched = one.compared(against, found, seconds)
        return one.profiled(benched, seconds / 5) if profile else benched


@dataclass(frozen=True)
class _Bench:
    """What is timed, and with what."""

    held: Folder
    folder: Path
    compiler: Sequence[str]
    core: int | None
    progress: Progress

    def compared(self, against: str | None, model: Path | None, seconds: float) -> Benched:
        """The program, beside another runtime on `model` if there is one."""
        self.progress(f"compiling {self.held.memory.called}.c")
        command = self._program("net")
        flags = release_flags(self.compiler, self.held.files, self.held.memory.called)
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker("lowtide", command, self.core))]
            if against and model:
                runtime = Worker(against, self._other(against, model), self.core)
                workers.append(stack.enter_context(runtime))
            self.progress("running the network once")
            for worker in workers:
                worker.start()
            self._same_results(Path(command[-1]))
            who = " and ".join(worker.name for worker in workers)
            self.progress(f"timing {who} for {seconds:g} s")
            rounds = measure(workers, max(len(self.held.samples), 1), seconds)
            timed = [_timed(worker, rounds, k) for k, worker in enumerate(workers)]
        return Benched(
            memory=self.held.memory,
            machine=machine(),
            core=self.core,
            built=" ".join([*self.compiler, *flags]),
            rounds=len(rounds.peak),
            peak=spread(rounds.peak).median,
            ours=timed[0],
            other=timed[1] if against else None,
            ratio=rounds.ratio(0, 1) if against else None,
        )

    def profiled(self, benched: Benched, seconds: float) -> Benched:
        """The same with the time of each operator, from a build that counts it."""
        self.progress(f"compiling {self.held.memory.called}.c to time each operator")
        with Worker("lowtide", self._program("profile"), self.core) as worker:
            worker.start()
            self.progress("timing each operator")
            each = tasks(worker, benched.ours.seconds.median, seconds)
        operators = self.held.memory.operators
        held = held_by_operator(self.held.memory)
        found = [
            OperatorTime(
                operator.name, operator.type, None if operator.type in _CALLERS else time,
                operator.macs, operator.weight_bytes, bytes_.own_bytes, bytes_.live_bytes,
            )
            for operator, time, bytes_ in zip(operators, each, held, strict=True)
        ]  # fmt: skip
        return replace(benched, operators=tuple(found))

    def _program(self, name: str) -> list[str]:
        """The command of the program with its timer, compiled in a folder of its own."""
        held, folder = self.held, self.folder / name
        program = build_timer(
            held.files, held.memory, folder, self.compiler, len(held.samples), name == "profile"
        )
        inputs = b"".join(pack(held.memory.inputs, sample.inputs) for sample in held.samples)
        (folder / "inputs").write_bytes(inputs)
        return [str(program), str(folder / "inputs"), str(folder / "outputs")]

    def _other(self, against: str, model: Path) -> list[str]:
        """The command of the process in which another runtime runs."""
        inputs = self.folder / "inputs.npz"
        samples, memory = self.held.samples, self.held.memory
        eight = memory.options.get("io_type") == "8bit"
        if eight or memory.states:
            real = [one.name for one in memory.inputs] + [one.input for one in memory.states]
            ends = Ends(memory.inputs, states=memory.states)
            given = ends.of_file({s.name: s.inputs for s in samples}, real if eight else ())
            samples = [replace(sample, inputs=given[sample.name]) for sample in samples]
        write_inputs(inputs, samples)
        return other_command(against, model, inputs)

    def _same_results(self, outputs: Path) -> None:
        """What is timed computes what was fitted."""
        results = split(outputs.read_bytes(), self.held.memory, self.held.samples)
        found = compare(results, self.held.samples)
        check_near(found, self.held.samples, "the program, as it is timed,")


_CALLERS = ("Input", "Output")


def _timed(worker: Worker, rounds: Rounds, k: int) -> Timed:
    return Timed(
        worker.name, worker.version, spread(rounds.own[k]), spread(rounds.wall[k]),
        worker.peak_rss_bytes(), worker.idle_rss_bytes,
    )  # fmt: skip
