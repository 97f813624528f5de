/* sum * m in float32, halves to even, of the bits of m: those of a float of 1.5 * 2^23 end in the whole
   number. */
INLINE int32_t scaled_sum(int32_t sum, int32_t m)
{
    union { int32_t whole; float real; } factor = { m }, v;
    v.real = (float)sum * factor.real;
    v.real = v.real < -65536.0f ? -65536.0f : v.real > 65536.0f ? 65536.0f : v.real;
    v.real += 12582912.0f;
    return v.whole - 0x4b400000;
}
#define SCALED_SUM(sum, m) scaled_sum(sum, m)
