/* The shape of a convolution's row: kernel, stride, dilation, padding left; input and output width,
   elements from pixel to pixel, channels. */
struct conv { int kh, kw, sw, dw, pw, iw, is, ci, ow, os, co; };
enum { CONV_BLOCK = 32 };
