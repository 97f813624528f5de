"""python -m lowtide, and the command `lowtide`."""

import signal

# Ctrl-C ends the process without a traceback until the command begins (`cli/start.py`).
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from lowtide.cli.start import main

if __name__ == "__main__":
    main()
