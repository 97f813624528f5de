/* faces.h: boxes from the outputs of UltraFace (Linzaer's Ultra-Light-Fast-Generic-Face-Detector), whole numbers only. */
#ifndef FACES_H
#define FACES_H
#include <stdint.h>

enum { FACES = 128, UNITS = 16 };             /* the most that are found; corners are in 16ths of a pixel */
struct face { int16_t left, top, right, bottom; int16_t score; };

/* The best of all boxes, then the best of those that have little in common with it, and so on, until none is
   better than the least score (non-maximum suppression; no list of candidates is kept). Returns how many. */
int find_faces(const score_number *scores, const box_number *boxes, struct face *found);
#endif
