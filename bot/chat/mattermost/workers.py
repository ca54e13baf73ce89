"""Threads for calls that block, which the end of the process does not wait for.

An executor's threads are waited for at exit, so that one silent server would keep Butine from ending for as long as its
timeout. What is called is not known here.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


class Workers:
    """At most `number` threads, begun as they are needed."""

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._name = name
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Have it called as soon as a thread is free."""
        future: Future[Result] = Future()
        self._calls.put((future, call))
        if len(self._threads) < self._number:
            thread = threading.Thread(target=self._work, name=f"{self._name}_{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Cancel what waits, and let each thread end after the call that it is at."""
        while True:
            try:
                waiting = self._calls.get_nowait()
            except Empty:
                break
            if waiting is not None:
                waiting[0].cancel()
        for _ in self._threads:
            self._calls.put(None)

    def _work(self) -> None:
        while (waiting := self._calls.get()) is not None:
            future, call = waiting
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001  whoever waits for it gets it
                future.set_exception(error)
            else:
                future.set_result(result)
