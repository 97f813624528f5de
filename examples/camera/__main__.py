"""python examples/camera"""

import sys

from run import main

sys.exit(main())
