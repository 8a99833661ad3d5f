// Sums over rows and conversions.

template <class T>
static void column_sum(int64_t rows, int64_t columns, int64_t row, const void* x, float* total) {
    // Four rows at a time: the running sums are read and written a quarter as often.
    const T* p = (const T*)x;
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4, p += 4 * row)
        for_lanes(columns, [&](int64_t i, auto lanes) {
            const F pair = lanes.load(p + i) + lanes.load(p + row + i), next = lanes.load(p + 2 * row + i) + lanes.load(p + 3 * row + i);
            lanes.store(total + i, lanes.load(total + i) + (pair + next));
        });
    for (; r < rows; r++, p += row)
        for_lanes(columns, [&](int64_t i, auto lanes) { lanes.store(total + i, lanes.load(total + i) + lanes.load(p + i)); });
}

template <class T>
static void to_float(int64_t n, const void* x, float* y) {
    for_lanes(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load((const T*)x + i)); });
}
template <class T>
static void from_float(int64_t n, const float* x, void* y) {
    for_lanes(n, [&](int64_t i, auto lanes) { lanes.store((T*)y + i, lanes.load(x + i)); });
}
template <class T>
static void add_to(int64_t n, const void* x, float* y) {
    for_lanes(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load(y + i) + lanes.load((const T*)x + i)); });
}
