"""Numbers as a report prints them."""

import math

ABSENT = "–"


def number(value: float | None) -> str:
    """Three digits that say something; a dash where there is no number.

    >>> number(0.91234), number(12345.6), number(-0.0000123), number(None)
    ('0.912', '12,346', '-1.2e-05', '–')
    """
    if value is None or math.isnan(value):
        return ABSENT
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 0.001:
        return f"{value:.1e}"
    decimals = 2 - max(-1, math.floor(math.log10(size)))
    return f"{value:.{decimals}f}"


def signed(value: float) -> str:
    """With its sign: differences.

    >>> signed(0.25), signed(-3.0)
    ('+0.250', '-3.00')
    """
    return number(value) if value <= 0 else f"+{number(value)}"


def interval(low: float, high: float) -> str:
    """Ends of an interval; "" where there is none.

    >>> interval(0.1, 0.2), interval(math.nan, math.nan)
    ('[0.100, 0.200]', '')
    """
    return "" if math.isnan(low) else f"[{number(low)}, {number(high)}]"


def with_interval(value: float, low: float, high: float) -> str:
    """A number and its interval, where it has one."""
    return f"{number(value)} {interval(low, high)}".rstrip()


def probability(p: float) -> str:
    """A p-value.

    >>> probability(0.0123), probability(0.00001)
    ('p = 0.012', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def count(total: int, word: str) -> str:
    """A number of things.

    >>> count(1, "arm"), count(12, "seed"), count(0, "arm")
    ('one arm', '12 seeds', 'no arm')
    """
    names = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    said = names[total] if total < len(names) else f"{total:,}"
    return f"{said} {word}" if total < 2 else f"{said} {word}s"


def listed(parts: list[str]) -> str:
    """Parts in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
