"""The trail of questions, with back and forward as in a web browser."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Trail(Generic[T]):
    """Questions in the order asked; a new one drops those that lie "forward".

    Args:
        most: so many are kept; the oldest go first.
    """

    def __init__(self, most: int = 50) -> None:
        self.most = most
        self.items: list[T] = []
        self.at = -1

    def push(self, item: T) -> None:
        """Go on to ``item``; the same one twice in a row counts once."""
        if self.at >= 0 and self.items[self.at] == item:
            return
        self.items = [*self.items[: self.at + 1], item][-self.most :]
        self.at = len(self.items) - 1

    def replace(self, item: T) -> None:
        """Put ``item`` in the place of the current one."""
        if self.at < 0:
            self.push(item)
        else:
            self.items[self.at] = item

    @property
    def current(self) -> T | None:
        """Where we are, or ``None`` at the very start."""
        return self.items[self.at] if self.at >= 0 else None

    @property
    def can_go_back(self) -> bool:
        """Whether something lies behind."""
        return self.at > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether something lies ahead."""
        return self.at + 1 < len(self.items)

    def back(self) -> T | None:
        """One step back; stays where it is at the start."""
        return self.go(self.at - 1)

    def forward(self) -> T | None:
        """One step forward; stays where it is at the end."""
        return self.go(self.at + 1)

    def go(self, place: int) -> T | None:
        """To the item number ``place``, or the nearest one that there is."""
        if self.items:
            self.at = max(0, min(place, len(self.items) - 1))
        return self.current
