"""Getting a container's image onto its node, and the two states of not getting it."""

import asyncio
import zlib
from typing import TYPE_CHECKING

from sandbox.kubernetes.images import PullFailure, Script

if TYPE_CHECKING:
    from sandbox.kubernetes.controllers.container_worker import ContainerWorker

_BACK_OFF_FIRST = 10.0
_BACK_OFF_MOST = 300.0
_ERROR_SHOWN = 3.0


async def pull_image(worker: "ContainerWorker") -> Script:
    """Return the image's script; stay in ErrImagePull and ImagePullBackOff in turn while it cannot be had."""
    back_off = _BACK_OFF_FIRST
    while True:
        worker.replaced.clear()
        image = worker.spec["image"]
        present = (worker.pod.node, image) in worker.tools.pulled
        milliseconds, size = _weight(image)
        if present and worker.spec.get("imagePullPolicy") != "Always":
            _say(worker, "Pulled", f'Container image "{image}" already present on machine')
        else:
            _say(worker, "Pulling", f'Pulling image "{image}"')
            await worker.tools.runner.sleep(milliseconds / 1000)
        pulled = worker.tools.images.pull(image)
        if not isinstance(pulled, PullFailure):
            if not present:
                took = f"{milliseconds}ms ({milliseconds}ms including waiting)"
                _say(worker, "Pulled", f'Successfully pulled image "{image}" in {took}. Image size: {size} bytes.')
                worker.tools.pulled.add((worker.pod.node, image))
            return pulled
        await _fail(worker, image, pulled, back_off)
        back_off = min(_BACK_OFF_MOST, back_off * 2)


async def _fail(worker: "ContainerWorker", image: str, failure: PullFailure, back_off: float) -> None:
    if failure.reason == "InvalidImageName":
        worker.wait("InvalidImageName", failure.message)
        _say(worker, "InspectFailed", failure.message, warning=True)
        _say(worker, "Failed", "Error: InvalidImageName", warning=True)
        await _sleep_or_replaced(worker, back_off)
        return
    _say(worker, "Failed", f'Failed to pull image "{image}": {failure.message}', warning=True)
    _say(worker, "Failed", "Error: ErrImagePull", warning=True)
    worker.wait("ErrImagePull", failure.message)
    await _sleep_or_replaced(worker, _ERROR_SHOWN)
    if worker.replaced.is_set():
        return
    _say(worker, "BackOff", f'Back-off pulling image "{image}"')
    _say(worker, "Failed", "Error: ImagePullBackOff", warning=True)
    worker.wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {failure.message}')
    await _sleep_or_replaced(worker, back_off)


def _say(worker: "ContainerWorker", reason: str, message: str, *, warning: bool = False) -> None:
    worker.pod.event(reason, message, warning=warning, field_path=worker.field_path)


async def _sleep_or_replaced(worker: "ContainerWorker", seconds: float) -> None:
    try:
        # Not asyncio.wait_for: on Python 3.11 it swallows a cancellation that meets the event.
        async with asyncio.timeout(seconds / worker.tools.runner.speed):
            await worker.replaced.wait()
    except TimeoutError:
        return


def _weight(image: str) -> tuple[int, int]:
    """Return how long a pull takes (milliseconds of the cluster) and the image's size in bytes; both by its name."""
    digest = zlib.crc32(image.encode())
    return 250 + digest % 500, 8_000_000 + digest % 90_000_000
