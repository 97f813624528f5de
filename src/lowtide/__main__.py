"""python -m lowtide"""

from lowtide.cli.start import main

if __name__ == "__main__":
    main()
