#include "../@network@_selftest.c"
