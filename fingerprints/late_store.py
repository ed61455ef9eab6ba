"""A store that is made with the first model that it is to hold: work that ends before it has any
leaves no empty one.
"""

from __future__ import annotations

from collections.abc import Callable

from fingerprints.store import FingerprintStore
from fingerprints.system import Closing


class LateStore(Closing):
    """A store that others may add to, joined or made by ``join`` when it is first needed; a context
    manager, at whose end it is closed."""

    def __init__(self, join: Callable[[], FingerprintStore]) -> None:
        self._join = join
        self._joined: FingerprintStore | None = None

    @property
    def there(self) -> FingerprintStore | None:
        """The store where it was needed; None where it was not."""
        return self._joined

    def now(self) -> FingerprintStore:
        """The store, made where there is none. Raises what ``join`` raises."""
        if self._joined is None:
            self._joined = self._join()
        return self._joined

    def close(self) -> None:
        """Closes the store where it was needed."""
        if self._joined is not None:
            self._joined.close()
