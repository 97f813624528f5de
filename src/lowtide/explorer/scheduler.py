"""The scheduler of --cluster: its address, whether it answers, and whether its workers will do.

form of the address -> somebody answers, and is a scheduler -> the same lowtide everywhere
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from lowtide.errors import UsageError, extra
from lowtide.quoting import for_terminal
from lowtide.version import __version__

_PATIENCE = 5.0
"""Seconds in which a scheduler is to answer."""

_ADDRESS = re.compile(r"(?:(?:tcp|tls|ucx|ws|wss)://)?(?:[\w.-]+|\[[0-9a-fA-F:.%\w]+\]):(\d{1,5})")


def check_address(address: str) -> str:
    """The address with its tcp://. Raises UsageError where it cannot be one."""
    found = _ADDRESS.fullmatch(address)
    if not (found and 0 < int(found[1]) < 1 << 16):
        raise UsageError(
            f"--cluster {for_terminal(address)}: not the address of a scheduler, which is like "
            "tcp://HOST:8786; 'dask scheduler' says its own as it begins"
        )
    return address if "://" in address else f"tcp://{address}"


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler, whose workers have this lowtide; UsageError says what is amiss."""
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(f"--cluster: {error}; {extra('cluster')}") from None
    _check_answer(address)
    with _silent():
        try:
            client = Client(address, timeout=2 * _PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"--cluster {address}: the scheduler answers no longer") from error
        with client:
            _check_versions(client, address)
            yield client


@contextmanager
def _silent() -> Iterator[None]:
    """Without Dask's own tracebacks of a scheduler that is gone: the error says it."""
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def _check_answer(address: str) -> None:
    """Asks who is there before a client is made: one that fails waits, and leaves a traceback."""
    with ThreadPoolExecutor(1) as apart:  # a notebook has a loop that runs
        try:
            kind = apart.submit(asyncio.run, _asked(address)).result()
        except Exception as error:  # whatever listens there may say anything
            why = f" ({for_terminal(str(error), 120)})" if str(error) else ""
            raise UsageError(
                f"--cluster {address}: no scheduler answers within {_PATIENCE:g} s{why}; 'dask "
                "scheduler' begins one and says its address"
            ) from error
    if kind != "Scheduler":
        raise UsageError(
            f"--cluster {address}: what answers is no scheduler but a {kind.lower()}; give the "
            "address that 'dask scheduler' says as it begins"
        )


async def _asked(address: str) -> str:
    """What listens: Scheduler, Worker or Nanny."""
    from distributed.core import rpc
    from distributed.security import Security

    async def answer() -> str:
        async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
            return str((await there.identity())["type"])

    return await asyncio.wait_for(answer(), _PATIENCE)


def _check_versions(client: Any, address: str) -> None:
    """Raises UsageError unless there are workers, and they and the scheduler have our lowtide."""

    def has() -> str:  # sent as it is, for it has to run where lowtide is not
        try:
            from lowtide.version import __version__
        except ImportError:
            return "no lowtide"
        return f"lowtide {__version__}"

    found = client.run(has)
    if not found:
        raise UsageError(f"--cluster {address}: no worker is there; 'dask worker {address}' is one")
    wrong = {where: held for where, held in found.items() if held != f"lowtide {__version__}"}
    if (held := client.run_on_scheduler(has)) != f"lowtide {__version__}":
        wrong["the scheduler"] = held
    if wrong:
        said = "; ".join(f"{where} has {held}" for where, held in [*wrong.items()][:3])
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise UsageError(
            f"--cluster {address}: {said}{more}; scheduler and workers need lowtide {__version__}, "
            "as this machine has it: plans of two versions differ"
        )
