"""python -m lowtide"""

from lowtide.start import main

if __name__ == "__main__":
    main()
