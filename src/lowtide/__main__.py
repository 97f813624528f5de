"""python -m lowtide"""

from lowtide.cli import main

if __name__ == "__main__":
    main()
