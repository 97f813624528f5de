"""Plans made by the workers of a Dask cluster, a recipe a task, in whatever order they are ready.

    explore -- networks, once --> workers
            -- recipes, each --> scheduler -> worker -> Point

What a worker had when it died the scheduler gives to another.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from lowtide.errors import UsageError
from lowtide.explorer.scheduler import connected

T = TypeVar("T")


def on_cluster(
    address: str,
    work: Callable[[Any, Any], T],
    networks: Sequence[object],
    tasks: Sequence[tuple[int, object]],
    alike: Callable[[], object],
) -> Iterator[tuple[int, T]]:
    """k, work(networks[k], recipe) for each task (k, recipe); raises what it raises.

    UsageError where nobody answers, workers have another lowtide or are not `alike`, or a recipe
    ended several.
    """
    with connected(address) as client:
        from distributed import CancelledError, KilledWorker, as_completed

        _check_alike(client.run(alike), address)
        held = [_sent(client, network) for network in networks]
        futures = {client.submit(work, held[k], one, pure=False): k for k, one in tasks}
        try:
            for future in as_completed(list(futures), loop=client.loop):
                yield futures[future], future.result()
        except KilledWorker as error:
            raise UsageError(
                f"--cluster {address}: a plan ended several workers; is their memory enough?"
            ) from error
        except CancelledError as error:
            raise UsageError(f"--cluster {address}: the scheduler answers no longer") from error


def _check_alike(found: Mapping[str, object], address: str) -> None:
    """Raises UsageError where they measure with different compilers: who planned would tell."""
    (first, held), *others = found.items()
    for where, other in others:
        if other != held:
            raise UsageError(
                f"--cluster {address}: workers measure with different compilers: {first} has "
                f"{held}, {where} has {other}; install the same on each"
            )


def _sent(client: Any, network: object) -> Any:
    """A network as the result of a task: Dask makes it again where who had it died.

    What is scattered would be lost: of its copies Dask drops all but one while none is in use.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        return client.submit(_itself, network, pure=False)


def _itself(network: T) -> T:
    return network
