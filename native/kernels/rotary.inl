// One head row of the rotary embedding: the rotate_half convention, or its transpose.

template <class T>
static void rotary(int64_t d, const void* x, const float* cos, const float* sin, bool backward, void* y) {
    const int64_t half = d / 2;
    const T *a = (const T*)x, *b = a + half;
    T *to_a = (T*)y, *to_b = to_a + half;
    for_lanes(half, [&](int64_t i, auto lanes) {
        const F u = lanes.load(a + i), v = lanes.load(b + i);
        const F c0 = lanes.load(cos + i), c1 = lanes.load(cos + half + i), s0 = lanes.load(sin + i), s1 = lanes.load(sin + half + i);
        lanes.store(to_a + i, backward ? u * c0 + v * s1 : u * c0 - v * s0);
        lanes.store(to_b + i, backward ? v * c1 - u * s0 : v * c1 + u * s1);
    });
}
