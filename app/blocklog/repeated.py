"""rsyslog's `message repeated N times: [ … ]` (RepeatedMsgReduction), in place of N lines that say the same.

It stands at the beginning of a program's text, where no stranger writes. Each time was one try: it is counted N times,
for the recipient that the line itself names, but no more often than MOST: one line makes no flood of rows.
"""

import re
from dataclasses import replace

from app.blocklog.event import Line

BEGINS = "message repeated "
MOST = 100
_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ ?(.*)\]\Z", re.DOTALL)


def unrolled(line: Line) -> tuple[Line, int]:
    """The line that was repeated, and how often; any other line as it is, once."""
    found = _REPEATED.match(line.text)
    if found is None:
        return line, 1
    return replace(line, text=found[2]), min(int(found[1]), MOST)
