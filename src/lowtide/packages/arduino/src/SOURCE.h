/* The header lies above src/, as everything of the network does. */
#include "../@source@.h"
