"""Coset enumeration over the trivial subgroup: a presentation becomes a regular permutation action.

Todd and Coxeter, "A practical method for enumerating cosets of a finite abstract group" (1936), the
strategy that defines cosets by tracing every relation from every coset (Holt, Eick, O'Brien,
Handbook of Computational Group Theory, section 5.1). Columns are the generators followed by their
inverses.
"""

from collections.abc import Sequence

from symgen.errors import Refusal

MAX_STEPS = 8_000_000
"""Longest enumeration, counted in letters traced: a few seconds."""
_UNDEFINED = -1


def enumerate_cosets(
    generators: tuple[str, ...], relations: Sequence[Sequence[str]], limit: int
) -> dict[str, list[int]]:
    """For each generator g the permutation e -> g.e of the group's elements.

    Args:
        generators: generator names.
        relations: words as sequences of generator names.
        limit: largest order allowed; the table may grow to eight times that on the way.

    Raises:
        Refusal: the table or the work outgrew the limit: the group is infinite, too large, or
            badly presented.
    """
    if not generators:
        return {}
    column = {name: k for k, name in enumerate(generators)}
    table = _Table(len(generators), 8 * limit)
    # Words compose right to left; tracing goes left to right through right cosets of the reversed
    # word.
    words = [[column[letter] for letter in reversed(word)] for word in relations if word]
    coset = 0
    steps = 0
    length = sum(map(len, words)) + 2 * len(generators)
    while coset < len(table.rows):
        steps += length
        if steps > MAX_STEPS:
            raise Refusal(
                f"the group was not found within {MAX_STEPS} steps",
                code="too-large",
                hint="give shorter relations",
            )
        for word in words:
            if table.alive(coset):
                table.trace(coset, word)
        if table.alive(coset):
            for k in range(2 * len(generators)):
                table.step(coset, k)
        coset += 1
    compressed = table.compress()
    if len(compressed) > limit:
        raise Refusal(
            f"the group has {len(compressed)} elements",
            code="too-large",
            hint=f"at most {limit} are supported",
        )
    return {name: [row[k] for row in compressed] for name, k in column.items()}


class _Table:
    """The coset table: rows[c][k] is the coset reached from c by column k; merged cosets point to
    their survivor.
    """

    def __init__(self, generators: int, limit: int) -> None:
        self.generators = generators
        self.limit = limit
        self.rows: list[list[int]] = [[_UNDEFINED] * (2 * generators)]
        self.survivor = [0]

    def alive(self, coset: int) -> bool:
        return self.survivor[coset] == coset

    def find(self, coset: int) -> int:
        while self.survivor[coset] != coset:
            self.survivor[coset] = self.survivor[self.survivor[coset]]
            coset = self.survivor[coset]
        return coset

    def inverse(self, k: int) -> int:
        return (k + self.generators) % (2 * self.generators)

    def step(self, coset: int, k: int) -> int:
        """The coset behind column k, defined on the way where it is new."""
        if self.rows[coset][k] == _UNDEFINED:
            if len(self.rows) >= self.limit:
                raise Refusal(
                    f"no group of at most {self.limit // 8} elements satisfies these relations: it "
                    "is infinite or too large",
                    code="too-large",
                    hint="is a relation missing?",
                )
            self.rows.append([_UNDEFINED] * (2 * self.generators))
            self.survivor.append(len(self.rows) - 1)
            self.join(coset, k, len(self.rows) - 1)
        return self.find(self.rows[coset][k])

    def join(self, a: int, k: int, b: int) -> None:
        """Column k leads from a to b, and its inverse back."""
        self.rows[a][k] = b
        self.rows[b][self.inverse(k)] = a

    def trace(self, start: int, word: Sequence[int]) -> None:
        """Follow a relation from `start`; it must come back: its end is merged with its start."""
        coset = start
        for k in word[:-1]:
            coset = self.step(coset, k)
        last = word[-1]
        back = self.inverse(word[-1])
        if self.rows[coset][last] == _UNDEFINED and self.rows[start][back] == _UNDEFINED:
            self.join(coset, last, start)
        else:
            self.merge(self.step(coset, last), start)

    def merge(self, a: int, b: int) -> None:
        """Two cosets turned out equal; carry their rows over and follow the consequences."""
        queue = [(a, b)]
        while queue:
            a, b = sorted(map(self.find, queue.pop()))
            if a == b:
                continue
            self.survivor[b] = a
            for k, target in enumerate(self.rows[b]):
                if target == _UNDEFINED:
                    continue
                if self.rows[target][self.inverse(k)] == b:
                    self.rows[target][self.inverse(k)] = _UNDEFINED
                # what b led to is now what its survivor leads to
                before = self.find(b)
                after = self.find(target)
                if self.rows[before][k] != _UNDEFINED:
                    queue.append((self.rows[before][k], after))
                elif self.rows[after][self.inverse(k)] != _UNDEFINED:
                    queue.append((self.rows[after][self.inverse(k)], before))
                else:
                    self.join(before, k, after)

    def compress(self) -> list[list[int]]:
        """The rows of the surviving cosets, renumbered."""
        number = {c: i for i, c in enumerate(c for c in range(len(self.rows)) if self.alive(c))}
        return [[number[self.find(t)] for t in self.rows[c]] for c in number]
