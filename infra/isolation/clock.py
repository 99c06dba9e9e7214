"""Tell when something happened on a host whose clock is not ours: between which moments, for sure.

Pure: it reads no clock.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Span:
    """A moment of which is known, in seconds on our clock, between which two it was."""

    earliest: float
    latest: float

    def is_before(self, other: "Span") -> bool:
        """Say whether it was before another one, whatever their true places."""
        return self.latest < other.earliest


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A host's clock, read once. told: what it read, between `asked` and `answered` on ours."""

    asked: float
    told: float
    answered: float

    def here(self, moment: float) -> Span:
        """Give a moment of the host's clock on ours."""
        since = moment - self.told
        return Span(earliest=self.asked + since, latest=self.answered + since)

    def there(self, moment: float) -> float:
        """Give a moment of our clock on the host's, as well as it is known."""
        return self.told + moment - (self.asked + self.answered) / 2
