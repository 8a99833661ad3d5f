// AdamW and sums of squares.

template <class T>
static double sum_squares(int64_t n, const void* x) {
    double total = 0;
    constexpr int64_t kBlock = 32 * W;
    for (int64_t begin = 0; begin < n; begin += kBlock) {
        const T* p = (const T*)x + begin;
        F part = F{};
        for_lanes(at_most(n - begin, kBlock), [&](int64_t i, auto lanes) {
            const F v = lanes.load(p + i);
            part += v * v;
        });
        double block = 0;
        for (int64_t i = 0; i < W; i++) block += part[i];
        total += block;
    }
    return total;
}

template <class T>
static void adamw(int64_t n, float* parameter, const float* gradient, void* averages, void* squares, const AdamW& o) {
    T *average = (T*)averages, *average_square = (T*)squares;
    const float keep = 1.0f - o.lr * o.weight_decay, step = o.lr / o.bias_correction1;
    const float gain1 = 1.0f - o.beta1, gain2 = 1.0f - o.beta2, inverse_root = 1.0f / o.sqrt_bias_correction2;
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F g = lanes.load(gradient + i) * o.grad_scale;
        const F m = lanes.load(average + i) * o.beta1 + g * gain1;
        const F v = lanes.load(average_square + i) * o.beta2 + g * g * gain2;
        lanes.store(average + i, m);
        lanes.store(average_square + i, v);
        lanes.store(parameter + i, lanes.load(parameter + i) * keep - step * (m / (square_root(v) * inverse_root + o.eps)));
    });
}
