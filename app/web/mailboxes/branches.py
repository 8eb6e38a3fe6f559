"""Which folders of very many stand in the pane of a page, and which one somebody means who types a name.

A page with 3,000 folders weighed 1.2 MB. Those that are not in it are on the page of all folders; opening one that
holds others shows these.
"""

import heapq
from collections.abc import Sequence

from app.mail.mailbox import MANY, Mailbox

SHOWN = 100  # folders in the pane where there are more than MANY


def shown(boxes: Sequence[Mailbox], current: str | None) -> Sequence[Mailbox]:
    """All, in their order; of very many the special ones, the open one and what lies nearest to it, and those that hold
    one of them."""
    if len(boxes) <= MANY:
        return boxes
    above = _parents(boxes)
    at = next((place for place, box in enumerate(boxes) if box.name == current), 0)

    def rank(place: int) -> tuple[int, int]:
        box = boxes[place]
        if place == at or box.use:
            return 0, place
        near = 1 if above[place] == at else 2 if above[place] == above[at] else 3 if box.depth == 0 else 4
        return near, abs(place - at)

    near = (place for place in range(len(boxes)) if rank(place)[0] < 4)
    chosen = set(heapq.nsmallest(SHOWN, near, key=rank))
    for place in tuple(chosen):
        while (place := above[place]) >= 0:
            chosen.add(place)
    return [boxes[place] for place in sorted(chosen)]


def _parents(boxes: Sequence[Mailbox]) -> list[int]:
    """The place of each one's parent, -1 where it has none."""
    path: list[int] = []
    above = []
    for place, box in enumerate(boxes):
        del path[box.depth :]
        above.append(path[-1] if path else -1)
        path.append(place)
    return above


def called(boxes: Sequence[Mailbox], typed: str) -> list[Mailbox]:
    """The folders to open that may be meant: the one of that very name, else those that are called so in any case."""
    text = typed.strip()
    free = [box for box in boxes if box.selectable]
    exact = [box for box in free if box.name == typed] or [box for box in free if box.name == text]
    if exact:
        return exact
    fold = text.casefold()
    if fold == "inbox":
        return [box for box in free if box.use == "inbox"]
    return [box for box in free if fold in (box.name.casefold(), box.label.casefold())]


def found(boxes: Sequence[Mailbox], words: str) -> list[Mailbox]:
    """The folders to open whose full names hold all of the words."""
    wanted = words.casefold().split()
    return [box for box in boxes if box.selectable and all(word in box.name.casefold() for word in wanted)]
