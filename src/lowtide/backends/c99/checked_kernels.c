/* What kernels see: they read and write float32. */
static inline const f32 *check_read(const f32 *p, uint32_t element)
{
    static const f32 nothing = 0;
    return check_read_of(p, (int)sizeof(f32), element) ? p : &nothing;
}

static inline f32 *check_write(f32 *p, uint32_t element)
{
    static f32 nothing;
    return check_write_of(p, (int)sizeof(f32), element) ? p : &nothing;
}
