"""What each rule of MISRA C:2012 that emitted C does not keep is about, and why that stays."""

from __future__ import annotations

REASONS = {
    "2.2": (
        "operations without effect",
        "Multiplications by a macro that is 1 here: a kernel for several widths, set to "
        "one; the compiler drops them.",
    ),
    "2.4": (
        "tags that are not used",
        "Enumerations without a name hold constants: they have a type, and no macro is needed.",
    ),
    "2.5": (
        "macros that are not used",
        "Kernels are whole files for several processors; a program need not use all of "
        "their macros.",
    ),
    "2.7": (
        "parameters that are not used",
        "Functions of assembler take theirs from registers, and tables of functions "
        "want one signature.",
    ),
    "8.7": (
        "external functions used in one file",
        "They are the program's interface: its caller uses them.",
    ),
    "8.9": (
        "constants that one function uses stand outside it",
        "Weights lie in a section of their own, which the caller may place (`NET_WEIGHTS_IN`).",
    ),
    "9.3": (
        "arrays filled in part",
        "`{ 0.0f }` is how C fills an array with zeros.",
    ),
    "10.1": (
        "operands of a fitting kind",
        "Shifts of signed numbers, which round as the network's own runtime does; every "
        "compiler that is read here shifts arithmetically, and the checks hold it to "
        "that.",
    ),
    "10.3": (
        "assignment to another or narrower kind",
        "Truth values are `int`, 0 or 1; other values fit, saturated or compared just before.",
    ),
    "10.4": (
        "both operands of one kind",
        "An `int` with an enumeration, or with an unsigned number of bits; values are small.",
    ),
    "10.6": (
        "a composite assigned to a wider kind",
        "A choice between two small constants.",
    ),
    "10.8": (
        "casts of composites to another kind",
        "Bits that are put together, and distances of pointers; both within their bounds.",
    ),
    "11.4": (
        "casts between pointers and numbers",
        "Whether two runs of bytes overlap is asked of their addresses.",
    ),
    "11.5": (
        "from a pointer to void to one to objects",
        "The arena is the caller's memory, handed in as `void *`; the plan says what lies where.",
    ),
    "12.1": (
        "precedence made plain by brackets",
        "Arithmetic before comparison before `&&` and `?:`, as is taught.",
    ),
    "12.3": (
        "no comma operator",
        "Several numbers are declared in a line, which the addon counts too; loops step "
        "several counters.",
    ),
    "13.3": (
        "one side effect in an expression",
        "`x = *from++` of kernels, and counters of steps.",
    ),
    "13.4": (
        "the value of an assignment is not used",
        "Two variables that begin alike, in a line.",
    ),
    "14.2": (
        "well-formed for loops",
        "Loops over what is left step in their body by what was done.",
    ),
    "14.4": (
        "conditions are of a Boolean kind",
        "`if (n)` asks whether a whole number is 0.",
    ),
    "15.5": (
        "one return, at the end",
        "Cases that are done return where they are.",
    ),
    "15.6": (
        "bodies in braces",
        "A loop or branch of a single statement has none, and is indented; compilers "
        "warn of what misleads.",
    ),
    "15.7": (
        "else after else if",
        "The last case does nothing.",
    ),
    "16.4": (
        "switch with a default",
        "Its cases are all numbers that the table of steps has.",
    ),
    "17.8": (
        "parameters that are changed",
        "Pointers and counts that a loop uses up.",
    ),
    "18.4": (
        "pointers by + and -",
        "Rows are walked by their distance; the CHECKED build holds every read and "
        "write to its row.",
    ),
    "19.2": (
        "no union",
        "One number seen as its bits.",
    ),
    "20.1": (
        "#include before all else",
        "`net_weights.c` follows the macros that it uses.",
    ),
    "20.7": (
        "macro parameters in brackets",
        "Parameters that are names, types or strings of assembler cannot have any.",
    ),
    "20.10": (
        "no # and ## in macros",
        "Functions of assembler, and kernels in several widths, are named so.",
    ),
}
"""By rule: what it is about in our words, and why emitted C does not keep it."""
