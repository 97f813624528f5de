#include "../@network@_selftest.h"
