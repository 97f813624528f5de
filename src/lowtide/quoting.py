"""Text from outside (names of nodes, tensors, files, classes) on its way into what lowtide writes.

There are three ways and no others: `for_c`, `for_terminal`, `for_markup`. Each lets only listed
characters through, on one line, and leaves out the middle of what is long. `identifier` makes the
names that C code is called by, `own` puts a network's name into C written for one called net.

    for_c('*/ int evil; /*')        -> '_/ int evil; /_'
    for_terminal('a\\x1b[2Jb')       -> 'a\N{REPLACEMENT CHARACTER}[2Jb'
    for_markup('<b>')               -> '&lt;b&gt;'
"""

from __future__ import annotations

import re
from html import escape

WIDTH = 80
"""Characters of a name that are shown, unless there is less room."""

PATH_WIDTH = 1000
"""Characters of a path or a message: what is shown of them may have to be copied."""

_LONGEST_IDENTIFIER = 60

_OUR = (
    "at board count hook lowtide main ports reference semihost stack start start_riscv system timer"
)
_OUR_FILES = frozenset(_OUR.split())
"""C files of the checks and benches, beside which a program is compiled."""

_OF_COMPILERS = (
    "alloca arm_acle arm_mve arm_neon assert byteswap complex ctype elf emmintrin endian errno "
    "features fenv float getopt immintrin inttypes iso646 limits locale malloc math memory "
    "mmintrin newlib picolibc sched setjmp signal stdalign stdarg stdatomic stdbit stdbool "
    "stdckdint stddef stdint stdio stdlib stdnoreturn string strings tgmath threads time uchar "
    "unistd unwind values wait wchar wctype x86intrin xlocale xmmintrin"
)
_HEADERS = frozenset(_OF_COMPILERS.split())
"""Headers of compilers: a network called so would write one of its own in their place."""

# What C99 keeps for itself, in lower case.
_KEYWORDS = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while"
)
KEYWORDS = frozenset(_KEYWORDS.split())

# Neither '*', so that no comment ends or begins; nor '?', of which trigraphs are made; nor '\\',
# which would join lines; nor quotes, so that it holds in strings as well.
_NOT_IN_C = re.compile(r"[^A-Za-z0-9 _./:;,+=()\[\]{}<>@#%~&|^!$-]")
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def for_c(text: str, width: int = WIDTH) -> str:
    """`text` as it may stand inside a C comment (between blanks) or a C string."""
    return _NOT_IN_C.sub("_", _shorten(text, width, ".."))


def for_terminal(text: str, width: int = WIDTH) -> str:
    """`text` on one line; nothing in it moves the cursor, colours or turns the line around.

    `str.isprintable` knows letters, marks, numbers, punctuation, symbols and the blank.
    """
    short = _shorten(text, width, "…")
    return short if short.isprintable() else "".join(map(_printable, short))


def for_markup(text: str, width: int = WIDTH) -> str:
    """`text` as it may stand in an element or a quoted attribute of SVG, XML or HTML."""
    return escape(for_terminal(text, width))


def identifier(name: str, taken: set[str], width: int = _LONGEST_IDENTIFIER) -> str:
    """A C identifier like `name` that is not in `taken`; it is added there."""
    short = _shorten(name, width, "_")
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", short).strip("_").lower() or "tensor"
    plain = f"t{plain}" if plain[0].isdigit() or plain in KEYWORDS else plain
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}_{number}", number + 1
    taken.add(found)
    return found


def is_identifier(text: str) -> bool:
    """Whether `identifier` could have made it, read back from a file."""
    return re.fullmatch(r"[a-z0-9_]{1,80}", text) is not None


def is_network_name(text: str) -> bool:
    """Whether a network may be called so: face -> face_run(), FACE_ARENA_BYTES, face.c."""
    taken = text in KEYWORDS or text in _OUR_FILES or text in _HEADERS
    return re.fullmatch(r"[a-z][a-z0-9_]{0,39}", text) is not None and not taken


def refused_name(text: str) -> str:
    """Why a network may not be called so, and a name like it that would do; "" if it may."""
    if is_network_name(text):
        return ""
    why = "up to 40 small letters, digits and _, a letter first: files and functions get it"
    if text in KEYWORDS:
        why = f"{text} is a keyword of C"
    elif text in _OUR_FILES | _HEADERS:
        why = f"{text}.{'c' if text in _OUR_FILES else 'h'} is the name of another file"
    plain = re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")[:36].rstrip("_")
    plain = plain if plain[:1].isalpha() else f"net_{plain}".rstrip("_")
    return f"{why}; {plain if is_network_name(plain) else f'{plain}_net'} would do"


def network_name(text: str, taken: set[str]) -> str:
    """What a network of this name may be called, none of `taken`; it is added there."""
    plain = identifier(text, set())[:36].rstrip("_")
    plain = plain if is_network_name(plain) else f"net_{plain}"
    return identifier(plain, taken)


def own(text: str, name: str) -> str:
    """C that was written for a network called net, and the names of its files, for `name`.

    own('#include "net.h"  net_run();  NET_ROWS', 'face') -> '#include "face.h"  face_run();  ..'
    """
    text = re.sub(r"\bnet(?=_\w|\.(?:[ch]|tflite)\b)", name, text)
    return re.sub(r"\bNET(?=_)", name.upper(), text)


def _printable(character: str) -> str:
    return character if character.isprintable() else _REPLACED


def _shorten(text: str, width: int, gap: str) -> str:
    """At most `width` characters, the middle left out: "features.conv", 7 -> "fea…onv"."""
    if len(text) <= width:
        return text
    room = max(width - len(gap), 0)
    return text[: room - room // 2] + gap + text[len(text) - room // 2 :]
